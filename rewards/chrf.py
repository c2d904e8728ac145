"""chrF and chrF++: F-scores of character n-grams, equal to sacrebleu's."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import Sample, Values
from tokengym.rewards.ngrams import Matches, character_matches, word_matches
from tokengym.rewards.reference import ReferenceReward

__all__ = ["Chrf"]

_CHARACTERS = (1, 2, 3, 4, 5, 6)
_RECALL = 4.0  # beta squared: recall counts twice as much as precision
_MARKS = frozenset(string.punctuation)


class Chrf(ReferenceReward):
    """chrF: F-score of the runs of one to six characters, white space left out, in which recall weighs twice as much as precision.

    With ``word_order=2`` it is chrF++, which adds single words and pairs of words. Precision and recall are means over the orders for
    which both texts are long enough; 0.0 where there is none. As ``sacrebleu.sentence_chrf`` / 100. Works in every script.

    Range 0 to 1, higher is better, needs references. Source: Popović 2015 and 2017, "chrF" and "chrF++: words helping character
    n-grams"; Post 2018, arXiv:1804.08771 (sacrebleu 2).

    Args:
        word_order: the longest run of words that counts, 0 to 4: 0 is chrF, 2 is chrF++.
        lowercase: compares without case.
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``word_order`` is none of these numbers, or ``references`` neither word.
    """

    name = "chrf"

    def __init__(self, word_order: int = 0, lowercase: bool = False, references: str = "max") -> None:
        super().__init__(references)
        if isinstance(word_order, bool) or word_order not in range(5):
            raise ValueError(f"word_order={word_order!r}; expected 0 (chrF), 2 (chrF++), or another whole number up to 4")
        self.word_order = word_order
        self.lowercase = lowercase

    def compare(self, response: str, reference: str) -> float:
        return float(self._compare_all([response], [reference])[0])

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) best or mean match per sample, NaN where a sample has no reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        if not batch or any(isinstance(sample.references, str) for sample in batch) or not self._written_as(Chrf):
            return super().score(batch)
        pairs = [(sample.response, reference) for sample in batch for reference in sample.references]
        if not pairs:
            return np.full(len(batch), math.nan)
        found = iter(self._compare_all(*zip(*pairs, strict=True)).tolist())
        return np.array([self.pool([next(found) for _ in sample.references]) for sample in batch])

    def _compare_all(self, responses: Sequence[str], references: Sequence[str]) -> Values:
        """(P,) scores of the pairs of response and reference."""
        if self.lowercase:
            responses, references = [text.lower() for text in responses], [text.lower() for text in references]
        orders = character_matches(
            ["".join(text.split()) for text in responses], ["".join(text.split()) for text in references], _CHARACTERS
        )
        if self.word_order:
            orders += word_matches(list(map(_words, responses)), list(map(_words, references)), range(1, self.word_order + 1))
        return _f_score(orders)


def _f_score(orders: Sequence[Matches]) -> Values:
    """(P,) from the matches of each order; order after order, so that a pair's number does not depend on the others."""
    precision = recall = used = np.zeros(len(orders[0].common))
    for common, given, expected in orders:
        both = (given > 0) & (expected > 0)
        used = used + both
        precision = precision + np.where(both, common / np.maximum(given, 1), 0.0)
        recall = recall + np.where(both, common / np.maximum(expected, 1), 0.0)
    precision, recall = precision / np.maximum(used, 1), recall / np.maximum(used, 1)
    total = _RECALL * precision + recall
    return np.where(total > 0, (1.0 + _RECALL) * precision * recall / np.where(total > 0, total, 1.0), 0.0)


def _words(text: str) -> list[str]:
    """Words between white space; a mark at a word's end, or else at its beginning, is a word of its own."""
    found: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _MARKS:
            found += (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in _MARKS:
            found += (word[0], word[1:])
        else:
            found.append(word)
    return found
