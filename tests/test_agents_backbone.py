"""Trunk and head give what the whole model gives, for models that post-process their logits too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModel, Gemma2Config, Gemma3Config, Gemma3TextConfig, GraniteConfig, SiglipVisionConfig

from tests.text_rows import GEMMA, MISTRAL, SMALL, random_model
from tokengym.agents.backbone import Backbone
from tokengym.agents.policy import CausalLMPolicy

GRANITE = GraniteConfig(**{key: value for key, value in SMALL.items() if key != "head_dim"}, num_hidden_layers=2, logits_scaling=8.0)
GEMMA2 = Gemma2Config(**SMALL, num_hidden_layers=2, final_logit_softcapping=3.0)


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3", GRANITE, GEMMA2], ids=["llama", "gpt2", "qwen3", "granite", "gemma2"])
def test_logits_follow_the_models_own_rule(shape: Any) -> None:
    model = random_model(shape, "eager")
    backbone = Backbone(model)
    ids = torch.arange(3, 13)[None]
    with torch.no_grad():
        assert torch.allclose(backbone.logits(backbone.hidden(ids)[0]), model(ids).logits[0], atol=1e-6)


def test_scaling_and_soft_cap_are_really_there() -> None:
    ids = torch.arange(3, 13)[None]
    with torch.no_grad():
        for shape, attribute, changed in ((GRANITE, "logits_scaling", 1.0), (GEMMA2, "final_logit_softcapping", None)):
            model = random_model(shape, "eager")
            hidden = Backbone(model).hidden(ids)[0]
            before = Backbone(model).logits(hidden)
            setattr(model.config, attribute, changed)
            assert not torch.allclose(before, Backbone(model).logits(hidden), atol=1e-2)
            setattr(model.config, attribute, 8.0 if changed else 3.0)


def test_windows_by_layer_type() -> None:
    assert Backbone(random_model("llama")).windows == {"": None}
    assert Backbone(random_model("qwen3")).windows == {"": None}
    assert Backbone(random_model(MISTRAL)).windows == {"": 5}
    assert Backbone(random_model(GEMMA)).windows == {"full_attention": None, "sliding_attention": 5}


def test_additive_masks_by_hand() -> None:
    distance = torch.tensor([[[0, -1, -2], [6, 5, 4]]])  # (B=1, Q=2, K=3)
    lowest = torch.finfo(torch.float32).min
    full = Backbone(random_model("llama")).additive(distance >= 0, distance, torch.float32)
    assert full.tolist() == [[[[0.0, lowest, lowest], [0.0, 0.0, 0.0]]]]
    both = Backbone(random_model(GEMMA)).additive(distance >= 0, distance, torch.float32)
    assert torch.equal(both["full_attention"], full)
    assert both["sliding_attention"].tolist() == [[[[0.0, lowest, lowest], [lowest, lowest, 0.0]]]]  # window of 5: distances 0 to 4


def test_a_model_without_a_head_is_refused() -> None:
    with pytest.raises(ValueError, match="LlamaModel has no base model apart from its head"):
        Backbone(AutoModel.from_config(random_model("llama").config))


def test_a_model_that_also_sees_is_its_text_half() -> None:
    text = Gemma3TextConfig(
        **{**SMALL, "vocab_size": 64}, num_hidden_layers=2, sliding_window=5, layer_types=["sliding_attention", "full_attention"]
    )
    vision = SiglipVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    marks: dict[str, Any] = {"image_token_index": 63, "boi_token_index": 61, "eoi_token_index": 62}
    policy = CausalLMPolicy(random_model(Gemma3Config(text_config=text, vision_config=vision, **marks)))
    assert policy.backbone.windows == {"full_attention": None, "sliding_attention": 5}
    assert policy.slots()  # a trial against the full forward pass
    ids = torch.arange(3, 20)[None]
    policy.logp(ids, torch.ones_like(ids)).sum().backward()
    assert policy.model.lm_head.weight.grad.abs().sum() > 0
