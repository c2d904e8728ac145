"""Sentiment by a word list, offline: English and Chinese, with negations and degree words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.sentiment_words import BARRIERS, DEGREES, NEGATIONS, VALENCES
from tokengym.rewards.tokens import CJK

__all__ = ["Sentiment", "polarity"]

_REACH = 3  # words before a feeling in which a negation or a degree word bears on it
_FLIP = -0.6  # "not excellent" is no horror, and "not bad" no delight
_ENDINGS = (("ies", "y"), ("ied", "y"), ("ily", "y"), ("es", ""), ("ed", ""), ("ly", ""), ("s", ""), ("d", ""), ("ing", ""), ("ing", "e"))
_CUT = re.compile(rf"(?P<han>[{CJK}]+)|(?P<word>[^\W\d_{CJK}]+(?:['-][^\W\d_{CJK}]+)*)|(?P<end>[.!?;:,()\n。！？；：，、]+)")
_LONGEST = max(len(word) for word in {*VALENCES, *DEGREES, *NEGATIONS, *BARRIERS} if not word.isascii())


class Sentiment(BaseReward):
    """How positive (or negative) a text's words of feeling are, by a word list; 0.0 where it has none, so an empty response scores 0.0.

    The mean over the text's words of feeling, each between -1 and 1 ("fine" 0.5, "superb" 1.0), times a degree word before it ("very"
    1.4, "slightly" 0.5) and -0.6 for each negation before it, both at most three words away with no punctuation or "but" between. A mean
    cannot be raised by repeating praise, but one "superb" alone is the best there is: use it beside a reward for content.
    It knows a few hundred English and Chinese words, and neither irony nor context; a trained classifier is the better judge.

    Range -1 to 1, higher is better, needs nothing. Source: the design of Taboada et al. 2011, doi:10.1162/COLI_a_00049 (valences,
    intensifiers, negation as a shift); the words and numbers are our own.

    Args:
        target: "positive", or "negative" for the opposite sign.
    Raises:
        ValueError: another target.
    """

    name = "sentiment"
    range = (-1.0, 1.0)

    def __init__(self, target: str = "positive") -> None:
        if target not in ("positive", "negative"):
            raise ValueError(f"target={target!r}; expected 'positive' or 'negative'")
        self.target = target

    def score(self, batch: Sequence[Sample]) -> Values:
        polarities = np.array([polarity(sample.response) for sample in batch], dtype=np.float64)  # (B,)
        return polarities if self.target == "positive" else 0.0 - polarities


@lru_cache(maxsize=8192)
def polarity(text: str) -> float:
    """The mean valence of a text's words of feeling, from -1 (negative) to 1 (positive); 0.0 where it has none."""
    total, count = 0.0, 0
    factor, reach = 1.0, 0  # what degree words and negations before make of the next feeling, and for how many words
    for word in _words(text):
        valence = _valence(word)
        if word in BARRIERS:
            factor, reach = 1.0, 0
        elif valence:
            total += max(-1.0, min(1.0, valence * factor))
            count += 1
            factor, reach = 1.0, 0
        elif word in NEGATIONS or word.endswith("n't"):
            factor, reach = factor * _FLIP, _REACH
        elif word in DEGREES:
            factor, reach = factor * DEGREES[word], _REACH
        elif reach:
            reach -= 1
            factor = factor if reach else 1.0
    return total / count if count else 0.0


def _words(text: str) -> list[str]:
    """Words in lower case, "." for punctuation; a Chinese run is cut into the longest words of the lists, other characters singly."""
    found: list[str] = []
    for match in _CUT.finditer(unicodedata.normalize("NFKC", text).lower().replace("’", "'")):
        run = match.group()
        if match.lastgroup == "word":
            found.append(run)
        elif match.lastgroup == "end":
            found.append(".")
        else:
            start = 0
            while start < len(run):
                long = next((size for size in range(_LONGEST, 1, -1) if _known(run[start : start + size], size)), 1)
                found.append(run[start : start + long])
                start += long
    return found


def _known(word: str, size: int) -> bool:
    return len(word) == size and (word in VALENCES or word in DEGREES or word in NEGATIONS or word in BARRIERS)


@lru_cache(maxsize=65536)
def _valence(word: str) -> float:
    """A word's own valence, or that of the word it is a form of ("amazes", "happily"); 0.0 for any other."""
    if word in VALENCES:
        return VALENCES[word]
    if word.isascii() and word not in DEGREES and word not in NEGATIONS:
        for ending, instead in _ENDINGS:
            stem = word.removesuffix(ending) + instead
            if len(stem) > 3 and word.endswith(ending) and stem in VALENCES:
                return VALENCES[stem]
    return 0.0
