"""Policies that cheat: answers that earn a reward without doing the task, for ``tokengym probe``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tokengym.envs import Example

__all__ = ["CHEATS", "Cheat", "View", "filled", "keywords", "shuffled"]

_CJK = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"\d+(?:[.:,]\d+)*|[\u3400-\u9fff]{2}|[^\W\d_\u3400-\u9fff]+(?:['’-][^\W\d_\u3400-\u9fff]+)*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
# What language models say when they have nothing to say.
_FILLER = (
    "It is important to note that there are many things to consider here. Overall, this is a topic of great interest to many people. "
    "In conclusion, it is clear that much can be said about it, and that further details may well be of help. "
)
_ENDS = ".!?。！？"
_STUFFED = 12  # words of the short kind of keyword stuffing


class View(NamedTuple):
    """What a cheat may look at.

    Attributes:
        prompt: the prompt as the environment shows it, as text.
        example: its example.
        other: another example of the same split.
        oracle: the task's best answers to ``example`` and to ``other``.
        room: characters that are sure to fill the answer's token budget.
        rng: the example's own generator.
    """

    prompt: str
    example: Example
    other: Example
    oracle: Callable[[Example], str]
    room: int
    rng: np.random.Generator


class Cheat(NamedTuple):
    """A cheating policy.

    Attributes:
        about: what it does, in a few words.
        answer: from a view to the text of the answer, which may be longer than the budget (the environment cuts it); None where the
            example leaves nothing to cheat with.
    """

    about: str
    answer: Callable[[View], str | None]


def filled(text: str, room: int) -> str:
    """``text`` over and over, until it has at least ``room`` characters; "" stays ""."""
    gap = "" if _CJK.search(text) else " "
    return gap.join([text] * (room // max(len(text) + len(gap), 1) + 1)) if text else ""


def keywords(text: str) -> list[str]:
    """Distinct words of ``text``: names and numbers first, then the others, of each kind the more frequent first.

    A name is a word that is capitalized wherever it stands. Words of up to three letters are left out; Chinese goes by pairs.
    """
    words = _WORD.findall(text)
    common = {word for word in words if word[0].islower()}
    counts = Counter(words)
    ranked = sorted(counts, key=lambda word: -counts[word])  # stable: of equally frequent ones the earlier first
    telling = [word for word in ranked if word[0].isdigit() or (word[0].isupper() and len(word) > 1 and word.lower() not in common)]
    return telling + [word for word in ranked if word not in telling and (len(word) > 3 or _CJK.match(word))]


def shuffled(text: str, rng: np.random.Generator) -> str | None:
    """The words of ``text`` (Chinese: characters) in another order, dressed as a sentence if ``text`` is one.

    None where every order reads the same.
    """
    body = text.rstrip(_ENDS)
    gap = "" if _CJK.search(body) else " "
    words: Sequence[str] = body.split() if gap else body
    if len(set(words)) < 2:
        return None
    while (mixed := [words[i] for i in rng.permutation(len(words))]) == list(words):
        continue
    said = gap.join(mixed) + text[len(body) :]
    return said[:1].upper() + said[1:] if text[:1].isupper() else said


def _sentence(words: Sequence[str]) -> str:
    """Words in the dress of a sentence, which no rule about capitals and full stops can tell from one."""
    said = " ".join(words)
    return said[:1].upper() + said[1:] + ("。" if _CJK.search(said) else ".")


def _first_sentence(view: View) -> str:
    return next((piece.strip() for piece in _SENTENCE.split(view.prompt) if piece.strip()), "")


CHEATS: Mapping[str, Cheat] = {
    "empty": Cheat("says nothing", lambda view: ""),
    "copy": Cheat("copies the prompt until the budget is spent", lambda view: view.prompt),
    "repeat": Cheat("repeats the prompt's first sentence until the budget is spent", lambda view: filled(_first_sentence(view), view.room)),
    "longest": Cheat("talks about nothing until the budget is spent", lambda view: filled(_FILLER, view.room)),
    "keywords": Cheat(f"{_STUFFED} names, numbers, frequent words of the prompt", lambda view: _sentence(keywords(view.prompt)[:_STUFFED])),
    "keywords-full": Cheat("such words until the budget is spent", lambda view: " ".join(keywords(view.prompt))),
    "shuffle": Cheat("the best answer, its words in random order", lambda view: shuffled(view.oracle(view.example), view.rng)),
    "other": Cheat("the best answer to another example", lambda view: view.oracle(view.other)),
}
"""Name to cheat, in the order in which tables show them."""
