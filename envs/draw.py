"""Draws for the builtin world: seeded by text, stable over Python versions, and a small language of alternatives."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

__all__ = ["Draw"]

T = TypeVar("T")
_ALTERNATIVES = re.compile(r"\[([^\[\]]*)\]")


class Draw:
    """A stream of choices from a key such as ``"train/article/17"``.

    Only ``random.Random.random`` is used, whose sequence Python guarantees for a seed; so the world's text is the same everywhere.
    """

    def __init__(self, key: str) -> None:
        self._next = random.Random(f"tokengym world 1/{key}").random

    def chance(self, probability: float) -> bool:
        return self._next() < probability

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._next() * len(options))]

    def number(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return low + int(self._next() * (high - low + 1))

    def two(self, low: int, high: int) -> tuple[str, str]:
        """Two different whole numbers in [low, high], as text."""
        first = self.number(low, high)
        second = self.number(low, high - 1)
        return str(first), str(second + (second >= first))

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """``count`` different options, in drawn order."""
        left = list(options)
        return [left.pop(int(self._next() * len(left))) for _ in range(min(count, len(left)))]

    def text(self, template: str, slots: Mapping[str, str]) -> str:
        """Fills ``{slots}`` and settles ``[one|of|these]``, innermost first; the first letter is made a capital."""
        while _ALTERNATIVES.search(template):
            template = _ALTERNATIVES.sub(lambda match: self.pick(match[1].split("|")), template)
        filled = template.format_map(slots)
        return filled[:1].upper() + filled[1:]
