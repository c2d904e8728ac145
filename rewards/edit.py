"""Edit similarity: how little must be changed to turn the response into the reference."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import word_tokens

__all__ = ["Edit"]

_UNITS = ("characters", "words")


class Edit(ReferenceReward):
    """One minus the Levenshtein distance (insertions, deletions, replacements), divided by the length of the longer text.

    1.0 for equal texts, two empty ones included. Symmetric; case and white space count among the characters. By rapidfuzz.

    Range 0 to 1, higher is better, needs references. Source: Levenshtein 1966, "Binary codes capable of correcting deletions,
    insertions, and reversals"; normalized as in ``rapidfuzz.distance.Levenshtein.normalized_similarity``.

    Args:
        unit: "characters" (code points) or "words": runs of letters and digits, single marks, Chinese and Japanese characters.
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``unit`` or ``references`` is none of these.
    """

    name = "edit"

    def __init__(self, unit: str = "characters", references: str = "max") -> None:
        super().__init__(references)
        if unit not in _UNITS:
            raise ValueError(f"unit={unit!r}; expected 'characters' or 'words'")
        self.unit = unit

    def compare(self, response: str, reference: str) -> float:
        if self.unit == "words":
            return Levenshtein.normalized_similarity(word_tokens(response), word_tokens(reference))
        return Levenshtein.normalized_similarity(response, reference)
