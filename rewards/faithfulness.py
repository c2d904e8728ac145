"""Faithfulness to known facts: does the answer state them, and does it state nothing that the source lacks?"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from tokengym.rewards.base import Sample
from tokengym.rewards.one_by_one import OneByOne
from tokengym.rewards.tokens import CJK

__all__ = ["FactPrecision", "FactRecall", "Faithfulness"]

_NUMERALS = "〇零一二三四五六七八九十百千万亿两"
# A number with its inner marks, a run of Chinese numerals, one Han or kana character, or a run of other letters and digits.
_TOKEN = re.compile(rf"\d+(?:[.:]\d+)+|[{_NUMERALS}]+|[{CJK}]|[^\W_{CJK}]+")
_THOUSANDS = re.compile(r",(?<=\d,)(?=\d{3}(?!\d))")  # the comma stands first, so that the search jumps from one to the next
_SENTENCE_END = re.compile(r"[.!?:;\n。“\"]")
# Words that are capitalized only because a sentence begins with them.
_OPENERS = frozenset(
    "a about after all also although an and another any as at because before both but by can could despite did do does during each "
    "earlier every everyone few first finally following for from great had has have he hello her here his how however i if in instead "
    "it its just last later let many may maybe meanwhile more most my next no not now of ok okay on once one only or other our over "
    "perhaps please she since so some sorry soon still such sure thank thanks that the their then there these they this those though "
    "through to today tomorrow two under until was we were what when where which while who why will with would yes yesterday yet you "
    "your".split()
)


class Faithfulness(OneByOne):
    """F1 of the facts that the response states (recall) and of its mentions that the source supports (precision). Needs no reference.

    Recall: the share of ``meta["facts"]`` of which a surface form occurs in the response, as whole words, whatever the case; Chinese
    and Japanese by character, a run of Chinese numerals being one word; 1 where the list is empty.
    Precision: the share of the response's distinct mentions that occur, in the same way, in the prompt or in a fact (or are a row of
    whole mentions of those). A mention is a number (written with digits, or with two or more Chinese numerals) or a run of capitalized
    words. A capitalized word alone at the start of a sentence is one only if the prompt has it capitalized and never in lower case; at
    the head of a longer run it is left out if it is a common opener ("The", "In") or the prompt has it in lower case. A response
    without mentions claims nothing that can be held against the source: its precision is its recall. An empty response scores 0.
    The whole prompt copied scores 1: combine this with a reward that wants brevity or a reference.

    Range 0 to 1, higher is better, needs ``meta["facts"]``: a sequence in which each fact is a text or a list of alternative texts.
    Source: recall and precision of facts as in FactScore (arXiv:2305.14251), with known facts in place of a judge.
    """

    name = "faithfulness"
    needs = "meta['facts']"

    def rate(self, sample: Sample) -> float:
        """The score of one sample, NaN where its meta has no "facts".

        Raises:
            TypeError: "facts" is not a sequence of texts or of sequences of texts.
        """
        facts = _known(sample)
        if facts is None:
            return math.nan
        recall = _recall(sample.response, facts)
        if recall == 0.0:
            return 0.0
        precision = _precision(sample, facts)
        if precision is None:
            return recall
        return 2.0 * precision * recall / (precision + recall)


class FactRecall(OneByOne):
    """The share of the known facts that the response states, as :class:`Faithfulness` counts them.

    1.0 where the list of facts is empty; an empty response always scores 0.0. The whole prompt copied scores as well as an answer:
    combine this with a reward that wants brevity.

    Range 0 to 1, higher is better, needs ``meta["facts"]``: a sequence in which each fact is a text or a list of alternative texts.
    Source: recall of known facts in place of a judge's, after FactScore (arXiv:2305.14251).
    """

    name = "fact_recall"
    needs = "meta['facts']"

    def rate(self, sample: Sample) -> float:
        """The score of one sample, NaN where its meta has no "facts".

        Raises:
            TypeError: "facts" is not a sequence of texts or of sequences of texts.
        """
        facts = _known(sample)
        return math.nan if facts is None else _recall(sample.response, facts)


class FactPrecision(OneByOne):
    """The share of the response's numbers and names that the prompt or a known fact supports, as :class:`Faithfulness` counts them.

    A response without any number or name scores 0.0, so the empty one does: who claims nothing is not made right by it. One supported
    name alone scores 1.0: combine this with ``fact_recall``, or take ``faithfulness``, which is the harmonic mean of the two.

    Range 0 to 1, higher is better, needs ``meta["facts"]``: a sequence in which each fact is a text or a list of alternative texts.
    Source: FactScore's precision (arXiv:2305.14251), with numbers and names in place of a judge's atomic facts.
    """

    name = "fact_precision"
    needs = "meta['facts']"

    def rate(self, sample: Sample) -> float:
        """The score of one sample, NaN where its meta has no "facts".

        Raises:
            TypeError: "facts" is not a sequence of texts or of sequences of texts.
        """
        facts = _known(sample)
        return math.nan if facts is None else _precision(sample, facts) or 0.0


_Surfaces: TypeAlias = tuple[tuple[str, ...], ...]


class _Source(NamedTuple):
    """What is looked up in a prompt."""

    words: str  # its tokens in lower case, a space before and after each
    names: frozenset[str]  # words that it has capitalized and never in lower case, in lower case
    common: frozenset[str]  # words that it has in lower case
    mentions: frozenset[str]  # its own mentions, as joined tokens


def _known(sample: Sample) -> _Surfaces | None:
    """For each known fact its surface forms, as joined tokens; None where facts are not known."""
    facts = sample.meta.get("facts")
    if facts is None:
        return None
    if type(facts) is tuple:
        try:
            return _surfaces(facts)
        except TypeError:  # it holds lists, which a cache cannot
            pass
    return _surfaces(_frozen(facts))


def _recall(response: str, facts: _Surfaces) -> float:
    """The share of facts that the response states; 0 for an empty response."""
    if not response.strip():
        return 0.0
    if not facts:
        return 1.0
    text = _plain(response).lower()
    for word in _longest_words(facts):
        if word in text:
            break
    else:  # no fact at all, as in most answers of an untrained policy: known at a fifth of the cost of cutting the text into words
        return 0.0
    said = _words(response)
    return sum(any(surface in said for surface in fact) for fact in facts) / len(facts)


def _precision(sample: Sample, facts: _Surfaces) -> float | None:
    """The share of the response's mentions that are supported; None where it has none."""
    source = _source(sample.prompt)
    mentions = _mentions(sample.response, source)
    if not mentions:
        return None
    known = frozenset(surface for fact in facts for surface in fact)
    return sum(_supported(mention, source, known) for mention in mentions) / len(mentions)


def _plain(text: str) -> str:
    """NFKC, and no commas between thousands."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _THOUSANDS.sub("", plain) if "," in plain else plain


def _joined(tokens: Iterable[str]) -> str:
    """Tokens with a space before and after each: then "contains" means "contains as whole tokens, in a row"."""
    return f" {' '.join(tokens)} "


@lru_cache(maxsize=8192)
def _words(text: str) -> str:
    return _joined(_TOKEN.findall(_plain(text).lower()))


def _frozen(facts: Any) -> _Surfaces:
    """Facts in a form that a cache can hold."""
    if isinstance(facts, Iterable) and not isinstance(facts, str | Mapping):
        rows = tuple((fact,) if isinstance(fact, str) else tuple(fact) if isinstance(fact, Iterable) else (fact,) for fact in facts)
        if all(isinstance(surface, str) for row in rows for surface in row):
            return rows
    raise TypeError(f"meta['facts']={facts!r}; expected a sequence in which each fact is a text or a list of alternative texts")


@lru_cache(maxsize=8192)
def _surfaces(facts: tuple[Any, ...]) -> _Surfaces:
    """For each fact its surface forms as joined tokens; a form without any letter or digit can never be stated."""
    return tuple(tuple(words for surface in fact if (words := _words(surface)).strip()) for fact in _frozen(facts))


@lru_cache(maxsize=8192)
def _longest_words(facts: _Surfaces) -> tuple[str, ...]:
    """A word of each surface form, without which it cannot be stated: its longest, which is the rarest."""
    return tuple(max(surface.split(), key=len) for fact in facts for surface in fact)


@lru_cache(maxsize=4096)
def _source(prompt: str) -> _Source:
    tokens = _TOKEN.findall(_plain(prompt))
    common = frozenset(token for token in tokens if token[0].islower())
    names = frozenset(token.lower() for token in tokens if token[0].isupper())
    source = _Source(_words(prompt), names - common, common, frozenset())
    return source._replace(mentions=frozenset(_mentions(prompt, source)))


def _supported(mention: str, source: _Source, known: frozenset[str]) -> bool:
    """Whether a mention stands in the source or in a known fact, or is a row of whole mentions of theirs ("Monday Marta Silva").

    Whole ones only: of "Marta Silva" and "Ann Stone" nobody can make a "Marta Stone".
    """
    if mention in source.words or any(mention in surface for surface in known):
        return True
    words = mention.split()
    whole = source.mentions | known
    longest = max((piece.count(" ") - 1 for piece in whole), default=0)
    reached = [True] + [False] * len(words)  # reached[i]: the first i words are a row of whole mentions
    for end in range(1, len(words) + 1):
        reached[end] = any(reached[start] and _joined(words[start:end]) in whole for start in range(max(0, end - longest), end))
    return reached[-1]


def _mentions(response: str, source: _Source) -> set[str]:
    """The distinct mentions of a response, as joined tokens in lower case."""
    text = _plain(response)
    found: set[str] = set()
    run: list[str] = []
    opens = False  # whether the run stands at the start of a sentence
    end = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        gap = text[end : match.start()]
        begins = end == 0 or _SENTENCE_END.search(gap) is not None
        end = match.end()
        capital = token[0].isupper()
        if run and (not capital or begins or gap.strip(" '’-")):
            _close(run, opens, source, found)
            run = []
        if capital:
            opens = opens if run else begins
            run.append(token.lower())
        if any(map(str.isdigit, token)) or (len(token) > 1 and token[0] in _NUMERALS):
            if not capital:
                found.add(_words(token))
    if run:
        _close(run, opens, source, found)
    return found


def _close(run: list[str], opens: bool, source: _Source, found: set[str]) -> None:
    """Adds the mention that a finished run of capitalized words makes, if it makes one."""
    if opens and (run[0] in _OPENERS or run[0] in source.common or (len(run) == 1 and run[0] not in source.names)):
        if not any(map(str.isdigit, run[0])):
            run = run[1:]
    if run and run != ["i"]:
        found.add(_words(" ".join(run)))
