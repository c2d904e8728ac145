"""A simulated customer with a goal: tells what is asked for, confirms, changes their mind, loses patience; English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tokengym.envs.base import Example, Turn
from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["LANGUAGES", "Heard", "asking", "customer", "listen", "met"]

_DAYS = {"en": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday", "zh": "周一|周二|周三|周四|周五|周六|周日"}
_ITEMS = {"en": "laptop|camera|bicycle|phone|printer|violin|watch|tent|lamp", "zh": "电脑|相机|自行车|手机|打印机|小提琴|手表|帐篷|台灯"}
_FAULTS = {
    "en": "a broken hinge|a dead battery|a loose cable|a cracked frame|a rusty screw",
    "zh": "铰链坏了|电池没电|电线松了|外壳裂了|螺丝生锈",
}


@dataclass(frozen=True)
class _Slot:
    """What a form asks for: its name on the form, words by which a question about it is known, a question, answers, and all values."""

    label: str
    words: tuple[str, ...]
    question: str
    answers: tuple[str, ...]
    values: str = ""  # a pattern of all its values; "": names, of which no list is made


_SLOTS: Mapping[str, Mapping[str, _Slot]] = {
    "en": {
        "day": _Slot("day", ("day", "date"), "Which day?", ("On {v}, please.", "{v} would be best."), _DAYS["en"]),
        "time": _Slot("time", ("time", "hour"), "What time?", ("At {v}.", "{v}, please."), r"\d\d:\d\d"),
        "guests": _Slot("people", ("people", "guests", "many"), "How many people?", ("For {v}.", "We are {v}."), r"\d"),
        "town": _Slot("town", ("town", "where", "place"), "Which town?", ("In {v}.", "It is {v}.")),
        "item": _Slot("item", ("item", "thing", "product"), "Which item?", ("It is the {v}.", "The {v}."), _ITEMS["en"]),
        "fault": _Slot("fault", ("fault", "wrong", "problem"), "What is wrong?", ("It has {v}.", "There is {v}."), _FAULTS["en"]),
        "order": _Slot("number", ("number", "order"), "What is the order number?", ("It is {v}.", "Order {v}."), r"\d\d\d\d"),
        "price": _Slot("price", ("price", "cost"), "", (), r"\d\d\d?"),
    },
    "zh": {
        "day": _Slot("日期", ("日期", "哪天", "星期"), "请问哪天?", ("{v}吧。", "就{v}。"), _DAYS["zh"]),
        "time": _Slot("时间", ("时间", "几点"), "请问几点?", ("{v}。", "{v}可以。"), r"\d\d:\d\d"),
        "guests": _Slot("人数", ("人数", "几位", "多少人"), "请问几位?", ("{v}位。", "我们{v}个人。"), r"\d"),
        "town": _Slot("地点", ("地点", "哪里", "哪个"), "请问在哪里?", ("在{v}。", "是{v}。")),
        "item": _Slot("物品", ("物品", "什么东西"), "请问是什么东西?", ("是{v}。", "我的{v}。"), _ITEMS["zh"]),
        "fault": _Slot("故障", ("故障", "问题", "毛病"), "请问有什么问题?", ("{v}。", "它{v}。"), _FAULTS["zh"]),
        "order": _Slot("单号", ("单号", "号码"), "请问单号是多少?", ("是{v}。", "单号{v}。"), r"\d\d\d\d"),
        "price": _Slot("价格", ("价格", "多少钱"), "", (), r"\d\d\d?"),
    },
}
LANGUAGES = tuple(_SLOTS)
_GOALS: Mapping[str, tuple[str, ...]] = {
    "book": ("day", "time", "guests", "town"),
    "complain": ("order", "item", "fault"),
    "ask": ("town", "day", "price"),
}
_FORMS = {
    "en": {"book": "table booking", "complain": "complaint", "ask": "train ticket"},
    "zh": {"book": "订餐", "complain": "投诉", "ask": "车票"},
}
_OPENINGS = {
    "en": {
        "book": ("[Hello|Hi], I would like to book a table.", "[Hello|Hi], can I reserve a table?"),
        "complain": ("[Hello|Hi], something that I bought does not work.", "[Hello|Hi], I have a complaint."),
        "ask": ("[Hello|Hi], I need a train ticket.", "[Hello|Hi], I want to travel by train."),
    },
    "zh": {
        "book": ("[你好|您好],我想订一张桌子。", "[你好|您好],还能订位吗?"),
        "complain": ("[你好|您好],我买的东西坏了。", "[你好|您好],我要投诉。"),
        "ask": ("[你好|您好],我要买一张火车票。", "[你好|您好],我想坐火车。"),
    },
}
_SAYS = {
    "en": {
        "lost": ("I do not understand. [Can you help me?|What do you need?]", "[Sorry|Pardon]? What do you want to know?"),
        "wrong": ("No, that is not right. {answer}", "[No|That is wrong]. {answer}"),
        "again": ("I said that already. {answer}", "As I said. {answer}"),
        "change": ("Sorry, I have to change that. {answer}", "Wait, I changed my mind. {answer}"),
        "unknown": ("That is what I want to know.", "You must tell me that."),
    },
    "zh": {
        "lost": ("我不明白。[您能帮我吗?|您需要什么?]", "[什么|抱歉]?您想知道什么?"),
        "wrong": ("不,不对。{answer}", "[不是|错了]。{answer}"),
        "again": ("我已经说过了。{answer}", "刚才说过。{answer}"),
        "change": ("抱歉,我要改一下。{answer}", "等等,我改主意了。{answer}"),
        "unknown": ("这正是我想问的。", "这要您告诉我。"),
    },
}
_AT_ONCE = 2  # questions that are answered in one turn
_PATIENCE = (2, 4)  # useless turns that a customer bears, from and to


class Heard(NamedTuple):
    """Where a conversation stands after a turn.

    Attributes:
        reply: what the customer says; None: they are content, or they left.
        filled: slot -> value, as the clerk's last turn that named any value has them.
    """

    reply: str | None
    filled: dict[str, str]


def customer(split: str, index: int, language: str) -> Example:
    """A form, a customer's opening, and in the meta all that decides what they will say; same arguments, same example."""
    draw = Draw(f"user/{language}/{split}/{index}")
    names = Names(draw, split)
    place: Callable[[], str] = names.zh_place if language == "zh" else names.place
    goal = draw.pick(tuple(_GOALS))
    slots = _SLOTS[language]
    days = draw.some(_DAYS[language].split("|"), 2)
    prices = draw.two(20, 190)
    towns = [place(), place()]
    while towns[1] == towns[0]:  # one town would have two prices
        towns[1] = place()
    every = {
        "day": days[0], "time": f"{draw.number(11, 21)}:{draw.pick(('00', '15', '30', '45'))}", "guests": str(draw.number(2, 9)),
        "town": towns[0], "item": draw.pick(_ITEMS[language].split("|")), "fault": draw.pick(_FAULTS[language].split("|")),
        "order": str(draw.number(1000, 9999)), "price": prices[0],
    }  # fmt: skip
    wanted = {name: every[name] for name in _GOALS[goal]}
    joint, stop = (", ", ". ") if language == "en" else ("、", "。")
    name = f"{names.zh_person()}的" if language == "zh" else f"{names.person()}, "
    form = f"{name}{_FORMS[language][goal]}: {joint.join(slots[name].label for name in wanted)}{stop.strip()}"
    if goal == "ask":
        form += "".join(f" {town}: {price}{stop.strip()}" for town, price in draw.some(list(zip(towns, prices, strict=True)), 2))
    opening = draw.text(draw.pick(_OPENINGS[language][goal]), {})
    told = draw.some([name for name in wanted if slots[name].question], 1) if draw.chance(0.4) else []
    for name in told:
        opening += (" " if language == "en" else "") + draw.pick(slots[name].answers).format(v=wanted[name])
    changes = {"day": days[1]} if "day" in wanted and draw.chance(0.3) else {}
    meta = {
        "slots": {**wanted, **changes}, "first": wanted, "told": told, "goal": goal, "language": language,
        "patience": draw.number(*_PATIENCE), "rivals": {"town": [towns[1]]} if goal == "ask" else {},
    }  # fmt: skip
    example = Example(f"user-{language}-{split}-{index}", (Turn("system", form), Turn("user", opening)), (), meta)
    return Example(example.id, example.prompt, ("\n".join(_script(example)),), meta)


def met(example: Example, seed: int) -> Example:
    """The same goal, form and opening with the customer that ``seed`` draws.

    They have their own words, patience, and order in which they tell and correct things. What they want and when they are content
    stays, so that each script leads as far with any of them as long as it wastes no turn.
    """
    manner = f"{example.id}/{seed}"
    draw = Draw(manner)
    first: Mapping[str, str] = example.meta["first"]
    drawn = {"manner": manner, "patience": draw.number(*_PATIENCE), "tells": draw.some(list(first), len(first))}
    return Example(example.id, example.prompt, example.references, {**example.meta, **drawn})


def asking(label: str, language: str) -> str:
    """A question for what a form calls ``label``; "" where the customer cannot know it."""
    return next((slot.question for slot in _SLOTS[language].values() if slot.label == label), "")


def listen(example: Example, said: Sequence[str]) -> Heard:
    """What the customer answers to the clerk's last turn, having heard all of ``said``."""
    meta: Mapping[str, Any] = example.meta
    language, slots = meta["language"], _SLOTS[meta["language"]]
    says, now, told, patience = _SAYS[language], dict(meta["first"]), set(meta["told"]), int(meta["patience"])
    manner, tells = meta.get("manner", example.id), meta.get("tells", tuple(now))  # see met(); the data set's own customer has neither
    filled: dict[str, str] = {}
    reply: str | None = ""
    for number, turn in enumerate(said):
        draw = Draw(f"{manner}/{number}")

        def answer(names: Sequence[str], draw: Draw = draw, now: Mapping[str, str] = now) -> str:
            texts = [
                draw.pick(slots[name].answers).format(v=now[name]) if slots[name].answers else draw.pick(says["unknown"]) for name in names
            ]
            return (" " if language == "en" else "").join(texts)

        named = _named(turn, now, slots, meta["rivals"], language)
        filled = named or filled
        if set(named) == set(now):
            wrong = [name for name in tells if named[name] != now[name]]
            if not wrong and now == meta["slots"]:
                return Heard(None, filled)
            if not wrong:  # what was confirmed is not what they want any more
                changed = [name for name in now if now[name] != meta["slots"][name]]
                now = dict(meta["slots"])
                reply = draw.pick(says["change"]).format(answer=answer(changed, now=now))
                continue
            patience -= 1
            reply = draw.text(draw.pick(says["wrong"]), {"answer": answer(wrong[:1])})
        else:
            asked = [name for name in tells if any(_has(word, turn, language) for word in slots[name].words)]
            new = [name for name in asked if name not in told][:_AT_ONCE]
            told |= set(new)
            patience -= not new
            if new:
                reply = answer(new)
            else:
                reply = draw.text(draw.pick(says["again" if asked else "lost"]), {"answer": answer(asked[:1])})
        if patience < 0:
            return Heard(None, filled)
    return Heard(reply, filled)


def _named(
    turn: str, now: Mapping[str, str], slots: Mapping[str, _Slot], rivals: Mapping[str, Sequence[str]], language: str
) -> dict[str, str]:
    """Slot -> value in a turn; where other values of the slot are named too, one of those."""
    found: dict[str, str] = {}
    for name, value in now.items():
        pattern = slots[name].values or "|".join(map(re.escape, (value, *rivals.get(name, ()))))
        values = [each.group() for each in re.finditer(_whole(pattern, language), turn, re.IGNORECASE)]
        if values:
            others = [each for each in values if each.casefold() != value.casefold()]
            found[name] = others[0] if others else value
    return found


def _whole(pattern: str, language: str) -> str:
    edge = r"\w:" if language == "en" else "0-9A-Za-z:"
    return f"(?<![{edge}])(?:{pattern})(?![{edge}])"


def _has(word: str, turn: str, language: str) -> bool:
    return word in turn if language == "zh" else re.search(_whole(word, language), turn, re.IGNORECASE) is not None


def _script(example: Example) -> list[str]:
    """The best turns: two questions at a time, then a confirmation; another one where the customer changes their mind."""
    meta: Mapping[str, Any] = example.meta
    slots = _SLOTS[meta["language"]]
    questions = [slots[name].question for name in meta["first"] if name not in meta["told"] and slots[name].question]
    turns = [" ".join(questions[k : k + _AT_ONCE]) for k in range(0, len(questions), _AT_ONCE)]
    turns.append(", ".join(meta["first"].values()) + ".")
    if meta["slots"] != meta["first"]:
        turns.append(", ".join(meta["slots"].values()) + ".")
    return turns
