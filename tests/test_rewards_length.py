"""Length and the window of lengths, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.length import Length, LengthWindow, size


def words(*counts: int) -> list[Sample]:
    return [Sample("", " ".join("w" * count)) for count in counts]


def test_by_hand() -> None:
    assert Length(goal=4)(words(0, 1, 3, 4, 5, 8, 20)).tolist() == [0.0, 0.25, 0.75, 1.0, 0.75, 0.0, 0.0]


def test_chinese_counts_characters() -> None:
    assert Length(goal=4)([Sample("", "北京下雨。"), Sample("", "北京")]).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("goal", [0, -3, math.nan, math.inf, "4"])
def test_a_goal_below_one_is_refused(goal: int) -> None:
    with pytest.raises(ValueError, match="a length reward needs a goal of at least 1"):
        Length(goal=goal)


def test_a_window_by_hand() -> None:
    reward = LengthWindow(low=4, high=8)
    assert reward(words(0, 1, 3, 4, 6, 8, 10, 16, 40)).tolist() == [0.0, 0.25, 0.75, 1.0, 1.0, 1.0, 0.75, 0.0, 0.0]


def test_a_window_of_characters_by_hand() -> None:
    reward = LengthWindow(low=4, high=4, unit="characters")
    texts = ["", "ab", "abcd", "a cd", " \n a    cd \t", "abcde", "北京下雨", "cafe\u0301", "ab🙂d"]
    assert reward([Sample("", text) for text in texts]).tolist() == [0.0, 0.5, 1.0, 1.0, 1.0, 0.75, 1.0, 1.0, 1.0]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(1, 20))
def test_a_window_of_one_length_is_a_goal(counts: list[int], goal: int) -> None:
    assert np.abs(LengthWindow(low=goal, high=goal)(words(*counts)) - Length(goal=goal)(words(*counts))).max() < 1e-6


def test_size_is_not_raised_by_padding() -> None:
    assert size("  a   b ", "words") == 2
    assert size("  a   b ", "characters") == 3
    assert size("北京 下雨。", "words") == 4


@pytest.mark.parametrize(("low", "high"), [(0, 5), (5, 4), (math.nan, 3), (1, math.inf), ("1", 2)])
def test_an_impossible_window_is_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="needs 1 <= low <= high"):
        LengthWindow(low=low, high=high)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit='tokens'; expected one of words, characters"):
        LengthWindow(low=1, high=2, unit="tokens")
