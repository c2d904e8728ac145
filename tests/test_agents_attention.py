"""Attention in one order: equal to the fused one, and not moved by what stands beside a row."""

from __future__ import annotations

import pytest
import torch

from tests.text_rows import TokenRows, random_model
from tokengym.agents import attention
from tokengym.agents.attention import STEADY, make_steady
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.prefix import shared_hidden
from tokengym.agents.rollout import Rollout, RolloutEngine


def rollout_of(policy: CausalLMPolicy, rows: int = 6) -> Rollout:
    return RolloutEngine(policy, TokenRows(rows, most=4, group_size=4), seed=1).collect(24)


def with_attention(name: str) -> CausalLMPolicy:
    policy = CausalLMPolicy(random_model())
    policy.model.set_attn_implementation(name)
    return policy


def gradients(policy: CausalLMPolicy, rollout: Rollout) -> torch.Tensor:
    policy.zero_grad()
    policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask).logp.sum().backward()
    return torch.cat([x.grad.flatten() for x in policy.model.parameters() if x.grad is not None])


def test_it_is_taken_for_small_float32_llamas_on_a_cpu() -> None:
    assert make_steady(random_model()) and CausalLMPolicy(random_model()).backbone.steady
    assert not make_steady(random_model(attention="eager"))
    assert not make_steady(random_model().bfloat16())
    assert not make_steady(random_model("gpt2")) and not make_steady(random_model("qwen3"))


def test_a_large_model_keeps_the_fused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model()
    monkeypatch.setattr(attention, "_LARGEST", model.num_parameters() - 1)
    assert not make_steady(model) and model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("other", ["eager", "sdpa"])
def test_log_probabilities_and_gradients_are_those_of_the_others(other: str) -> None:
    ours, theirs = with_attention(STEADY), with_attention(other)
    rollout = rollout_of(ours)
    assert torch.allclose(theirs(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask).logp, rollout.logp, atol=1e-4)
    expected = gradients(theirs, rollout)
    assert (gradients(ours, rollout) - expected).norm() < 1e-5 * expected.norm()


def test_packed_rows_take_the_layout() -> None:
    policy = with_attention(STEADY)
    rollout = rollout_of(policy)
    wanted = rollout.completion_mask.bool()
    packed = shared_hidden(policy.backbone, rollout.input_ids, wanted)
    assert packed is not None
    hidden, row, column = packed
    assert len(hidden) < len(rollout.input_ids)
    plain = policy.backbone.hidden(rollout.input_ids)
    at = wanted.nonzero(as_tuple=True)
    before = (at[0], at[1] - 1)
    assert torch.allclose(hidden[row[before], column[before]], plain[before], rtol=0, atol=1e-5 * float(plain.detach().abs().max()))


def test_left_padding_and_full_masks_work() -> None:
    policy = with_attention(STEADY)
    ids = torch.arange(3, 13)[None]
    alone = policy.logp(ids, torch.ones_like(ids))
    padded = policy.logp(torch.cat([torch.zeros(1, 4, dtype=torch.int64), ids], 1), torch.tensor([[0] * 4 + [1] * 10]))
    assert torch.allclose(padded[:, 5:], alone[:, 1:], atol=1e-5)


def test_weights_that_would_not_fit_are_computed_again_in_the_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = with_attention(STEADY)
    rollout = rollout_of(policy)
    expected = gradients(policy, rollout)
    monkeypatch.setattr(attention, "_HELD", 0)
    assert torch.equal(gradients(policy, rollout), expected)
