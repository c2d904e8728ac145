"""Rewards that look at one sample at a time: scores of a batch from those of its samples, as arrays and as lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import BaseReward, Sample, Sum
from tokengym.rewards.one_by_one import OneByOne
from tokengym.rewards.rouge import RougeL
from tokengym.rewards.sample import Listed


class Size(OneByOne):
    """The number of words, as an int; NaN for none, infinity for "much"."""

    name = "size"
    range = (0.0, math.inf)

    def rate(self, sample: Sample) -> float:
        return math.inf if sample.response == "much" else len(sample.response.split()) or math.nan


class Times(BaseReward):
    """A number times the number of words, for the whole batch; valid where ``Size`` is."""

    name = "times"
    range = (-math.inf, math.inf)

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        return self.factor * Size().score(batch)


BATCH = [Sample("", "a b"), Sample("", ""), Sample("", "much"), Sample("", "a")]


def test_a_batch_is_scored_sample_by_sample() -> None:
    scores, components, valid = Size().explain(BATCH)
    assert scores.tolist() == components["size"].tolist() == [2.0, 0.0, 0.0, 1.0] and scores.dtype == np.float64
    assert valid.tolist() == [True, False, False, True]
    assert Size().explain([]).scores.shape == (0,)


def test_lists_say_the_same() -> None:
    scores, components, valid = Size().listed(BATCH)
    assert scores == components["size"] == [2.0, 0.0, 0.0, 1.0] and scores is not components["size"]
    assert valid == [True, False, False, True] and {type(score) for score in scores} == {float}
    assert Size().listed([]) == ([], {"size": []}, [])


def test_rate_must_be_written() -> None:
    class Nothing(OneByOne):
        name = "nothing"

    with pytest.raises(NotImplementedError, match=r"Nothing must define rate\(sample\)"):
        Nothing().explain(BATCH)


class Louder(RougeL):
    """ROUGE-L plus 1, scored for the whole batch."""

    range = (0.0, 2.0)

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        return super().score(batch) + 1.0


class Quieter(RougeL):
    """Half of ROUGE-L, by the comparison of two texts."""

    def compare(self, response: str, reference: str) -> float:
        return 0.5 * super().compare(response, reference)


@pytest.mark.parametrize(("reward", "wanted"), [(RougeL(), 0.5), (Louder(), 1.5), (Quieter(), 0.25)])
def test_lists_follow_what_a_subclass_scores(reward: BaseReward, wanted: float) -> None:
    batch = [Sample("p", "a b", ("a c",))]
    assert reward.explain(batch).scores.tolist() == reward.listed(batch).scores == [wanted]


@given(
    st.lists(st.tuples(st.floats(-1e200, 1e200), st.floats(-1e200, 1e200)), min_size=1, max_size=6),
    st.lists(st.sampled_from(["a", "a b", ""]), max_size=4),
)
def test_a_sum_lists_what_it_explains(terms: list[tuple[float, float]], responses: list[str]) -> None:
    total = Sum([(weight, Times(value)) for weight, value in terms])
    batch = [Sample("", response) for response in responses]
    scores, components, valid = total.explain(batch)
    assert total.listed(batch) == (scores.tolist(), {key: part.tolist() for key, part in components.items()}, valid.tolist())


def test_a_sum_that_overflows_is_listed_as_not_valid() -> None:
    total = Times(1e307) * 100.0 + Size()
    assert total.listed(BATCH[:1]) == ([0.0], {"times": [0.0], "size": [0.0]}, [False])


class Doubled:
    """Twice what the other base says: it extends no reward."""

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        return 2.0 * np.asarray(super().score(batch))  # type: ignore[misc]


class DoubledSize(Doubled, Size):
    """Takes its score from a base that stands before the one that lists."""


class Tripled(Size):
    """Lists in its own way, three times its score."""

    def listed(self, batch: Sequence[Sample]) -> Listed:
        return Listed([3.0 * score for score in super().listed(batch).scores], {}, [True] * len(batch))


class TripledAgain(Tripled):
    """Takes over how its base lists."""


def test_a_score_from_a_second_base_counts_in_lists_too() -> None:
    batch = [Sample("", "a b"), Sample("", "")]
    assert DoubledSize().explain(batch).scores.tolist() == DoubledSize().listed(batch).scores == [4.0, 0.0]
    assert DoubledSize().listed(batch).valid == [True, False]
    assert TripledAgain().listed(batch[:1]).scores == [6.0]
