"""Literals, arguments and places, as specifications hold them."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards.written import ClassName, arguments_of, literal, place_of


class Thing:
    def __init__(self, size: float = 1.0, flag: bool = True, *rest: object, key: str | None = None, **more: object) -> None:
        self.size, self.flag, self.key = size, flag, key

    def method(self) -> None: ...


class Forgetful:
    def __init__(self, size: int = 1) -> None: ...


def test_literals_are_written_for_the_grammar() -> None:
    assert [literal(value) for value in (1, 0.5, True, None, "it's \\")] == ["1", "0.5", "True", "None", r"'it\'s \\'"]
    assert [literal(value) for value in (np.int64(1), np.float32(0.5), np.float64(0.5), np.bool_(True))] == ["1", "0.5", "0.5", "True"]
    for value in (math.inf, [1], np.float64("nan")):
        with pytest.raises(TypeError, match="cannot stand in a specification"):
            literal(value)


def test_only_arguments_that_differ_are_written() -> None:
    assert arguments_of(Thing()) == ""
    assert arguments_of(Thing(1, True)) == ""  # equal numbers
    assert arguments_of(Thing(np.float64(1.0))) == "" and arguments_of(Thing(np.float64(2.0))) == "(size=2.0)"
    assert arguments_of(Thing(2, False, key="a")) == "(size=2, flag=False, key='a')"
    assert arguments_of(Thing(True)) == "(size=True)"  # True is not 1.0


def test_what_cannot_be_written_is_marked() -> None:
    assert arguments_of(Forgetful(3)) == "(size=?)"
    assert arguments_of(Thing(np.ones(2))) == "(size=?)"  # type: ignore[arg-type]


def test_places() -> None:
    here = __name__
    assert place_of(Thing(2)) == f"{here}:Thing(size=2)"
    assert place_of(test_places) == f"{here}:test_places"
    assert place_of(lambda batch: batch) == f"{here}:test_places.<locals>.<lambda>"
    assert place_of(Thing().method) == f"{here}:Thing.method(?)"
    assert place_of(functools.partial(len)).startswith("functools:partial")


@given(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()))
def test_equal_literals_are_written_alike(value: object) -> None:
    assert literal(value) == literal(value)
    assert "\n" not in literal(value) or isinstance(value, str)


@pytest.mark.parametrize(
    ("written", "name"), [("RougeL", "rouge_l"), ("F1", "f1"), ("BLEUScore", "bleu_score"), ("Top5Words", "top5_words")]
)
def test_the_name_of_a_class(written: str, name: str) -> None:
    kind: Any = type(written, (), {"name": ClassName()})
    assert kind.name == kind().name == name
