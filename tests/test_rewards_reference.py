"""Several references: the best match counts."""

from __future__ import annotations

import pytest

from tokengym.rewards import ReferenceReward, Sample


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


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match=r"references='abc' is a text; expected a tuple of texts: \('abc',\)"):
        SharedPrefix()([Sample("", "abc", "abc")])  # type: ignore[arg-type]


def test_compare_must_be_written() -> None:
    class Empty(ReferenceReward):
        name = "empty"

    with pytest.raises(NotImplementedError, match="Empty must define compare"):
        Empty()([Sample("", "a", ("a",))])
