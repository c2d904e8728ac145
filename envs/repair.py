"""Rules that mend writing without learning: a dictionary of the builtin world's commonest words, and a few rules of grammar."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache

from rapidfuzz.distance import OSA

from tokengym.envs.lexicon import DAYS, MONTHS
from tokengym.envs.mistakes import LOOKALIKES, NOUNS, PAST, pieces
from tokengym.envs.world import LANGUAGES

__all__ = ["mended"]

_WORD = re.compile(r"[a-z]{2,}")
_PLURAL = {singular: plural for plural, singular in NOUNS.items()}
_BASE = {past: base for base, past in PAST.items()}


def mended(text: str, kind: str, language: str) -> str:
    """``text`` with what the rules for "spelling" or "grammar" take for mistakes put right."""
    rules = {("spelling", "en"): _spelled, ("grammar", "en"): _agreed, ("spelling", "zh"): _written, ("grammar", "zh"): _single}
    return rules[kind, language](text)


@cache
def _dictionary() -> Mapping[str, int]:
    """Words of how English news begins and goes on, and how often; things and names are not among them."""
    return Counter(word for genre in LANGUAGES["en"] for text in _usual("en", genre.name) for word in _WORD.findall(text))


@cache
def _neighbours() -> frozenset[str]:
    """Pairs of characters that stand side by side in how Chinese news begins and goes on."""
    runs = [run for genre in LANGUAGES["zh"] for text in _usual("zh", genre.name) for run in re.split(r"[^\u4e00-\u9fff]", text)]
    return frozenset(run[i : i + 2] for run in runs for i in range(len(run) - 1))


def _usual(language: str, name: str) -> list[str]:
    """The templates of a genre's opening and body, without the names of slots."""
    genre = next(genre for genre in LANGUAGES[language] if genre.name == name)
    return [re.sub(r"\{\w+\}", " ", text) for text in (*genre.leads, *(text for group in genre.body for text in group))]


def _spelled(text: str) -> str:
    """Unknown words give way to the commonest known word that one slip away."""
    known = _dictionary()

    def best(word: str) -> str:
        if word in known or len(word) < 4 or not word.isalpha() or not word.islower():
            return word
        near = [other for other in known if abs(len(other) - len(word)) < 2 and OSA.distance(word, other, score_cutoff=1) == 1]
        return max(near, key=lambda other: (known[other], other)) if near else word

    return "".join(map(best, pieces(text, "en")))


def _agreed(text: str) -> str:
    """No word twice, a/an by the next letter, plurals after numbers, "in" a month and "on" a day, verbs after "will" and "people"."""
    text = re.sub(r"\b(\w+) \1\b", r"\1", text)
    text = re.sub(r"\b([Aa])n (?=[^aeiou\W])", r"\1 ", text)
    text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)
    text = re.sub(r"\b(\d+) (\w+)", lambda match: f"{match[1]} {_PLURAL.get(match[2], match[2])}", text)
    text = re.sub(r"\bwill (\w+)", lambda match: f"will {_BASE.get(match[1], match[1])}", text)
    text = re.sub(r"\b(people|residents|guests|visitors|fans) was\b", r"\1 were", text)
    text = re.sub(rf"\b(?:on|at|in) ({'|'.join(MONTHS)})\b", r"in \1", text)
    text = re.sub(rf"\b(?:on|at|in) ({'|'.join(DAYS)})\b", r"on \1", text)
    return re.sub(r"\b(police|officials|investigators) (says)\b", r"\1 say", text)


def _written(text: str) -> str:
    """A character that fits neither neighbour gives way to its look-alike where that fits one."""
    known, said = _neighbours(), list(text)

    def fits(place: int, character: str) -> bool:
        before, after = said[place - 1] if place else "", said[place + 1] if place + 1 < len(said) else ""
        return before + character in known or character + after in known

    for place, character in enumerate(said):
        other = LOOKALIKES.get(character)
        if other and not fits(place, character) and fits(place, other):
            said[place] = other
    return "".join(said)


def _single(text: str) -> str:
    """No character stands twice in a row."""
    return re.sub(r"([\u4e00-\u9fff])\1", r"\1", text)
