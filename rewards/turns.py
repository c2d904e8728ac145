"""The number of turns that a conversation took."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values

__all__ = ["Turns"]


class Turns(BaseReward):
    """The number of turns that the agent took: the lines of the response, of which each is one where a task has several turns.

    Subtract it with a small weight, so that a conversation that comes to the point earns more: ``task_success - 0.02*turns``.

    Range 1 to ∞, lower is better, needs nothing. Source: the cost of a dialogue in PARADISE (Walker et al. 1997,
    doi:10.3115/976909.979652).
    """

    name = "turns"
    range = (1.0, math.inf)
    higher_is_better = False

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) numbers of lines."""
        return np.array([sample.response.count("\n") + 1 for sample in batch], dtype=np.float64)
