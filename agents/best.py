"""The best weights of a run, by the metric of its validations."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from tokengym._registry import unknown

__all__ = ["Best"]


class Best:
    """Keeps a copy of the weights that scored highest.

    Attributes:
        weights: by name; empty before the first validation.
        score: theirs.
        worse: validations since then.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}
        self.score, self.worse = -math.inf, 0

    def offer(self, score: float, weights: Mapping[str, Tensor]) -> None:
        """Copies the weights if their score is above all before."""
        if score > self.score:
            self.score, self.worse = score, 0
            self.weights = {name: x.detach().clone() for name, x in weights.items()}
        else:
            self.worse += 1

    def judge(self, scores: Mapping[str, float], metric: str, weights: Mapping[str, Tensor]) -> dict[str, float]:
        """Offers the weights by their ``metric`` in the scores of a validation; the scores as figures for history and log.

        Raises:
            ValueError: no score is called so.
        """
        if metric not in scores:
            raise unknown("validation metric of this environment", metric, scores)
        self.offer(scores[metric], weights)
        return {"validation": scores[metric], **{f"validation_{name}": value for name, value in scores.items()}}
