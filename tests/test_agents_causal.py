"""A causal mask that is given says what the model's own says, and is given only where that one would be dear."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.text_rows import GEMMA, MISTRAL, WORDS, random_model
from tokengym.agents import policy as policy_module
from tokengym.agents.backbone import Backbone
from tokengym.agents.causal import wants_mask
from tokengym.agents.policy import CausalLMPolicy


@pytest.mark.parametrize("shape", ["gpt2", "qwen3", GEMMA, MISTRAL], ids=["gpt2", "qwen3", "gemma3", "mistral-sliding"])
def test_log_probabilities_and_gradients_are_the_same_with_a_mask(shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = CausalLMPolicy(random_model(shape))
    ids = torch.randint(3, WORDS, (3, 19), generator=torch.Generator().manual_seed(0))
    real = (torch.arange(19) < torch.tensor([[19], [11], [14]])).long()
    given: list[bool] = []
    policy.backbone.trunk.register_forward_pre_hook(
        lambda _, args, kwargs: given.append(kwargs["attention_mask"] is not None), with_kwargs=True
    )
    assert policy.slots()
    found = []
    for wanted in (False, True):
        monkeypatch.setattr(policy_module, "wants_mask", lambda *_, wanted=wanted: wanted)
        policy.zero_grad()
        given.clear()
        logp = policy.logp(ids, real)
        logp.sum().backward()
        assert given == [wanted]
        found.append((logp, torch.cat([p.grad.flatten() for p in policy.trainable_parameters() if p.grad is not None])))
    (own, own_grads), (ours, our_grads) = found
    assert torch.allclose(own, ours, atol=1e-5)
    assert torch.allclose(own_grads, our_grads, atol=1e-5 * float(own_grads.abs().max()))


def test_a_mask_is_given_for_keys_that_heads_share_in_float32_on_cuda() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    grouped, each = Backbone(random_model("qwen3")), Backbone(random_model("gpt2"))
    assert wants_mask(grouped, cuda)
    assert not wants_mask(grouped, cpu)
    assert not wants_mask(each, cuda)
    assert not wants_mask(Backbone(random_model("qwen3", "eager")), cuda)
    assert not wants_mask(Backbone(random_model("qwen3").bfloat16()), cuda)
