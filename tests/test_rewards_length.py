"""Length, by hand."""

from __future__ import annotations

import math

import pytest

from tokengym.rewards import Sample
from tokengym.rewards.length import Length


def test_by_hand() -> None:
    batch = [Sample("", " ".join("w" * count)) for count in (0, 1, 3, 4, 5, 8, 20)]
    assert Length(goal=4)(batch).tolist() == [0.0, 0.25, 0.75, 1.0, 0.75, 0.0, 0.0]


def test_chinese_counts_characters() -> None:
    assert Length(goal=4)([Sample("", "北京下雨。"), Sample("", "北京")]).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("goal", [0, -3, math.nan, math.inf, "4"])
def test_a_goal_below_one_is_refused(goal: int) -> None:
    with pytest.raises(ValueError, match="a length reward needs a goal of at least 1"):
        Length(goal=goal)
