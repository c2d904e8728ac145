"""ROUGE-Lsum: longest common subsequences sentence by sentence, equal to the rouge-score package."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import rouge_tokens

__all__ = ["RougeLsum"]

_SPLITS = ("newline", "sentences")
# After . ! ? and closing quotes where white space follows, but not after a title or an initial; after the full stops of Chinese and Japanese.
_END = re.compile(r"\n+|(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bSt\.)(?<!\bMrs\.)[\"”’»)\]]*\s+|(?<=[。！？])(?![”」』）])")

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
        given, expected = _sentences(response, self.split, self.stem), _places(reference, self.split, self.stem)
        total = sum(map(len, given))
        if not total or not expected:
            return 0.0
        if len(given) == len(expected) == 1:
            hits = LCSseq.similarity(given[0], expected[0].words)
        else:
            hits = _hits(given, expected, total)
        return 2.0 * hits / (total + sum(len(sentence.words) for sentence in expected))


class _Sentence(NamedTuple):
    """A sentence of a reference, and for each word of it the set of its places as bits, the first place lowest."""

    words: _Words
    places: Mapping[str, int]


@lru_cache(maxsize=8192)
def _sentences(text: str, split: str, stem: bool) -> tuple[_Words, ...]:
    """The words of each sentence that has any."""
    cut = text.split("\n") if split == "newline" else _END.split(text)
    return tuple([words for words in (rouge_tokens(sentence, stem) for sentence in cut) if words])


@lru_cache(maxsize=8192)
def _places(text: str, split: str, stem: bool) -> tuple[_Sentence, ...]:
    found: list[_Sentence] = []
    for words in _sentences(text, split, stem):
        places: dict[str, int] = {}
        for place, word in enumerate(words):
            places[word] = places.get(word, 0) | 1 << place
        found.append(_Sentence(words, places))
    return tuple(found)


def _hits(given: Sequence[_Words], expected: Sequence[_Sentence], total: int) -> int:
    """Words of the reference's sentences on a common subsequence, none more often than either text has it."""
    left = Counter([word for words in given for word in words])  # the reference's own count is never exceeded: its places are distinct
    hits = 0
    for words, places in expected:
        union = 0
        for sentence in given:
            if not places.keys().isdisjoint(sentence):
                union |= _subsequence(places, len(words), sentence)
        while union:
            lowest = union & -union
            word = words[lowest.bit_length() - 1]
            if left[word]:
                left[word] -= 1
                hits += 1
            union ^= lowest
    return hits


def _subsequence(places: Mapping[str, int], size: int, sentence: _Words) -> int:
    """Places in the reference's sentence of one longest common subsequence: of several, the one that ``rouge-score`` finds.

    Each step of the table is one number: bit i says that the subsequence grows where the reference's word i comes in (Hyyrö 2004).
    Going back, ``rouge-score`` takes a match wherever it stands, else leaves out the reference's word unless that loses length.
    """
    steps: list[tuple[int, int]] = []  # for each word of the response: its places in the reference, and where the table grows
    full = (1 << size) - 1
    flat = full  # the complement of the growth
    for word in sentence:
        match = places.get(word, 0)
        if match:
            common = flat & match
            flat = ((flat + common) | (flat - common)) & full
        elif steps and not steps[-1][0]:
            continue  # a second word without a match moves nothing
        steps.append((match, ~flat & full))
    found = 0
    upto = full
    for match, growth in reversed(steps):
        place = ((match | growth) & upto).bit_length()
        if not place:
            break
        bit = 1 << (place - 1)
        if match & bit:
            found |= bit
            upto = bit - 1
        else:
            upto = (bit << 1) - 1
    return found
