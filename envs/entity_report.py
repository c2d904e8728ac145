"""The usual report of named entity recognition: precision, recall, F1 and support of each type, micro, macro and weighted averages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tokengym.envs.base import Example
from tokengym.envs.bio import bio_tags, cut_words, listing, placed
from tokengym.rewards.entity_f1 import read_pairs, read_tags

__all__ = ["NERReport", "NERRow", "ner_report", "ner_tags", "tag_report"]


class NERRow(NamedTuple):
    """One line of the report: a type of entity, or an average. All four figures are about whole entities."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class NERReport:
    """A finished report.

    Attributes:
        rows: types in alphabetical order, then "micro avg", "macro avg" and "weighted avg".
    """

    rows: tuple[NERRow, ...]

    def __getitem__(self, name: str) -> NERRow:
        """The line of a type or an average. Raises KeyError where there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r}; the report has {', '.join(row.name for row in self.rows)}")

    @property
    def text(self) -> str:
        """The table as scikit-learn and seqeval print it."""
        width = max(len(row.name) for row in self.rows)
        lines = [" ".join((f"{'':>{width}} ", *(f"{title:>9}" for title in ("precision", "recall", "f1-score", "support")))), ""]
        for number, row in enumerate(self.rows):
            if number == len(self.rows) - 3:
                lines.append("")
            figures = (f"{value:>9.2f}" for value in (row.precision, row.recall, row.f1))
            lines.append(" ".join((f"{row.name:>{width}} ", *figures, f"{row.support:>9}")))
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        return self.text


def ner_report(examples: Sequence[Example], responses: Sequence[str]) -> NERReport:
    """The report on listed answers ("surface (TYPE); surface (TYPE)") to examples of ``TextNER-v0``.

    Answers become tags (:func:`ner_tags`). A listed entity that the text does not hold counts as a false alarm.

    Args:
        examples: with meta["entities"], a sequence of [surface, type], or meta["tags"], one BIO tag per word.
        responses: one for each example.
    Raises:
        ValueError: another number of responses than of examples, or an example whose entities are not known.
    """
    return tag_report(*ner_tags(examples, responses))


def ner_tags(examples: Sequence[Example], responses: Sequence[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Known and answered BIO tags, a row for each example, in the form that seqeval and others take.

    Words are meta["words"], else the prompt's. Behind them a row has one more place for each listed entity that the text does not hold:
    "O" against "B-TYPE", so that inventing costs precision. Types that no example knows become "OTHER". Raises as :func:`ner_report`.
    """
    if len(examples) != len(responses):
        raise ValueError(f"{len(responses)} responses to {len(examples)} examples; expected one for each")
    words = [list(example.meta.get("words") or cut_words(example.text)) for example in examples]
    known = [_known(example, row) for example, row in zip(examples, words, strict=True)]
    types = sorted({tag[2:] for row in known for tag in row if tag != "O"})
    answered = []
    for example, row, row_words, response in zip(examples, known, words, responses, strict=True):
        tags, lost = placed(row_words, response, types, _whole(example))
        row += ["O"] * len(lost)
        answered.append(tags + [f"B-{kind}" for kind in lost])
    return known, answered


def tag_report(known: Sequence[Sequence[str]], answered: Sequence[Sequence[str]]) -> NERReport:
    """The report on rows of BIO tags: seqeval's in strict mode with IOB2, and 0.0 where a quotient is 0 / 0.

    Args:
        known, answered: a tag for each word of each text: "O", "B-TYPE", "I-TYPE". An I- that continues nothing is no entity.
    Raises:
        ValueError: the rows do not fit each other.
    """
    if [len(row) for row in known] != [len(row) for row in answered]:
        raise ValueError("known and answered tags differ in number of rows or in length; expected one tag for each word of each text")
    hits: Counter[str] = Counter()
    said: Counter[str] = Counter()
    support: Counter[str] = Counter()
    for known_row, answered_row in zip(known, answered, strict=True):
        right, given = read_tags(" ".join(known_row)), read_tags(" ".join(answered_row))
        for counted, entities in ((support, right), (said, given), (hits, right & given)):
            counted.update(str(entity[0]) for entity in entities if isinstance(entity, tuple))
    names = sorted({*support, *said})
    rows = [_row(name, hits[name], said[name], support[name]) for name in names]
    total = support.total()
    figures = np.array([row[1:4] for row in rows]).reshape(-1, 3)  # (types, 3)
    supports = [row.support for row in rows]
    macro = figures.mean(axis=0) if names else np.zeros(3)
    weighted = np.average(figures, axis=0, weights=supports) if total else np.zeros(3)
    averages = [
        NERRow(name, float(p), float(r), float(f1), total) for name, (p, r, f1) in (("macro avg", macro), ("weighted avg", weighted))
    ]
    return NERReport((*rows, _row("micro avg", hits.total(), said.total(), total), *averages))


def _row(name: str, hits: int, said: int, support: int) -> NERRow:
    precision, recall = hits / max(said, 1), hits / max(support, 1)
    return NERRow(name, precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0, support)


def _known(example: Example, words: Sequence[str]) -> list[str]:
    tags, entities = example.meta.get("tags"), example.meta.get("entities")
    if tags is not None:
        return list(tags)
    if entities is None:
        raise ValueError(f"example {example.id!r} has neither meta['entities'] nor meta['tags']")
    return bio_tags(words, listing((str(surface), str(kind)) for surface, kind in entities), known=_ANY)


def _whole(example: Example) -> Container[Hashable]:
    """The known entities as ``read_pairs`` gives them, which reads these whole; beside tags they may have another form, and go unread."""
    entities = example.meta.get("entities")
    pairs = [each for each in (() if entities is None else entities) if isinstance(each, list | tuple) and len(each) == 2]
    return read_pairs(listing((str(surface), str(kind)) for surface, kind in pairs), _ANY)


class _Any(Container[object]):
    """Holds everything: of a list that :func:`listing` wrote, each part is one entity."""

    def __contains__(self, entity: object) -> bool:
        return True


_ANY = _Any()
