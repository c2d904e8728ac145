"""Cutting a batch of sequences into micro-batches by a token budget, rows of like length together."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["micro_batches", "take"]


def micro_batches(lengths: Tensor, tokens: int, group: int = 1) -> list[Tensor]:
    """Row indices of each micro-batch, longest rows first; rows x longest row is at most ``tokens``, but one row at least.

    Args:
        lengths: (B,) tokens of each row.
        tokens: budget of one micro-batch, padding included.
        group: so many consecutive rows share a prompt and are kept adjacent, so that a model may read the prompt once; divides B.
    Returns:
        index tensors on the CPU, which together hold each row once.
    Raises:
        ValueError: the budget is below 1.
    """
    if tokens < 1:
        raise ValueError(f"tokens={tokens}; a micro-batch needs a budget of at least 1 token")
    bound = lengths.cpu().view(-1, group).amax(dim=1).repeat_interleave(group)  # (B,) the longest row of each row's group
    order = torch.argsort(bound, descending=True, stable=True)
    longest = bound[order].tolist()
    cuts, start = [], 0
    while start < len(longest):
        rows = max(1, tokens // max(1, longest[start]))
        cuts.append(order[start : start + rows])
        start += rows
    return cuts


def take(batch: Mapping[str, Tensor], rows: Tensor, width: int | None = None) -> dict[str, Tensor]:
    """The given rows of every tensor; those of two dimensions are cut to ``width`` columns (default: the longest row's length).

    ``batch["lengths"]`` (B,) tells the lengths.
    """
    rows = rows.to(batch["lengths"].device)
    if width is None:
        width = int(batch["lengths"][rows].max())
    return {name: x[rows, :width] if x.dim() == 2 else x[rows] for name, x in batch.items()}
