"""What a Chinese question asks for, and where a sentence has it: the patterns of the Chinese heuristic of TextQA-v0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tokengym.envs.sentences import sentences

__all__ = ["answer_in"]

_HAN = r"[\u4e00-\u9fff]"
_PLACE = rf"{_HAN}{{2}}[省市县区州城镇村乡山江河湖海港湾岛岭原谷桥门坪口津川宁水阳]"
_FIRM = rf"{_HAN}{{2}}(?:机器人)?(?:公司|集团|银行|基金会|能源|食品|汽车|钢铁|传媒|航空|纺织|保险|电信|物流|化工)"
_TEAM = rf"{_HAN}{{2,4}}?队"
_PERSON = (
    r"[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕]" + _HAN + "{2}"
)  # the forty most common names
_ASKED: Mapping[str, tuple[str, ...]] = {  # the words that ask -> what for, the surest pattern first; group 1 is the span
    "比分": (r"(\d+比\d+)",),
    "多少|几": (r"(?<![\d比])(\d+)(?![\d比年])",),
    "什么时候|何时|哪[天月年]": ("([一二三四五六七八九十]+月)", r"(星期[一二三四五六日天]|\d{4}年)"),
    "原因|为什么|为何": ("原因是([^,。]+)", "[由因]([^,。]+?)(?:引起|造成|导致)"),
    "谁": (f"({_PERSON})",),
    "哪家|哪个公司": (f"({_FIRM})",),
    "哪支|哪个队": (f"({_TEAM})",),
    "哪里|哪儿|什么地方": (f"在({_PLACE})", f"({_PLACE})"),
}
_ASKING = re.compile("什么时候|什么地方|多少|哪里|哪儿|哪家|哪支|什么|谁|吗|的|是")


def answer_in(text: str, question: str) -> str:
    """The first span of the asked kind in the sentence that shares most with the question; without a kind, or a span, that sentence.

    Shared are characters and pairs of neighbouring characters; a span that the question itself names is no answer.
    """
    ranked = sorted(sentences(text), key=lambda sentence: -_shared(question, sentence))
    wanted = next((patterns for asks, patterns in _ASKED.items() if re.search(asks, question)), ())
    for pattern in wanted:
        for sentence in ranked:
            for found in re.finditer(pattern, sentence):
                if found[1] not in question:
                    return found[1]
    return ranked[0] if ranked else ""


def _shared(question: str, sentence: str) -> int:
    asked = set(_grams(_ASKING.sub(" ", question)))
    return len(asked & set(_grams(sentence)))


def _grams(text: str) -> Iterator[str]:
    """Han characters, and pairs of them."""
    for run in re.findall(rf"{_HAN}+", text):
        yield from run
        yield from (run[i : i + 2] for i in range(len(run) - 1))
