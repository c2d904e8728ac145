"""Matrix products in bfloat16 over float32 weights, for passes whose exact log-probabilities nobody keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from tokengym._registry import unknown
from tokengym.agents.recompute import recomputes

__all__ = ["PRECISIONS", "precision"]

PRECISIONS = ("float32", "bfloat16")


@contextmanager
def precision(policy: Any, name: str) -> Iterator[None]:
    """Forward and backward passes inside run their matrix products in ``name``; weights, gradients and optimizer keep their type.

    On a CPU, fused attention is written out ("eager") as well: the backward pass of the fused one is slow there for short heads, and a
    supervised step of builtin:tiny took 0.46 of the float32 time with both, 0.78 with bfloat16 alone.

    Args:
        policy: a :class:`~tokengym.agents.CausalLMPolicy`, or anything with ``device`` and perhaps ``model``.
        name: "float32" (nothing happens) or "bfloat16".
    Raises:
        ValueError: another name.
    """
    if name not in PRECISIONS:
        raise unknown("precision", name, PRECISIONS)
    if name == "float32":
        yield
        return
    device = torch.device(policy.device).type
    model = getattr(policy, "model", None)
    before = getattr(getattr(model, "config", None), "_attn_implementation", None)
    swap = device == "cpu" and before == "sdpa" and hasattr(model, "set_attn_implementation")
    swap = swap and not recomputes(model)  # the second forward pass comes after this context, with the attention from before
    if swap:
        model.set_attn_implementation("eager")  # type: ignore[union-attr]
    try:
        with torch.autocast(device, dtype=torch.bfloat16):
            yield
    finally:
        if swap:
            model.set_attn_implementation(before)  # type: ignore[union-attr]
