"""Texts of the builtin world whose entities are known by construction, with their places: typed slots in sentences made for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import NamedTuple

from tokengym.envs import mentions_en, mentions_zh
from tokengym.envs.draw import Draw
from tokengym.envs.names import SPLITS, Names

__all__ = ["TYPES", "Mentions", "mentions", "nothing"]

TYPES = ("PERSON", "PLACE", "ORG", "DATE", "TIME", "MONEY", "NUMBER")
_MARKED = re.compile("\x02([A-Z]+)\x1f(.*?)\x03")
_NAMES = frozenset(TYPES[:3])  # what a second sentence may take up again
_SHARE = {"train": range(0, 8), "validation": range(8, 9), "test": range(9, 10)}  # tenths of the sentences without entities


class _Language(NamedTuple):
    templates: tuple[str, ...]
    plain: tuple[str, ...]
    slots: Callable[[Draw, Names], Mapping[str, tuple[str, str]]]
    joint: str


_LANGUAGES: Mapping[str, _Language] = {
    "en": _Language(mentions_en.TEMPLATES, mentions_en.PLAIN, mentions_en.slots, " "),
    "zh": _Language(mentions_zh.TEMPLATES, mentions_zh.PLAIN, mentions_zh.slots, ""),
}


class Mentions(NamedTuple):
    """A text and its entities.

    Attributes:
        text: one or two sentences.
        spans: (begin, end, type) of each mention, in characters and in reading order.
        draw: goes on where the writing ended, for whatever is derived next.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    draw: Draw

    @property
    def entities(self) -> tuple[tuple[str, str], ...]:
        """(surface, type) of each mention, in reading order."""
        return tuple((self.text[begin:end], kind) for begin, end, kind in self.spans)


def mentions(split: str, key: str, language: str = "en") -> Mentions:
    """The text with this key: one sentence, or two that may speak of the same people and places. Same arguments, same text.

    Args:
        split: whose names are used: "train", "validation" or "test".
        key: any text; "ner/17".
        language: "en" or "zh".
    Raises:
        ValueError: unknown split or language.
    """
    told = _language(split, language)
    draw = Draw(f"mentions/{language}/{split}/{key}")
    names = Names(draw, split)
    text = ""
    spans: list[tuple[int, int, str]] = []
    slots: Mapping[str, tuple[str, str]] = {}
    for template in draw.some(told.templates, draw.number(1, 2)):
        again = {name: slot for name, slot in slots.items() if slot[1] in _NAMES}
        slots = {**told.slots(draw, names), **again}
        marked = draw.text(template, {name: _marked(*slot) for name, slot in slots.items()})
        text += told.joint if text else ""
        end = 0
        for found in _MARKED.finditer(marked):
            text += marked[end : found.start()]
            surface = found[2] if end or found.start() else found[2][:1].upper() + found[2][1:]
            spans.append((len(text), len(text) + len(surface), found[1]))
            text += surface
            end = found.end()
        text += marked[end:]
    return Mentions(text, tuple(spans), draw)


def nothing(split: str, number: int, language: str = "en") -> Mentions:
    """A sentence without any entity. Of 10,000, each belongs to one split; ``number`` counts through the split's share, over and over."""
    _language(split, language)
    pool = _nothing(split, language)
    return Mentions(pool[number % len(pool)], (), Draw(f"mentions/{language}/{split}/nothing/{number}"))


def _marked(surface: str, kind: str) -> str:
    """The surface between marks that tell its type; what stands before a bar ("the |University of Torwick") is no part of the name."""
    article, _, name = surface.rpartition("|")
    return f"{article}\x02{kind}\x1f{name}\x03"


@cache
def _nothing(split: str, language: str) -> tuple[str, ...]:
    joint = _LANGUAGES[language].joint
    whole = [joint.join(parts) for parts in product(*(part.split("|") for part in _LANGUAGES[language].plain))]
    mixed = Draw(f"mentions/{language}/nothing").some(whole, len(whole))
    return tuple(sentence for place, sentence in enumerate(mixed) if place % 10 in _SHARE[split])


def _language(split: str, language: str) -> _Language:
    if split not in SPLITS or language not in _LANGUAGES:
        raise ValueError(f"split={split!r}, language={language!r}: the builtin world has splits {SPLITS} and languages {tuple(_LANGUAGES)}")
    return _LANGUAGES[language]
