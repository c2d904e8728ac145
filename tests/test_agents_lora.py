"""Adapters: where they sit, and copies that stay as they were."""

from __future__ import annotations

import pytest
import torch

from tests.text_rows import random_model
from tokengym.agents.lora import LoRA, LoRAModel


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_adapters_start_as_nothing_and_repeat_by_seed(shape: str) -> None:
    ids = torch.arange(3, 10)[None]
    with torch.no_grad():
        plain = random_model(shape)(ids).logits
        state = torch.get_rng_state()
        twins = [random_model(shape) for _ in range(2)]
        weights = []
        for model in twins:
            LoRAModel(model, LoRA(rank=2))
            assert torch.allclose(model(ids).logits, plain, atol=1e-6)
            weights.append([x for name, x in model.named_parameters() if "lora_A" in name])
        assert weights[0] and all(torch.equal(x, y) for x, y in zip(*weights, strict=True))
        assert torch.equal(torch.get_rng_state(), state)


def test_the_head_is_left_alone() -> None:
    model = random_model()
    LoRAModel(model, LoRA(rank=2))
    assert type(model.lm_head) is torch.nn.Linear


def test_copies_are_frozen_and_only_active_inside() -> None:
    model = random_model()
    lora = LoRAModel(model, LoRA(rank=2))
    ids = torch.arange(3, 10)[None]
    plain = model(ids).logits.detach()
    first = lora.freeze_copy()
    trained = [x for x in model.parameters() if x.requires_grad]
    with torch.no_grad():
        for parameter in trained:
            parameter.add_(0.1)
    changed = model(ids).logits.detach()
    second = lora.freeze_copy()
    with torch.no_grad():
        for parameter in trained:
            parameter.add_(0.1)
    with lora.using(first):
        assert torch.equal(model(ids).logits, plain)
    with lora.using(second):
        assert torch.equal(model(ids).logits, changed)
    assert not torch.allclose(model(ids).logits, changed)
    assert [x for x in model.parameters() if x.requires_grad] == trained or all(
        x is y for x, y in zip([x for x in model.parameters() if x.requires_grad], trained, strict=True)
    )
