"""What agents and rewards share of transformers: a head of its own, and silence that ends."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import BartConfig, Llama4TextConfig, OPTConfig, PreTrainedConfig

from tests.text_rows import GEMMA, random_model
from tokengym._transformers import head_of, quiet, width_of
from tokengym.agents.policy import CausalLMPolicy


@pytest.mark.parametrize("shape", ["llama", "gpt2", GEMMA], ids=["llama", "gpt2", "gemma3"])
def test_a_head_gives_the_models_own_logits_and_gradients(shape: str) -> None:
    model = random_model(shape)
    ids = torch.arange(3, 9)[None]
    states = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False).last_hidden_state
    logits = head_of(model)(inputs_embeds=states, use_cache=False).logits
    assert torch.equal(logits, model(ids).logits)
    logits.sum().backward()
    assert model.lm_head.weight.grad is not None


def test_a_model_without_a_trunk_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no base model apart from its head; pass a transformers"):
        head_of(torch.nn.Linear(2, 2))
    sizes: dict[str, Any] = {
        "vocab_size": 32,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
    }
    llama4 = Llama4TextConfig(**sizes, intermediate_size=16, intermediate_size_mlp=16, num_local_experts=2)
    with pytest.raises(ValueError, match=r"Llama4ForCausalLM has .* its base_model_prefix says \('language_model' is not there\)"):
        head_of(random_model(llama4))


@pytest.mark.parametrize(
    ("config", "width"),
    [
        (OPTConfig(vocab_size=32, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, word_embed_proj_dim=16), 16),
        (OPTConfig(vocab_size=32, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, word_embed_proj_dim=8), 8),
        (BartConfig(vocab_size=32, d_model=16, decoder_layers=1, decoder_ffn_dim=16, decoder_attention_heads=2, is_decoder=True), 16),
    ],
    ids=["opt", "opt-projected", "bart"],
)
def test_heads_that_call_a_part_of_the_trunk(config: PreTrainedConfig, width: int) -> None:
    model = random_model(config)
    policy = CausalLMPolicy(model)
    assert width_of(model) == policy.value_head.in_features == width
    ids = torch.arange(3, 9)[None]
    with torch.no_grad():
        hidden = policy.backbone.hidden(ids)
        assert hidden.shape == (1, 6, width) and policy.values(hidden[0]).tolist() == [0.0] * 6
        assert torch.allclose(policy.logits(hidden[0]), model(ids).logits[0], atol=1e-6)
        by_hand = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        assert torch.allclose(policy.logp(ids, torch.ones_like(ids))[0, 1:], by_hand, atol=1e-5)


def test_quiet_gives_bars_and_log_level_back() -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with quiet():
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
