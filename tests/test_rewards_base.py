"""Samples, sums and custom rewards: components add up, validity spreads, foreign objects are taken in."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import BaseReward, Custom, Explained, Reward, Sample, Sum, explain, make_reward
from tokengym.rewards.base import Product, as_reward
from tokengym.rewards.compose import Threshold
from tokengym.rewards.length import Length
from tokengym.rewards.rouge import RougeL
from tokengym.rewards.token_f1 import TokenF1

HALF = Sample("p", "a b", ("a c",))  # one of two words: rouge_l 0.5; "a" is an article, so token_f1 0
WHOLE = Sample("p", "x y z", ("x y z",))
NO_REFERENCE = Sample("p", "x y z")


class Constant(BaseReward):
    """The same number for each sample; NaN for the response "bad"."""

    range = (-10.0, 10.0)

    def __init__(self, value: float = 1.0, name: str = "constant") -> None:
        self.value = value
        self.name = name

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        return np.array([math.nan if sample.response == "bad" else self.value for sample in batch])


def shout(batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
    return np.array([float(sample.response.isupper()) for sample in batch])


def test_a_sample_needs_only_prompt_and_response() -> None:
    assert Sample("p", "r") == ("p", "r", (), {}, True)


def test_a_call_gives_float32_and_explain_float64() -> None:
    reward = RougeL()
    scores = reward([HALF, WHOLE])
    assert scores.dtype == np.float32 and scores.tolist() == [0.5, 1.0]
    explained = reward.explain([HALF, WHOLE])
    assert explained.scores.dtype == np.float64 and explained.scores.tolist() == [0.5, 1.0]
    assert list(explained.components) == ["rouge_l"] and explained.components["rouge_l"].tolist() == [0.5, 1.0]
    assert explained.valid.dtype == np.bool_ and explained.valid.tolist() == [True, True]


def test_what_cannot_be_scored_is_zero_and_not_valid() -> None:
    explained = RougeL().explain([NO_REFERENCE, WHOLE])
    assert explained.scores.tolist() == [0.0, 1.0]
    assert explained.components["rouge_l"].tolist() == [0.0, 1.0]
    assert explained.valid.tolist() == [False, True]
    assert RougeL()([NO_REFERENCE]).tolist() == [0.0]


def test_results_share_no_memory() -> None:
    explained = RougeL().explain([WHOLE])
    explained.scores[0] = 9.0
    assert explained.components["rouge_l"].tolist() == [1.0]


def test_a_sum_has_one_weighted_component_per_term() -> None:
    explained = (0.7 * RougeL() + 0.3 * TokenF1() - 0.02 * Length(goal=4)).explain([HALF, WHOLE])
    assert explained.components["rouge_l"] == pytest.approx([0.35, 0.7])
    assert explained.components["token_f1"] == pytest.approx([0.0, 0.3])
    assert explained.components["length"] == pytest.approx([-0.01, -0.015])  # 2 and 3 of 4 words: 0.5 and 0.75
    assert explained.scores == pytest.approx([0.34, 0.985], abs=1e-12)


def test_sums_within_sums_are_flattened() -> None:
    inner = RougeL() + 2 * TokenF1()
    assert (0.5 * inner - Length()).spec == "0.5*rouge_l + token_f1 - length"
    assert (Length() - inner).spec == "length - rouge_l - 2.0*token_f1"
    assert (-inner).spec == "-rouge_l - 2.0*token_f1"
    assert sum([RougeL(), TokenF1()]).spec == "rouge_l + token_f1"  # type: ignore[union-attr]


def test_a_sum_is_valid_where_each_term_is() -> None:
    explained = (RougeL() + Length(goal=3)).explain([NO_REFERENCE, WHOLE])
    assert explained.valid.tolist() == [False, True]
    assert explained.scores.tolist() == [0.0, 2.0]
    assert explained.components["length"].tolist() == [0.0, 1.0]


def test_terms_of_one_name_keep_their_own_components() -> None:
    explained = (Length(goal=3) + 0.5 * Length(goal=6) + Length(goal=1)).explain([WHOLE])
    assert {key: part.tolist() for key, part in explained.components.items()} == {"length": [1.0], "length#2": [0.25], "length#3": [0.0]}


def test_range_of_a_sum_is_the_sum_of_the_ranges() -> None:
    assert (2 * RougeL() - 0.5 * Length()).range == (-0.5, 2.0)
    assert (RougeL() + Length()).needs == "references"


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=6),
    st.lists(st.sampled_from(["", "bad", "ok"]), max_size=5),
)
def test_components_add_up(terms: list[tuple[float, float]], responses: list[str]) -> None:
    reward = Sum([(weight, Constant(value, f"c{i}")) for i, (weight, value) in enumerate(terms)])
    scores, components, valid = reward.explain([Sample("", response) for response in responses])
    total = sum(components.values(), np.zeros(len(responses)))
    assert scores.dtype == np.float64 and np.abs(total - scores).max(initial=0.0) <= 1e-6
    assert valid.tolist() == [response != "bad" for response in responses]
    assert (scores[~valid] == 0).all()


def test_numpy_numbers_are_weights() -> None:
    assert (np.float64(0.5) * RougeL()).spec == "0.5*rouge_l"
    assert (np.int64(2) * RougeL()).spec == "2.0*rouge_l"  # type: ignore[operator]


def test_a_weight_of_one_turns_an_error_rate_into_something_to_raise_and_says_so() -> None:
    negative = -make_reward("ter")
    for reward in (1.0 * make_reward("ter"), -negative):
        assert reward.spec == "1.0*ter" and reward.higher_is_better
        assert make_reward(reward.spec).higher_is_better
    assert not make_reward("ter").higher_is_better


def test_operators_refuse_what_makes_no_sense() -> None:
    with pytest.raises(TypeError, match=r"Length is a class; pass an instance: Length\(\)"):
        RougeL() * Length  # type: ignore[operator]
    with pytest.raises(TypeError):
        True * RougeL()
    with pytest.raises(TypeError):
        RougeL() + 1.0  # type: ignore[operator]
    with pytest.raises(TypeError):
        RougeL() * "2"  # type: ignore[operator]
    with pytest.raises(ValueError, match="weight nan of rouge_l is not a finite number"):
        math.nan * RougeL()
    with pytest.raises(ValueError, match="at least one term"):
        Sum([])


def test_a_product_is_one_component() -> None:
    explained = (Length(goal=4) * RougeL()).explain([HALF, WHOLE])  # 0.5 * 0.5 and 0.75 * 1
    assert list(explained.components) == ["length(goal=4)*rouge_l"]
    assert explained.scores.tolist() == [0.25, 0.75] and explained.components["length(goal=4)*rouge_l"].tolist() == [0.25, 0.75]


def test_products_within_products_are_flattened_and_their_weights_stand_outside() -> None:
    product = 0.5 * RougeL() * (TokenF1() * (-2 * Length()))
    assert product.spec == "-rouge_l*token_f1*length"
    assert list(product.explain([HALF]).components) == ["rouge_l*token_f1*length"]
    assert (RougeL() * TokenF1() * Length()).spec == (RougeL() * (TokenF1() * Length())).spec == "rouge_l*token_f1*length"
    assert (1.0 * RougeL() * Length()).spec == "rouge_l*length"


def test_a_sum_within_a_product_is_one_factor() -> None:
    reward = 0.5 * (RougeL() + Length(goal=4)) * Length(goal=2) + 0.1 * Length(goal=4)
    explained = reward.explain([HALF, WHOLE])  # (0.25 + 0.25) * 1 + 0.05; (0.5 + 0.375) * 0.5 + 0.075
    assert list(explained.components) == ["(0.5*rouge_l + 0.5*length(goal=4))*length(goal=2)", "length"]
    assert explained.scores == pytest.approx([0.55, 0.5125], abs=1e-12)
    assert (Length() - RougeL() * Length()).spec == "length - rouge_l*length"


def test_a_product_is_valid_where_each_factor_is() -> None:
    explained = (RougeL() * Length(goal=3)).explain([NO_REFERENCE, WHOLE])
    assert explained.valid.tolist() == [False, True] and explained.scores.tolist() == [0.0, 1.0]


def test_range_needs_cost_and_direction_of_a_product() -> None:
    class Error(Constant):
        range = (0.0, math.inf)
        higher_is_better = False
        needs = "references"
        cost = "neural"

    assert (Constant() * Constant()).range == (-100.0, 100.0)
    assert (Constant() * RougeL()).range == (-10.0, 10.0) and (RougeL() * RougeL()).range == (0.0, 1.0)
    assert (Error() * RougeL()).range == (0.0, math.inf) and (0 * Error()).range == (0.0, 0.0)
    assert (Error() * Constant()).range == (-math.inf, math.inf)
    assert (Error() * RougeL()).needs == "references" and (Error() * RougeL() + Length()).needs == "references"
    assert (Error() * RougeL()).higher_is_better and not (Error() * Error()).higher_is_better
    assert (Length() * RougeL()).cost == "lexical"
    assert (Error() * RougeL()).cost == (Length() + Error()).cost == Threshold(Error(), at=1).cost == "neural"


def test_a_product_has_two_factors() -> None:
    with pytest.raises(ValueError, match="at least two factors, got 1"):
        Product([RougeL()])


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.lists(st.sampled_from(["", "bad", "ok"]), max_size=5))
def test_products_multiply(values: list[float], responses: list[str]) -> None:
    reward: BaseReward = Constant(values[0])
    for value in values[1:]:
        reward = reward * Constant(value)
    scores, components, valid = reward.explain([Sample("", response) for response in responses])
    assert len(components) == 1 and valid.tolist() == [response != "bad" for response in responses]
    assert scores.tolist() == [0.0 if response == "bad" else pytest.approx(math.prod(values), abs=1e-9) for response in responses]
    low, high = reward.range
    assert ((low <= scores) & (scores <= high)).all()


def test_what_overflows_is_not_valid() -> None:
    huge = Constant(1e200)
    for reward in (huge * huge, 1e200 * huge, 1e200 * huge - 1e200 * huge):
        explained = reward.explain([WHOLE])
        assert explained.valid.tolist() == [False] and explained.scores.tolist() == [0.0]
        assert [part.tolist() for part in explained.components.values()] == [[0.0]] * len(explained.components)


def test_small_terms_survive_beside_large_ones() -> None:
    explained = (1e6 * Constant() + 1e-6 * Constant() - 1e6 * Constant()).explain([WHOLE])
    assert explained.scores[0] == pytest.approx(1e-6, abs=1e-9)
    assert sum(part[0] for part in explained.components.values()) == explained.scores[0]


def test_a_function_is_multiplied_too() -> None:
    shouted = Sample("p", "X Y Z", ("x y z",))
    for reward in (shout * RougeL(), RougeL() * shout, make_reward(shout) * RougeL()):
        assert reward([WHOLE, shouted]).tolist() == [0.0, 1.0]


def test_a_function_is_a_reward() -> None:
    assert isinstance(shout, Reward)
    reward = make_reward(shout)
    assert reward.name == "shout" and reward.spec.endswith("test_rewards_base:shout")
    assert reward([Sample("", "HI"), Sample("", "hi")]).tolist() == [1.0, 0.0]
    mixed = (0.5 * RougeL() + shout).explain([WHOLE])
    assert mixed.components["shout"].tolist() == [0.0] and mixed.scores.tolist() == [0.5]
    assert (shout - 0.5 * RougeL()).spec.endswith(":shout - 0.5*rouge_l")
    assert explain(shout, [Sample("", "HI")]).components["shout"].tolist() == [1.0]


def test_an_object_with_its_own_explain_keeps_its_components() -> None:
    class Judge:
        name = "judge"
        range = (0.0, 2.0)

        def __call__(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
            return np.ones(len(batch))

        def explain(self, batch: Sequence[Sample]) -> Explained:
            valid = np.array([sample.response != "bad" for sample in batch])
            return Explained(np.full(len(batch), 2.0), {"style": np.ones(len(batch)), "truth": np.ones(len(batch))}, valid)

    reward = make_reward(Judge())
    assert reward.name == "judge" and reward.range == (0.0, 2.0)
    scores, components, valid = reward.explain([Sample("", "ok"), Sample("", "bad")])
    assert scores.tolist() == [2.0, 0.0] and valid.tolist() == [True, False]
    assert {key: part.tolist() for key, part in components.items()} == {"style": [1.0, 0.0], "truth": [1.0, 0.0]}


def test_components_from_outside_must_add_up() -> None:
    class Judge:
        def __init__(self, parts: dict[str, list[float]]) -> None:
            self.parts = parts

        def __call__(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
            return np.ones(len(batch))

        def explain(self, batch: Sequence[Sample]) -> Any:
            return [1.0], self.parts, [True]

    assert make_reward(Judge({"a": [0.5], "b": [0.5 + 1e-9]}))([WHOLE]).tolist() == [1.0]
    assert explain(Judge({}), [WHOLE]).components["judge"].tolist() == [1.0]
    assert explain(Judge({"a": [math.nan]}), [WHOLE]).valid.tolist() == [False]
    with pytest.raises(ValueError, match=r"the components of reward 'judge' \(a, b\) do not add up to its scores within 1e-6"):
        explain(Judge({"a": [0.5], "b": [0.4]}), [WHOLE])


@pytest.mark.parametrize(
    "scores", [[1], [True], (np.float32(1),), np.array([1], dtype=np.int8), [np.float16(1)], np.array([1], dtype=object)]
)
def test_numbers_of_any_kind_are_scores(scores: Any) -> None:
    assert Custom(lambda batch: scores, name="kinds").explain([WHOLE]).scores.tolist() == [1.0]


def test_none_from_outside_is_not_valid() -> None:
    explained = Custom(lambda batch: [None, 1.0], name="odd").explain([WHOLE, WHOLE])  # type: ignore[arg-type]
    assert explained.scores.tolist() == [0.0, 1.0] and explained.valid.tolist() == [False, True]


@pytest.mark.parametrize("scores", [["good"], {"a": 1}, [[1], [1, 2]], "1"])
def test_what_is_no_number_is_refused_by_name(scores: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="reward 'odd' returned"):
        Custom(lambda batch: scores, name="odd")([WHOLE])


def test_infinity_from_outside_is_not_valid() -> None:
    explained = Custom(lambda batch: np.array([math.inf, 1.0]), name="odd").explain([WHOLE, WHOLE])
    assert explained.scores.tolist() == [0.0, 1.0] and explained.valid.tolist() == [False, True]


def test_a_wrong_shape_is_refused_by_name() -> None:
    reward = Custom(lambda batch: np.ones((2, 2)), name="square")
    with pytest.raises(ValueError, match=r"reward 'square' returned an array of shape \(2, 2\) for 1 samples; expected \(1,\)"):
        reward([WHOLE])


def test_what_is_no_reward_is_refused() -> None:
    with pytest.raises(TypeError, match=r"RougeL is a class; pass an instance: RougeL\(\)"):
        make_reward(RougeL)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="3 is not a reward"):
        as_reward(3)  # type: ignore[arg-type]


def test_a_base_reward_without_score_says_what_to_write() -> None:
    class Empty(BaseReward):
        name = "empty"

    with pytest.raises(NotImplementedError, match="Empty must define score"):
        Empty()([WHOLE])


def test_the_specification_shows_arguments_that_differ_from_the_default() -> None:
    assert Length().spec == "length"
    assert Length(goal=7).spec == "length(goal=7)"
    assert repr(0.5 * Length(goal=7)) == "<reward 0.5*length(goal=7)>"


def test_rewards_survive_pickle_and_deepcopy() -> None:
    reward = 0.5 * RougeL() + Length(goal=3)
    for twin in (pickle.loads(pickle.dumps(reward)), copy.deepcopy(reward)):
        assert twin.spec == reward.spec and twin([WHOLE]).tolist() == [1.5]


def test_a_reward_without_a_name_has_its_classs() -> None:
    class ShortAnswer(BaseReward):
        def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
            return np.array([float(len(sample.response) < 4) for sample in batch])

    class Named(ShortAnswer):
        name = "brief"

    scores, components, _ = ShortAnswer().explain([HALF])
    assert scores.tolist() == [1.0] and list(components) == ["short_answer"]
    assert list((ShortAnswer() + Named()).explain([HALF]).components) == ["short_answer", "brief"]
