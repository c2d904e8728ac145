"""Entity F1: the entities that a response lists or tags, against the known ones."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tokengym.rewards.base import Sample
from tokengym.rewards.micro_f1 import MicroF1, hits_alarms_misses

__all__ = ["EntityF1", "read_pairs", "read_tags"]

_TAG = re.compile(r"O|[BI](?:-\S+)?")
_WRITTEN_TAG = re.compile(r"[^\s,]+")
_BETWEEN_PAIRS = re.compile(r"[;\n]")
_AFTER_BRACKET = re.compile(r"(?<=\)),")
_BULLETS = re.compile(r"\A(?:(?:[-*•]|\d{1,4}[.)])\s+)+")
_SPACE = re.compile(r"[\s;]+")
_QUOTES = "\"'“”‘’«»「」『』`*"


class EntityF1(MicroF1):
    """Exact-match F1 of entities: of one response as a score, over all entities of all texts (micro) as a corpus metric.

    - ``format="pairs"``: the response is a list "Marta Silva (PERSON); Harwick (PLACE)", read by :func:`read_pairs`. An entity is right
      if its surface and its type are, case and white space aside. Mentions are a multiset: two of one kind need to be listed twice.
    - ``format="bio"``: the response is a row of tags "B-PER I-PER O", one per word, read by :func:`read_tags`. An entity is right if
      its type, its first and its last word are; an I- that continues nothing is no entity, as in seqeval's strict mode with IOB2. Too
      short a row is filled up with O.

    Where there is nothing to find and nothing is listed the score is 1.0; otherwise an empty response scores 0.0.

    Range 0 to 1, higher is better, needs ``meta["entities"]``, a sequence of [surface, type], or for "bio" ``meta["tags"]``, one tag
    per word. Source: the CoNLL-2003 shared task, Tjong Kim Sang and De Meulder, arXiv:cs/0306050; strict mode as in seqeval.

    Args:
        format: "pairs" or "bio".
    Raises:
        ValueError: another format.
    """

    name = "entity_f1"

    def __init__(self, format: str = "pairs") -> None:
        if format not in ("pairs", "bio"):
            raise ValueError(f"format={format!r}; expected 'pairs' or 'bio'")
        self.format = format
        self.needs = "meta['entities']" if format == "pairs" else "meta['tags']"

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        """Hits, false alarms and misses; None where the known entities are missing.

        Raises:
            TypeError: meta["entities"] is not a sequence of pairs of texts, or meta["tags"] not a sequence of texts.
            ValueError: meta["tags"] holds what is no tag.
        """
        pairs = self.format == "pairs"
        gold: Any = sample.meta.get("entities" if pairs else "tags")
        if gold is None:
            return None
        known = _gold_pairs(_frozen(gold)) if pairs else _gold_spans(_tags(gold))
        given = read_pairs(sample.response, known) if pairs else read_tags(sample.response)
        return {"": hits_alarms_misses(given, known)}


def read_pairs(response: str, known: Container[Hashable] = ()) -> Counter[Hashable]:
    """The entities that a response lists, as a multiset of (surface, type) in a common form.

    Entries are separated by semicolons or line breaks (a comma after a closing bracket will do); each is "surface (TYPE)", where the
    last pair of brackets holds the type. Bullets and numbers at the head of an entry and quotes around a surface are passed over, as is
    a response that is just "none". An entry without a type counts as an entity that nobody knows: a false alarm. Case, white
    space and Unicode's compatibility forms (full-width brackets) do not matter; write a space for a semicolon within a surface.

    Args:
        response: any text.
        known: entities in the same form; such a one is read whole where its surface has a comma after a bracket ("Acme (UK), Ltd (ORG)").
    """
    text = response if response.isascii() else unicodedata.normalize("NFKC", response)
    found: Counter[Hashable] = Counter()
    if text.strip().rstrip(".").casefold() == "none":
        return found
    for part in _BETWEEN_PAIRS.split(text):
        for entry in (part,) if ")," not in part or _entry(part) in known else _AFTER_BRACKET.split(part):
            if entry.strip().rstrip(".,"):
                found[_entry(entry)] += 1
    return found


def _entry(text: str) -> tuple[str, str] | None:
    """The surface and the type of one entry; None where it has no type."""
    surface, bracket, kind = text.strip().rstrip(".,").rpartition("(")
    readable = bracket and kind.endswith(")") and surface.strip() and kind.strip(" )")
    return _pair(surface, kind[:-1]) if readable else None


def read_tags(response: str) -> Counter[Hashable]:
    """The entities of a row of IOB2 tags, separated by white space or commas, as a set of (type, first word, last word).

    What is no tag ("O", "B-TYPE", "I-TYPE") stands for a word outside.
    """
    return _spans(tag if _TAG.fullmatch(tag) else "O" for tag in _WRITTEN_TAG.findall(response))


def _pair(surface: str, kind: str) -> tuple[str, str]:
    return _folded(_BULLETS.sub("", surface.strip(), count=1)), _folded(kind)  # of known ones too: "1. FC Köln"


def _folded(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip(" " + _QUOTES)


def _spans(tags: Iterable[str]) -> Counter[Hashable]:
    found: Counter[Hashable] = Counter()
    kind, first, last = "", -1, -1
    for place, tag in enumerate(tags):
        if tag[0] == "I" and first >= 0 and (tag[1:].strip("-")) == kind:
            last = place
            continue
        if first >= 0:
            found[kind, first, last] += 1
            first = -1
        if tag[0] == "B":
            kind, first, last = tag[1:].strip("-"), place, place
    if first >= 0:
        found[kind, first, last] += 1
    return found


def _frozen(entities: Any) -> tuple[tuple[str, str], ...]:
    """Known entities in a form that a cache can hold."""
    if isinstance(entities, Iterable) and not isinstance(entities, str | Mapping):
        pairs = tuple(tuple(pair) if isinstance(pair, Sequence) and not isinstance(pair, str) else () for pair in entities)
        if all(len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], str) for pair in pairs):
            return pairs
    raise TypeError(f"meta['entities']={entities!r}; expected a sequence of pairs of texts: [surface, type]")


def _tags(tags: Any) -> tuple[str, ...]:
    if isinstance(tags, Iterable) and not isinstance(tags, str | Mapping):
        row = tuple(tags)
        if all(isinstance(tag, str) for tag in row):
            return row
    raise TypeError(f"meta['tags']={tags!r}; expected a sequence of texts, one BIO tag per word")


# Shared with all callers, who must not change them.
@lru_cache(maxsize=8192)
def _gold_pairs(pairs: tuple[tuple[str, str], ...]) -> Counter[Hashable]:
    return Counter(_pair(surface, kind) for surface, kind in pairs)


@lru_cache(maxsize=8192)
def _gold_spans(tags: tuple[str, ...]) -> Counter[Hashable]:
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise ValueError(f"meta['tags'] holds {tag!r}; expected O, B-TYPE or I-TYPE")
    return _spans(tags)
