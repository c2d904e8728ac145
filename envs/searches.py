"""Rankings of the builtin world's news: a query of three facts, and short reports that share some of them or only seem to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokengym.envs.draw import Draw
from tokengym.envs.genre import Genre
from tokengym.envs.names import Names
from tokengym.envs.world import LANGUAGES

__all__ = ["Ranking", "numbered", "order_of", "search"]

_ASKED = 3  # facts in a query
_TRAP = 0.8  # share of the reports without all facts whose background has some of those they lack
_TOLD = 0.8  # share of the other reports that have a background, so that the best one is not the shortest
_QUERIES = {
    "en": ("Query: {0}, {1}, {2}", "Query: {0} {1} {2}", "Query: news about {0}, {1} and {2}"),
    "zh": ("查询:{0}、{1}、{2}", "查询:{0} {1} {2}", "查询:关于{0}、{1}和{2}的报道"),
}
_TIED = {"kind": ("cause", "other")}  # a flood is not caused by a faulty heater: these go with it


@dataclass(frozen=True)
class Ranking:
    """What is asked for, and what it is looked for in.

    Attributes:
        query: one or more lines.
        documents: one line each, in the order shown.
        grades: how relevant each one is, 0 or more.
        draw: goes on where the writing ended.
    """

    query: str
    documents: tuple[str, ...]
    grades: tuple[int, ...]
    draw: Draw


def numbered(query: str, documents: Sequence[str]) -> str:
    """The prompt of a ranking: the query and, from the next line on, "1. ...", "2. ..."."""
    return "\n".join((query, *(f"{number}. {document}" for number, document in enumerate(documents, 1))))


def order_of(grades: Sequence[float]) -> str:
    """The best order, "3 1 2": by falling grade, equal ones as they stand."""
    return " ".join(str(place + 1) for place in sorted(range(len(grades)), key=lambda place: -grades[place]))


def search(split: str, key: str, language: str, count: int) -> Ranking:
    """The search with this key: ``count`` reports of one genre, graded by how many of the query's facts are theirs.

    The first one drawn has all three facts, the second one or two, the others one or none. A report often
    tells in its background sentence of another event, to which a fact of the query belongs: this does not count.
    """
    draw = Draw(f"rank/{language}/{split}/{key}")
    names, genre = Names(draw, split), draw.pick(LANGUAGES[language])
    asked = draw.some([fact for fact in genre.facts if fact != "cause"], _ASKED)
    wanted = genre.slots(draw, names)
    shares = [_ASKED, draw.number(1, 2), *(int(draw.chance(0.5)) for _ in range(count - 2))]
    found = [_report(draw, names, genre, wanted, asked, share) for share in draw.some(shares, count)]
    query = draw.pick(_QUERIES[language]).format(*(wanted[fact] for fact in asked))
    return Ranking(query, tuple(text for text, _ in found), tuple(grade for _, grade in found), draw)


def _report(draw: Draw, names: Names, genre: Genre, wanted: Mapping[str, str], asked: list[str], share: int) -> tuple[str, int]:
    """A report that shares ``share`` of the facts asked for, and its grade."""
    slots = dict(genre.slots(draw, names))
    kept = draw.some(asked, share)
    for fact in kept:
        slots.update({name: wanted[name] for name in (fact, *_TIED.get(fact, ())) if name in wanted})
    lacking = [fact for fact in asked if fact not in kept and fact in genre.wrong]
    traps = {genre.wrong[fact]: wanted[fact] for fact in lacking} if draw.chance(_TRAP) else {}
    slots.update(traps)
    told = [sum(f"{{{name}}}" in template for name in traps) for template in genre.extra]
    background = [template for template, count in zip(genre.extra, told, strict=True) if count == max(told)]
    lines = [draw.text(draw.pick(genre.recap + genre.summary), slots)]
    if traps or draw.chance(_TOLD):
        lines.append(draw.text(draw.pick(background), slots))
    lines = draw.some(lines, len(lines))
    joint = " " if lines[0].isascii() else ""
    return joint.join(lines), sum(slots[fact] == wanted[fact] for fact in asked)
