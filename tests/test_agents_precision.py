"""bfloat16 products change a loss by little, leave every weight and gradient in float32, and put the attention back."""

from __future__ import annotations

import pytest
import torch

from tests.text_rows import random_model
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.precision import precision
from tokengym.agents.recompute import recompute_layers


def loss_and_gradient(policy: CausalLMPolicy, name: str) -> tuple[float, torch.Tensor]:
    policy.zero_grad()
    ids = torch.randint(4, min(1000, policy.num_actions), (3, 24), generator=torch.Generator().manual_seed(0))
    with precision(policy, name):
        loss = -policy(ids, torch.ones_like(ids)).logp.float().mean()
    loss.backward()
    gradient = policy.model.model.layers[0].self_attn.q_proj.weight.grad
    assert isinstance(gradient, torch.Tensor)
    return loss.item(), gradient.clone()


def test_bfloat16_is_close_and_leaves_no_trace() -> None:
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    before = policy.model.config._attn_implementation
    exact, gradient = loss_and_gradient(policy, "float32")
    close, other = loss_and_gradient(policy, "bfloat16")
    assert close != exact and abs(close - exact) < 0.02 * exact
    assert other.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), other.flatten(), dim=0) > 0.98
    assert {parameter.dtype for parameter in policy.parameters()} == {torch.float32}
    assert policy.model.config._attn_implementation == before
    assert loss_and_gradient(policy, "float32")[0] == exact


def test_an_unknown_precision_is_refused() -> None:
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    with pytest.raises(ValueError, match="bfloat16"), precision(policy, "bf16"):
        pass


def test_layers_that_are_computed_again_meet_the_attention_of_the_first_time() -> None:
    policy = CausalLMPolicy(random_model("qwen3"))
    recompute_layers(policy)
    loss, gradient = loss_and_gradient(policy, "bfloat16")
    assert loss == loss and bool(gradient.isfinite().all()) and gradient.any()
