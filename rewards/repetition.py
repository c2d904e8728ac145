"""How much a response repeats itself, and how varied its n-grams are."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.tokens import CJK, has_cjk

__all__ = ["Distinct", "Repetition"]

_MARKS = string.punctuation + "“”‘’«»„…–—、。，！？；：（）《》「」『』【】؟،؛"
_ANY_CJK = re.compile(f"[{CJK}]")


class Repetition(BaseReward):
    """The share of the response's n-grams that repeat an earlier one: 1 - distinct n-grams / all n-grams.

    Words stand between white space and are compared in lower case, without punctuation at their ends; Chinese and Japanese by character.
    A text of fewer than ``n`` words has no n-gram and scores 0.0, so the empty one does: silence repeats nothing.

    Range 0 to 1, lower is better, needs nothing. Source: seq-rep-n of Welleck et al. 2019, arXiv:1908.04319.

    Args:
        n: words per n-gram.
    Raises:
        ValueError: ``n`` is not a whole number of at least 1.
    """

    name = "repetition"
    higher_is_better = False

    def __init__(self, n: int = 4) -> None:
        self.n = _whole(n)

    def score(self, batch: Sequence[Sample]) -> Values:
        pairs = [_distinct_and_all(sample.response, self.n) for sample in batch]
        return np.array([1.0 - distinct / count if count else 0.0 for distinct, count in pairs], dtype=np.float64)


class Distinct(BaseReward):
    """Distinct-n of one response: distinct n-grams / all n-grams, 1.0 where nothing repeats.

    Words as in :class:`Repetition`. A text of fewer than ``n`` words scores 0.0: saying nothing is not variety. The shortest text without
    a repetition earns everything, so add it to a reward for content. The source divides by the number of words, which nothing but
    unigrams could bring to 1, and counts over a whole corpus; this is the form per text.

    Range 0 to 1, higher is better, needs nothing. Source: Li et al. 2016, arXiv:1510.03055.

    Args:
        n: words per n-gram.
    Raises:
        ValueError: ``n`` is not a whole number of at least 1.
    """

    name = "distinct"

    def __init__(self, n: int = 2) -> None:
        self.n = _whole(n)

    def score(self, batch: Sequence[Sample]) -> Values:
        pairs = [_distinct_and_all(sample.response, self.n) for sample in batch]
        return np.array([distinct / count if count else 0.0 for distinct, count in pairs], dtype=np.float64)


def _whole(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n={n!r} words per n-gram; expected a whole number of at least 1")
    return n


@lru_cache(maxsize=8192)
def _distinct_and_all(text: str, n: int) -> tuple[int, int]:
    """How many different n-grams a text has, and how many in all."""
    text = text.casefold()
    if has_cjk(text):
        text = _ANY_CJK.sub(r" \g<0> ", text)
    words = [bare for word in text.split() if (bare := word.strip(_MARKS))]
    return len(set(zip(*(words[start:] for start in range(n)), strict=False))), max(len(words) - n + 1, 0)
