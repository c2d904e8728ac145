"""The real data set ``chitchat``: people talk with each other about anything; the next message follows from the ones before.

Source: the Chit-Chat Challenge of Brigham Young University (2018), through the package chitchat-dataset (MIT). Of its 7,168
conversations the 4,018 in which both sides speak are used, with all messages of 30 words or less that answer another one. The texts
are as people typed them, unfiltered. A conversation is in one split only, by the hash of its id; "hi" is said in all of them.
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
    """The examples of ``split``, 88,030 / 12,800 / 11,810; written when they are asked for. A row, its id the conversation's and a place::

        id          27d1f0b9-d85d-4663-ad6b-1a824d7baab0:6
        prompt      assistant  i feel like that's super cheesy but it's so true haha what about you?
                    user       I maanaged a 4.0 at BYU
                    assistant  wow impressive! what year are you in?
                    user       First year I was so excited when I got accepted too
        references  what are you majoring in?
        ratings     of the conversation, where there are any: {"witty": 6, "upbeat": 8, "interesting": 7}

    Raises:
        ImportError: the package chitchat-dataset is not installed.
    """
    file = package_folder("chitchat_dataset", "chitchat", "chitchat-dataset") / "dataset.json"
    places = [(talk, i) for talk in _talks(file)[split] for i in range(1, len(talk.messages)) if _usable(talk.messages[i])]
    return Generated(lambda index: _example(*places[index]), len(places))


@lru_cache(maxsize=1)
def _talks(file: Path) -> dict[str, list[_Talk]]:
    """The conversations of every split; reading them takes a second, and mostly two splits are wanted."""
    found: dict[str, list[_Talk]] = {"train": [], "validation": [], "test": []}
    for key, row in json.loads(file.read_text(encoding="utf-8")).items():
        found[split_of(key)].append(_talk(key, row))
    return found


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
