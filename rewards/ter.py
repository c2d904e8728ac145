"""Translation edit rate: edits and shifts of blocks of words, equal to sacrebleu's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import numpy as np
from rapidfuzz.distance import Levenshtein

from tokengym.rewards.base import Sample, Values
from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import has_cjk, make_room

__all__ = ["Ter"]

_TOKENIZERS = ("auto", "words", "normalized")
_BLOCK = 10  # words of the longest block that is shifted
_REACH = 50  # words that a block may lie away from its place in the reference
_CANDIDATES = 1000  # shifts that are tried for one text
_CELLS = 1_000_000  # words of the response times words of the reference, above which no shift is tried


class Ter(ReferenceReward):
    """TER: insertions, deletions, replacements and shifts of blocks of words that make the reference, divided by the reference's words.

    As ``sacrebleu.sentence_ter`` / 100, also with several references: the fewest edits, divided by the mean length. 0.0 is perfect;
    a long text about something else can exceed 1. Where the reference has no word, 0.0 for a response without one, else 1.0.

    Range 0 to infinity, lower is better, needs references. Source: Snover et al. 2006, "A Study of Translation Edit Rate with Targeted
    Human Annotation", with Tercom's rules for the choice of shifts. Two liberties: the edit distance is exact where sacrebleu keeps
    within 25 words of the diagonal, and no shift is tried where the product of the two lengths exceeds a million.

    Args:
        tokenize: "words" cuts at white space, sacrebleu's default; "normalized" also parts punctuation from words, and Chinese and Japanese
            into characters (sacrebleu's ``normalized`` with ``asian_support``); "auto" takes "normalized" where a reference holds Chinese
            or Japanese, "words" elsewhere.
        lowercase: compares without case.
        references: "max" is the definition above, "mean" the mean of the rates against each reference.
    Raises:
        ValueError: ``tokenize`` or ``references`` is none of these.
    """

    name = "ter"
    range = (0.0, math.inf)
    higher_is_better = False

    def __init__(self, tokenize: str = "auto", lowercase: bool = True, references: str = "max") -> None:
        super().__init__(references)
        if tokenize not in _TOKENIZERS:
            raise ValueError(f"tokenize={tokenize!r}; expected one of {', '.join(_TOKENIZERS)}")
        self.tokenize = tokenize
        self.lowercase = lowercase

    def compare(self, response: str, reference: str) -> float:
        return self._rate(response, (reference,))

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) edit rates, NaN where a sample has no reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        if self.references == "mean" or any(isinstance(sample.references, str) for sample in batch) or not self._written_as(Ter):
            return super().score(batch)
        rates = [self._rate(sample.response, tuple(sample.references)) if sample.references else math.nan for sample in batch]
        return np.array(rates, dtype=np.float64)

    def _rate(self, response: str, references: tuple[str, ...]) -> float:
        tokenize = self.tokenize
        if tokenize == "auto":
            tokenize = "normalized" if any(map(has_cjk, references)) else "words"
        given = _words(response, tokenize, self.lowercase)
        expected = [_words(reference, tokenize, self.lowercase) for reference in references]
        edits = min([_edits(given, words) for words in expected])
        length = sum(map(len, expected)) / len(expected)
        return edits / length if length else float(edits > 0)


@lru_cache(maxsize=8192)
def _words(text: str, tokenize: str, lowercase: bool) -> tuple[str, ...]:
    make_room(_words, len(text))
    if tokenize == "normalized":
        return tuple(_tokenizer(lowercase)(text.rstrip()).split())
    return tuple((text.lower() if lowercase else text).split())


@cache
def _tokenizer(lowercase: bool) -> Callable[[str], str]:
    """sacrebleu's tokenizer, imported at first use."""
    try:
        from sacrebleu.metrics.ter import TER
    except ImportError as error:
        raise ImportError("the reward 'ter' needs sacrebleu to cut Chinese and Japanese: pip install 'sacrebleu>=2.4'") from error
    tokenizer: Callable[[str], str] = TER(normalized=True, asian_support=True, case_sensitive=not lowercase).tokenizer
    return tokenizer


def _edits(given: tuple[str, ...], expected: tuple[str, ...]) -> int:
    """Edits and shifts from one text to the other. Words become characters, so that a text is a string."""
    letters = {word: chr(index) for index, word in enumerate(dict.fromkeys(given + expected))}
    text, goal = "".join(map(letters.__getitem__, given)), "".join(map(letters.__getitem__, expected))
    if not goal or len(text) * len(goal) > _CELLS:
        return Levenshtein.distance(text, goal)
    places: dict[str, list[int]] = {}
    for place, letter in enumerate(goal):
        places.setdefault(letter, []).append(place)
    shifts = tried = 0
    while True:
        distance = Levenshtein.distance(text, goal)
        better, shifted, tried = _best_shift(text, goal, places, distance, tried) if distance > 1 else (0, text, tried)
        if better <= 0 or tried >= _CANDIDATES:
            return shifts + distance
        shifts += 1
        text = shifted


def _best_shift(text: str, goal: str, places: dict[str, list[int]], distance: int, tried: int) -> tuple[int, str, int]:
    """The shift that brings ``text`` nearest to ``goal``: how much nearer, the shifted text, and how many shifts have been tried by now.

    Tercom's rules: a block equal to a block of the goal, wrong where it stands and where the goal has it, goes to the places where its
    words are aligned; of equally good shifts the longest, then the one earliest in the text, then to the earliest place.
    """
    aligned, right, wanted = _alignment(text, goal)
    best: tuple[int, int, int, int] | None = None
    winner = text
    for start, letter in enumerate(text):
        for there in places.get(letter, ()):
            if abs(there - start) > _REACH:
                continue
            limit = min(_BLOCK, len(text) - start, len(goal) - there)
            size = 0
            while size < limit and text[start + size] == goal[there + size]:
                size += 1
                if all(right[start : start + size]) or all(wanted[there : there + size]) or start <= aligned[there] < start + size:
                    continue
                last = -1
                for offset in range(-1, size):
                    target = 0 if there + offset < 0 else aligned[there + offset] + 1
                    if target == last:
                        continue
                    last = target
                    shifted = _shifted(text, start, size, target)
                    rank = (distance - Levenshtein.distance(shifted, goal), size, -start, -target)
                    tried += 1
                    if best is None or rank > best:
                        best, winner = rank, shifted
                if tried >= _CANDIDATES:
                    return (best or (0,))[0], winner, tried
    return (best[0] if best else 0), winner, tried


def _shifted(text: str, start: int, size: int, target: int) -> str:
    block = text[start : start + size]
    if target < start:
        return text[:target] + block + text[target:start] + text[start + size :]
    rest = text[:start] + text[start + size :]
    if target > start + size:
        target -= size
    return rest[:target] + block + rest[target:]


def _alignment(text: str, goal: str) -> tuple[list[int], list[bool], list[bool]]:
    """Where each word of the goal is aligned in the text (-1: before its first), and which words of text and goal stand right.

    The edits are those of the cheapest path, read from its end; of several edits a replacement is preferred, then a word too many in the
    text. A column of the table is two numbers, one bit for each word of the text (Myers 1999, Hyyrö 2003).
    """
    full = (1 << len(text)) - 1
    match: dict[str, int] = {}
    for place, letter in enumerate(text):
        match[letter] = match.get(letter, 0) | 1 << place
    columns: list[tuple[int, int]] = []  # where the diagonal step is free, and where a step down costs one
    rising, falling = full, 0
    for letter in goal:
        same = match.get(letter, 0)
        free = ((((same & rising) + rising) ^ rising) | same | falling) & full
        more = ((falling | ~(free | rising)) << 1 | 1) & full
        less = ((free & rising) << 1) & full
        rising, falling = (less | ~(free | more)) & full, more & free
        columns.append((free, rising))
    aligned, right, wanted = [0] * len(goal), [False] * len(text), [False] * len(goal)
    row, column = len(text), len(goal)
    while row or column:
        if row and column:
            free, rising = columns[column - 1]
            bit = 1 << (row - 1)
            if text[row - 1] == goal[column - 1]:
                right[row - 1] = wanted[column - 1] = True
                step = (1, 1)
            elif not free & bit:
                step = (1, 1)
            else:
                step = (1, 0) if rising & bit else (0, 1)
        else:
            step = (1, 0) if row else (0, 1)
        if step[1]:
            aligned[column - 1] = row - 1
        row, column = row - step[0], column - step[1]
    return aligned, right, wanted
