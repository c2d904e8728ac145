"""Cutting text into sentences and words, for the rules that the tasks' heuristics follow; English and Chinese."""

from __future__ import annotations

import re

__all__ = ["overlap", "sentences", "words"]

_END = re.compile(r"(?<=[.!?])[\"”]?\s+(?=[A-Z\"“\d])|(?<=[。!?])(?=.)")
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St)\.$")
_WORD = re.compile(r"[A-Za-z]+|\d+|[\u4e00-\u9fff]")


def sentences(text: str) -> list[str]:
    """The sentences of ``text``, in order; titles such as "Dr." do not end one."""
    found: list[str] = []
    for piece in _END.split(text.replace("\n", " ")):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += f" {piece}"
        elif piece.strip():
            found.append(piece.strip())
    return found


def words(text: str) -> set[str]:
    """Lower-case words and numbers; Chinese by character."""
    return {match.lower() for match in _WORD.findall(text)}


def overlap(question: str, text: str) -> int:
    """How many different words the two share."""
    return len(words(question) & words(text))
