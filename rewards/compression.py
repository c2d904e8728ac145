"""How much shorter than its source a response is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.length import check_unit, size

__all__ = ["Compression"]


class Compression(BaseReward):
    """1 - length of the response / length of the prompt, held between 0 and 1; or 1.0 where that share lies in a window.

    Without a window the shortest answer wins: a single word out of a hundred earns 0.99. Use it as one term beside a reward for
    content, or give the window: with ``low`` and ``high`` a share of the prompt's length within them scores 1.0, falling linearly to
    0.0 at share 0 and at the share 1.0 (a whole copy; with ``high=1`` at share 2).
    An empty response scores 0.0: nothing was said. Not valid where the prompt is empty. The whole prompt counts, instructions included.

    Range 0 to 1, higher is better, needs nothing. Source: the compression rate of summarization evaluations, as in Grusky et al. 2018,
    arXiv:1804.11283, turned so that more is better and bounded.

    Args:
        low: smallest share that earns 1.0; None with ``high=None``: no window.
        high: largest share that earns 1.0.
        unit: "words" or "characters", counted as in :func:`tokengym.rewards.length.size`.
    Raises:
        ValueError: only one end of the window is given, not 0 < low <= high <= 1, or another unit.
    """

    name = "compression"

    def __init__(self, low: float | None = None, high: float | None = None, unit: str = "words") -> None:
        if (low is None) != (high is None):
            raise ValueError(f"low={low!r}, high={high!r}; a window of shares needs both ends, or None for both")
        if low is not None and high is not None and not 0 < low <= high <= 1:
            raise ValueError(f"low={low!r}, high={high!r}; a window of shares needs 0 < low <= high <= 1")
        check_unit(unit)
        self.low = low
        self.high = high
        self.unit = unit

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) scores, NaN where the prompt is empty."""
        said = np.array([size(sample.response, self.unit) for sample in batch], dtype=np.float64)  # (B,)
        given = np.array([size(sample.prompt, self.unit) or math.nan for sample in batch], dtype=np.float64)  # (B,)
        share = said / given
        if self.low is None or self.high is None:
            scores = np.clip(1.0 - share, 0.0, 1.0)
        else:
            top = 1.0 if self.high < 1 else 2.0
            scores = np.clip(np.minimum(share / self.low, (top - share) / (top - self.high)), 0.0, 1.0)
        return np.where((said == 0) & ~np.isnan(share), 0.0, scores)
