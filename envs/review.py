"""What reviews are made of: things, their aspects with words for and against them, and the sentences of a language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["Aspect", "Reviews", "Thing"]


@dataclass(frozen=True)
class Aspect:
    """Something about a thing that can be good or bad. ``good`` and ``bad``: words between vertical bars."""

    noun: str
    good: str
    bad: str

    def words(self, polarity: str) -> list[str]:
        """The words for "positive" or "negative"."""
        return (self.good if polarity == "positive" else self.bad).split("|")


@dataclass(frozen=True)
class Thing:
    """A kind of thing that people review.

    Attributes:
        did: what the writer did with it, with a name in it.
        again: the same, in the words of "I would ... again".
        aspects: at least three.
    """

    did: str
    again: str
    aspects: tuple[Aspect, ...]


@dataclass(frozen=True)
class Reviews:
    """Templates of a language, as :meth:`tokengym.envs.draw.Draw.text` reads them.

    Attributes:
        slots: draws names, days and numbers.
        things: what is reviewed.
        intros: how a review begins; ``{did}`` stands for the thing's own template.
        plain, negated: remarks about an ``aspect`` with a ``word``, which the negated ones turn around.
        both, contrasts: two remarks, ``first`` and ``second``, that point one way, or two ways.
        heard: others ``said`` one thing of an ``aspect``, and it is the other, ``word``.
        others: polarity to what others hold of the thing.
        verdicts: verdict to sentences that give it.
        facts: neither for nor against.
        joint: stands between sentences.
        stop: stands at the end of one.
    """

    slots: Callable[[Draw, Names], Mapping[str, str]]
    things: tuple[Thing, ...]
    intros: tuple[str, ...]
    plain: tuple[str, ...]
    negated: tuple[str, ...]
    both: tuple[str, ...]
    contrasts: tuple[str, ...]
    heard: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]]
    verdicts: Mapping[str, tuple[str, ...]]
    facts: tuple[str, ...]
    joint: str
    stop: str
