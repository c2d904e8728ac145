"""rewards/sample.py: a function that raises is named, and a batch that is none says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import pytest

from tokengym.rewards import Explained, Sample, make_reward

HALF = Sample("p", "a b", ("a c",))
WHOLE = Sample("p", "x y z", ("x y z",))


def test_a_function_that_raises_is_named() -> None:
    def per_sample(sample: Any) -> Any:
        return len(sample.response)

    class Told:
        name = "told"

        def __call__(self, batch: Sequence[Sample]) -> npt.NDArray[Any]:
            return self.explain(batch).scores

        def explain(self, batch: Sequence[Sample]) -> Explained:
            raise KeyError("gone")

    with pytest.raises(
        ValueError, match=r"reward 'per_sample' raised AttributeError \(.*'response'\) on a batch of 2 samples; a reward takes"
    ) as told:
        make_reward(per_sample)([HALF, WHOLE])
    assert isinstance(told.value.__cause__, AttributeError)
    for call in (make_reward(Told()), make_reward(Told()).explain, (0.5 * make_reward(Told())).listed):
        with pytest.raises(ValueError, match=r"reward 'told' raised KeyError \('gone'\)"):
            call([HALF])
    with pytest.raises(ValueError, match="reward 'loads' raised TypeError"):
        make_reward("json:loads")([HALF])


@pytest.mark.parametrize("spec", ["rouge_l", "exact", "0.5*exact + 0.5*rouge_l", "exact*rouge_l", "length"])
def test_a_batch_that_is_none_says_so(spec: str) -> None:
    batches: list[tuple[Any, str]] = [
        ([{"response": "a", "references": ["a"]}], "sample 0 of the batch is {'response': 'a'.*; a reward takes Samples: Sample"),
        ([HALF, Sample("p", None, ("a",))], "sample 1 of the batch has response=None; expected a text"),  # type: ignore[arg-type]
        (HALF, "a reward takes a list of Samples, not Sample"),
    ]
    for batch, message in batches:
        with pytest.raises(TypeError, match=message):
            make_reward(spec)(batch)


def test_fields_of_other_kinds_are_told() -> None:
    def fails(batch: Sequence[Sample]) -> Any:
        raise ValueError("no score")

    for sample, message in (
        (HALF._replace(references=(1,)), r"has references=\(1,\); expected a tuple of texts"),  # type: ignore[arg-type]
        (HALF._replace(references="a"), "references='a' is a text; expected a tuple of texts"),  # type: ignore[arg-type]
        (HALF._replace(meta=None), "has meta=None; expected a mapping"),  # type: ignore[arg-type]
        (HALF._replace(prompt=3), "has prompt=3; expected a text"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=f"sample 0 of the batch:? {message}"):
            make_reward(fails)([sample])
