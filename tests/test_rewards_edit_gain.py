"""edit_gain: values worked by hand."""

from __future__ import annotations

import math

import pytest

from tokengym.rewards import Sample, make_reward
from tokengym.rewards.edit_gain import EditGain

CLEAN, WRONG = "The train is late.", "Teh tran is late."  # distance 3: two replacements, one insertion


def gain(response: str, references: tuple[str, ...] = (CLEAN,), source: str = WRONG) -> float:
    return float(EditGain().score([Sample("", response, references, {"source": source})])[0])


def test_by_hand() -> None:
    assert gain(CLEAN) == 1.0
    assert gain(WRONG) == 0.0
    assert gain("The tran is late.") == pytest.approx(2 / 3)  # one insertion is left of three edits
    assert gain("Teh train is late.") == pytest.approx(1 / 3)
    assert gain("") == 0.0  # farther away than the source


def test_white_space_at_the_ends_does_not_count() -> None:
    assert gain(f" {CLEAN}\n") == 1.0


def test_a_source_without_mistakes_is_to_be_left_alone() -> None:
    assert gain(CLEAN, source=CLEAN) == 1.0
    assert gain("The train is late!", source=CLEAN) == 0.0


def test_an_empty_response_earns_nothing_also_where_the_source_is_far_longer_than_the_reference() -> None:
    assert gain("", ("Yes.",), "Well, I would say that it is so.") == 0.0
    assert gain(" ", ("",), "Well.") == 1.0


def test_the_best_of_several_references_counts() -> None:
    assert gain(CLEAN, ("Something else.", CLEAN)) == 1.0
    assert make_reward("edit_gain(references='mean')")([Sample("", CLEAN, ("Something else.", CLEAN), {"source": WRONG})])[0] == 0.5


def test_without_a_source_or_a_reference_it_is_not_valid() -> None:
    assert math.isnan(EditGain().score([Sample("", CLEAN, (CLEAN,), {})])[0])
    assert math.isnan(gain(CLEAN, ()))


def test_a_single_text_as_references_is_told() -> None:
    with pytest.raises(TypeError, match="a tuple of texts"):
        EditGain().score([Sample("", CLEAN, CLEAN, {"source": WRONG})])  # type: ignore[arg-type]
