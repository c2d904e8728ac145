"""A reward for answers of a wanted length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.tokens import word_count

__all__ = ["Length"]


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
