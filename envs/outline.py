"""Reports that are begun and not finished: the notes of what is still to be told, the opening, and ways of going on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tokengym.envs.draw import Draw
from tokengym.envs.lexicon import NAMED
from tokengym.envs.world import Report, report

__all__ = ["CLOSING", "TONES", "Outline", "outline"]

TONES = ("", "positive", "negative")
_SLOT = re.compile(r"\{(\w+)\}")
# What a reporter's notes call the facts that a report tells after its opening.
_NOTES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "en": {
        "disaster": {"hurt": "people injured", "cause": "cause", "moved": "people moved"},
        "business": {
            "firm": "company", "what": "project", "place": "place", "jobs": "jobs", "money": "million invested", "person": "director",
        },
        "sport": {
            "team": "winner", "rival": "loser", "score": "score", "person": "scorer", "minute": "minute of the goal",
            "crowd": "spectators",
        },
        "council": {"what": "project", "vote": "vote", "cost": "million in cost", "mayor": "mayor", "month": "start"},
        "science": {
            "place": "university", "habit": "treatment", "what": "complaint", "cut": "percent less", "sample": "people in the study",
            "person": "leader",
        },
        "culture": {"what": "event", "place": "place", "day": "opening", "guests": "guests expected", "firm": "sponsor"},
        "crime": {
            "count": "people arrested", "day": "day of the arrest", "what": "stolen goods", "worth": "value", "site": "scene",
            "place": "place",
        },
        "transport": {"what": "project", "place": "from", "end": "to", "fast": "minutes", "firm": "operator", "month": "opening"},
    },
    "zh": {
        "disaster": {"kind": "事件", "hurt": "受伤人数", "cause": "原因", "moved": "转移人数"},
        "business": {"firm": "公司", "what": "项目", "place": "地点", "jobs": "岗位", "money": "投资(亿元)", "person": "负责人"},
        "sport": {"team": "胜队", "rival": "负队", "score": "比分", "person": "进球者", "crowd": "观众"},
        "council": {"what": "项目", "cost": "造价(亿元)", "mayor": "市长", "month": "动工"},
    },
}  # fmt: skip
_REMARKS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "positive": ('"This is [wonderful|great|excellent] news," said {who}.', '"I am [very happy|delighted|proud] today," said {who}.'),
        "negative": ('"This is [terrible|awful|sad] news," said {who}.', '"I am [very angry|worried|disappointed] today," said {who}.'),
    },
    "zh": {
        "positive": ("“这真是[好消息|太好了],”{who}说。", "“我今天[非常高兴|很满意],”{who}说。"),
        "negative": ("“这真是[坏消息|太糟糕了],”{who}说。", "“我今天[非常失望|很难过],”{who}说。"),
    },
}
# What the notes call who has the last word, and the feeling of it.
CLOSING: Mapping[str, tuple[str, str]] = {"en": ("speaker", "tone"), "zh": ("发言人", "语气")}
_FEELINGS = {"en": {"positive": "positive", "negative": "negative"}, "zh": {"positive": "高兴", "negative": "难过"}}


@dataclass(frozen=True)
class Outline:
    """An unfinished report.

    Attributes:
        notes: what is still to be told, label to value, in the order in which the continuations tell it.
        opening: the sentences that are there.
        continuations: ways of going on, each telling all notes; the first is the answer.
        facts: values that every continuation names and the opening does not.
        story: the event; its draw goes on where the telling ended.
    """

    notes: Mapping[str, str]
    opening: str
    continuations: tuple[str, ...]
    facts: tuple[str, ...]
    story: Report

    @property
    def draw(self) -> Draw:
        return self.story.draw


def outline(split: str, key: str, language: str = "en", told: int = 2, tone: str = "") -> Outline:
    """The unfinished report with this key. Same arguments, same outline.

    Args:
        split: whose names are used: "train", "validation" or "test".
        key: any text; "complete/17".
        language: "en" or "zh".
        told: sentences that are still to come, 1 to 3; more where there would be no name anywhere.
        tone: "positive" or "negative" has somebody close with such a remark; "" with none.
    """
    story = report(split, key, language, extras=1)
    draw, joint = story.draw, " " if language == "en" else ""
    opening = joint.join((story.lead, *story.extra[: draw.number(0, 1)]))
    slots = {**story.slots, "who": story.slots.get("person", story.slots.get("mayor", ""))}
    groups = story.genre.body[:told]
    first = [draw.pick(group) for group in groups]
    if not any(story.slots[slot] in opening or any(slot in _slots(text) for text in first) for slot in NAMED & set(story.slots)):
        groups = story.genre.body  # a page without any name could stand in two splits
        first += [draw.pick(group) for group in groups[told:]]
    alike = [[text for text in group if _slots(text) == _slots(said)] for group, said in zip(groups, first, strict=True)]
    templates = [first, *([draw.pick(texts) for texts in alike] for _ in range(3))]
    if tone:
        templates = [[*chosen, draw.pick(_REMARKS[language][tone])] for chosen in templates]
    ways = dict.fromkeys(joint.join(draw.text(text, slots) for text in chosen) for chosen in templates)
    labels = _NOTES[language][story.genre.name]
    notes = {labels[slot]: story.slots[slot] for text in first for slot in _SLOT.findall(text)}
    if tone:
        notes |= dict(zip(CLOSING[language], (slots["who"], _FEELINGS[language][tone]), strict=True))
    facts = [
        value for value in notes.values() if value.lower() not in opening.lower() and all(value.lower() in way.lower() for way in ways)
    ]
    return Outline(notes, opening, tuple(ways), tuple(dict.fromkeys(facts)), story)


def _slots(template: str) -> set[str]:
    return set(_SLOT.findall(template))
