"""The base of F1 over things found: hits, false alarms and misses are added up over all texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from tokengym.rewards.base import Values
from tokengym.rewards.counts import CountReward
from tokengym.rewards.tokens import overlap

__all__ = ["MicroF1", "hits_alarms_misses"]


class MicroF1(CountReward):
    """Write ``count`` with the one key ""; F1 is 2 hits / (2 hits + false alarms + misses), 1.0 where there is none of the three."""

    fields = ("hits", "false_alarms", "misses")

    def from_totals(self, totals: Values) -> npt.NDArray[np.float64]:
        hits, false_alarms, misses = np.moveaxis(totals.sum(axis=-2), -1, 0)  # each (...)
        found = 2.0 * hits + false_alarms + misses
        f1: npt.NDArray[np.float64] = np.divide(2.0 * hits, found, out=np.ones_like(found), where=found > 0)
        return f1


def hits_alarms_misses(given: Counter[Hashable], expected: Counter[Hashable]) -> tuple[int, int, int]:
    """How many of the given things are expected, how many are not, and how many expected ones are not given, as multisets."""
    hits = overlap(given, expected)
    return hits, given.total() - hits, expected.total() - hits
