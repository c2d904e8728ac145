"""The base of rewards that hold a response against references and take the best match."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values

__all__ = ["ReferenceReward"]


class ReferenceReward(BaseReward):
    """Write ``compare``; a sample scores the maximum over its references and is not valid without any."""

    needs = "references"

    def compare(self, response: str, reference: str) -> float:
        """The score of one response against one reference."""
        raise NotImplementedError(f"{type(self).__name__} must define compare(response, reference)")

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) best match per sample, NaN where a sample has no reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        compare = self.compare
        scores = np.empty(len(batch))  # (B,)
        for row, (_, response, references, _, _) in enumerate(batch):
            if isinstance(references, str):
                raise TypeError(f"references={references!r} is a text; expected a tuple of texts: ({references!r},)")
            if len(references) == 1:
                scores[row] = compare(response, references[0])
            elif references:
                scores[row] = max([compare(response, reference) for reference in references])
            else:
                scores[row] = math.nan
        return scores
