"""Short reports of the builtin world about one event, with a word on another beside it: which kind of event do they tell?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import NamedTuple

from tokengym.envs.draw import Draw
from tokengym.envs.world import report

__all__ = ["CUES", "TOPICS", "Brief", "brief"]

TOPICS: Mapping[str, Mapping[str, str]] = {  # language -> genre of the builtin world -> label
    "en": {
        "disaster": "disaster", "business": "business", "sport": "sport", "council": "politics", "science": "science",
        "culture": "culture", "crime": "crime", "transport": "transport",
    },
    "zh": {"disaster": "灾害", "business": "财经", "sport": "体育", "council": "政务"},
}  # fmt: skip
_BESIDE = {"en": ("In other news: ", "Also reported: ", ""), "zh": ("另据报道:", "其他消息:", "")}
CUES: Mapping[str, str] = {
    "disaster": r"fire|flood|hurt|injur|damage|rescue|shelter|homes|leak|blast|power cut|landslide",
    "business": r"compan|jobs|workers|plant|factory|hire|profit|invest|manager",
    "sport": r"match|game|goal|fans|team|coach|beat|score|win|penalty",
    "politics": r"council|mayor|vote|plan|motion|decision|town|approved",
    "science": r"study|research|scien|percent|tested|university|doctors",
    "culture": r"festival|visitors|guests|tickets|stage|concert|exhibition|tents|opens",
    "crime": r"police|thief|thieves|stole|arrest|court|suspect|robb|prison|theft",
    "transport": r"train|bus|line|minutes|trip|passengers|route|travel|tram|ferry",
    "灾害": r"洪水|火灾|滑坡|停电|受伤|救援|居民|损|惊",
    "财经": r"公司|岗位|投资|工作|项目|亿|厂|业绩",
    "体育": r"队|球|比赛|比分|教练|观众|胜",
    "政务": r"市长|投票|计划|通过|造价|决定|讨论|动工",
    "challenge": r"however|problem|difficult|challeng|lack|limit|cannot|hard|fail|\bnot\b|issue|few|suffer|expensive|despite|require|only",
    "approach": r"\bwe (?:\w+ly )?(?:propos|present|introduc|describ|develop|us|appl|stud)|this paper|this work|\bour\b|novel|algorithm",
    "outcome": r"results?\b|show|outperform|achiev|improv|accuracy|perform|experiment|demonstrat|significant|state-of-the-art|%|better",
}
"""Topic, or aspect of a paper, to what a reader looks for who has learnt nothing: a regular expression over lower-case text."""


class Brief(NamedTuple):
    """A short report.

    Attributes:
        text: two or three sentences about one event and, in two cases of three, one about another of another kind.
        topic: of the event that most of the text tells.
        beside: topic of the other event; the same where there is none.
        draw: goes on where the writing ended.
    """

    text: str
    topic: str
    beside: str
    draw: Draw


def brief(split: str, key: str, language: str = "en") -> Brief:
    """The short report with this key. Same arguments, same report.

    Args:
        split: whose names are used: "train", "validation" or "test".
        key: any text; "classify/17".
        language: "en" or "zh".
    Raises:
        ValueError: unknown split or language.
    """
    story = report(split, key, language, extras=0)
    topics, draw = TOPICS[language], story.draw
    told = [story.lead, *draw.some(story.body, draw.number(1, 2))]
    told = draw.some(told, len(told))
    topic = beside = topics[story.genre.name]
    if draw.chance(2 / 3):
        others = (report(split, f"{key}/beside/{number}", language, extras=0) for number in count())
        other = next(other for other in others if other.genre.name != story.genre.name)
        beside = topics[other.genre.name]
        told.insert(len(told) * draw.chance(0.6), draw.pick(_BESIDE[language]) + other.tell(draw.pick(other.genre.recap)))
    return Brief(("" if language == "zh" else " ").join(told), topic, beside, draw)
