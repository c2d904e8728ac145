"""Rewards for answers of a wanted length: at a goal, or within a window."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.tokens import word_count

__all__ = ["UNITS", "Length", "LengthWindow", "check_unit", "size"]

UNITS = ("words", "characters")
"""What a length may be counted in."""


class Length(BaseReward):
    """1.0 at ``goal`` words, falling linearly to 0.0 at no words and at twice ``goal`` words.

    Words stand between white space; in a text with Chinese or Japanese each such character is a word.

    Range 0 to 1, higher is better, needs nothing.

    Args:
        goal: wanted length in words.
    Raises:
        ValueError: ``goal`` is below 1.
    """

    name = "length"

    def __init__(self, goal: int = 20) -> None:
        if not isinstance(goal, int | float) or not 1 <= goal < float("inf"):
            raise ValueError(f"goal={goal!r} words; a length reward needs a goal of at least 1")
        self.goal = goal

    def score(self, batch: Sequence[Sample]) -> Values:
        words = np.array([word_count(sample.response) for sample in batch], dtype=np.float64)  # (B,)
        return np.clip(1.0 - np.abs(words - self.goal) / self.goal, 0.0, 1.0)


class LengthWindow(BaseReward):
    """1.0 from ``low`` to ``high``, falling linearly to 0.0 at an empty response and at twice ``high``.

    ``length_window(low=20, high=20)`` scores as ``length(goal=20)`` does. An empty response always scores 0.0, which is why ``low``
    cannot be 0. How units are counted: :func:`size`.

    Range 0 to 1, higher is better, needs nothing.

    Args:
        low: shortest wanted length.
        high: longest wanted length.
        unit: "words" or "characters".
    Raises:
        ValueError: not 1 <= low <= high, or another unit.
    """

    name = "length_window"

    def __init__(self, low: int, high: int, unit: str = "words") -> None:
        if not isinstance(low, int | float) or not isinstance(high, int | float) or not 1 <= low <= high < float("inf"):
            raise ValueError(f"low={low!r}, high={high!r}; a window of lengths needs 1 <= low <= high")
        check_unit(unit)
        self.low = low
        self.high = high
        self.unit = unit

    def score(self, batch: Sequence[Sample]) -> Values:
        sizes = np.array([size(sample.response, self.unit) for sample in batch], dtype=np.float64)  # (B,)
        return np.clip(np.minimum(sizes / self.low, 2.0 - sizes / self.high), 0.0, 1.0)


def check_unit(unit: str) -> None:
    """Raises ValueError for another unit than those of ``UNITS``."""
    if unit not in UNITS:
        raise ValueError(f"unit={unit!r}; expected one of {', '.join(UNITS)}")


def size(text: str, unit: str) -> int:
    """How long a text is.

    Args:
        text: any text.
        unit: "words": between white space; in a text with Chinese or Japanese each such character is a word, and punctuation is none.
            "characters": code points of the text's NFC form, where white space at the ends counts nothing and any other run of it
            counts one, so that nobody gains by padding.
    """
    return word_count(text) if unit == "words" else len(" ".join(unicodedata.normalize("NFC", text).split()))
