"""How many n-grams each pair of texts shares, for a whole batch at once and without a Python object for each n-gram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from tokengym.rewards.tokens import rouge_bytes

__all__ = ["Keys", "Matches", "character_matches", "gram_matches", "ngram_matches", "word_matches"]

_PAIRS = 64  # of one pass: the pair's number fills the highest 6 bits of a key
_LETTERS = 1 << 19  # of one pass, unless a single pair is longer: some 20 MB of arrays
_HIGH = np.uint64(64 - 6)
_BODY = np.uint64((1 << 58) - 2)
_ONE, _SIX, _HALF = np.uint64(1), np.uint64(6), np.uint64(32)
_FIRST, _SECOND, _JOIN = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # any odd numbers
_KEEP = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)  # the lowest ``size`` bytes of eight

_Ints: TypeAlias = npt.NDArray[np.int64]
Keys: TypeAlias = npt.NDArray[np.uint64]
"""One number for each word or character, or for each run of them."""

_Text = TypeVar("_Text", bound=Sequence[str])


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

    Words as in :func:`tokengym.rewards.tokens.rouge_tokens`; the texts must hold no Chinese or Japanese.
    """
    return _joined([gram_matches(*_words([*given, *expected]), (n,)) for given, expected in _passes(responses, references)])[0]


def character_matches(responses: Sequence[str], references: Sequence[str], orders: Sequence[int]) -> list[Matches]:
    """The runs of characters that each response shares with the reference in its place, one entry for each length in ``orders``."""
    parts: list[list[Matches]] = []
    for given, expected in _passes(responses, references):
        texts = [*given, *expected]
        points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
        parts.append(gram_matches(_mixed(points.astype(np.uint64)), _sizes(texts), orders))
    return _joined(parts)


def word_matches(responses: Sequence[Sequence[str]], references: Sequence[Sequence[str]], orders: Sequence[int]) -> list[Matches]:
    """As :func:`character_matches`, for texts that are cut into words already."""
    parts: list[list[Matches]] = []
    for given, expected in _passes(responses, references):
        texts = [*given, *expected]
        sizes = _sizes(texts)
        hashes = np.fromiter(map(hash, chain.from_iterable(texts)), np.int64, int(sizes.sum()))
        parts.append(gram_matches(_mixed(hashes.view(np.uint64)), sizes, orders))
    return _joined(parts)


def _sizes(texts: Sequence[Sequence[str]]) -> _Ints:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _joined(parts: Sequence[Sequence[Matches]]) -> list[Matches]:
    """The matches of each order, over the pairs of all passes."""
    return [Matches(*map(np.concatenate, zip(*order, strict=True))) for order in zip(*parts, strict=True)]


def gram_matches(units: Keys, counts: _Ints, orders: Sequence[int]) -> list[Matches]:
    """Shared runs of units, for each length in ``orders`` (rising).

    Runs are compared by 57 bits of a fixed hash, so that two different ones of a pair count as the same about once in 10^13 pairs.

    Args:
        units: (U,) equal numbers for equal words or characters, spread over 64 bits; all texts one after another.
        counts: (2P,) units of each text; P <= 64 responses come first, then the P references.
        orders: lengths of the runs.
    """
    pairs = len(counts) // 2
    number = np.arange(pairs, dtype=np.uint64) << _HIGH  # (P,)
    owner = np.repeat(np.concatenate([number, number | _ONE]), counts)  # (U,) the pair in the highest bits, the side in the lowest
    keys, found = units, []
    for n in range(1, orders[-1] + 1):
        if n > 1:
            keys = _mixed(keys[:-1] * _JOIN + units[n - 1 :])
        if n in orders:
            within = owner[n - 1 :] == owner[: len(keys)] if n > 1 else slice(None)  # a run does not reach into the next text
            grams = np.maximum(counts - (n - 1), 0)
            found.append(Matches(_common(((keys >> _SIX) & _BODY | owner[: len(keys)])[within], pairs), grams[:pairs], grams[pairs:]))
    return found


def _passes(responses: Sequence[_Text], references: Sequence[_Text]) -> Iterator[tuple[Sequence[_Text], Sequence[_Text]]]:
    """The pairs, in parts that one pass can take."""
    pairs = len(responses)
    if pairs <= 1 or (pairs <= _PAIRS and sum(map(len, responses)) + sum(map(len, references)) <= _LETTERS):
        yield responses, references
        return
    half = pairs // 2
    yield from _passes(responses[:half], references[:half])
    yield from _passes(responses[half:], references[half:])


def _common(keys: Keys, pairs: int) -> _Ints:
    """(P,) sizes of the common multisets: equal keys of a pair are sorted side by side, the response's before the reference's."""
    if not keys.size:
        return np.zeros(pairs, dtype=np.int64)
    keys.sort()
    starts = np.concatenate([[0], np.flatnonzero((keys[1:] ^ keys[:-1]) > _ONE) + 1])  # (G,) of the groups of one word
    ends = np.append(starts[1:], len(keys))  # (G,)
    expected = _steps(np.cumsum(keys & _ONE).view(np.int64)[ends - 1])  # (G,)
    common = np.bincount((keys[starts] >> _HIGH).view(np.int64), np.minimum(expected, ends - starts - expected), pairs)
    return common.astype(np.int64)


def _words(texts: list[str]) -> tuple[Keys, _Ints]:
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


def _mixed(keys: Keys) -> Keys:
    """The same numbers, one to one, with every bit spread over the highest ones."""
    keys = keys * _FIRST
    keys ^= keys >> _HALF
    keys *= _SECOND
    return keys
