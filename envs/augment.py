"""Augmentation: seeded functions that write training prompts a little differently; off by default, and never on validation or test.

``augment(examples, "typo(0.05) + swap(0.1)", seed=0)`` gives the examples again, changed when they are asked for. An environment takes
``dataset={"path": "builtin", "augment": "typo(0.05) + swap(0.1)"}``. Words that an answer is made of are left alone: those of the
known answer, facts and entities, or else of the references; and so are numbers, and the record of a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from tokengym._registry import unknown
from tokengym.envs.base import Example, Turn
from tokengym.envs.draw import Draw
from tokengym.envs.sentences import words
from tokengym.envs.world import Generated, report

__all__ = ["STEPS", "Step", "augment", "drop", "read_steps", "reword", "swap", "synonym", "typo"]

Step = Callable[[Example, Draw], Example]
_Change = Callable[[str, Draw, frozenset[str]], str]  # of a text, the words in lower case that it must keep given

_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?|[\u4e00-\u9fff]")
_PAIR = re.compile(r"([A-Za-z]+)( )([A-Za-z]+)\b")
_CALL = re.compile(r"(\w+)(?:\(\s*([\d.]+)?\s*\))?")
_TOLD = re.compile(r"(summ|qa)-(en|zh)-(\w+)-(\d+)")  # ids of examples that a report of the builtin world stands behind
_ALIKE = (
    "begin start|began started|begins starts|big large|buy purchase|bought purchased|car vehicle|city town|close shut|cost price|end finish"
    "|ended finished|fast quick|firm company|fix repair|gift present|glad happy|hard difficult|help assist|helped assisted"
    "|hurt injured|job post|kind sort|leave depart|maybe perhaps|method approach|near nearby|often frequently"
    "|plan project|quickly rapidly|road street|said stated|says states|shop store|show display|sure certain|talk speak"
    "|trip journey|wrong incorrect|因此 所以|但是 不过|开始 启动|首次 第一次|大约 大概|举行 举办|宣布 公布|原因 缘由|居民 住户|使用 采用"
)
_SYNONYMS: Mapping[str, str] = {one: other for pair in _ALIKE.split("|") for a, b in [pair.split()] for one, other in ((a, b), (b, a))}
_SYNONYM = re.compile("|".join(rf"\b{w}\b" if w.isascii() else w for w in sorted(_SYNONYMS, key=len, reverse=True)), re.IGNORECASE)


def augment(examples: Sequence[Example], steps: str | Sequence[Step], seed: int = 0, copies: int = 1) -> Sequence[Example]:
    """The examples, each ``copies`` times, with ``steps`` applied in order when they are asked for; copy k of "x" has the id "x~k".

    An example's changes follow from its id, the seed and the copy alone, whatever else is in the data set. Where ``meta["source"]``, the
    text that a correction starts from, is the prompt, it stays so.

    Args:
        examples: training examples.
        steps: functions such as ``typo(0.05)``, or their text: "typo(0.05) + swap(0.1)".
        seed: another one gives other changes.
        copies: of each example, 1 or more.
    Raises:
        ValueError: unknown steps, a share outside 0 to 1, copies below 1, or a step that moves words where there is a tag for each.
    """
    taken = read_steps(steps) if isinstance(steps, str) else tuple(steps)
    if copies < 1:
        raise ValueError(f"copies={copies}; expected 1 or more")

    def make(index: int) -> Example:
        example, copy = examples[index % len(examples)], index // len(examples)
        changed = example
        for place, step in enumerate(taken):
            changed = step(changed, Draw(f"augment/{seed}/{copy}/{place}/{example.id}"))
        sources = (example.meta.get("source"), changed.meta.get("source"))
        if all(isinstance(source, str) and source == _text(example) for source in sources):
            changed = replace(changed, meta={**changed.meta, "source": _text(changed)})
        return replace(changed, id=f"{example.id}~{copy}")

    return Generated(make, len(examples) * copies)


def read_steps(text: str) -> tuple[Step, ...]:
    """Steps from their text: names of ``STEPS`` joined by "+", each with its share in brackets or without.

    Raises:
        ValueError: an unknown name, or something that is no such text.
    """
    steps = []
    for part in text.split("+"):
        call = _CALL.fullmatch(part.strip())
        if call is None:
            raise ValueError(f"{part.strip()!r} is no step of an augmentation; expected something like 'typo(0.05) + swap(0.1)'")
        if call[1] not in STEPS:
            raise unknown("augmentation", call[1], STEPS)
        make = STEPS[call[1]]
        steps.append(make(float(call[2])) if call[2] else make())
    return tuple(steps)


def drop(share: float = 0.1) -> Step:
    """Leaves words out, each with probability ``share``; Chinese by character."""

    def change(text: str, draw: Draw, keep: frozenset[str]) -> str:
        left = _WORD.sub(lambda word: "" if draw.chance(share) and word[0].lower() not in keep else word[0], text)
        return re.sub(r"(?m)^ +| +$", "", re.sub(r" +(?=[ .,;:!?])", "", left))

    return _lifted(change, share, moves=True)


def swap(share: float = 0.1) -> Step:
    """Exchanges a word with the next one of the same sentence, with probability ``share`` for each pair."""

    def change(text: str, draw: Draw, keep: frozenset[str]) -> str:
        def exchanged(pair: re.Match[str]) -> str:
            held = pair[1].lower() in keep or pair[3].lower() in keep
            return pair[0] if held or not draw.chance(share) else f"{pair[3]}{pair[2]}{pair[1]}"

        return _PAIR.sub(exchanged, text)

    return _lifted(change, share, moves=True)


def typo(share: float = 0.05) -> Step:
    """Slips of the hand in words of four letters or more: two letters change places, one is missing, or one is typed twice."""

    def change(text: str, draw: Draw, keep: frozenset[str]) -> str:
        def slipped(match: re.Match[str]) -> str:
            word = match[0]
            if len(word) < 4 or word.lower() in keep or not draw.chance(share):
                return word
            place = draw.number(1, len(word) - 3)  # never the first letter, nor the last
            return (
                word[:place]
                + draw.pick((word[place + 1] + word[place], word[place + 1], word[place : place + 2] + word[place + 1]))
                + word[place + 2 :]
            )

        return _WORD.sub(slipped, text)

    return _lifted(change, share)


def synonym(share: float = 0.3) -> Step:
    """Puts a word of much the same meaning in a word's place, out of a small table for English and Chinese."""

    def change(text: str, draw: Draw, keep: frozenset[str]) -> str:
        def other(match: re.Match[str]) -> str:
            word = match[0]
            if words(word) & keep or not draw.chance(share):
                return word
            found = _SYNONYMS[word.lower()]
            return found.capitalize() if word[:1].isupper() else found

        return _SYNONYM.sub(other, text)

    return _lifted(change, share)


def reword(share: float = 1.0) -> Step:
    """Tells a report of the builtin world again, in other words and another order, with all its known facts; leaves other texts alone."""
    _checked(share)

    def step(example: Example, draw: Draw) -> Example:
        told = _TOLD.match(example.id)
        if told is None or not draw.chance(share):
            return example
        kind, language, split, index = told[1], told[2], told[3], int(told[4])
        story = report(split, f"{kind}/{index}", language, extras=1 + index % 2)
        if story.text != example.prompt:
            return example  # a step before this one has changed it
        must = [str(fact).lower() for fact in example.meta.get("facts", ()) if str(fact).lower() in story.text.lower()]
        for _ in range(4):
            lead = draw.text(draw.pick(story.genre.leads), story.slots)
            body = [draw.text(draw.pick(group), story.slots) for group in story.genre.body]
            rest = draw.some([*body, *story.extra], len(body) + len(story.extra))
            text = (" " if language == "en" else "").join((lead, *rest))
            if all(fact in text.lower() for fact in must):
                return replace(example, prompt=text)
        return example

    return step


STEPS: Mapping[str, Callable[..., Step]] = {"drop": drop, "reword": reword, "swap": swap, "synonym": synonym, "typo": typo}


def _checked(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share={share}; expected a probability, 0 to 1")


def _lifted(change: _Change, share: float, moves: bool = False) -> Step:
    """A change of texts as a step: it works on the prompt, in a conversation on what is said in it."""
    _checked(share)

    def step(example: Example, draw: Draw) -> Example:
        if moves and "tags" in example.meta:
            raise ValueError(f"example {example.id!r} has a tag for each word, so words can neither be dropped nor swapped")
        keep = frozenset(words(" ".join(_answers(example))))
        if isinstance(example.prompt, str):
            return replace(example, prompt=change(example.prompt, draw, keep))
        turns = [Turn(role, said if role == "system" else change(said, draw, keep)) for role, said in example.prompt]
        return replace(example, prompt=tuple(turns))

    return step


def _text(example: Example) -> str:
    """The prompt as ``Example.text`` has it; of any conversation."""
    return example.prompt if isinstance(example.prompt, str) else "\n\n".join(turn.content for turn in example.prompt)


def _answers(example: Example) -> Iterable[str]:
    """Texts whose words an answer is made of."""
    known = [example.meta[key] for key in ("answer", "facts", "entities") if key in example.meta]
    return _flat(known) if known else example.references


def _flat(value: object) -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [text for each in value for text in _flat(each)]
    return [str(value)]
