"""Several references: the best match counts."""

from __future__ import annotations

import pytest

from tokengym.rewards import ReferenceReward, Sample, make_reward
from tokengym.rewards.chrf import Chrf
from tokengym.rewards.rouge import Rouge1, Rouge2, RougeL
from tokengym.rewards.ter import Ter


class SharedPrefix(ReferenceReward):
    """Length of the common beginning, in characters."""

    name = "prefix"

    def compare(self, response: str, reference: str) -> float:
        return float(
            next((i for i, (a, b) in enumerate(zip(response, reference, strict=False)) if a != b), min(len(response), len(reference)))
        )


def test_the_best_reference_counts() -> None:
    explained = SharedPrefix().explain([Sample("", "abcd", ("ax", "abcx", "x")), Sample("", "ab", ("b",)), Sample("", "ab")])
    assert explained.scores.tolist() == [3.0, 0.0, 0.0]
    assert explained.valid.tolist() == [True, True, False]


@pytest.mark.parametrize("kind", [Rouge1, Rouge2, RougeL, Chrf, Ter])
def test_a_comparison_of_ones_own_counts_whatever_the_batch(kind: type[ReferenceReward]) -> None:
    class Short(kind):  # type: ignore[valid-type,misc]
        def compare(self, response: str, reference: str) -> float:
            return 0.25 if len(response) < 8 else float(super().compare(response, reference))

    class Halved(kind):  # type: ignore[valid-type,misc]
        def rate(self, sample: Sample) -> float:
            return 0.5 * float(super().rate(sample))

    batch = [Sample("", "the cat", ("the cat sat",)), Sample("", "the cat sat down", ("the cat sat",))]
    alone = kind().explain(batch).scores
    assert alone[0] != 0.25
    for times in (1, 8):
        explained, listed = Short().explain(batch * times), Short().listed(batch * times)
        assert explained.scores.tolist() == listed.scores == [0.25, alone[1]] * times
        assert Halved().explain(batch * times).scores.tolist() == Halved().listed(batch * times).scores == (alone / 2).tolist() * times


SAMPLES = [Sample("", "abcd", ("ax", "abcx", "x", "abcdef")), Sample("", "ab", ("abc",)), Sample("", "ab")]


def test_the_mean_over_the_references_is_another_choice() -> None:
    reward = SharedPrefix(references="mean")
    assert reward.spec == f"{__name__}:SharedPrefix(references='mean')" and SharedPrefix().spec == f"{__name__}:SharedPrefix"
    assert reward.explain(SAMPLES).scores.tolist() == [(1 + 3 + 0 + 4) / 4, 2.0, 0.0]
    assert reward.explain(SAMPLES).valid.tolist() == [True, True, False]
    assert SharedPrefix().explain(SAMPLES).scores.tolist() == [4.0, 2.0, 0.0]


def test_the_best_match_of_a_distance_is_the_lowest() -> None:
    class Distance(SharedPrefix):
        higher_is_better = False

    assert Distance().explain(SAMPLES).scores.tolist() == [0.0, 2.0, 0.0]


def test_the_order_of_the_references_does_not_show() -> None:
    class Tenths(ReferenceReward):
        name = "tenths"

        def compare(self, response: str, reference: str) -> float:
            return float(reference)

    forward = Sample("", "", ("0.1", "1e16", "0.3", "-1e16"))
    for pool in ("max", "mean"):
        assert Tenths(pool)([forward]) == Tenths(pool)([forward._replace(references=forward.references[::-1])])
    assert Tenths("mean").explain([forward]).scores.tolist() == [0.1]
    assert Tenths().explain([forward._replace(references=("nan", "0.5", "nan"))]).scores.tolist() == [0.5]
    assert Tenths("mean").explain([forward._replace(references=("nan", "0.5", "nan"))]).scores.tolist() == [0.5]
    assert not Tenths().explain([forward._replace(references=("nan", "nan"))]).valid[0]


def test_subclasses_with_their_own_arguments_take_it_along_or_leave_it() -> None:
    class Old(SharedPrefix):
        def __init__(self, scale: float = 1.0) -> None:
            self.scale = scale

    class New(SharedPrefix):
        def __init__(self, scale: float = 1.0, references: str = "max") -> None:
            super().__init__(references)
            self.scale = scale

    assert Old(2.0).spec.endswith(".Old(scale=2.0)") and Old()(SAMPLES).tolist() == [4.0, 2.0, 0.0]
    assert New(2.0, "mean").spec.endswith(".New(scale=2.0, references='mean')") and New(references="mean")(SAMPLES).tolist() == [
        2.0,
        2.0,
        0.0,
    ]


def test_any_other_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match=r"references='median'; expected 'max' \(the best match\) or 'mean'"):
        SharedPrefix(references="median")
    with pytest.raises(ValueError, match=r"column 9: references='best'"):
        make_reward("rouge_l(references='best')")
    assert make_reward("rouge_l(references='mean')").explain([Sample("", "x y", ("x y", "z z"))]).scores.tolist() == [0.5]


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match=r"references='abc' is a text; expected a tuple of texts: \('abc',\)"):
        SharedPrefix()([Sample("", "abc", "abc")])  # type: ignore[arg-type]


def test_compare_must_be_written() -> None:
    class Empty(ReferenceReward):
        name = "empty"

    with pytest.raises(NotImplementedError, match="Empty must define compare"):
        Empty()([Sample("", "a", ("a",))])
