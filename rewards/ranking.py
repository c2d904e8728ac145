"""Rankings written as a row of numbers: nDCG and the reciprocal rank."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values

__all__ = ["MRR", "NDCG", "read_ranking"]

_MAX_GRADE = 500.0  # 2**500 times any number of documents is still a finite float
_NUMBER = re.compile(r"[0-9]+")
_BRACKETED = re.compile(r"\[\s*([0-9]+)\s*\]")
_LINE_NUMBER = re.compile(r"\s*([0-9]+)[.)]\s(?=.*[0-9])")
# "2 > 1", "2, 1", "Document 2 > Document 1": two numbers with nothing between but marks and the word that stands before both.
_ROW = re.compile(r"\b([^\W\d]*+)\W*+([0-9]++)\W++\1\W*+([0-9]++)")


class NDCG(BaseReward):
    """Normalized discounted cumulative gain of the first ``k`` places of the ranking in the response.

    A place p (from 1) discounts its document's gain by 1 / log2(p + 1); the sum is divided by that of the ideal order. How numbers are
    read: :func:`read_ranking`. A document that is not listed gains nothing, so that a list left short is never worth more than a
    full one; a document listed twice keeps its first place; a number that is no document takes a place and gains nothing.
    Where no document is relevant every order is as good: not valid.

    Range 0 to 1, higher is better, needs ``meta["relevance"]``: a grade of 0 or more for each document, in the order shown. Source:
    Järvelin and Kekäläinen 2002, doi:10.1145/582415.582418; on full rankings equal to scikit-learn's ``ndcg_score``.

    Args:
        k: how many places count.
        gains: "linear": the grade, as in scikit-learn; "exponential": 2**grade - 1, as in learning to rank (grades up to 500).
    Raises:
        ValueError: ``k`` is not a whole number of at least 1, or other gains.
    """

    name = "ndcg"
    needs = "meta['relevance']"

    def __init__(self, k: int = 10, gains: str = "linear") -> None:
        self.k = _places(k)
        if gains not in ("linear", "exponential"):
            raise ValueError(f"gains={gains!r}; expected 'linear' or 'exponential'")
        self.gains = gains

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) scores, NaN where a sample has no relevant document.

        Raises:
            TypeError: meta["relevance"] is not a sequence of numbers.
            ValueError: a grade is negative, not finite, or above 500.
        """
        scores = np.full(len(batch), np.nan)  # (B,)
        for row, sample in enumerate(batch):
            grades = _grades(sample)
            gains = grades if self.gains == "linear" else tuple(2.0**grade - 1.0 for grade in grades)
            ideal = _ideal(gains, self.k)
            if ideal > 0:
                order = read_ranking(sample.response, len(grades))[: self.k]
                scores[row] = min(_dcg([gains[place] if place >= 0 else 0.0 for place in order]) / ideal, 1.0)
        return scores


class MRR(BaseReward):
    """Reciprocal rank: 1 / the place of the first relevant document (grade above 0) in the response, 0.0 where none is listed.

    The mean over samples is the MRR. How numbers are read: :func:`read_ranking`; a number that is no document takes a place. Where no
    document is relevant: not valid.

    Range 0 to 1, higher is better, needs ``meta["relevance"]``: a grade of 0 or more for each document, in the order shown. Source: the
    question answering track of TREC-8, Voorhees 1999.

    Args:
        k: how many places count; None: all.
    Raises:
        ValueError: ``k`` is not a whole number of at least 1.
    """

    name = "mrr"
    needs = "meta['relevance']"

    def __init__(self, k: int | None = None) -> None:
        self.k = None if k is None else _places(k)

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) scores, NaN where a sample has no relevant document.

        Raises:
            TypeError: meta["relevance"] is not a sequence of numbers.
            ValueError: a grade is negative, not finite, or above 500.
        """
        scores = np.full(len(batch), np.nan)  # (B,)
        for row, sample in enumerate(batch):
            grades = _grades(sample)
            if any(grades):
                order = read_ranking(sample.response, len(grades))[: self.k]
                scores[row] = next((1.0 / rank for rank, place in enumerate(order, 1) if place >= 0 and grades[place] > 0), 0.0)
        return scores


def read_ranking(response: str, count: int) -> list[int]:
    """The documents that a response lists, best first.

    The response names documents by their numbers from 1 on: "3 1 2", "3 > 1 > 2", "3, 1, 2" or "[3], [1], [2]"; whatever stands between
    is passed over. Where numbers in square brackets occur, only these are read. Where two or more lines begin with "1.", "2.", ... and
    go on to a further number, these beginnings are line numbers, and other lines (an introduction, a closing word) are passed over;
    but where a line before them is a row of documents already, what follows are reasons, and the whole text is read. A number that comes
    again is passed over.

    Args:
        response: any text.
        count: how many documents there are.
    Returns:
        Offsets from 0, each at most once; -1 stands for a number that is no document's.
    """
    text = response if response.isascii() else unicodedata.normalize("NFKC", response)
    found: Iterable[str] = _BRACKETED.findall(text)
    if not found:
        heads = [head for line in text.splitlines() if (head := _LINE_NUMBER.match(line))]
        if len(heads) > 1 and all(head.group(1) == str(row) for row, head in enumerate(heads, 1)):
            before = itertools.takewhile(heads[0].string.__ne__, text.splitlines())
            if not any(_is_row(line, count) for line in before):
                text = "\n".join(head.string[head.end() :] for head in heads)
        found = _NUMBER.findall(text)
    longest = len(str(count))
    order: list[int] = []
    for number in dict.fromkeys(digits.lstrip("0") for digits in found):
        # "" was 0; numbers too long for a document are not even converted: Python refuses thousands of digits
        known = number != "" and len(number) <= longest and int(number) <= count
        order.append(int(number) - 1 if known else -1)
    return order


def _is_row(line: str, count: int) -> bool:
    """Whether a line lists two documents in a row; one that ends with a colon only leads to what follows."""
    if line.rstrip().endswith(":"):
        return False
    longest = len(str(count))
    pairs = [(first.lstrip("0"), second.lstrip("0")) for _, first, second in _ROW.findall(line)]
    return any(all(number and len(number) <= longest and int(number) <= count for number in pair) for pair in pairs)


def _places(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k={k!r} places; expected a whole number of at least 1")
    return k


def _grades(sample: Sample) -> tuple[float, ...]:
    """Grades of the documents in the order shown; none where meta has none."""
    given: Any = sample.meta.get("relevance")
    if given is None:
        return ()
    try:
        grades = tuple(map(float, given)) if not isinstance(given, str) else None
    except (TypeError, ValueError):
        grades = None
    if grades is None:
        raise TypeError(f"meta['relevance']={given!r}; expected a sequence with a number for each document")
    if not all(0.0 <= grade <= _MAX_GRADE for grade in grades):
        raise ValueError(f"meta['relevance']={given!r}; expected grades from 0 to {_MAX_GRADE:g}")
    return grades


def _dcg(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


@lru_cache(maxsize=8192)
def _ideal(gains: tuple[float, ...], k: int) -> float:
    return _dcg(sorted(gains, reverse=True)[:k])
