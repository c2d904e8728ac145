"""The builtin world: news reports with known facts, in English and Chinese, endless, seeded, split by their names.

A report is an event of one genre: slots (facts and distractors), and sentences that tell them. The same report serves
summaries, questions and (with its later recaps) the unlabelled text that ``builtin:tiny`` is pretrained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from tokengym.envs.base import Example
from tokengym.envs.draw import Draw
from tokengym.envs.genre import Genre, Question
from tokengym.envs.genres_en import ENGLISH
from tokengym.envs.genres_zh import CHINESE
from tokengym.envs.names import SPLITS, Names

__all__ = ["LANGUAGES", "WORLD_VERSION", "Generated", "Report", "report"]

WORLD_VERSION = 1  # goes into every data fingerprint; rises when texts of many tasks change; of one task alone, its ``revision`` does
LANGUAGES: Mapping[str, tuple[Genre, ...]] = {"en": ENGLISH, "zh": CHINESE}


@dataclass(frozen=True)
class Report:
    """One event and one way of telling it. ``draw`` goes on where the telling ended, for whatever is derived next."""

    genre: Genre
    slots: Mapping[str, str]
    lead: str
    body: tuple[str, ...]
    extra: tuple[str, ...]
    text: str
    draw: Draw

    @property
    def facts(self) -> tuple[str, ...]:
        """The values that a good summary names."""
        return tuple(self.slots[name] for name in self.genre.facts)

    @property
    def questions(self) -> tuple[Question, ...]:
        """What can be asked and is answered by the text: not every telling of an event gives every detail."""
        told = self.text.lower()
        return tuple(question for question in self.genre.questions if self.slots[question.slot].lower() in told)

    def tell(self, template: str, swap: Mapping[str, str] | None = None) -> str:
        """``template`` filled with this event's slots; ``swap`` puts one slot's value in another's place."""
        slots = {**self.slots, **{fact: self.slots[other] for fact, other in (swap or {}).items()}}
        return self.draw.text(template, slots)


def report(split: str, key: str, language: str = "en", extras: int = 2) -> Report:
    """The report with this key. Same arguments, same report.

    Args:
        split: whose names are used: "train", "validation" or "test".
        key: any text; "summ/17".
        language: "en" or "zh".
        extras: background sentences, 0 to 3.
    Raises:
        ValueError: unknown split or language.
    """
    if split not in SPLITS or language not in LANGUAGES:
        raise ValueError(f"split={split!r}, language={language!r}: the builtin world has splits {SPLITS} and languages {tuple(LANGUAGES)}")
    draw = Draw(f"{language}/{split}/{key}")
    genre = draw.pick(LANGUAGES[language])
    slots = genre.slots(draw, Names(draw, split))
    lead = draw.text(draw.pick(genre.leads), slots)
    body = [draw.text(draw.pick(group), slots) for group in genre.body]
    background = [draw.text(template, slots) for template in draw.some(genre.extra, extras)]
    rest = draw.some(body[1:] + background, len(body) - 1 + len(background))
    place = draw.number(0, min(1, len(rest)))  # the first fact comes first or second after the lead
    order = [lead, *rest[:place], body[0], *rest[place:]]
    joint = " " if language == "en" else ""
    return Report(genre, slots, lead, tuple(body), tuple(background), joint.join(order), draw)


class Generated(Sequence[Example]):
    """Examples that are written when they are asked for, and kept.

    Args:
        make: index to Example.
        size: how many there are.
    """

    def __init__(self, make: Callable[[int], Example], size: int) -> None:
        if size < 1:
            raise ValueError(f"size={size}; a data set needs at least 1 example per split")
        self._make = make
        self._size = size
        self._kept: dict[int, Example] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._size))]
        if not -self._size <= index < self._size:
            raise IndexError(f"example {index} of {self._size}")
        index %= self._size
        if index not in self._kept:
            self._kept[index] = self._make(index)
        return self._kept[index]
