"""Which example comes next: a shuffled order over any number of examples, computed without an array of that length."""

from __future__ import annotations

from math import isqrt

import numpy as np

__all__ = ["Order", "Permutation"]

_ROUNDS = 8  # double rounds
_TABLED = 256  # longest tables of round functions that are kept; what stands in them are small ints, which Python has anyway
_WORTH = 8  # calls, from which on making the tables is cheaper than going without
_AHEAD = 64  # slots, at most: many at once cost a third of what they cost one by one, between other work
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
        self._calls = 0
        self._tables: list[tuple[list[int], list[int]]] = []

    def __call__(self, position: int) -> int:
        """The element at ``position`` in ``range(n)``."""
        if not 0 <= position < self.n:
            raise ValueError(f"position={position} lies outside range({self.n})")
        a, b, keys, tables = self._a, self._b, self._keys, self._tables
        self._calls += 1
        if self._calls == _WORTH and a <= _TABLED:
            self._tables = self._tabled()
        x = position
        while True:
            left, right = divmod(x, b)
            for of_right, of_left in tables:
                left = (left + of_right[right]) % a
                right = (right + of_left[left]) % b
            for key_1, key_2 in keys if not tables else ():
                left = (left + (((right + key_1) * _MIX ^ key_2) * _MIX >> 32 & _MASK)) % a
                right = (right + (((left + key_2) * _MIX ^ key_1) * _MIX >> 32 & _MASK)) % b
            x = left * b + right
            if x < self.n:
                return x

    def _tabled(self) -> list[tuple[list[int], list[int]]]:
        """What each round adds to the left half for every right one, and to the right half for every left one."""
        keys = np.array(self._keys, dtype=np.uint64)[..., None]  # (R, 2, 1)
        half, mix = np.arange(self._a, dtype=np.uint64), np.uint64(_MIX)  # (a,); b is at most a
        added = ((half + keys) * mix ^ keys[:, ::-1]) * mix >> np.uint64(32)  # (R, 2, a); what overflows is what & _MASK drops
        of_right, of_left = added[:, 0, : self._b] % np.uint64(self._a), added[:, 1] % np.uint64(self._b)
        return list(zip(of_right.tolist(), of_left.tolist(), strict=True))


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
        self._block: list[int] = []  # examples of the slots from _first on
        self._first = 0

    def __next__(self) -> tuple[int, int]:
        """The next (example index, deal index); the deal index counts from 0 since :meth:`start`."""
        deal = self.position
        self.position = deal + 1
        epoch, slot = divmod(deal // self.group_size, self.n)
        if not self.shuffled:
            return slot, deal
        if epoch != self._epoch:
            self._permutation = Permutation(self.n, (self.seed, epoch))
            self._epoch, self._block = epoch, []
        if not self._first <= slot < self._first + len(self._block):  # looked up ahead, each time twice as many
            ahead = min(2 * len(self._block) or 1, _AHEAD, self.n - slot)
            self._block, self._first = [self._permutation(place) for place in range(slot, slot + ahead)], slot
        return self._block[slot - self._first], deal

    def __iter__(self) -> Order:
        return self
