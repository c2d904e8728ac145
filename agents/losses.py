"""Losses and estimators of text reinforcement learning, as pure functions of tensors.

Shapes: B sequences of T tokens. ``mask`` (B, T) is 1 on tokens that the agent emitted ("agent tokens"); whatever stands elsewhere
(prompts, replies of the other side, padding) changes no result. ``logp[:, t]`` is the natural log-probability of token t given those
before it; ``values[:, t]`` is the value of the tokens before t. Sums are divided by a ``divisor`` that the caller counts over the
WHOLE batch, so that micro-batches add up to the gradient of the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "adaptive_kl",
    "explained_variance",
    "gae",
    "group_advantage",
    "group_spread",
    "kl_estimate",
    "kl_in_reward",
    "leave_one_out",
    "masked_mean",
    "place_scores",
    "policy_gradient_loss",
    "ppo_clip_loss",
    "sft_loss",
    "value_clip_loss",
    "whiten",
]


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``x`` (B, T) over agent tokens; 0 where there are none."""
    return torch.where(mask.bool(), x, 0.0).sum() / mask.sum().clamp(min=1)


def place_scores(scores: Tensor, mask: Tensor) -> Tensor:
    """(B,) scores as (B, T) rewards: each on the last agent token of its row, 0 elsewhere (a row without agent tokens gets none)."""
    order = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    last = (mask.long() * order).argmax(dim=1)  # (B,) position of the last agent token
    rewards = torch.zeros(mask.shape, dtype=scores.dtype, device=mask.device)
    rewards[torch.arange(len(scores), device=mask.device), last] = scores
    return torch.where(mask.bool(), rewards, 0.0)


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float = 1.0, lam: float = 0.95) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimates over agent tokens, and the returns that the critic is fitted to.

    The next value of an agent token is the value at the next AGENT token, across whatever the other side said in between; after the
    last one it is 0 (episodes end, nothing is bootstrapped). Rewards elsewhere than on agent tokens are ignored.

    Args:
        rewards, values, mask: (B, T).
        gamma: discount per agent token, in [0, 1].
        lam: 1.0 is the Monte Carlo return minus the value, 0.0 the one-step temporal difference.
    Returns:
        advantages, returns: (B, T), both 0 elsewhere than on agent tokens; returns = advantages + values.
    Source: arXiv:1506.02438. The recursion A_t = d_t + gamma lam A_next is an affine scan, here by doubling: log2(T) vector
        operations in place of T.
    """
    agent = mask.bool()
    batch, width = mask.shape
    # The agent tokens of each row, moved together to the front; positions past their count hold zeros.
    order = torch.argsort((~agent).int(), dim=1, stable=True)  # (B, T)
    front = agent.gather(1, order)
    value = torch.where(front, values.gather(1, order), 0.0)
    reward = torch.where(front, rewards.gather(1, order), 0.0)
    following = torch.cat([value[:, 1:], value.new_zeros(batch, 1)], dim=1)
    advantage = reward + gamma * following - value  # (B, T) the temporal differences; the scan makes advantages of them
    factor, reach = gamma * lam, 1
    while reach < width:
        shifted = torch.cat([advantage[:, reach:], advantage.new_zeros(batch, reach)], dim=1)
        advantage = advantage + factor * shifted
        factor, reach = factor * factor, reach * 2
    scattered = torch.zeros_like(advantage).scatter(1, order, torch.where(front, advantage, 0.0))
    return scattered, torch.where(agent, scattered + values, 0.0)


def whiten(x: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """``x`` (B, T) scaled to unit variance (unbiased) over agent tokens, and to mean 0 if ``shift_mean``; 0 elsewhere.

    Fewer than two agent tokens have no variance: they are only shifted.
    """
    agent = mask.bool()
    chosen = x[agent]
    mean = chosen.mean() if chosen.numel() else x.new_zeros(())
    scale = torch.rsqrt(chosen.var() + 1e-8) if chosen.numel() > 1 else x.new_ones(())
    white = (x - mean) * scale
    return torch.where(agent, white if shift_mean else white + mean, 0.0)


def _grouped(scores: Tensor, group: int, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    if group < 1 or len(scores) % group:
        raise ValueError(f"group={group} does not divide the batch of {len(scores)} scores")
    there = torch.ones_like(scores) if valid is None else valid.to(scores.dtype)
    return scores.view(-1, group), there.view(-1, group)


def group_advantage(scores: Tensor, group: int, valid: Tensor | None = None) -> Tensor:
    """Score minus the mean score of the completions of the same prompt.

    Its own score is in each baseline, so that the expected gradient is (G-1)/G of the exact one.

    Args:
        scores: (B,); rows of one prompt stand together.
        group: completions per prompt, G; divides B.
        valid: (B,) bool; rows that are False enter no mean and get 0.
    Returns:
        (B,) advantages; each group sums to 0.
    Raises:
        ValueError: ``group`` does not divide B.
    Source: GRPO, arXiv:2402.03300, without the division by the deviation (arXiv:2503.20783).
    """
    grouped, there = _grouped(scores, group, valid)  # (P, G)
    mean = (grouped * there).sum(dim=1, keepdim=True) / there.sum(dim=1, keepdim=True).clamp(min=1)
    return ((grouped - mean) * there).view(-1)


def group_spread(scores: Tensor, group: int, valid: Tensor | None = None) -> Tensor:
    """Deviation (unbiased) of the scores of the completions of each prompt.

    Args:
        scores: (B,); rows of one prompt stand together.
        group: completions per prompt, G; divides B.
        valid: (B,) bool; rows that are False do not count.
    Returns:
        (P,) deviations; exactly 0 where all are equal, which rounding would hide, and where fewer than two count.
    Raises:
        ValueError: ``group`` does not divide B.
    """
    grouped, there = _grouped(scores, group, valid)  # (P, G)
    count = there.sum(dim=1)
    mean = (grouped * there).sum(dim=1) / count.clamp(min=1)
    squares = ((grouped - mean[:, None]) ** 2 * there).sum(dim=1)
    highest = torch.where(there > 0, grouped, -torch.inf).amax(dim=1)
    lowest = torch.where(there > 0, grouped, torch.inf).amin(dim=1)
    return torch.where(highest > lowest, (squares / (count - 1).clamp(min=1)).sqrt(), 0.0)


def leave_one_out(scores: Tensor, group: int, valid: Tensor | None = None) -> Tensor:
    """Score minus the mean score of the OTHER completions of the same prompt; the baseline is independent of the sample.

    Args:
        scores: (B,); rows of one prompt stand together.
        group: completions per prompt, at least 2; divides B.
        valid: (B,) bool; rows that are False enter no mean and get 0, as does a row with no valid companion.
    Returns:
        (B,) advantages.
    Raises:
        ValueError: ``group`` is below 2 or does not divide B.
    Source: RLOO, arXiv:2402.14740 (Kool et al. 2019).
    """
    if group < 2:
        raise ValueError(f"group={group}: a leave-one-out baseline needs 2 completions per prompt or more")
    grouped, there = _grouped(scores, group, valid)
    others = there.sum(dim=1, keepdim=True) - there  # (P, G) valid companions of each row
    total = (grouped * there).sum(dim=1, keepdim=True) - grouped * there
    return ((grouped - total / others.clamp(min=1)) * there * (others > 0)).view(-1)


def policy_gradient_loss(logp: Tensor, advantages: Tensor, mask: Tensor, divisor: float) -> Tensor:
    """REINFORCE: minus the log-probability of each agent token times its advantage, summed, over a constant.

    With ``divisor`` = the number of sequences the expected gradient is the exact one; with the number of tokens, which depends on
    the samples, it is not.

    Args:
        logp: (B, T). advantages: (B, T) per token or (B,) per sequence. mask: (B, T).
        divisor: sequences in the whole batch.
    Returns:
        () loss.
    Source: Williams 1992, doi:10.1007/BF00992696.
    """
    weight = advantages if advantages.dim() == 2 else advantages[:, None]
    return -torch.where(mask.bool(), logp * weight, 0.0).sum() / divisor


def ppo_clip_loss(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, divisor: float, clip_low: float = 0.2, clip_high: float = 0.2
) -> tuple[Tensor, Tensor, Tensor]:
    """PPO's clipped surrogate over agent tokens.

    Args:
        logp, old_logp, advantages, mask: (B, T).
        divisor: sequences in the whole batch.
        clip_low, clip_high: the ratio is held to [1 - clip_low, 1 + clip_high].
    Returns:
        () loss; (B, T) ratios, 1 elsewhere than on agent tokens; (B, T) bool, where the clip bound.
    Source: arXiv:1707.06347.
    """
    agent = mask.bool()
    ratio = torch.exp(torch.where(agent, logp - old_logp, 0.0))
    plain, held = -advantages * ratio, -advantages * ratio.clamp(1 - clip_low, 1 + clip_high)
    loss = torch.where(agent, torch.maximum(plain, held), 0.0).sum() / divisor
    return loss, ratio.detach(), (held > plain) & agent


def value_clip_loss(values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, divisor: float, clip: float | None = 0.2) -> Tensor:
    """Half the squared error of the critic over agent tokens; the larger of it and that of values held near the old ones.

    Args:
        values, old_values, returns, mask: (B, T).
        divisor: as for the policy's loss beside it.
        clip: how far a value may move from the old one, in units of the reward; None: no clipping.
    Returns:
        () loss.
    Source: as in the code of arXiv:1707.06347; arXiv:2006.05990 doubts that it helps.
    """
    error = (values - returns) ** 2
    if clip is not None:
        held = torch.minimum(torch.maximum(values, old_values - clip), old_values + clip)
        error = torch.maximum(error, (held - returns) ** 2)
    return 0.5 * torch.where(mask.bool(), error, 0.0).sum() / divisor


def kl_estimate(logp: Tensor, ref_logp: Tensor, kind: str = "k1") -> Tensor:
    """Per-token estimates of KL(policy || reference) from tokens that the policy sampled, in nats.

    ``k1`` = log(pi/ref), unbiased, belongs in the reward (its gradient as a loss is 0 in expectation); ``k2`` = k1^2 / 2, whose
    gradient as a loss is the exact one of each token's divergence, given the tokens before it (what a token does to the divergences
    behind it is left out); ``k3`` = ref/pi - 1 + k1, never negative, unbiased as a value, biased as a gradient.

    Args:
        logp, ref_logp: same shape.
        kind: "k1", "k2" or "k3".
    Raises:
        ValueError: another kind.
    Source: Schulman 2020, "Approximating KL Divergence"; on gradients arXiv:2506.09477.
    """
    difference = logp - ref_logp
    if kind == "k1":
        return difference
    if kind == "k2":
        return 0.5 * difference**2
    if kind == "k3":
        return torch.expm1(-difference) + difference
    raise ValueError(f"kl={kind!r} is not an estimator; known: k1, k2, k3")


def kl_in_reward(rewards: Tensor, logp: Tensor, ref_logp: Tensor, mask: Tensor, beta: float) -> Tensor:
    """(B, T) rewards minus ``beta`` nats^-1 times k1 on each agent token. Source: arXiv:1909.08593."""
    return rewards - beta * torch.where(mask.bool(), kl_estimate(logp, ref_logp, "k1"), 0.0)


def adaptive_kl(beta: float, kl: float, episodes: int, target: float = 6.0, horizon: float = 10_000) -> float:
    """The KL coefficient moved in proportion to the error, by a fifth of ``episodes / horizon`` at most.

    Args:
        beta: the coefficient now. kl: measured, in nats per sequence. episodes: that the measurement is of.
        target: nats per sequence. horizon: episodes.
    Returns:
        the next coefficient; unchanged where ``kl`` is not finite.
    Source: arXiv:1909.08593, section 2.2.
    """
    if not math.isfinite(kl):
        return beta
    return beta * (1 + min(max(kl / target - 1, -0.2), 0.2) * episodes / horizon)


def sft_loss(logp: Tensor, mask: Tensor, divisor: float) -> Tensor:
    """Cross-entropy of the label tokens in nats: minus their log-probabilities, summed over ``mask`` (B, T), over ``divisor`` tokens."""
    return -torch.where(mask.bool(), logp, 0.0).sum() / divisor


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """1 - var(returns - values) / var(returns) over agent tokens; 0 where the returns do not vary or are fewer than two."""
    agent = mask.bool()
    truth, error = returns[agent], (returns - values)[agent]
    if truth.numel() < 2 or truth.var() < 1e-12:
        return returns.new_zeros(())
    return 1 - error.var() / truth.var()
