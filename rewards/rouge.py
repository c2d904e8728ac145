"""ROUGE-1, ROUGE-2 and ROUGE-L as F-measures, equal to the rouge-score package."""

from __future__ import annotations

from rapidfuzz.distance import LCSseq

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import ngram_counts, overlap, reference_counts, rouge_tokens

__all__ = ["Rouge1", "Rouge2", "RougeL"]


class Rouge1(ReferenceReward):
    """ROUGE-1: F1 of the words that response and reference share, counted as a multiset; no stemming; 0.0 where either has no word.

    Words are runs of a-z and 0-9, as in ``rouge-score``; Chinese and Japanese by character. The best over several references.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
    """

    name = "rouge_1"
    _n = 1

    def compare(self, response: str, reference: str) -> float:
        n = self._n
        given, expected = rouge_tokens(response), rouge_tokens(reference)
        total = max(len(given) - n + 1, 0) + max(len(expected) - n + 1, 0)
        if not total:
            return 0.0
        return 2.0 * overlap(ngram_counts(given, n), reference_counts(expected, n)) / total


class Rouge2(Rouge1):
    """ROUGE-2: as :class:`Rouge1`, over pairs of neighbouring words; 0.0 where either text is shorter than two words.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
    """

    name = "rouge_2"
    _n = 2


class RougeL(ReferenceReward):
    """ROUGE-L: F1 of the longest common subsequence of words; 0.0 where either text has no word.

    Words as in ROUGE-1. The best over several references. The subsequence is found by rapidfuzz's bit-parallel routine.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
    """

    name = "rouge_l"

    def compare(self, response: str, reference: str) -> float:
        given, expected = rouge_tokens(response), rouge_tokens(reference)
        if not given or not expected:
            return 0.0
        return 2.0 * LCSseq.similarity(given, expected) / (len(given) + len(expected))
