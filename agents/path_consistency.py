"""Soft Q-learning's loss, as pure functions of tensors: along any path, values must differ by what was paid and what was spoken.

Shapes and masks as in ``losses.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["path_consistency_loss", "path_residuals"]


def path_residuals(
    values: Tensor,
    next_values: Tensor,
    rewards: Tensor,
    log_ratio: Tensor,
    mask: Tensor,
    alpha: float,
    gamma: float = 1.0,
    steps: int = 0,
) -> Tensor:
    """By how much each path of ``steps`` agent tokens violates soft path consistency.

    For the agent token at position t, with the positions t = t_0 < t_1 < ... of the row's agent tokens from there on (what the other
    side says between them is part of the next state),

        V(s_t) - gamma^k V(s_{t_k}) - sum_{i<k} gamma^i (r_{t_i} - alpha log(pi / pi_ref)(a_{t_i}))

    where k is ``steps``, and a path that meets the end of its episode first stops there: V(end) = 0. All residuals of all paths are 0
    if and only if pi and V are the soft-optimal ones, whoever chose the tokens: nothing has to be corrected in data of another policy.

    Args:
        values: (B, T) V of the tokens before each agent token.
        next_values: (B, T) the same where a path ends; usually a target network's, without gradient.
        rewards: (B, T) on agent tokens.
        log_ratio: (B, T) log pi - log pi_ref of each agent token, in nats.
        mask: (B, T) 1 on agent tokens.
        alpha: reward that a nat of log_ratio costs.
        gamma: discount per agent token, in [0, 1].
        steps: agent tokens of a path; 0: all up to the end of the episode, and ``next_values`` is not looked at.
    Returns:
        (B, T) residuals in the unit of the reward, 0 elsewhere than on agent tokens.
    Source: arXiv:2106.07704, equations 6 and 8; path consistency is arXiv:1702.08892's.
    """
    agent = mask.bool()
    # The agent tokens of each row, moved together to the front; positions past their count hold zeros.
    order = torch.argsort((~agent).int(), dim=1, stable=True)  # (B, T)
    front = agent.gather(1, order)
    gained = torch.where(front, (rewards - alpha * log_ratio).gather(1, order), 0.0)
    total, reach = gained, 1  # sum over i of gamma^i gained[t + i], by doubling
    while reach < mask.shape[1]:
        total = total + gamma**reach * _shifted(total, reach)
        reach *= 2
    if steps:
        bootstrap = torch.where(front, next_values.gather(1, order), 0.0)
        total = total + gamma**steps * (_shifted(bootstrap, steps) - _shifted(total, steps))
    residuals = torch.where(front, values.gather(1, order) - total, 0.0)
    return torch.zeros_like(residuals).scatter(1, order, residuals)


def path_consistency_loss(residuals: Tensor, divisor: float) -> Tensor:
    """Half the squared residuals (B, T), summed, over ``divisor`` agent tokens of the whole batch. Source: arXiv:2106.07704."""
    return 0.5 * (residuals**2).sum() / divisor


def _shifted(x: Tensor, by: int) -> Tensor:
    """``x`` (B, T) moved to the left by ``by`` columns, zeros behind it."""
    by = min(by, x.shape[1])
    return torch.cat([x[:, by:], x.new_zeros(len(x), by)], dim=1)
