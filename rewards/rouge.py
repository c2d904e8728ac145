"""ROUGE-1, ROUGE-2 and ROUGE-L as F-measures, equal to the rouge-score package."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice

import numpy as np
from rapidfuzz.distance import LCSseq

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.ngrams import ngram_matches
from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.sample import Listed
from tokengym.rewards.tokens import LONG, has_cjk, make_room, ngram_counts, rouge_tokens, shared_ngrams

__all__ = ["Rouge1", "Rouge2", "RougeL"]

_MANY = 6  # pairs of texts, from which on one pass over all of them is faster than one by one


class Rouge1(ReferenceReward):
    """ROUGE-1: F1 of the words that response and reference share, counted as a multiset; 0.0 where either has no word.

    Words are runs of a-z and 0-9, as in ``rouge-score``; Chinese and Japanese by character.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".

    Args:
        stem: compares the stems of words of more than three letters (Porter's algorithm for English; needs nltk).
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``references`` is neither.
        ImportError: with ``stem`` and without nltk, when the first text is scored.
    """

    name = "rouge_1"
    _n = 1

    def __init__(self, stem: bool = False, references: str = "max") -> None:
        super().__init__(references)
        self.stem = stem

    def compare(self, response: str, reference: str) -> float:
        given = _related(response, reference, self.stem)
        if not given:
            return 0.0
        counts, size = _expected(reference, self.stem, self._n)
        total = max(len(given) - self._n + 1, 0) + size
        return 2.0 * shared_ngrams(given, counts, self._n) / total if total else 0.0

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) best or mean match per sample, NaN where a sample has no reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        if self.stem or len(batch) < _MANY or not self._written_as(Rouge1):
            return super().score(batch)
        _, responses, references, _, _ = zip(*batch, strict=True)
        if set(map(type, references)) != {tuple}:
            return super().score(batch)  # which refuses a text
        counts = list(map(len, references))
        alone = counts == [1] * len(batch)
        # P pairs of response and reference
        given = responses if alone else [text for text, count in zip(responses, counts, strict=True) for _ in range(count)]
        expected = list(chain.from_iterable(references))
        if not all(map(str.isascii, chain(given, expected))) and any(map(has_cjk, chain(given, expected))):
            return super().score(batch)
        common, *sizes = ngram_matches(given, expected, self._n)
        matches = 2.0 * common / np.maximum(sum(sizes), 1)  # (P,) what compare gives, to the last bit
        if alone:
            return matches
        found = iter(matches.tolist())
        return np.array([self.pool(list(islice(found, count))) for count in counts])

    def listed(self, batch: Sequence[Sample]) -> Listed:
        return super().listed(batch) if len(batch) < _MANY else BaseReward.listed(self, batch)


@lru_cache(maxsize=8192)
def _related(response: str, reference: str, stem: bool) -> tuple[str, ...]:
    """The words of a response, which several metrics ask for; none where the reference has none of them, so that all of them are 0."""
    given = rouge_tokens(response, stem)
    if len(response) >= LONG:
        make_room(_related, len(response))
    return () if _expected(reference, stem, 1)[0].keys().isdisjoint(given) else given


@lru_cache(maxsize=8192)
def _expected(reference: str, stem: bool, n: int) -> tuple[Mapping[Hashable, int], int]:
    """The n-grams of a reference, which comes again and again: how often each occurs, and how many there are."""
    tokens = rouge_tokens(reference, stem)
    if len(reference) >= LONG:
        make_room(_expected, len(reference), weight=2)
    return ngram_counts(tokens, n), max(len(tokens) - n + 1, 0)


class Rouge2(Rouge1):
    """ROUGE-2: as :class:`Rouge1`, over pairs of neighbouring words; 0.0 where either text is shorter than two words.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".

    Args:
        stem: as in :class:`Rouge1`.
        references: as in :class:`Rouge1`.
    """

    name = "rouge_2"
    _n = 2


class RougeL(ReferenceReward):
    """ROUGE-L: F1 of the longest common subsequence of words; 0.0 where either text has no word.

    Words as in :class:`Rouge1`. The subsequence is found by rapidfuzz's bit-parallel routine.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".

    Args:
        stem: as in :class:`Rouge1`.
        references: as in :class:`Rouge1`.
    """

    name = "rouge_l"

    def __init__(self, stem: bool = False, references: str = "max") -> None:
        super().__init__(references)
        self.stem = stem

    def compare(self, response: str, reference: str) -> float:
        given = _related(response, reference, self.stem)
        if not given:
            return 0.0
        expected = rouge_tokens(reference, self.stem)
        return 2.0 * LCSseq.similarity(given, expected) / (len(given) + len(expected))
