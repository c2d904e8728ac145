"""Entities as tags: words of a text, one BIO tag per word (IOB2), and what a listed answer says about them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Hashable, Iterable, Sequence

from tokengym.rewards.entity_f1 import read_pairs
from tokengym.rewards.tokens import CJK

__all__ = ["UNKNOWN_TYPE", "bio_tags", "cut_words", "listing", "placed", "span_tags", "word_spans"]

UNKNOWN_TYPE = "OTHER"
"""Stands for a type that nobody knows, and for an entry without a type."""

_WORD = re.compile(rf"\d+(?:[.,:]\d+)*|[{CJK}]|[^\W\d_{CJK}]+|[^\w\s]|_")
_NOT_IN_TAGS = re.compile(r"[\s,]+")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of ``text`` begin and end: runs of letters, numbers with what stands within them ("3,200", "9:30"), single marks;
    Chinese and Japanese by character."""
    return [match.span() for match in _WORD.finditer(text)]


def cut_words(text: str) -> list[str]:
    """The words of ``text``, as :func:`word_spans` finds them."""
    return _WORD.findall(text)


def span_tags(text: str, spans: Iterable[tuple[int, int, str]]) -> list[str]:
    """One tag for each word of ``text``.

    Args:
        text: any text.
        spans: (begin, end, type) of the entities, in characters; they do not overlap.
    Raises:
        ValueError: an entity begins or ends within a word.
    """
    words = word_spans(text)
    tags = ["O"] * len(words)
    begins, ends = {begin: place for place, (begin, _) in enumerate(words)}, {end: place for place, (_, end) in enumerate(words)}
    for begin, end, kind in spans:
        if begin not in begins or end not in ends:
            raise ValueError(f"the entity {text[begin:end]!r} begins or ends within a word of {text!r}")
        first, last = begins[begin], ends[end]
        tags[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first)]
    return tags


def listing(entities: Iterable[tuple[str, str]]) -> str:
    """Entities as an answer: "Marta Silva (PERSON); Harwick (PLACE)"; "none" where there is none."""
    return "; ".join(f"{surface} ({kind})" for surface, kind in entities) or "none"


def bio_tags(words: Sequence[str], response: str, types: Sequence[str] | None = None, known: Container[Hashable] = ()) -> list[str]:
    """The tags that a listed answer gives to the words of its sentence. What it lists and the sentence does not hold gives none.

    Entries are read as the reward ``entity_f1`` reads them (:func:`tokengym.rewards.entity_f1.read_pairs`), so case, quotes and bullets do
    not matter. Each takes the first words that are spelled like it and not yet taken; longer ones choose first.

    Args:
        words: of the sentence, cut as :func:`cut_words` does.
        response: "surface (TYPE); surface (TYPE)".
        types: the types that there are, any other becomes ``UNKNOWN_TYPE``; None takes types as they come, in capitals.
        known: the sentence's entities in the form of ``read_pairs``; such a one is read whole where it has a comma after a bracket.
    Returns:
        as many tags as words: "O", "B-TYPE", "I-TYPE".
    """
    return placed(words, response, types, known)[0]


def placed(
    words: Sequence[str], response: str, types: Sequence[str] | None = None, known: Container[Hashable] = ()
) -> tuple[list[str], list[str]]:
    """Tags as :func:`bio_tags` gives them, and the types of the entries that stand nowhere in the sentence."""
    folded = [_folded(word) for word in words]
    spelled = None if types is None else {_folded(kind): kind for kind in types}
    entries: list[tuple[list[str], str]] = []
    lost: list[str] = []
    for pair, count in read_pairs(response, known).items():
        if isinstance(pair, tuple):
            surface, kind = pair
            name = _NOT_IN_TAGS.sub("_", kind.upper()) if spelled is None else spelled.get(kind, UNKNOWN_TYPE)
            entries += [(cut_words(surface), name)] * count
        else:
            lost += [UNKNOWN_TYPE] * count
    tags = ["O"] * len(words)
    for surface_words, kind in sorted(entries, key=lambda entry: -len(entry[0])):  # stable: of equally long ones the first
        first = _find(folded, surface_words, tags)
        if first is None:
            lost.append(kind)
        else:
            tags[first : first + len(surface_words)] = [f"B-{kind}", *[f"I-{kind}"] * (len(surface_words) - 1)]
    return tags, lost


def _find(folded: Sequence[str], wanted: Sequence[str], tags: Sequence[str]) -> int | None:
    """Where ``wanted`` stands first among words that no entity has taken."""
    size = len(wanted)
    for first in range(len(folded) - size + 1) if size else ():
        if list(folded[first : first + size]) == list(wanted) and all(tag == "O" for tag in tags[first : first + size]):
            return first
    return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
