"""The real data set ``chitchat``: people talk with each other about anything; the next message follows from the ones before.

Source: the Chit-Chat Challenge of Brigham Young University (2018), through the package chitchat-dataset (MIT). Of its 7,168
conversations the 4,018 in which both sides speak are used, with all messages of 30 words or less that answer another one. The texts
are as people typed them, unfiltered. A conversation is in one split only, by the hash of its id, and no prompt is in two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokengym.envs.base import Example, Turn
from tokengym.envs.named import NamedSet, package_folder, split_of
from tokengym.envs.world import Generated

__all__ = ["SET", "load"]

_HISTORY = 4  # messages that a prompt shows at most
_WORDS = 30  # of the longest reply that is asked for


@dataclass(frozen=True)
class _Talk:
    """A conversation: its id, what was said in turn by two people, and how it was rated."""

    id: str
    messages: tuple[str, ...]
    ratings: dict[str, int]


def load(split: str) -> Sequence[Example]:
    """The examples of ``split``, 88,030 / 12,663 / 11,674; written when they are asked for. A row, its id the conversation's and a place::

        id          27d1f0b9-d85d-4663-ad6b-1a824d7baab0:6
        prompt      assistant  i feel like that's super cheesy but it's so true haha what about you?
                    user       I maanaged a 4.0 at BYU
                    assistant  wow impressive! what year are you in?
                    user       First year I was so excited when I got accepted too
        references  what are you majoring in?
        ratings     {}, for nobody rated this conversation; another one has {"interesting": 9, "witty": 8, "upbeat": 10}

    Raises:
        ImportError: the package chitchat-dataset is not installed.
    """
    file = package_folder("chitchat_dataset", "chitchat", "chitchat-dataset") / "dataset.json"
    places = _places(file)[split]
    return Generated(lambda index: _example(*places[index]), len(places))


@lru_cache(maxsize=1)
def _places(file: Path) -> dict[str, list[tuple[_Talk, int]]]:
    """(conversation, place of a reply) of every split; reading them takes two seconds, and mostly two splits are wanted."""
    talks: dict[str, list[_Talk]] = {"train": [], "validation": [], "test": []}
    for key, row in json.loads(file.read_text(encoding="utf-8")).items():
        talks[split_of(key)].append(_talk(key, row))
    found: dict[str, list[tuple[_Talk, int]]] = {}
    seen: set[tuple[str, ...]] = set()  # everyone says "hi": what is asked in training is not asked again in validation, and so on
    for split, group in talks.items():
        usable = [(talk, i) for talk in group for i in range(1, len(talk.messages)) if _usable(talk.messages[i])]
        found[split] = [(talk, i) for talk, i in usable if _history(talk, i) not in seen]
        seen.update(_history(talk, i) for talk, i in found[split])
    return found


def _history(talk: _Talk, place: int) -> tuple[str, ...]:
    return talk.messages[max(0, place - _HISTORY) : place]


def _talk(key: str, row: dict[str, Any]) -> _Talk:
    messages = tuple(" ".join(" ".join(part["text"] for part in message).split()) for message in row["messages"])
    return _Talk(key, messages, row.get("ratings") or {})


def _usable(reply: str) -> bool:
    return 0 < len(reply.split()) <= _WORDS


def _example(talk: _Talk, place: int) -> Example:
    """The message at ``place`` as the answer to those before it; who writes it is the assistant."""
    first = max(0, place - _HISTORY)
    turns = tuple(Turn("assistant" if (place - i) % 2 == 0 else "user", talk.messages[i]) for i in range(first, place) if talk.messages[i])
    return Example(f"{talk.id}:{place}", turns, (talk.messages[place],), {"ratings": talk.ratings})


SET = NamedSet(
    tasks=("TextDialogue-v0",),
    load=load,
    package="chitchat-dataset",
    licence="MIT",
    source="Chit-Chat Challenge, Brigham Young University, 2018",
    reward="rouge_l",
    max_prompt_tokens=352,
    max_new_tokens=72,
)
