"""Losses and estimators, by numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tokengym.agents import losses
from tokengym.agents.losses import (
    adaptive_kl,
    explained_variance,
    gae,
    group_advantage,
    group_spread,
    kl_estimate,
    kl_in_reward,
    leave_one_out,
    masked_mean,
    place_scores,
    policy_gradient_loss,
    ppo_clip_loss,
    sft_loss,
    value_clip_loss,
    whiten,
)


def gae_by_loop(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """The recursion as it stands in the paper, row by row from the end."""
    advantages = torch.zeros_like(rewards)
    for row in range(len(rewards)):
        next_value = next_advantage = 0.0
        for t in reversed(range(rewards.shape[1])):
            if mask[row, t]:
                delta = float(rewards[row, t]) + gamma * next_value - float(values[row, t])
                next_advantage = delta + gamma * lam * next_advantage
                next_value = float(values[row, t])
                advantages[row, t] = next_advantage
    return advantages


def test_gae_by_hand() -> None:
    # prompt, agent, agent, reply, agent, padding; the value 9 of the reply and 7 of the padding must not be seen
    mask = torch.tensor([[0, 1, 1, 0, 1, 0]])
    values = torch.tensor([[5.0, 0.5, 0.4, 9.0, 0.2, 7.0]])
    rewards = torch.tensor([[0.0, 0.0, 0.1, 0.0, 1.0, 0.0]])
    advantages, returns = gae(rewards, values, mask, gamma=0.9, lam=0.5)
    last = 1.0 - 0.2
    middle = 0.1 + 0.9 * 0.2 - 0.4 + 0.45 * last
    first = 0.0 + 0.9 * 0.4 - 0.5 + 0.45 * middle
    torch.testing.assert_close(advantages, torch.tensor([[0.0, first, middle, 0.0, last, 0.0]]))
    torch.testing.assert_close(returns, torch.tensor([[0.0, first + 0.5, middle + 0.4, 0.0, 1.0, 0.0]]))


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (1.0, 1.0), (0.9, 0.0), (0.97, 0.8)])
def test_gae_by_loop_equals_gae_by_scan(gamma: float, lam: float) -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = (torch.randn(7, 33, generator=generator, dtype=torch.float64) for _ in range(2))
    mask = torch.rand(7, 33, generator=generator) < 0.6
    mask[3] = False
    advantages, returns = gae(rewards, values, mask, gamma, lam)
    torch.testing.assert_close(advantages, gae_by_loop(rewards, values, mask, gamma, lam))
    torch.testing.assert_close(returns, torch.where(mask, advantages + values, 0.0))


def test_gae_at_lambda_1_without_a_critic_is_the_return() -> None:
    mask = torch.tensor([[0, 1, 1, 1]])
    advantages, _ = gae(torch.tensor([[0.0, 0.25, 0.0, 0.5]]), torch.zeros(1, 4), mask, 1.0, 1.0)
    assert advantages.tolist() == [[0.0, 0.75, 0.5, 0.5]]


def test_score_lands_on_the_last_agent_token() -> None:
    mask = torch.tensor([[0, 1, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    placed = place_scores(torch.tensor([1.0, 2.0, 3.0, 4.0]), mask)
    assert placed.tolist() == [[0, 0, 1, 0], [0, 0, 0, 2], [3, 0, 0, 0], [0, 0, 0, 0]]


def test_whiten_looks_at_agent_tokens_only() -> None:
    x = torch.tensor([[1.0, 3.0, 99.0], [5.0, -99.0, 0.0]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    white = whiten(x, mask)  # mean 3, unbiased deviation 2
    torch.testing.assert_close(white, torch.tensor([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    unshifted = whiten(x, mask, shift_mean=False)
    torch.testing.assert_close(unshifted, torch.tensor([[2.0, 3.0, 0.0], [4.0, 0.0, 0.0]]))
    assert whiten(x, torch.tensor([[0, 1, 0], [0, 0, 0]])).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert whiten(x, torch.zeros(2, 3)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_group_advantage_by_hand() -> None:
    scores = torch.tensor([1.0, 3.0, 0.0, 0.0])
    assert group_advantage(scores, group=2).tolist() == [-1.0, 1.0, 0.0, 0.0]
    valid = torch.tensor([True, False, True, True])
    assert group_advantage(scores, 2, valid).tolist() == [0.0, 0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="group=3 does not divide the batch of 4"):
        group_advantage(scores, 3)


def test_group_spread_by_hand() -> None:
    scores = torch.tensor([1.0, 3.0, 5.0, 0.3, 0.3, 0.3])  # deviation 2, and none, which the mean of 0.3 three times would hide
    assert group_spread(scores, 3).tolist() == [2.0, 0.0]
    valid = torch.tensor([True, True, False, False, True, False])
    torch.testing.assert_close(group_spread(scores, 3, valid), torch.tensor([2**0.5, 0.0]))
    assert group_spread(scores, 3, torch.zeros(6, dtype=torch.bool)).tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="group=4 does not divide the batch of 6"):
        group_spread(scores, 4)


def test_leave_one_out_by_hand() -> None:
    scores = torch.tensor([1.0, 2.0, 6.0, 0.0, 4.0, 100.0])
    assert leave_one_out(scores, 3).tolist() == [-3.0, -1.5, 4.5, -52.0, -46.0, 98.0]
    valid = torch.tensor([True, True, True, True, True, False])
    assert leave_one_out(scores, 3, valid).tolist() == [-3.0, -1.5, 4.5, -4.0, 4.0, 0.0]
    alone = torch.tensor([True, False, False, True, True, True])
    assert leave_one_out(scores, 3, alone).tolist()[:3] == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="needs 2 completions"):
        leave_one_out(scores, 1)


def test_policy_gradient_loss_by_hand() -> None:
    logp = torch.tensor([[0.0, -1.0, -2.0], [0.0, -3.0, -50.0]])
    mask = torch.tensor([[0, 1, 1], [0, 1, 0]])
    loss = policy_gradient_loss(logp, torch.tensor([2.0, -1.0]), mask, divisor=2)
    assert loss.item() == pytest.approx((1 * 2 + 2 * 2 + 3 * -1) / 2)
    per_token = torch.tensor([[7.0, 1.0, 0.5], [7.0, 2.0, 7.0]])
    assert policy_gradient_loss(logp, per_token, mask, 2).item() == pytest.approx((1 + 1 + 6) / 2)


def test_ppo_clip_by_hand() -> None:
    ratios = torch.tensor([[1.5, 1.5, 0.5, 0.5, 1.1, 9.0]])
    advantages = torch.tensor([[1.0, -1.0, 1.0, -1.0, 2.0, 3.0]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 0]])
    loss, ratio, clipped = ppo_clip_loss(ratios.log(), torch.zeros(1, 6), advantages, mask, divisor=1)
    # a gain is held to 1.2, a loss is not; a fall in the ratio helps a bad token only down to 0.8
    assert loss.item() == pytest.approx(-(1.2 - 1.5 + 0.5 - 0.8 + 2.2))
    torch.testing.assert_close(ratio, torch.tensor([[1.5, 1.5, 0.5, 0.5, 1.1, 1.0]]))
    assert clipped.tolist() == [[True, False, False, True, False, False]]


def test_ppo_clip_sides_differ() -> None:
    ratios, mask = torch.tensor([[1.25, 0.7]]), torch.ones(1, 2)
    loss, _, _ = ppo_clip_loss(ratios.log(), torch.zeros(1, 2), torch.tensor([[1.0, -1.0]]), mask, 1, clip_low=0.1, clip_high=0.28)
    assert loss.item() == pytest.approx(-1.25 + 0.9)


def test_value_clip_by_hand() -> None:
    values, old, returns = torch.tensor([[1.0, 0.1, 5.0]]), torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 1.0]])
    mask = torch.tensor([[1, 1, 0]])
    # the first value ran to the return, but counts as 0.2 and so as an error of 0.8
    assert value_clip_loss(values, old, returns, mask, 1, clip=0.2).item() == pytest.approx(0.5 * (0.64 + 0.81))
    assert value_clip_loss(values, old, returns, mask, 1, clip=None).item() == pytest.approx(0.5 * 0.81)


def test_kl_estimators_by_hand() -> None:
    logp, ref = torch.tensor([math.log(0.5)]), torch.tensor([math.log(0.25)])
    assert kl_estimate(logp, ref, "k1").item() == pytest.approx(math.log(2))
    assert kl_estimate(logp, ref, "k2").item() == pytest.approx(math.log(2) ** 2 / 2)
    assert kl_estimate(logp, ref, "k3").item() == pytest.approx(0.5 - 1 + math.log(2))
    with pytest.raises(ValueError, match="kl='k4'.*k1, k2, k3"):
        kl_estimate(logp, ref, "k4")


def test_k1_and_k3_average_to_the_divergence() -> None:
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.3, 0.3, 0.4])
    exact = (p * (p / q).log()).sum()
    for kind in ("k1", "k3"):
        torch.testing.assert_close((p * kl_estimate(p.log(), q.log(), kind)).sum(), exact)


def test_kl_in_reward_by_hand() -> None:
    rewards, mask = torch.tensor([[0.0, 0.0, 1.0, 0.0]]), torch.tensor([[0, 1, 1, 0]])
    logp, ref = torch.tensor([[9.0, -1.0, -2.0, 9.0]]), torch.tensor([[0.0, -3.0, -1.0, 0.0]])
    torch.testing.assert_close(kl_in_reward(rewards, logp, ref, mask, 0.1), torch.tensor([[0.0, -0.2, 1.1, 0.0]]))


def test_adaptive_kl_by_hand() -> None:
    assert adaptive_kl(0.15, kl=6.6, episodes=500) == pytest.approx(0.15 * (1 + 0.1 * 0.05))
    assert adaptive_kl(0.15, kl=60.0, episodes=500) == pytest.approx(0.15 * (1 + 0.2 * 0.05))
    assert adaptive_kl(0.15, kl=0.0, episodes=500) == pytest.approx(0.15 * (1 - 0.2 * 0.05))
    assert adaptive_kl(0.15, kl=math.nan, episodes=500) == 0.15


def test_sft_loss_is_the_mean_over_label_tokens() -> None:
    logp, mask = torch.tensor([[0.0, -1.0, -2.0], [0.0, -5.0, -99.0]]), torch.tensor([[0, 1, 1], [0, 1, 0]])
    assert sft_loss(logp, mask, divisor=3).item() == pytest.approx(8 / 3)


def test_explained_variance_by_hand() -> None:
    returns, mask = torch.tensor([[0.0, 2.0, 50.0]]), torch.tensor([[1, 1, 0]])
    assert explained_variance(torch.tensor([[0.5, 1.5, 0.0]]), returns, mask).item() == pytest.approx(1 - 0.5 / 2)
    assert explained_variance(returns, torch.ones(1, 3), mask).item() == 0.0


def test_masked_mean_by_hand() -> None:
    assert masked_mean(torch.tensor([[1.0, 3.0, float("nan")]]), torch.tensor([[1, 1, 0]])).item() == 2.0
    assert masked_mean(torch.ones(1, 2), torch.zeros(1, 2)).item() == 0.0


def test_what_stands_in_the_padding_changes_no_loss_and_no_gradient() -> None:
    mask = torch.tensor([[0, 1, 1, 0], [0, 1, 0, 0]])
    generator = torch.Generator().manual_seed(1)
    base = [torch.randn(2, 4, generator=generator) for _ in range(4)]
    found = []
    for noise in (0.0, 1e6, float("nan"), float("inf")):
        logp, old, returns, values = (torch.where(mask.bool(), x, torch.full_like(x, noise)) for x in base)
        logp.requires_grad_()
        values.requires_grad_()
        advantages = whiten(gae(returns, values.detach(), mask)[0], mask)
        total = (
            policy_gradient_loss(logp, advantages, mask, 2)
            + ppo_clip_loss(logp, old, advantages, mask, 2)[0]
            + value_clip_loss(values, old, returns, mask, 2)
            + sft_loss(logp, mask, 3)
        )
        total.backward()
        assert logp.grad is not None and values.grad is not None
        found.append((total.detach(), torch.where(mask.bool(), logp.grad, 0.0), torch.where(mask.bool(), values.grad, 0.0)))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert torch.equal(a, b)


def test_all_names_are_there() -> None:
    assert all(callable(getattr(losses, name)) for name in losses.__all__)
