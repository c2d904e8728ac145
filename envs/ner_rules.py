"""Finding entities by rule, without learning: capitals, digits, telling words, and the word before; English and Chinese."""

from __future__ import annotations

import re

__all__ = ["guessed"]

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
# Words that begin sentences.
_OPENER = (
    "A|After|An|According|At|As|Between|By|Few|Heavy|I|In|It|My|Near|Nobody|On|Officials|Outside|Police|Doctors|Reporters|Profits|Sales|Shares"
    "|Snow|The|We|Without|Work|Fog|Nothing"
)
_ENGLISH = re.compile(
    rf"(?P<DATE>\b\d{{1,2}} (?:{_MONTH})(?: \d{{4}})?\b|\b(?:{_MONTH})(?: \d{{1,4}})?\b|\b(?:{_DAY})\b|\b(?:19|20)\d\d\b)"
    r"|(?P<MONEY>\$\d+(?:[.,]\d+)*(?: million)?|\b\d[\d,]*(?: million)? (?:euros|dollars|pounds))"
    r"|(?P<TIME>\b\d{1,2}:\d\d\b|\b\d{1,2} [ap]m\b|\bnoon\b|\bmidnight\b)"
    r"|(?P<NUMBER>\b\d+(?:,\d{3})*\b|\b(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred)\b)"
    rf"|(?P<NAME>\b(?!(?:{_OPENER})\b)[A-Z][a-z]+(?: (?:of |& )?[A-Z][a-z]+)*)"
)
_ORGANIZATION = re.compile(r"\b(?:University|Council|Hospital|Bank|Group|Foundation|Insurance|Company|United|Media|Energy|Rail|Steel)\b|&")
_SPOT = re.compile(r"\b(?:Lake|Mount|Bridge|Station|Street|Park|River|Airport|Square)\b")
_TITLE = re.compile(r"\A(?:Mayor|Senator|Captain|Judge|Professor|Dr|Mr|Ms)\b\.?\s*")
_CHINESE = re.compile(
    r"(?P<DATE>(?:\d{4}年)(?:\d{1,2}月)?(?:\d{1,2}日)?|\d{1,2}月\d{1,2}日|星期[一二三四五六日])"
    r"|(?P<MONEY>\d+(?:万|亿)?(?:美)?元)"
    r"|(?P<TIME>\d{1,2}:\d\d|(?:上午|下午|晚上)\d{1,2}点|中午|半夜)"
    r"|(?P<NUMBER>\d+万?|[二三四五六七八九十百千两]{2,})"
    r"|(?P<ORG>[^\W\d的在和,。]{2,4}(?:银行|能源|食品|集团|汽车|大学|医院|日报|航空|保险|电信|物流|队))"
    r"|(?P<SPOT>[^\W\d的在和从到去了,。]{2,3}(?:大桥|火车站|公园|广场|机场|码头))"
    r"|(?<=[在从到])(?P<PLACE>[^\W\d,。]{2}[城山州江阳口港川宁水桥湾岭湖原镇门坪谷津])"
    r"|(?P<PERSON>[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾][^\W\d的在和,。]{2})"
)


def guessed(text: str, language: str = "en") -> list[tuple[str, str]]:
    """(surface, type) of what looks like an entity, in reading order.

    Args:
        text: any text.
        language: "en" or "zh".
    """
    if language == "zh":
        return [(found.group(), "PLACE" if found.lastgroup == "SPOT" else str(found.lastgroup)) for found in _CHINESE.finditer(text)]
    listed = []
    for found in _ENGLISH.finditer(text):
        kind, surface = str(found.lastgroup), found.group()
        listed.append(_name(surface, text[: found.start()]) if kind == "NAME" else (surface, kind))
    return [(surface, kind) for surface, kind in listed if surface]


def _name(surface: str, before: str) -> tuple[str, str]:
    """A run of capitalized words without its title, and its type; "" where it was nothing but a title."""
    title = _TITLE.match(surface)
    if title:
        return surface[title.end() :], "PERSON"
    if _SPOT.search(surface):
        return surface, "PLACE"
    if _ORGANIZATION.search(surface):
        return surface, "ORG"
    if re.search(r"\b(?:in|from|to|near|outside|between|at)\s\Z", before.lower()):
        return surface, "PLACE"
    return surface, "PERSON"
