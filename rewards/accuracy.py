"""Classification by answering: does the response name the right label, and no other?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.counts import CountReward
from tokengym.rewards.tokens import CJK

__all__ = ["Accuracy", "MacroF1", "read_label"]

_WORDS = rf"\d+(?:[.:,]\d+)+|[{CJK}]|[^\W_{CJK}]+"
_WORD = re.compile(_WORDS)
_WORD_OR_MARK = re.compile(rf"{_WORDS}|\S")


class Accuracy(BaseReward):
    """1.0 where the response names the label ``meta["label"]`` and no other, else 0.0. The mean over samples is the accuracy.

    Where ``meta["labels"]`` lists what may be answered, the label may stand within a sentence, and a response that names two labels
    or none is wrong (:func:`read_label`). Where it is not known, the response must be the label and nothing else, case, punctuation
    and white space aside: otherwise a list of all labels one can think of would be right. Negations are not understood: "not sports"
    names sports.

    Range 0 to 1, higher is better, needs ``meta["label"]``. Source: the usual definition; the reading of answers is our own.

    Args:
        first_line: whether only the first line with any text is read, so that a reason may follow.
    """

    name = "accuracy"
    needs = "meta['label']"

    def __init__(self, first_line: bool = False) -> None:
        self.first_line = first_line

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) 0 or 1, NaN where a sample's meta has no "label".

        Raises:
            TypeError: the label is not a text, or the labels are not texts.
            ValueError: the label is not one of the labels, or two labels are one but for case.
        """
        scores = np.full(len(batch), np.nan)  # (B,)
        for row, sample in enumerate(batch):
            label, labels = _gold(sample)
            if label is None:
                continue
            text = _first_line(sample.response) if self.first_line else sample.response
            scores[row] = read_label(text, labels) == label if labels is not None else _vocabulary((label,)).whole(text) == label
        return scores


class MacroF1(CountReward):
    """F1 of each label, averaged over labels: the metric where some labels are rare. As a score of one sample it is its accuracy.

    The labels that count are those that are right or answered somewhere, as in scikit-learn's ``f1_score(average="macro")``. Answers
    are read as in :class:`Accuracy`; an answer that names two labels or none is a miss of the right label and no other label's false alarm.

    Range 0 to 1, higher is better, needs ``meta["label"]`` and ``meta["labels"]``. Source: scikit-learn's definition; for the other one
    in use see Opitz and Burst 2019, arXiv:1911.03347.

    Args:
        first_line: whether only the first line with any text is read.
    """

    name = "macro_f1"
    needs = "meta['label'], meta['labels']"
    fields = ("hits", "false_alarms", "misses")

    def __init__(self, first_line: bool = False) -> None:
        self.first_line = first_line

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        """Label -> hits, false alarms, misses; None where the label or the labels are not known.

        Raises:
            TypeError: the label is not a text, or the labels are not texts.
            ValueError: the label is not one of the labels, or two labels are one but for case.
        """
        label, labels = _gold(sample)
        if label is None or labels is None:
            return None
        said = read_label(_first_line(sample.response) if self.first_line else sample.response, labels)
        if said == label:
            return {label: (1, 0, 0)}
        missed = {label: (0, 0, 1)}
        return missed if said is None else {**missed, said: (0, 1, 0)}

    def from_totals(self, totals: Values) -> npt.NDArray[np.float64]:
        hits, false_alarms, misses = np.moveaxis(totals, -1, 0)  # each (..., K)
        found = 2.0 * hits + false_alarms + misses
        seen = found > 0
        f1 = np.divide(2.0 * hits, found, out=np.zeros_like(found), where=seen)
        mean: npt.NDArray[np.float64] = f1.sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)
        return mean


def read_label(response: str, labels: tuple[str, ...]) -> str | None:
    """The one label that a response names; None if it names several or none.

    A label is named where its words stand in a row, as whole words, whatever their case and the punctuation between (Chinese and
    Japanese by character). Where labels contain one another, the longest that begins at a word counts: "not spam" does not name
    "spam" too. A label that is a single letter is looked up in its own case ("a" is an article, "A" a choice) unless the response is
    nothing else. Where labels differ by punctuation only, or one is nothing but marks ("C", "C++"; "+", "-"), marks count as words.

    Raises:
        ValueError: two labels are one but for case.
    """
    vocabulary = _vocabulary(labels)
    whole = vocabulary.whole(response)
    if whole is not None:
        return whole
    named = vocabulary.named(response)
    return named.pop() if len(named) == 1 else None


class _Vocabulary(NamedTuple):
    """Labels, ready to be looked up."""

    marks: bool  # whether punctuation marks are words
    words: dict[tuple[str, ...], str]  # the folded words of each label -> the label
    starts: dict[str, list[tuple[tuple[str, ...], str]]]  # first folded word -> labels that begin with it, the longest first

    def cut(self, text: str) -> list[str]:
        return (_WORD_OR_MARK if self.marks else _WORD).findall(unicodedata.normalize("NFKC", text))

    def whole(self, text: str) -> str | None:
        """The label that the text is."""
        words = tuple(word.casefold() for word in self.cut(text))
        found = self.words.get(words)
        if found is None and self.marks:  # "C++."
            found = self.words.get(words[:-1]) if words[-1:] in ((".",), ("!",), ("。",)) else None
        return found

    def named(self, text: str) -> set[str]:
        """The labels that the text names."""
        words = self.cut(text)
        folded = [word.casefold() for word in words]
        found: set[str] = set()
        place = 0
        while place < len(folded):
            step = 1
            for label_words, label in self.starts.get(folded[place], ()):
                letter = len(label_words) == 1 and len(label_words[0]) == 1
                if tuple(folded[place : place + len(label_words)]) == label_words and (not letter or words[place] in label):
                    found.add(label)
                    step = len(label_words)
                    break
            place += step
        return found


@lru_cache(maxsize=1024)
def _vocabulary(labels: tuple[str, ...]) -> _Vocabulary:
    for marks in (False, True):
        vocabulary = _Vocabulary(marks, {}, {})
        for label in dict.fromkeys(labels):
            words = tuple(word.casefold() for word in vocabulary.cut(label))
            if not words or words in vocabulary.words:
                break
            vocabulary.words[words] = label
        else:
            for words, label in sorted(vocabulary.words.items(), key=lambda item: -len(item[0])):
                vocabulary.starts.setdefault(words[0], []).append((words, label))
            return vocabulary
    raise ValueError(f"labels {', '.join(map(repr, labels))}: two are one but for case and white space, or one is empty")


def _gold(sample: Sample) -> tuple[str | None, tuple[str, ...] | None]:
    """The right label and all labels, None for what is not known."""
    label: Any = sample.meta.get("label")
    labels: Any = sample.meta.get("labels")
    if label is not None and not isinstance(label, str):
        raise TypeError(f"meta['label']={label!r}; expected a text")
    if labels is None:
        return label, None
    known = tuple(labels) if isinstance(labels, Iterable) and not isinstance(labels, str) else (None,)
    if not all(isinstance(one, str) for one in known):
        raise TypeError(f"meta['labels']={labels!r}; expected a sequence of texts")
    if label is not None and label not in known:
        raise ValueError(f"meta['label']={label!r} is not among meta['labels']={labels!r}")
    return label, known


def _first_line(text: str) -> str:
    return text.lstrip().partition("\n")[0]
