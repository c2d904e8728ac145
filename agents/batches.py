"""Cutting a batch of sequences into micro-batches by a token budget, rows of like length together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.allowed import Allowed

__all__ = ["micro_batches", "take"]


def micro_batches(lengths: Tensor, tokens: int, group: Tensor | None = None, parts: int = 1) -> list[Tensor]:
    """Row indices of each micro-batch, longest rows first; rows x longest row is at most ``tokens``, but one row at least.

    Args:
        lengths: (B,) tokens of each row.
        tokens: budget of one micro-batch, padding included.
        group: (B,) whole numbers from 0; rows with the same one share a prompt and stay together, so that a model may read it once.
        parts: processes that share the work: each ``parts``-th micro-batch is one's share, and the shares are of like size.
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
    if parts > 1:
        number = torch.arange(len(order)) if group is None else _numbered(group[order])
        shares = [_cut(order[number % parts == part], bound, tokens) for part in range(parts)]
        return [cut for turn in zip_longest(*shares) for cut in turn if cut is not None]
    return _cut(order, bound, tokens)


def _cut(order: Tensor, bound: Tensor, tokens: int) -> list[Tensor]:
    """``order``, rows from the longest on, cut by the budget."""
    longest = bound[order].tolist()
    cuts, start = [], 0
    while start < len(longest):
        rows = max(1, tokens // max(1, longest[start]))
        cuts.append(order[start : start + rows])
        start += rows
    return cuts


def _numbered(group: Tensor) -> Tensor:
    """(B,) 0 for the first group that occurs, 1 for the next ..., where rows of one group stand together."""
    changes = torch.zeros(len(group), dtype=torch.int64)
    changes[1:] = (group[1:] != group[:-1]).long()
    return changes.cumsum(0)


def take(batch: Mapping[str, Any], rows: Tensor, width: int | None = None) -> dict[str, Any]:
    """The given rows of every tensor; those of two dimensions are cut to ``width`` columns (default: the longest row's length).

    ``batch["lengths"]`` (B,) tells the lengths; ``batch["allowed"]``, where there is one, is an :class:`~tokengym.agents.allowed.Allowed`.
    """
    rows = rows.to(batch["lengths"].device)
    if width is None:
        width = int(batch["lengths"][rows].max())
    taken: dict[str, Any] = {}
    for name, x in batch.items():
        if isinstance(x, Allowed):
            taken[name] = x.take(rows, width)
        else:
            taken[name] = x[rows, :width] if x.dim() == 2 else x[rows]
    return taken
