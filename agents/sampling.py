"""Random choices that depend on who draws, not on when: noise is a hash of (key, episode, token)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["noise_key", "pick", "uniforms"]

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
    total = logp.exp().double().cumsum(dim=-1)  # (R, V)
    return (total < uniform[:, None] * total[:, -1:]).sum(dim=-1)
