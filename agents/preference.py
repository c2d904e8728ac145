"""Losses of preference learning, as pure functions of tensors: P pairs of a chosen and a rejected answer to one prompt."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["best_and_worst", "dpo_loss"]


def dpo_loss(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, divisor: float, beta: float, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Logistic loss of the implicit reward, beta log(policy / reference), on pairs of answers.

    -(1 - e) log sigmoid(m) - e log sigmoid(-m), where m is the implicit reward of the chosen answer minus that of the rejected one,
    and e the smoothing; ln 2 where the policy is the reference.

    Args:
        chosen, rejected: (P,) log-probabilities of whole answers, summed over their tokens, in nats.
        ref_chosen, ref_rejected: (P,) the reference model's.
        divisor: pairs in the whole batch.
        beta: how strongly the policy is held to the reference; the implicit reward is beta times the log-ratio.
        label_smoothing: chance that a pair is the wrong way round, in [0, 0.5).
    Returns:
        () loss; (P,) margins m, without gradient.
    Source: arXiv:2305.18290, equation 7; the smoothing is Mitchell 2023, "A note on DPO with noisy preferences".
    """
    margins = beta * ((chosen - ref_chosen) - (rejected - ref_rejected))
    losses = -(1 - label_smoothing) * functional.logsigmoid(margins) - label_smoothing * functional.logsigmoid(-margins)
    return losses.sum() / divisor, margins.detach()


def best_and_worst(scores: Tensor, group: int, valid: Tensor, margin: float = 0.0) -> tuple[Tensor, Tensor]:
    """Rows of the best and of the worst completion of each prompt, where they differ by more than ``margin``; of equals the first.

    Args:
        scores: (B,); rows of one prompt stand together.
        group: completions per prompt, at least 2; divides B.
        valid: (B,) bool; rows that are False are neither.
        margin: in the unit of the scores, 0 or more.
    Returns:
        (P,) rows that are chosen, and (P,) rows that are rejected.
    Raises:
        ValueError: ``group`` is below 2 or does not divide B.
    """
    if group < 2 or len(scores) % group:
        raise ValueError(f"group={group} of {len(scores)} scores; a pair takes 2 completions of one prompt, and groups must be whole")
    there = valid.view(-1, group)
    grouped = scores.view(-1, group)  # (prompts, G)
    best, first = torch.where(there, grouped, -torch.inf).max(dim=1)
    worst, last = torch.where(there, grouped, torch.inf).min(dim=1)
    keep = (there.sum(dim=1) > 1) & (best - worst > margin)
    start = group * torch.arange(len(grouped), device=scores.device)
    return (start + first)[keep], (start + last)[keep]
