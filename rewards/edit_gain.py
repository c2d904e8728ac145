"""Edit gain: how much nearer to the reference a correction has come than the text that was to be corrected."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from tokengym.rewards.base import Sample, Values
from tokengym.rewards.reference import ReferenceReward

__all__ = ["EditGain"]


class EditGain(ReferenceReward):
    """The share of the source's Levenshtein distance to the reference that the response has made good: 1 - d(response) / d(source).

    1.0 for the reference itself; 0.0 for a copy of the source and for anything farther from the reference than that. A plain edit
    similarity pays a copy of the source nearly in full, because a few mistakes are a small part of a text. Where the source already
    equals the reference, 1.0 for leaving it alone, else 0.0. An empty response scores 0.0 unless the reference is empty: from a source
    much longer than the reference it would be the shorter way. Code points count, case among them; white space at the ends does not.

    Range 0 to 1, higher is better, needs references and ``meta["source"]``, the text that was to be corrected. Source: our own; the
    idea that a correction is held against the source is that of GLEU for grammar, Napoles et al. 2015, doi:10.3115/v1/P15-2097.

    Args:
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``references`` is neither.
    """

    name = "edit_gain"
    needs = "references, meta['source']"

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) best or mean gain per sample, NaN where a sample has no reference or its meta no "source".

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        scores = np.full(len(batch), math.nan)  # (B,)
        for row, (_, response, references, meta, _) in enumerate(batch):
            if isinstance(references, str):
                raise TypeError(f"references={references!r} is a text; expected a tuple of texts: ({references!r},)")
            source = meta.get("source")
            if isinstance(source, str):
                scores[row] = self.pool([_gain(response.strip(), source.strip(), reference.strip()) for reference in references])
        return scores


def _gain(response: str, source: str, reference: str) -> float:
    before = Levenshtein.distance(source, reference)
    if not before or not response:
        return float(response == reference)
    return max(0.0, 1.0 - Levenshtein.distance(response, reference) / before)
