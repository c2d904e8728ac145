"""The base of rewards that look at one sample at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.sample import Listed

__all__ = ["OneByOne"]


class OneByOne(BaseReward):
    """Write ``rate``; the scores of a batch follow."""

    def rate(self, sample: Sample) -> float:
        """The score of one sample; NaN where it cannot be scored."""
        raise NotImplementedError(f"{type(self).__name__} must define rate(sample)")

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) scores, NaN where a sample cannot be scored. Raises what ``rate`` raises."""
        return np.array(list(map(self.rate, batch)), dtype=np.float64)

    def listed(self, batch: Sequence[Sample]) -> Listed:
        scores = list(map(float, map(self.rate, batch)))
        valid = list(map(isfinite, scores))
        if not all(valid):
            scores = [score if ok else 0.0 for score, ok in zip(scores, valid, strict=True)]
        return Listed(scores, {self.name: scores.copy()}, valid)
