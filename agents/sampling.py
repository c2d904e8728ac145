"""Choosing tokens: noise that depends on who draws, not on when, and the cuts of evaluation (top-k, top-p, min-p)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Sampling", "noise_key", "pick", "uniforms"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): each input bit turns about half of the output bits."""
    x = (x ^ (x >> np.uint64(30))) * _A
    x = (x ^ (x >> np.uint64(27))) * _B
    return x ^ (x >> np.uint64(31))


def noise_key(*numbers: int) -> NDArray[np.uint64]:
    """One key (1,) from whole numbers of at least 0, such as a seed and the number of a collection."""
    return np.random.SeedSequence(numbers).generate_state(1, np.uint64).astype(np.uint64)


def uniforms(key: NDArray[np.uint64], episodes: NDArray[np.integer[Any]], tokens: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Uniform numbers (R,), above 0 and below 1, one for each (episode, token) pair; the same pair gives the same number."""
    state = _mix(_mix(key + _GOLDEN * (episodes.astype(np.uint64) + np.uint64(1))) + _GOLDEN * (tokens.astype(np.uint64) + np.uint64(1)))
    return ((state >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52


def pick(logp: Tensor, uniform: Tensor) -> Tensor:
    """Samples one index per row by inverting the cumulative distribution.

    One number per row is enough, where Gumbel noise takes one per row and word of the vocabulary.

    Args:
        logp: (R, V) log-probabilities.
        uniform: (R,) float64, above 0 and below 1.
    Returns:
        (R,) int64 indices; one whose probability is 0 is never picked.
    """
    total = logp.exp().cumsum(dim=-1, dtype=torch.float64)  # (R, V)
    return torch.searchsorted(total, uniform[:, None] * total[:, -1:])[:, 0]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which tokens a sample is drawn from, for evaluation; what is left is renormalized. The cuts are made in this order.

    Raises:
        ValueError: a value outside its range.
    """

    top_k: int = 0  # the k likeliest tokens; 0: all
    top_p: float = 1.0  # the fewest likeliest tokens that have this probability together, the one that passes it included
    min_p: float = 0.0  # tokens of at least this share of the likeliest one's probability

    def __post_init__(self) -> None:
        if self.top_k < 0:
            raise ValueError(f"top_k={self.top_k}; expected a number of tokens, or 0 for all")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}; expected a probability above 0, at most 1")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p={self.min_p}; expected a share from 0 to 1")

    @property
    def cuts(self) -> bool:
        """Whether anything is cut at all."""
        return self.top_k > 0 or self.top_p < 1 or self.min_p > 0

    def cut(self, logits: Tensor) -> Tensor:
        """Logits (R, V), or log-probabilities, with minus infinity on the tokens that are cut; the likeliest one always stays."""
        if 0 < self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k, dim=-1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        if self.top_p < 1:
            ordered, order = logits.sort(dim=-1, descending=True, stable=True)
            probability = ordered.softmax(dim=-1)
            before = probability.cumsum(dim=-1) - probability
            cut = (before >= self.top_p).scatter(-1, order, before >= self.top_p)
            cut.scatter_(-1, order[:, :1], False)
            logits = logits.masked_fill(cut, -torch.inf)
        if self.min_p > 0:
            probability = logits.softmax(dim=-1)
            logits = logits.masked_fill(probability < self.min_p * probability.amax(dim=-1, keepdim=True), -torch.inf)
        return logits
