"""Adapters: where they sit, and copies that stay as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.text_rows import random_model
from tokengym.agents.freeze import train_only
from tokengym.agents.lora import LoRA, LoRAModel
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.target import TargetNetwork


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


@pytest.mark.parametrize("value", [True, False, 16])
def test_what_is_no_lora_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=rf"lora={value}; expected adapters such as LoRA\(rank=16\), or None"):
        LoRAModel(random_model(), value)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("targets", ["all-linear", ("embed_tokens", "q_proj")])
def test_a_frozen_copy_holds_every_kind_of_adapter_and_what_learned_goes_on_learning(targets: str | tuple[str, ...]) -> None:
    policy = CausalLMPolicy(random_model("qwen3"), lora=LoRA(rank=2, targets=targets))
    train_only(policy, "q_proj" if targets == "all-linear" else "embed_tokens")
    learning = {name for name, x in policy.named_parameters() if x.requires_grad}
    assert len(learning) > 2  # the value head, and adapters
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "lora_" in name:
                parameter.normal_()
    reference, target = policy.reference(), TargetNetwork(policy)
    ids = torch.arange(3, 10)[None]
    with torch.no_grad():
        expected = policy.logp(ids, torch.ones_like(ids))
        assert torch.equal(reference.logp(ids, torch.ones_like(ids)), expected)
    assert {name for name, x in policy.named_parameters() if x.requires_grad} == learning
    mine = {x.data_ptr() for x in policy.parameters() if x.requires_grad}
    assert not mine & {x.data_ptr() for x in target.tensors().values()}


def test_a_reference_saves_its_own_adapter(tmp_path: Path) -> None:
    policy = CausalLMPolicy(random_model(), lora=LoRA(rank=2))
    reference = policy.reference()
    with torch.no_grad():
        for parameter in policy.trainable_parameters():
            parameter.add_(0.05)
    reference.save(tmp_path / "reference")
    saved = load_file(tmp_path / "reference" / "adapter" / "adapter_model.safetensors")
    assert not any(x.any() for name, x in saved.items() if "lora_B" in name)


@pytest.mark.parametrize(("target", "place"), [("lm_head", "the output layer"), ("embed_tokens", "the embeddings")])
def test_an_adapter_on_one_of_two_tied_layers_is_refused(target: str, place: str) -> None:
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=f"LoRA targets {place}"):
        LoRAModel(random_model(), LoRA(rank=2, targets=(target,)))
