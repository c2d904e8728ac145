"""Unlabelled text of the builtin world, train split only: what the tokenizer and ``builtin:tiny`` are made from.

News with the later reports that look back on it, boxes in which readers' questions are answered, logs of customer service,
lists that are read twice in different order (registers, results, prices), and a tenth of it in Chinese. No document has the
layout of a task's prompt, and no label of any task is in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names
from tokengym.envs.service import conversation
from tokengym.envs.world import report

__all__ = ["document", "documents"]

_LATER = ("", "More on this: ", "One week later: ", "From our archive: ", "Reminder: ")


def _news(draw: Draw, key: str, language: str) -> str:
    story = report("train", key, language, extras=draw.number(0, 3))
    later = [story.tell(draw.pick(story.genre.recap)) for _ in range(draw.number(1, 2))]
    if language == "zh":
        return "\n".join([story.text, *later])
    return "\n".join([story.text, *(draw.pick(_LATER) + line for line in later)])


def _box(draw: Draw, key: str, language: str) -> str:
    story = report("train", key, language, extras=draw.number(0, 2))
    asked = draw.some(story.questions, draw.number(1, 3))
    joint = " " if language == "en" else ""
    lines = [story.tell(question.ask) + joint + story.tell(question.full) for question in asked]
    return "\n".join([story.text, *lines])


def _log(draw: Draw, key: str) -> str:
    talk = conversation("train", key)
    answer = draw.pick(talk.replies) if draw.chance(0.7) else talk.vague
    lines = [turn.content for turn in talk.turns] + [answer] + [turn.content for turn in talk.follow]
    note = talk.record if draw.chance(0.8) else f"Note: {talk.record}"
    return "\n".join([note, *(f"- {line}" for line in lines)])


_REGISTER = (  # how an entry is listed, and how it is told later
    ("{name}: {number}.", ("{name} has {number}.", "{number} for {name}.", "{name}, {number}.")),
    ("{name} - {other}.", ("{other} belongs to {name}.", "{name} goes with {other}.", "{name} and {other}.")),
    ("{number} {other} ({name}).", ("{other}: {number}, {name}.", "{name} took {other}.", "{other} has number {number}.")),
)
_ZH_REGISTER = (
    ("{name}:{number}。", ("{name}有{number}。", "{number}属于{name}。")),
    ("{name}和{other}。", ("{other}在{name}。", "{name},{other}。")),
)


def _list(draw: Draw, language: str) -> str:
    """Some entries, then the same in another order and other words, once or twice."""
    names = Names(draw, "train")
    kinds = (names.place, names.person, names.firm) if language == "en" else (names.zh_place, names.zh_person, names.zh_firm)
    first, second = draw.pick(kinds), draw.pick(kinds)
    form, told = draw.pick(_REGISTER if language == "en" else _ZH_REGISTER)
    entries = [
        {"name": first(), "other": second(), "number": str(draw.number(2, 999) * draw.pick((1, 1, 10, 100)))}
        for _ in range(draw.number(2, 6))
    ]
    joint = " " if language == "en" else ""
    lines = [joint.join(draw.text(form, entry) for entry in entries)]
    for _ in range(draw.number(1, 2)):
        later = draw.pick(told)
        lines.append(joint.join(draw.text(later, entry) for entry in draw.some(entries, draw.number(1, len(entries)))))
    return "\n".join(lines)


def document(index: int) -> str:
    """The document with this index; endless, and the same every time."""
    draw = Draw(f"corpus/{index}")
    key = f"corpus/{index}"
    language = "zh" if draw.chance(0.1) else "en"
    kind = draw.pick(("news", "news", "box", "box", "log", "log", "list", "list"))
    if kind == "list":
        return _list(draw, language)
    if kind == "log" and language == "en":
        return _log(draw, key)
    return _news(draw, key, language) if kind == "news" else _box(draw, key, language)


def documents(start: int, count: int) -> Iterator[str]:
    """``count`` documents from ``start``."""
    return (document(index) for index in range(start, start + count))
