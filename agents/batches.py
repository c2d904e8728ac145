"""Cutting a batch of sequences into micro-batches by a token budget, rows of like length together."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["micro_batches", "take"]


def micro_batches(lengths: Tensor, tokens: int, group: Tensor | None = None) -> list[Tensor]:
    """Row indices of each micro-batch, longest rows first; rows x longest row is at most ``tokens``, but one row at least.

    Args:
        lengths: (B,) tokens of each row.
        tokens: budget of one micro-batch, padding included.
        group: (B,) whole numbers from 0; rows with the same one share a prompt and stay together, so that a model may read it once.
    Returns:
        index tensors on the CPU, which together hold each row once.
    Raises:
        ValueError: the budget is below 1.
    """
    if tokens < 1:
        raise ValueError(f"tokens={tokens}; a micro-batch needs a budget of at least 1 token")
    bound = lengths.cpu()
    order = torch.arange(len(bound))
    if group is not None and len(bound):
        group = group.cpu()
        bound = torch.zeros(int(group.max()) + 1, dtype=bound.dtype).scatter_reduce(0, group, bound, "amax")[group]  # the group's longest
        order = torch.argsort(group, stable=True)
    order = order[torch.argsort(bound[order], descending=True, stable=True)]
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
