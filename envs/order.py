"""Which example comes next: a shuffled order over any number of examples, computed without an array of that length."""

from __future__ import annotations

from math import isqrt

import numpy as np

__all__ = ["Order", "Permutation"]

_ROUNDS = 8  # double rounds
_MASK = (1 << 32) - 1
_MIX = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio; the high half of a product by it is well mixed


class Permutation:
    """A pseudo-random permutation of ``range(n)`` whose every entry costs the same, whatever ``n`` is.

    A Feistel network over Z_a x Z_b with a * b just above n; results outside ``range(n)`` are sent round again
    (cycle walking), which keeps it a bijection.

    Args:
        n: size of the domain, at least 1.
        key: entropy, one or more non-negative ints, hashed by ``numpy.random.SeedSequence``.
    Source: Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
    """

    def __init__(self, n: int, key: int | tuple[int, ...]) -> None:
        if n < 1:
            raise ValueError(f"n={n}; a permutation needs at least one element")
        self.n = n
        self._a = isqrt(n - 1) + 1
        self._b = -(-n // self._a)
        keys = [int(k) for k in np.random.SeedSequence(key).generate_state(2 * _ROUNDS, np.uint64)]
        self._keys = list(zip(keys[::2], keys[1::2], strict=True))

    def __call__(self, position: int) -> int:
        """The element at ``position`` in ``range(n)``."""
        if not 0 <= position < self.n:
            raise ValueError(f"position={position} lies outside range({self.n})")
        a, b, keys = self._a, self._b, self._keys
        x = position
        while True:
            left, right = divmod(x, b)
            for key_1, key_2 in keys:
                left = (left + (((right + key_1) * _MIX ^ key_2) * _MIX >> 32 & _MASK)) % a
                right = (right + (((left + key_2) * _MIX ^ key_1) * _MIX >> 32 & _MASK)) % b
            x = left * b + right
            if x < self.n:
                return x


class Order:
    """The sequence in which examples are dealt: each one ``group_size`` times in a row, all of them once per epoch.

    Args:
        n: number of examples.
        group_size: consecutive deals of one example.
        shuffled: a fresh permutation per epoch; otherwise 0, 1, 2, ... in every epoch.
    """

    def __init__(self, n: int, group_size: int = 1, shuffled: bool = True) -> None:
        if n < 1:
            raise ValueError("the data set holds no examples; choose another split, size or dataset")
        self.n = n
        self.group_size = group_size
        self.shuffled = shuffled
        self.start(0)

    def start(self, seed: int, position: int = 0) -> None:
        """Starts at ``position`` deals into epoch 0 of the order that ``seed`` names."""
        self.seed = seed
        self.position = position  # deals so far
        self._epoch = -1

    def __next__(self) -> tuple[int, int]:
        """The next (example index, deal index); the deal index counts from 0 since :meth:`start`."""
        deal = self.position
        self.position = deal + 1
        epoch, slot = divmod(deal // self.group_size, self.n)
        if not self.shuffled:
            return slot, deal
        if epoch != self._epoch:
            self._permutation = Permutation(self.n, (self.seed, epoch))
            self._epoch = epoch
        return self._permutation(slot), deal

    def __iter__(self) -> Order:
        return self
