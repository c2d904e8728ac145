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
    """Where packed rows (R, S), a prompt followed by B completions in all, have their queries and keys.

    Attributes:
        prompt_mask: (1, 1, P, P) additive and causal, for the first P columns: the longest prompt.
        row: (B, 1) packed row of each completion.
        query: (B, C) column of each of its tokens.
        key: (B, W) column of the key at each position: the prompt's, then its own.
        mask: (B, 1, C, W) additive.
        real: (K,) and (K,), completion and place of each token that there is.
    """

    prompt_mask: Tensor
    row: Tensor
    query: Tensor
    key: Tensor
    mask: Tensor
    real: tuple[Tensor, Tensor]


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
    """The same for packed rows: prompts look at themselves, completions at their prompt and at themselves."""
    length = shared.prompt_mask.shape[-1]
    prompts = _attend(query[:, :, :length], key[:, :, :length], value[:, :, :length], shared.prompt_mask, scaling)
    found = functional.pad(prompts, (0, 0, 0, 0, 0, query.shape[2] - length))  # (R, S, H, D)
    if not shared.query.shape[1]:
        return found
    own = query[shared.row, :, shared.query].transpose(1, 2)  # (B, H, C, D)
    keys, values = (x[shared.row, :, shared.key].transpose(1, 2) for x in (key, value))  # (B, KV, W, D)
    answers = _attend(own, keys, values, shared.mask, scaling)  # (B, C, H, D)
    completion, place = shared.real
    where = (shared.row[completion, 0], shared.query[completion, place])
    return torch.index_put(found, where, answers[completion, place])


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
    weights = query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2]
    if torch.is_grad_enabled() and weights > _HELD:
        found: Tensor = checkpoint(attend, query, key, value, use_reentrant=False, preserve_rng_state=False)
    else:
        found = attend(query, key, value)
    return found, None


AttentionInterface.register(STEADY, _steady)
AttentionMaskInterface.register(STEADY, eager_mask)
