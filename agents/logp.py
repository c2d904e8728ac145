"""Log-probabilities and entropies of tokens, a chunk of the vocabulary-sized logits at a time, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tokengym.agents.allowed import Allowed
from tokengym.agents.weight_sums import WeightSums

__all__ = ["CHUNK_NUMBERS", "TokenLogp", "chunk_tokens", "token_logp"]

CHUNK_NUMBERS = 1 << 22  # logits held at once, in numbers: 16 MiB of float32, about what a processor's cache holds
_CUDA_CHUNK_NUMBERS = 1 << 27  # 512 MiB: a chunk that is small takes longer to launch than to compute


def chunk_tokens(vocabulary: int, device: str) -> int:
    """Tokens per chunk for logits of ``vocabulary`` words on a ``device`` of this type ("cpu", "cuda")."""
    numbers = _CUDA_CHUNK_NUMBERS if device == "cuda" else CHUNK_NUMBERS
    return max(16, numbers // vocabulary // 8 * 8)  # whole eights: products like round numbers of rows


class TokenLogp(NamedTuple):
    """``logp`` (K,) and ``entropy`` (K,) or None, float32, in nats."""

    logp: Tensor
    entropy: Tensor | None


def token_logp(
    hidden: Tensor,
    targets: Tensor,
    head: Callable[[Tensor], Tensor],
    temperature: float = 1.0,
    with_entropy: bool = False,
    chunk: int | None = None,
    vocabulary: int | None = None,
    allowed: Allowed | None = None,
) -> TokenLogp:
    """Log-probability of each target under softmax(head(hidden) / temperature), without holding all logits.

    Each chunk's logits are dropped after the forward pass and computed again in the backward pass, so memory is that of one chunk.
    Where one chunk holds everything, nothing is computed twice.

    Args:
        hidden: (K, H) hidden states, one per token.
        targets: (K,) int64 token ids.
        head: (k, H) -> (k, V) logits, differentiable.
        temperature: divides the logits; above 0.
        with_entropy: also the entropy of each distribution.
        chunk: tokens per chunk; None takes what :func:`chunk_tokens` says.
        vocabulary: V, for the choice of ``chunk``; None takes one chunk of 1024 tokens.
        allowed: the ids, of shape (K,), that each token was chosen from; the others get no probability.
    Raises:
        ValueError: temperature not above 0, or hidden and targets of different length.
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature}; it divides the logits and must be above 0 (greedy choice: deterministic=True)")
    if len(hidden) != len(targets):
        raise ValueError(f"{len(hidden)} hidden states for {len(targets)} targets; one each is expected")
    if not len(targets):
        empty = hidden.new_zeros(0, dtype=torch.float32)
        return TokenLogp(empty, empty if with_entropy else None)
    if chunk is None:
        chunk = chunk_tokens(vocabulary, hidden.device.type) if vocabulary else 1024

    in_place = WeightSums() if len(targets) > chunk else nullcontext()

    def one(h: Tensor, y: Tensor, lists: Tensor | None) -> tuple[Tensor, ...]:
        with in_place:
            logits = head(h).float()  # (k, V)
        if temperature != 1.0:
            logits = logits / temperature
        if allowed is not None and lists is not None:
            logits = logits.masked_fill(allowed.of(lists).forbidden(logits.shape[1]), -torch.inf)
        if not with_entropy:
            return (-functional.cross_entropy(logits, y, reduction="none"),)
        logp = functional.log_softmax(logits, dim=-1)
        entropy = -(logp.exp() * logp.clamp(min=torch.finfo(logp.dtype).min)).sum(-1)  # 0 * -inf counts as 0
        return logp.gather(1, y[:, None])[:, 0], entropy

    lists = None if allowed is None else allowed.index
    if len(targets) <= chunk:
        parts = [one(hidden, targets, lists)]
    else:
        parts = []
        for i in range(0, len(targets), chunk):
            here = slice(i, i + chunk)
            given = (hidden[here], targets[here], None if lists is None else lists[here])
            # preserve_rng_state: the head draws nothing, and saving the generator's state per chunk costs time
            again = torch.is_grad_enabled()
            parts.append(checkpoint(one, *given, use_reentrant=False, preserve_rng_state=False) if again else one(*given))
    columns = [torch.cat(column) for column in zip(*parts, strict=True)]
    return TokenLogp(columns[0], columns[1] if with_entropy else None)
