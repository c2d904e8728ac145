"""ROUGE-Lsum: longest common subsequences sentence by sentence, equal to the rouge-score package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, chain, repeat
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import make_room, rouge_tokens

__all__ = ["RougeLsum"]

_SPLITS = ("newline", "sentences")
# A sentence ends after . ! ? (and closing quotes) where white space follows, not after a title or an initial; and after the full stops of
# Chinese and Japanese.
_TITLES = "".join(rf"(?<!\b{title}\.)" for title in ("[A-Z]", "Dr", "Mr", "Ms", "St", "Mrs"))
_END = re.compile(rf"\n+|(?<=[.!?…]){_TITLES}[\"”’»)\]]*\s+|(?<=[。！？])(?![”」』）])")

_Words = tuple[str, ...]


class RougeLsum(ReferenceReward):
    """ROUGE-Lsum: F1 of the words of each reference sentence that lie on a longest common subsequence with any response sentence.

    As ``rougeLsum`` of ``rouge-score``: for a reference sentence, the union of its subsequences with all sentences of the response;
    a word counts at most as often as it stands in either text. With one sentence on both sides it is ROUGE-L. Words as in ROUGE-1.

    Range 0 to 1, higher is better, needs references. Source: Lin 2004, section 3.2, as release 1.5.5 counts it. The time grows with
    the product of the two lengths in words, where both texts have many sentences.

    Args:
        split: "newline": a line is a sentence, as in ``rouge-score``; "sentences": lines are cut further at full stops.
        stem: compares the stems of words of more than three letters (Porter's algorithm for English; needs nltk).
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``split`` or ``references`` is none of these.
        ImportError: with ``stem`` and without nltk, when the first text is scored.
    """

    name = "rouge_lsum"

    def __init__(self, split: str = "newline", stem: bool = False, references: str = "max") -> None:
        super().__init__(references)
        if split not in _SPLITS:
            raise ValueError(f"split={split!r}; expected 'newline' (a line is a sentence) or 'sentences' (lines are cut at full stops)")
        self.split = split
        self.stem = stem

    def compare(self, response: str, reference: str) -> float:
        given, expected = _sentences(response, self.split, self.stem), _sentences(reference, self.split, self.stem)
        if not given or not expected:
            return 0.0
        if len(given) == len(expected) == 1:
            hits = LCSseq.similarity(given[0], expected[0])
        else:
            hits = _hits(given, _places(expected))
        return 2.0 * hits / (sum(map(len, given)) + sum(map(len, expected)))


class _Sentence(NamedTuple):
    """One sentence of a reference.

    Attributes:
        start: words of the reference that stand before it.
        size: words.
        places: for each word, the set of its places in the sentence as bits, the first place lowest.
    """

    start: int
    size: int
    places: dict[str, int]


class _Reference(NamedTuple):
    """A reference, cut.

    Attributes:
        sentences: those that have words.
        repeated: for each word that comes more than once, the set of its places in the reference as bits.
    """

    sentences: tuple[_Sentence, ...]
    repeated: dict[str, int]


@lru_cache(maxsize=8192)
def _sentences(text: str, split: str, stem: bool) -> tuple[_Words, ...]:
    """The words of each sentence that has any."""
    make_room(_sentences, len(text))
    cut = text.split("\n") if split == "newline" else _END.split(text)
    return tuple([words for words in [rouge_tokens(sentence, stem) for sentence in cut] if words])


@lru_cache(maxsize=8192)
def _places(cut: tuple[_Words, ...]) -> _Reference:
    make_room(_places, sum(map(len, chain.from_iterable(cut))), weight=2)
    starts = accumulate(map(len, cut), initial=0)
    sentences = tuple([_Sentence(start, len(words), _bits(words)) for start, words in zip(starts, cut, strict=False)])
    whole = _bits(chain.from_iterable(cut))
    return _Reference(sentences, {word: bits for word, bits in whole.items() if bits & (bits - 1)})


def _bits(words: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    bit = 1
    for word in words:
        found[word] = found.get(word, 0) | bit
        bit <<= 1
    return found


def _hits(given: Sequence[_Words], expected: _Reference) -> int:
    """Words of the reference's sentences on a common subsequence, none more often than the response has it."""
    union = 0
    for start, size, places in expected.sentences:
        found = 0
        for sentence in given:
            matches = list(map(places.get, sentence, repeat(0)))
            if any(matches):
                found |= _subsequence(matches, size)
        union |= found << start
    hits = union.bit_count()
    for word, bits in expected.repeated.items():
        taken = (union & bits).bit_count()
        if taken > 1:  # in several sentences, perhaps, for one word of the response
            hits -= max(0, taken - sum([sentence.count(word) for sentence in given]))
    return hits


def _subsequence(matches: Sequence[int], size: int) -> int:
    """Places in the reference's sentence of one longest common subsequence: of several, the one that ``rouge-score`` finds.

    Each step of the table is one number: bit i says that the subsequence grows where the reference's word i comes in (Hyyrö 2004).
    Going back, ``rouge-score`` takes a match wherever it stands, else leaves out the reference's word unless that loses length.

    Args:
        matches: for each word of the response's sentence, its places in the reference's.
        size: words of the reference's sentence.
    """
    full = (1 << size) - 1
    flat = full  # the complement of the growth
    steps: list[tuple[int, int]] = []
    idle = False
    for match in matches:
        if match:
            common = flat & match
            flat = ((flat + common) | (flat - common)) & full
            steps.append((match, match | (flat ^ full)))
            idle = False
        elif not idle:  # a second word without a match moves nothing
            steps.append((0, flat ^ full))
            idle = True
    found = 0
    upto = full
    while steps:
        match, reach = steps.pop()
        place = (reach & upto).bit_length()
        if not place:
            break
        bit = 1 << (place - 1)
        if match & bit:
            found |= bit
            upto = bit - 1
        else:
            upto = (bit << 1) - 1
    return found
