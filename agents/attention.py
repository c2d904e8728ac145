"""Attention whose sums run in one order, whatever stands beside a row: so rollout and update agree to the last bit on a CPU.

Fused attention rounds differently for one query than for many, and for keys that stand elsewhere in a row; on builtin:tiny that moved
log-probabilities by up to 2.5e-5. Here a key of position j always stands at index j, and a product never has fewer than four rows
(below that the matrix libraries take another routine). Matrix products of many rows are equal row by row already.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

__all__ = ["STEADY", "STEADY_ROWS", "Shared", "make_steady"]

STEADY = "tokengym_steady"  # its name among the attention functions of transformers
STEADY_ROWS = 16  # a product of fewer rows is rounded in another way where two threads share it
_LARGEST = 20_000_000  # parameters: a larger model is faster with fused attention, and its rounding is no more than the others'
_LEAST_QUERIES = 4
_HELD = 1 << 24  # attention weights of a layer kept for the backward pass, in numbers; more are computed again there


class Shared(NamedTuple):
    """Where one row of S tokens, G prompts and B completions of them, has its queries and keys.

    Attributes:
        prompt_mask: (1, 1, P, P) additive and causal, for the longest prompt.
        prompt: (G, P) column of each prompt's tokens.
        query: (B, C) column of each completion's tokens.
        key: (B, W) column of the key at each position: the prompt's, then its own.
        mask: (B, 1, C, W) additive.
        source: (S,) which of the G * P + B * C vectors found, prompts' first, is each column's.
    """

    prompt_mask: Tensor
    prompt: Tensor
    query: Tensor
    key: Tensor
    mask: Tensor
    source: Tensor


def make_steady(model: Any) -> bool:
    """Gives a small float32 Llama on a CPU this attention in place of the fused one; says whether it did."""
    config = model.config
    if getattr(config, "model_type", "") != "llama" or getattr(config, "_attn_implementation", "") != "sdpa":
        return False
    weights = list(model.parameters())
    if any(x.device.type != "cpu" or x.dtype != torch.float32 for x in weights) or sum(map(Tensor.numel, weights)) > _LARGEST:
        return False
    model.set_attn_implementation(STEADY)
    return True


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
    """softmax(query key' * scaling + mask) value: (B, Q, H, D) of queries (B, H, Q, D) and keys and values (B, KV, W, D)."""
    rows, heads, queries, size = query.shape
    groups = key.shape[1]
    share = heads // groups
    stacked = (query * scaling).reshape(rows, groups, share * queries, size)  # queries that look at the same keys, below one another
    again = -(-_LEAST_QUERIES // (share * queries))
    if again > 1:
        stacked = torch.cat([stacked] * again, dim=2)
    scores = torch.matmul(stacked, key.transpose(2, 3))  # (B, KV, again * share * Q, W)
    if mask is not None:
        scores = (scores.view(rows, groups, again * share, queries, -1) + mask[:, :, None, :, : key.shape[2]]).view(scores.shape)
    found = torch.matmul(functional.softmax(scores, dim=-1), value)[:, :, : share * queries]
    return found.reshape(rows, heads, queries, size).transpose(1, 2)


def _attend_shared(query: Tensor, key: Tensor, value: Tensor, shared: Shared, scaling: float) -> Tensor:
    """The same for prompts and completions in one row: prompts look at themselves, completions at their prompt and at themselves."""

    def at(x: Tensor, columns: Tensor) -> Tensor:
        return x[0].transpose(0, 1)[columns].transpose(1, 2)  # (1, H, S, D) and (N, L) -> (N, H, L, D)

    own = shared.prompt
    prompts = _attend(at(query, own), at(key, own), at(value, own), shared.prompt_mask, scaling)  # (G, P, H, D)
    if not shared.query.shape[1]:
        return prompts.flatten(0, 1)[shared.source][None]
    answers = _attend(at(query, shared.query), at(key, shared.key), at(value, shared.key), shared.mask, scaling)  # (B, C, H, D)
    return torch.cat([prompts.flatten(0, 1), answers.flatten(0, 1)])[shared.source][None]


def _steady(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    shared: Shared | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """What transformers calls; dropout is off in every pass of a policy."""
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    attend = (
        partial(_attend, mask=attention_mask, scaling=scaling)
        if shared is None
        else partial(_attend_shared, shared=shared, scaling=scaling)
    )
    if shared is None:
        seen = len(query) * query.shape[2] * key.shape[2]
    else:
        seen = shared.prompt.numel() * shared.prompt.shape[1] + shared.mask.numel()
    weights = query.shape[1] * seen
    if torch.is_grad_enabled() and weights > _HELD:
        found: Tensor = checkpoint(attend, query, key, value, use_reentrant=False, preserve_rng_state=False)
    else:
        found = attend(query, key, value)
    return found, None


AttentionInterface.register(STEADY, _steady)
AttentionMaskInterface.register(STEADY, eager_mask)
