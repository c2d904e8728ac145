"""What agents and rewards share of transformers: a head of its own, and silence that ends."""

from __future__ import annotations

import pytest
import torch

from tests.text_rows import GEMMA, random_model
from tokengym._transformers import head_of, quiet


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


def test_quiet_gives_bars_and_log_level_back() -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with quiet():
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
