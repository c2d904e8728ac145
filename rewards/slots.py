"""Slot filling: are the asked values filled in, and nothing else?"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.json_response import read_json
from tokengym.rewards.micro_f1 import MicroF1

__all__ = ["SlotF1", "TaskSuccess", "read_slots"]

_BULLET = re.compile(r"\A(?:[-*•]|\d{1,4}[.)])\s+")
_NAME_SPACE = re.compile(r"[\s_-]+")
_QUOTES = "\"'“”‘’«»「」『』`*"


class SlotF1(MicroF1):
    """F1 of the slots that a response fills: of one response as a score, over all slots of all texts (micro) as a corpus metric.

    Hits are slots with a right value; a slot with a wrong value is a false alarm and a miss; a slot that was not asked for is a false
    alarm, as is an entry that cannot be read. A slot given with two different values is wrong: nobody wins by naming them all. How a
    response is read: :func:`read_slots`. Nothing to fill and nothing filled scores 1.0; otherwise an empty response scores 0.0.

    Range 0 to 1, higher is better, needs ``meta["slots"]``: a mapping from slot to value, or to a list of alternative values. Source:
    slot F1 of spoken language understanding, as in Tur et al. 2010, doi:10.1109/SLT.2010.5700816.
    """

    name = "slot_f1"
    needs = "meta['slots']"

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        """Hits, false alarms and misses; None where no slots are known.

        Raises:
            TypeError: meta["slots"] is not a mapping to values or lists of values, or meta["filled"] no mapping.
        """
        counted = _hits_given_expected(sample)
        if counted is None:
            return None
        hits, given, expected = counted
        return {"": (hits, given - hits, expected - hits)}


class TaskSuccess(BaseReward):
    """1.0 where the response fills every slot rightly and no other slot, else 0.0. The mean over samples is the joint goal accuracy.

    Responses are read and values compared as in :class:`SlotF1`.

    Range 0 to 1, higher is better, needs ``meta["slots"]``: a mapping from slot to value, or to a list of alternative values. Source:
    joint goal accuracy of the second Dialog State Tracking Challenge, Henderson et al. 2014, doi:10.3115/v1/W14-4337.
    """

    name = "task_success"
    needs = "meta['slots']"

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) 0 or 1, NaN where no slots are known.

        Raises:
            TypeError: meta["slots"] is not a mapping to values or lists of values, or meta["filled"] no mapping.
        """
        counts = [_hits_given_expected(sample) for sample in batch]
        return np.array([math.nan if row is None else float(row[0] == row[1] == row[2]) for row in counts], dtype=np.float64)


def read_slots(response: str) -> tuple[dict[str, str | None], int]:
    """The slots that a response fills.

    Either a JSON object, bare or in one fenced block ({"city": "Paris", "guests": 2}), or entries "city=Paris; guests=2", separated
    by semicolons or line breaks, in which the first "=" or ":" ends the slot's name. A slot without a value (or null in JSON) is not
    filled; a response that is just "none" fills nothing. Slot names and values are compared without regard to case, white space,
    Unicode's compatibility forms, quotes around them and a full stop at the end; in names "_" and "-" are spaces.

    Returns:
        Slot -> value, both in the common form, None for a slot with several values or none that is a text, a number, true or false;
        and the number of entries that cannot be read.
    """
    try:
        value = read_json(response)
    except ValueError:
        value = None
    if isinstance(value, dict):
        pairs = [(name, _json_value(inner)) for name, inner in value.items() if inner is not None]
        unreadable = 0
    else:
        pairs, unreadable = _entries(response)
    found: dict[str, str | None] = {}
    for name, filled in pairs:
        if filled != "":
            slot = _slot(name)
            found[slot] = None if slot in found and found[slot] != filled else filled
    return found, unreadable


def _entries(response: str) -> tuple[list[tuple[str, str | None]], int]:
    pairs: list[tuple[str, str | None]] = []
    unreadable = 0
    text = unicodedata.normalize("NFKC", response)
    if text.strip().rstrip(".").casefold() == "none":
        return pairs, unreadable
    for entry in re.split(r"[;\n]", text):
        entry = _BULLET.sub("", entry.strip(), count=1).strip()
        if not entry:
            continue
        ends = [place for place in (entry.find("="), entry.find(":")) if place > 0]
        if ends:
            pairs.append((entry[: min(ends)], _value(entry[min(ends) + 1 :])))
        else:
            unreadable += 1
    return pairs, unreadable


def _slot(name: str) -> str:
    return _NAME_SPACE.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip(" " + _QUOTES)


def _value(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .," + _QUOTES).lstrip(" " + _QUOTES)


def _json_value(value: Any) -> str | None:
    """A JSON value in the common form; None for a list or an object."""
    if isinstance(value, str):
        return _value(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if isinstance(value, list | dict) else json.dumps(value)


def _hits_given_expected(sample: Sample) -> tuple[int, int, int] | None:
    """How many slots are filled rightly, how many are filled (unreadable entries included), and how many are asked for."""
    slots: Any = sample.meta.get("slots")
    if slots is None:
        return None
    expected = _expected(slots)
    given, unreadable = _filled(sample)
    hits = sum(value is not None and value in expected.get(slot, ()) for slot, value in given.items())
    return hits, len(given) + unreadable, len(expected)


def _filled(sample: Sample) -> tuple[Mapping[str, str | None], int]:
    """What a response fills; where the environment knows what a conversation came to, in meta["filled"], that."""
    filled: Any = sample.meta.get("filled")
    if filled is None:
        return read_slots(sample.response)
    if not isinstance(filled, Mapping) or not all(isinstance(name, str) for name in filled):
        raise TypeError(f"meta['filled']={filled!r}; expected a mapping from slot to value")
    return {_slot(name): _json_value(value) for name, value in filled.items()}, 0


def _expected(slots: Any) -> dict[str, frozenset[str]]:
    """Slot -> accepted values, both in the common form."""
    if not isinstance(slots, Mapping):
        raise TypeError(f"meta['slots']={slots!r}; expected a mapping from slot to value, or to a list of alternative values")
    expected: dict[str, frozenset[str]] = {}
    for slot, known in slots.items():
        values = list(known) if isinstance(known, Iterable) and not isinstance(known, str | Mapping) else [known]
        values = [value for value in values if value is not None]
        if not isinstance(slot, str) or not all(isinstance(value, str | int | float) for value in values):
            raise TypeError(f"meta['slots'] holds {slot!r}: {known!r}; expected a text, a number, true or false, or a list of these")
        accepted = frozenset(filled for value in values if (filled := _json_value(value)))
        if accepted:  # a slot known to have no value is one that must stay empty
            expected[_slot(slot)] = accepted
    return expected
