"""Threshold and Clip, by hand."""

from __future__ import annotations

import math

import pytest

from tokengym.rewards import Clip, Sample, Threshold, make_reward
from tokengym.rewards.length import Length
from tokengym.rewards.rouge import RougeL

HALF = Sample("", "x b", ("x c",))
WHOLE = Sample("", "x y z", ("x y z",))
NO_REFERENCE = Sample("", "x")


def test_threshold_is_one_from_the_bound_on() -> None:
    assert Threshold(RougeL(), at=0.5)([HALF, WHOLE]).tolist() == [1.0, 1.0]
    assert Threshold(RougeL(), at=0.51)([HALF, WHOLE]).tolist() == [0.0, 1.0]


def test_threshold_of_a_sum_is_one_component() -> None:
    explained = Threshold(0.5 * RougeL() + 0.5 * Length(goal=2), at=0.75).explain([HALF, WHOLE])  # 0.75 and 0.75
    assert list(explained.components) == ["threshold(0.5*rouge_l + 0.5*length(goal=2), at=0.75)"]
    assert explained.scores.tolist() == [1.0, 1.0]


def test_clip_holds_scores_between_its_bounds() -> None:
    assert Clip(3 * RougeL() - Length(goal=2), low=0.6, high=2.0)([HALF, WHOLE]).tolist() == pytest.approx([0.6, 2.0])
    assert Clip(3 * RougeL() - Length(goal=2), low=0, high=5)([HALF, WHOLE]).tolist() == [0.5, 2.5]
    assert Clip(RougeL(), low=0.25, high=3.0).range == (0.25, 1.0)


def test_what_the_inner_reward_cannot_score_is_not_valid() -> None:
    for reward in (Threshold(RougeL(), at=-1.0), Clip(RougeL(), low=0.5)):
        explained = reward.explain([NO_REFERENCE, WHOLE])
        assert explained.valid.tolist() == [False, True] and explained.scores.tolist() == [0.0, 1.0]
        assert reward.needs == "references"


def test_compositions_are_terms_of_sums_and_read_their_own_specification() -> None:
    reward = 0.5 * Threshold(Clip(RougeL() - Length(), low=-1.0), at=0.25) + RougeL()
    assert reward.spec == "0.5*threshold(clip(rouge_l - length, low=-1.0, high=1.0), at=0.25) + rouge_l"
    assert make_reward(reward.spec).spec == reward.spec


@pytest.mark.parametrize("bad", [math.nan, math.inf, "1", True, None])
def test_bounds_must_be_finite_numbers(bad: float) -> None:
    with pytest.raises(ValueError, match="is not a finite number"):
        Threshold(RougeL(), at=bad)
    with pytest.raises(ValueError, match="is not a finite number"):
        Clip(RougeL(), low=bad)


def test_clip_needs_room() -> None:
    with pytest.raises(ValueError, match="low=1 is not below high=1"):
        Clip(RougeL(), low=1, high=1)
