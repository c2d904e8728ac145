"""Slot F1 and task success, by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.slots import SlotF1, TaskSuccess, read_slots

GOLD = {"city": "Leeds", "guests": ["2", "two"], "time of day": "10:30"}


def slot_f1(response: str, slots: Any = GOLD) -> float:
    return float(SlotF1().explain([Sample("", response, meta={"slots": slots})]).scores[0])


def success(response: str, slots: Any = GOLD) -> float:
    return float(TaskSuccess().explain([Sample("", response, meta={"slots": slots})]).scores[0])


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("city=Leeds; guests=2; time of day=10:30", 1.0),
        ("City: leeds.\nGuests: TWO\ntime_of_day: 10:30", 1.0),
        ('- **city**: "Leeds"\n- guests: 2\n- Time-of-day: 10:30', 1.0),
        ("time of day：10:30；city＝Leeds；guests：two", 1.0),
        ('{"city": "Leeds", "guests": 2, "time of day": "10:30"}', 1.0),
        ('```json\n{"city": "Leeds", "guests": 2.0, "time_of_day": "10:30", "phone": null}\n```', 1.0),
        ("city=Leeds", 2 / (1 + 3)),
        ("city=York; guests=2; time of day=10:30", 2 * 2 / (3 + 3)),  # a wrong value is a false alarm and a miss
        ("city=Leeds; guests=2; time of day=10:30; phone=1", 2 * 3 / (4 + 3)),  # not asked for
        ("city=Leeds; guests=2; time of day=10:30; phone=", 1.0),  # without a value it is not filled
        ("city=Leeds; city=York; guests=2; time of day=10:30", 2 * 2 / (3 + 3)),  # two values: wrong
        ("city=Leeds; city=leeds; guests=2; time of day=10:30", 1.0),  # the same value twice
        ('{"city": ["Leeds", "York"], "guests": 2, "time of day": "10:30"}', 2 * 2 / (3 + 3)),
        ("Sure, here you are\ncity=Leeds; guests=2; time of day=10:30", 2 * 3 / (4 + 3)),  # an unreadable entry
        ("=Leeds", 0.0),
        ("none", 0.0),
        ("", 0.0),
        ("{}", 0.0),
        ("[1, 2]", 0.0),
        ("🙂 שלום 北京", 0.0),
    ],
)
def test_by_hand(response: str, score: float) -> None:
    assert slot_f1(response) == pytest.approx(score)
    assert success(response) == float(score == 1.0)


def test_a_key_twice_is_no_json() -> None:
    assert slot_f1('{"city": "Leeds", "city": "York"}', {"city": "Leeds"}) == 0.0


def test_nothing_to_fill() -> None:
    for response in ("", "None.", "{}", '{"city": null}', "city="):
        assert slot_f1(response, {}) == success(response, {}) == 1.0
        assert slot_f1(response, {"city": None, "day": []}) == 1.0  # known to have no value
    assert slot_f1("city=Leeds", {}) == success("city=Leeds", {}) == 0.0


@pytest.mark.parametrize(
    ("gold", "response", "right"),
    [
        (True, '{"x": true}', True),
        (True, "x=True", True),
        (True, "x=1", False),
        (3, "x=3", True),
        (3.0, '{"x": 3}', True),
        (2.5, "x: 2.5", True),
        ("5 p.m.", "x=5 P.M.", True),
        ("北京", "x：北京。", False),  # the full stop of Chinese stays
        ("北京", "x：北京", True),
        ("a; b", '{"x": "a; b"}', True),
        ("a=b", "x=a=b", True),
    ],
)
def test_values(gold: Any, response: str, right: bool) -> None:
    assert success(response, {"x": gold}) == float(right)


def test_what_is_read() -> None:
    assert read_slots("City=Leeds; day=Monday; day=Friday; oh") == ({"city": "leeds", "day": None}, 1)


def test_the_corpus_by_hand() -> None:
    batch = [Sample("", "city=Leeds", meta={"slots": GOLD}), Sample("", "city=York", meta={"slots": {"city": "York"}}), Sample("", "")]
    assert SlotF1().corpus(batch) == pytest.approx(2 * 2 / (2 * 2 + 0 + 2))
    assert SlotF1().explain(batch).valid.tolist() == TaskSuccess().explain(batch).valid.tolist() == [True, True, False]
    assert SlotF1().rows(batch) == [{"": [1.0, 0.0, 2.0]}, {"": [1.0, 0.0, 0.0]}, None]


_names = st.sampled_from(["city", "day of week", "Größe", "时间"])
_values = st.one_of(st.text("ab 北;=:", min_size=1).map(str.strip).filter(bool), st.integers(), st.booleans())


@given(st.dictionaries(_names, _values, max_size=4))
def test_written_json_is_read_back(slots: dict[str, Any]) -> None:
    assert slot_f1(json.dumps(slots), slots) == success(json.dumps(slots), slots) == 1.0


@pytest.mark.parametrize("slots", ["city", ["city"], {"city": {"a": 1}}, {3: "a"}, {"city": [["a"]]}])
def test_slots_of_another_shape_are_refused(slots: Any) -> None:
    for score in (slot_f1, success):
        with pytest.raises(TypeError, match=r"meta\['slots'\]"):
            score("", slots)


def test_long_responses_are_read_in_linear_time() -> None:
    assert len(read_slots("; ".join(f"slot {number}=x" for number in range(30_000)))[0]) == 30_000
    assert read_slots("; " * 100_000 + "[" * 100_000) == ({}, 1)
