"""TextClassify-v0: a report to its topic, a review to its sentiment, or whatever labels data brings, as a label word."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.draw import Draw
from tokengym.envs.opinions import VERDICTS, opinion
from tokengym.envs.options import option
from tokengym.envs.sentences import sentences
from tokengym.envs.topics import CUES, TOPICS, brief
from tokengym.envs.world import Generated
from tokengym.rewards.accuracy import read_label
from tokengym.rewards.sentiment import polarity

__all__ = ["KINDS", "TextClassify"]

KINDS = ("topic", "sentiment")
_VERDICTS = {"en": dict(zip(VERDICTS, VERDICTS, strict=True)), "zh": {"positive": "正面", "negative": "负面", "neutral": "中性"}}
_SUMS_UP = re.compile(r"all in all|in the end|on the whole|again|recommend|worth|stars?\b|marks?\b|money back|总|推荐|再|[星满]")
_NOT = re.compile(r"\b(?:not|never|no|nobody|none|cannot|back|one|lowest)\b|不|没|绝|零|一星|白")


class TextClassify(Task):
    """Name the topic of a report or the sentiment of a review with one word.

    Description:
        One episode is one text. ``kind="topic"``: two or three sentences tell an event, and in two cases of three one sentence
        tells another event of another kind. ``kind="sentiment"``: praise and blame, with negations, contrasts and what others hold; the
        writer's overall verdict is known by construction. A row of each::

            prompt      In other news: Hundreds applied for the 870 jobs at the research lab that Lenuki Group is building in
                        Warwell. After a long debate, the council of Midstead has decided. Work will begin in April.
            references  politics
            labels      disaster, business, sport, politics, science, culture, crime, transport

            prompt      On Tuesday, I finished a language course with Vera Schson. Although the homework was anything but
                        pointless, the teacher was really impatient. I would book it again tomorrow.
            references  positive
            labels      positive, negative, neutral

        Data may bring labels of its own, and with ``meta["ask"]`` the word that asks for them: ``dataset="aclsum-aspects"`` asks for the
        aspect of a paper's sentence. The label of a row is its ``meta["label"]``, or else its first reference; what may be answered is
        its ``meta["labels"]``, or else every label of the training split: a CSV file with the columns text and label is enough.

    Action Space: ``Discrete(V)``, the next token; with ``constrained=True`` action masks leave the labels' tokens only.
    Observation Space: the text, ``Topic:`` or ``Sentiment:``, and the answer so far, as token ids.
    Rewards: accuracy: 1 where the answer names the right label and no other one, at the end.
    Starting State: a text of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``; a finished label where answers are constrained.
    Information: as in every environment of the suite; metrics accuracy and macro F1.
    Arguments: ``kind`` ("topic", "sentiment"); ``language`` ("en", "zh"); ``neutral``, whether sentiment knows a third class;
        ``constrained``; ``labels``, those of data of one's own; ``label_noise``, the share of flawed labels in the training split
        (validation and test are clean): the topic of the other event, the sentiment of the first words, or, where these are right, any
        other label.
    Version History: v0.
    """

    name = "TextClassify-v0"
    reward = "accuracy"
    metrics = ("accuracy", "macro_f1")
    max_prompt_tokens = 176
    max_new_tokens = 8

    @dataclass(frozen=True, kw_only=True)
    class Options:
        kind: str = option("topic", known=KINDS)  # what is asked: "topic" or "sentiment"
        language: str = option("en", known=tuple(TOPICS))  # of the builtin data, and of the words around other data: "en" or "zh"
        neutral: bool = True  # sentiment: three classes, or only "positive" and "negative"
        constrained: bool = False  # action masks that leave nothing but the labels
        labels: Sequence[str] = option((), later=True)  # of data of one's own; none given: those of its rows, or of its training split
        label_noise: float = option(0.3, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        given = self.options.labels
        if not isinstance(given, list | tuple) or not all(isinstance(label, str) and label.strip() for label in given):
            raise ValueError(f"labels={given!r}; expected a list of texts, such as ['good', 'bad']")

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        if self.options.labels:
            raise ValueError(f"labels={self.options.labels!r} are for data of your own; the builtin data has its own: leave them out")
        kind, language, noise = self.options.kind, self.options.language, self.options.label_noise if split == "train" else 0.0
        labels = self._labels()

        def make(index: int) -> Example:
            text, label, glance, draw = self._written(split, f"classify/{index}")
            said = label
            if draw.chance(noise):
                said = glance if glance != label else draw.pick([other for other in labels if other != label])
            meta = {"label": label, "labels": labels, "answer": label}
            return Example(f"{kind}-{language}-{split}-{index}", text, (said,), meta)

        return Generated(make, size)

    def prepared(self, examples: Sequence[Example], train: Callable[[], Sequence[Example]]) -> Sequence[Example]:
        """Every row with its label, and all labels, in the meta.

        Raises:
            ValueError: a label that is not among the labels, or two labels that are one but for case.
        """
        known = tuple(self.options.labels)
        if not known and not all(example.meta.get("labels") for example in examples):
            try:
                known = _labels_in(train())
            except (ValueError, OSError):  # there is no training split
                known = _labels_in(examples)
        if known:
            read_label("", known)  # raises where two of them cannot be told apart
        return [_labelled(example, known, bool(self.options.labels)) for example in examples]

    def parts(self, example: Example) -> Parts:
        topic, chinese = self.options.kind == "topic", self.options.language == "zh"
        labels = (", " if not chinese else "、").join(self._labels_of(example))
        usual = {(True, False): "Topic", (False, False): "Sentiment", (True, True): "主题", (False, True): "态度"}[topic, chinese]
        ask = example.meta.get("ask", usual)  # real data may ask for something else
        order = f"用一个词回答:{labels}。" if chinese else f"Answer with one of these words: {labels}."
        return Parts("", example.text, f"\n{ask}:", keep="start", instruction=order)

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        """The labels, then nothing; None where any text may be answered."""
        if not self.options.constrained:
            return None
        return () if said else self._labels_of(example)

    def oracle(self, example: Example) -> str:
        label = _label_of(example)
        return super().oracle(example) if label is None or example.meta.get("answer") is not None else label

    def heuristic(self, example: Example) -> str:
        """The topic with the most cues; the sign of a sentence that sums up, or else of the words of feeling, negations turned around."""
        text, labels = example.text, self._labels_of(example)
        if self.options.kind == "topic":
            return max(labels, key=lambda label: len(re.findall(CUES.get(label, re.escape(label.lower())), text.lower())))
        last = [sentence.lower() for sentence in sentences(text) if _SUMS_UP.search(sentence.lower())]
        feeling = polarity(text) if not last else -1.0 if _NOT.search(last[-1]) else 1.0
        sign = "positive" if feeling > 0.05 else "negative" if feeling < -0.05 else "neutral"
        label = _VERDICTS[self.options.language][sign]
        return label if label in labels else labels[0]

    def _labels(self) -> tuple[str, ...]:
        if self.options.kind == "topic":
            return tuple(TOPICS[self.options.language].values())
        return tuple(_VERDICTS[self.options.language][verdict] for verdict in VERDICTS[: 3 if self.options.neutral else 2])

    def _labels_of(self, example: Example) -> tuple[str, ...]:
        """What may be answered to ``example``: its own labels, or the task's."""
        return tuple(example.meta.get("labels") or self._labels())

    def _written(self, split: str, key: str) -> tuple[str, str, str, Draw]:
        """Text, label, what a hasty reader takes for the label, and the draw that goes on."""
        language = self.options.language
        if self.options.kind == "topic":
            return brief(split, key, language)
        told, verdicts = opinion(split, key, language, self.options.neutral), _VERDICTS[language]
        return told.text, verdicts[told.verdict], verdicts[told.glance], told.draw


def _label_of(example: Example) -> str | None:
    """The label of a row of one's own, None where it has none."""
    label = example.meta.get("label")
    if label is None and example.references:
        label = example.references[0]
    return None if label is None else str(label).strip() or None


def _labels_in(examples: Sequence[Example]) -> tuple[str, ...]:
    return tuple(sorted({label for label in map(_label_of, examples) if label is not None}))


def _labelled(example: Example, known: tuple[str, ...], forced: bool) -> Example:
    """The row with its label among its labels: its own, or ``known`` where it has none or that is ``forced``."""
    own, label = example.meta.get("labels"), _label_of(example)
    labels = known if forced or not own else tuple(map(str, own))
    if not labels:
        return example
    if label is not None and label not in labels:
        raise ValueError(
            f"the label {label!r} of example {example.id!r} is not among the labels {', '.join(labels)}; pass all of them as labels=[...]"
        )
    same = tuple(own or ()) == labels and example.meta.get("label") == label
    if label is None or (same and example.references):
        return example if same else replace(example, meta={**example.meta, "labels": labels})
    return replace(example, references=example.references or (label,), meta={**example.meta, "label": label, "labels": labels})
