"""How many word n-grams each pair of texts shares, for a whole batch at once and without a Python object for each word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tokengym.rewards.tokens import rouge_bytes

__all__ = ["Matches", "ngram_matches"]

_PAIRS = 64  # of one pass: the pair's number fills the highest 6 bits of a key
_LETTERS = 1 << 19  # of one pass, unless a single pair is longer: some 20 MB of arrays
_HIGH = np.uint64(64 - 6)
_BODY = np.uint64((1 << 58) - 2)
_ONE, _SIX, _HALF = np.uint64(1), np.uint64(6), np.uint64(32)
_FIRST, _SECOND, _JOIN = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # any odd numbers
_KEEP = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)  # the lowest ``size`` bytes of eight

_Ints = npt.NDArray[np.int64]
_Keys = npt.NDArray[np.uint64]


class Matches(NamedTuple):
    """Counts of n-grams, each (P,) for P pairs of texts.

    Attributes:
        common: n-grams that both texts have, as multisets.
        given: n-grams of the first text.
        expected: n-grams of the second.
    """

    common: _Ints
    given: _Ints
    expected: _Ints


def ngram_matches(responses: Sequence[str], references: Sequence[str], n: int) -> Matches:
    """The n-grams of words that each response shares with the reference in its place.

    Words as in :func:`tokengym.rewards.tokens.rouge_tokens`; the texts must hold no Chinese or Japanese. Words are compared by 57 bits of
    a fixed hash, so that two different words of one pair count as the same about once in 10^13 pairs.
    """
    pairs = len(responses)
    texts = [*responses, *references]
    if pairs > 1 and (pairs > _PAIRS or sum(map(len, texts)) > _LETTERS):
        half = pairs // 2
        halves = [ngram_matches(responses[part], references[part], n) for part in (slice(half), slice(half, None))]
        return Matches(*map(np.concatenate, zip(*halves, strict=True)))
    words, counts = _words(texts)  # (W,), (2P,)
    number = np.arange(pairs, dtype=np.uint64) << _HIGH  # (P,)
    owner = np.repeat(np.concatenate([number, number | _ONE]), counts)  # (W,) the pair in the highest bits, the side in the lowest
    keys = words
    for start in range(1, n):
        keys = _mixed(keys[:-1] * _JOIN + words[start:])
    if n > 1:
        within = owner[n - 1 :] == owner[: 1 - n]  # a run does not reach into the next text
        keys, owner = keys[within], owner[: 1 - n][within]
    grams = np.maximum(counts - (n - 1), 0)
    return Matches(_common(((keys >> _SIX) & _BODY) | owner, pairs), grams[:pairs], grams[pairs:])


def _common(keys: _Keys, pairs: int) -> _Ints:
    """(P,) sizes of the common multisets: equal keys of a pair are sorted side by side, the response's before the reference's."""
    if not keys.size:
        return np.zeros(pairs, dtype=np.int64)
    keys.sort()
    starts = np.concatenate([[0], np.flatnonzero((keys[1:] ^ keys[:-1]) > _ONE) + 1])  # (G,) of the groups of one word
    ends = np.append(starts[1:], len(keys))  # (G,)
    expected = _steps(np.cumsum(keys & _ONE).view(np.int64)[ends - 1])  # (G,)
    common = np.bincount((keys[starts] >> _HIGH).view(np.int64), np.minimum(expected, ends - starts - expected), pairs)
    return common.astype(np.int64)


def _words(texts: list[str]) -> tuple[_Keys, _Ints]:
    """A hash of each word of all texts, (W,), and the number of words of each text."""
    joined = " ".join(texts)
    if joined.isascii():
        data, sizes = rouge_bytes(joined), map(len, texts)
    else:
        cut = list(map(rouge_bytes, texts))
        data, sizes = b" ".join(cut), map(len, cut)
    ends = np.cumsum(np.fromiter(sizes, np.int64, len(texts)) + 1)  # (T,)
    data = b" " + data + b" " * 8
    letters = np.frombuffer(data, dtype=np.uint8) > ord(" ")
    edges = np.flatnonzero(letters[1:] != letters[:-1]) + 1  # beginning, end, beginning, ...
    begin, size = edges[::2], edges[1::2] - edges[::2]  # (W,)
    eight = np.ndarray((len(data) - 7,), "<u8", data, 0, (1,))  # the eight bytes from each position on, as one number
    keys = _mixed(eight.take(begin) & _KEEP.take(size, mode="clip"))
    longer, done = np.flatnonzero(size > 8), 8
    while longer.size:
        rest = size[longer] - done
        keys[longer] = _mixed(keys[longer] * _JOIN + (eight.take(begin[longer] + done) & _KEEP.take(rest, mode="clip")))
        longer, done = longer[rest > 8], done + 8
    return keys, _steps(np.searchsorted(begin, ends))


def _steps(totals: _Ints) -> _Ints:
    """What running totals grew by at each place."""
    totals[1:] -= totals[:-1].copy()
    return totals


def _mixed(keys: _Keys) -> _Keys:
    """The same numbers, one to one, with every bit spread over the highest ones."""
    keys = keys * _FIRST
    keys ^= keys >> _HALF
    keys *= _SECOND
    return keys
