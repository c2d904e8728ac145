"""Mistakes that people make in writing, drawn into clean sentences: misspellings, and slips of grammar; English and Chinese.

A sentence is cut into pieces that join to it again; a mistake replaces one or two of them, so that each can be made or left out alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tokengym.envs.draw import Draw

__all__ = ["CONFUSED", "HOMOPHONES", "KINDS", "LOOKALIKES", "NOUNS", "PAST", "Mistake", "made", "mistakes", "pieces"]

KINDS = ("spelling", "grammar")
Mistake = Mapping[int, str]  # place of a piece to what is written there instead

_PIECE = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*|\d+|[^A-Za-z\d]+?(?=[A-Za-z\d]|$)")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of a keyboard
_VOWELS = {"a": "e", "e": "a", "i": "e", "o": "u", "u": "o"}


def _pairs(text: str) -> dict[str, str]:
    """Both directions of "one/other ..."; of several partners the first counts."""
    found: dict[str, str] = {}
    for one, other in (pair.split("/") for pair in text.split()):
        found.setdefault(one, other)
        found.setdefault(other, one)
    return found


# Real words that are taken for one another: no dictionary notices.
HOMOPHONES = _pairs(
    "their/there than/then to/too new/knew by/buy for/four here/hear whole/hole week/weak led/lead from/form lost/last were/where"
    " will/well had/hat site/side said/sad who/how of/off has/as won/one most/must want/went seen/scene night/knight"
)
# Chinese characters that sound or look alike, the right one of the news first.
LOOKALIKES = _pairs(
    "在/再 的/得 座/坐 建/健 作/做 将/奖 原/源 元/圆 员/圆 场/厂 市/是 因/应 受/收 伤/商 投/头 资/姿 工/公 岗/刚 位/为"
    " 计/记 划/化 终/中 于/与 决/绝 定/订 票/漂 造/早 价/介 程/成 式/试 费/废 希/西 望/忘 推/堆 迟/池 变/便 城/诚 生/声"
    " 活/话 复/付 初/出 后/候 附/驸 近/进 练/炼 球/求 迷/谜 庆/请 祝/住 胜/剩 关/观 众/重 比/必 赛/塞 讨/计 论/轮 争/挣"
    " 援/缓 居/具 民/名 惊/京 专/转 家/加 调/雕 查/察 警/敬 方/放 离/里 安/按 全/权 业/亚 绩/积 扩/阔 产/铲 消/削 息/席"
    " 找/我 到/道 需/须 经/径"
)
# Forms of verbs that are taken for one another.
CONFUSED = _pairs(
    "was/were is/are has/have said/say lost/lose found/find led/lead caused/cause injured/injure watched/watch scored/score tested/test"
    " studied/study followed/follow arrested/arrest opens/open begins/begin takes/take links/link connects/connect runs/run needs/need"
    " costs/cost wants/want expects/expect believes/believe pays/pay asks/ask"
)
PAST = {
    "build": "built",
    "open": "opened",
    "cost": "costed",
    "find": "found",
    "start": "started",
    "begin": "began",
    "spend": "spent",
    "get": "got",
}
# Nouns that follow numbers.
NOUNS = {
    "people": "person", "jobs": "job", "minutes": "minute", "guests": "guest", "visitors": "visitor", "suspects": "suspect",
    "residents": "resident", "fans": "fan", "kilometers": "kilometer", "workers": "worker",
}  # fmt: skip
_PREPOSITIONS = {"in": "on", "on": "at", "at": "in", "by": "with", "for": "to", "of": "from", "from": "of", "with": "by", "to": "for"}
_LITTLE = "的了在将有由被把是从"  # Chinese words of grammar that are forgotten


def pieces(sentence: str, language: str) -> list[str]:
    """The sentence in pieces: words and what stands between them, Chinese by character; joined they are the sentence."""
    return list(sentence) if language == "zh" else _PIECE.findall(sentence)


def made(parts: Sequence[str], chosen: Sequence[Mistake]) -> str:
    """The sentence with these mistakes in it."""
    wrong = {place: said for mistake in chosen for place, said in mistake.items()}
    return "".join(wrong.get(place, part) for place, part in enumerate(parts))


def mistakes(draw: Draw, kind: str, language: str, parts: Sequence[str], fixed: Sequence[str], count: int) -> list[Mistake]:
    """Up to ``count`` mistakes of a kind, at least two pieces apart, none of them in a fact.

    Args:
        draw: where the choices come from.
        kind: "spelling" or "grammar".
        language: "en" or "zh".
        parts: the sentence, see :func:`pieces`.
        fixed: names and other texts that stay as they are, since nobody could tell how they are written.
        count: how many.
    """
    text = "".join(parts)
    held = [(found.start(), found.end()) for value in fixed for found in re.finditer(re.escape(value), text)]
    starts = [sum(map(len, parts[:place])) for place in range(len(parts))]
    free = {i for i, at in enumerate(starts) if not any(low < at + len(parts[i]) and at < high for low, high in held)}
    ways = {
        ("spelling", "en"): _misspellings,
        ("grammar", "en"): _slips,
        ("spelling", "zh"): _wrong_characters,
        ("grammar", "zh"): _chinese_slips,
    }
    found = [each for each in ways[kind, language](draw, parts) if set(each[1]) <= free]
    chosen: list[Mistake] = []
    taken: set[int] = set()
    while found and len(chosen) < count:
        sort = draw.pick(sorted({name for name, _ in found}))  # every sort is as likely as any other that the sentence has room for
        mistake = draw.pick([each for name, each in found if name == sort])
        chosen.append(mistake)
        taken |= {near for place in mistake for near in range(place - 2, place + 3)}
        found = [each for each in found if not taken & set(each[1])]
    return chosen


def _misspellings(draw: Draw, parts: Sequence[str]) -> Iterator[tuple[str, Mistake]]:
    for place, word in enumerate(parts):
        if word in HOMOPHONES:
            yield "homophone", {place: HOMOPHONES[word]}
        if len(word) < 4 or not word.isalpha() or not word.islower():
            continue
        at = draw.number(1, len(word) - 2)  # first and last letters are seldom wrong
        letter, after = word[at], word[at + 1]
        if letter != after:
            yield "transposition", {place: word[:at] + after + letter + word[at + 2 :]}
        yield "doubled", {place: word[:at] + letter + word[at:]}
        yield "missing", {place: word[:at] + word[at + 1 :]}
        row = next(row for row in _ROWS if letter in row)
        beside = row[row.index(letter) + (1 if letter != row[-1] else -1)]
        yield "neighbour key", {place: word[:at] + beside + word[at + 1 :]}
        if letter in _VOWELS:
            yield "vowel", {place: word[:at] + _VOWELS[letter] + word[at + 1 :]}


def _slips(draw: Draw, parts: Sequence[str]) -> Iterator[tuple[str, Mistake]]:
    for place, word in enumerate(parts):
        after = parts[place + 2] if place + 2 < len(parts) and parts[place + 1] == " " else ""
        before = parts[place - 2] if place > 1 and parts[place - 1] == " " else ""
        if word in CONFUSED:
            yield "agreement or tense", {place: CONFUSED[word]}
        if before == "will" and word in PAST:
            yield "agreement or tense", {place: PAST[word]}
        if word in ("a", "an") and after:
            yield "article", {place: "an" if word == "a" else "a"}
        if word in ("a", "an", "the") and after:
            yield "article left out", {place: "", place + 1: ""}
        if word in NOUNS and before.isdigit():
            yield "number", {place: NOUNS[word]}
        if word in _PREPOSITIONS and after:
            yield "preposition", {place: _PREPOSITIONS[word]}
        if word.isalpha() and word.islower():
            yield "doubled", {place: f"{word} {word}"}
        if len(word) > 2 and len(after) > 2 and word.islower() and after.islower() and word != after:
            yield "order of words", {place: after, place + 2: word}


def _wrong_characters(draw: Draw, parts: Sequence[str]) -> Iterator[tuple[str, Mistake]]:
    for place, character in enumerate(parts):
        if character in LOOKALIKES:
            yield "look-alike", {place: LOOKALIKES[character]}


def _chinese_slips(draw: Draw, parts: Sequence[str]) -> Iterator[tuple[str, Mistake]]:
    for place, character in enumerate(parts):
        after = parts[place + 1] if place + 1 < len(parts) else ""
        if not "\u4e00" <= character <= "\u9fff":
            continue
        yield "doubled", {place: character * 2}
        if character in _LITTLE:
            yield "word left out", {place: ""}
        if "\u4e00" <= after <= "\u9fff" and after != character:
            yield "order of words", {place: after, place + 1: character}
