"""Compression, by hand."""

from __future__ import annotations

import pytest

from tokengym.rewards import Sample
from tokengym.rewards.compression import Compression

SOURCE = "a b c d e f g h i j"  # ten words


def scores(reward: Compression, *counts: int) -> list[float]:
    return [float(score) for score in reward.explain([Sample(SOURCE, "w " * count) for count in counts]).scores]


def test_by_hand() -> None:
    assert scores(Compression(), 0, 1, 4, 10, 15) == pytest.approx([0.0, 0.9, 0.6, 0.0, 0.0])  # an empty response says nothing


def test_a_window_by_hand() -> None:
    reward = Compression(low=0.2, high=0.5)
    assert scores(reward, 0, 1, 2, 4, 5, 6, 10, 15) == pytest.approx([0.0, 0.5, 1.0, 1.0, 1.0, 0.8, 0.0, 0.0])


def test_a_window_up_to_a_copy_by_hand() -> None:
    assert scores(Compression(low=0.5, high=1), 5, 10, 15, 20, 30) == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])


def test_by_characters() -> None:
    explained = Compression(unit="characters").explain([Sample("abcdefgh", "ab"), Sample("ab  cd ", "a")])
    assert explained.scores.tolist() == pytest.approx([0.75, 0.8])


def test_nothing_to_compress_is_not_valid() -> None:
    assert Compression().explain([Sample(" ", "a"), Sample("", ""), Sample("a", "")]).valid.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("low", "high", "unit", "match"),
    [
        (0.2, None, "words", "needs both ends"),
        (None, 0.2, "words", "needs both ends"),
        (0, 0.5, "words", "0 < low <= high <= 1"),
        (0.6, 0.5, "words", "0 < low <= high <= 1"),
        (0.6, 1.5, "words", "0 < low <= high <= 1"),
        (None, None, "tokens", "expected one of words, characters"),
    ],
)
def test_impossible_arguments_are_refused(low: float | None, high: float | None, unit: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Compression(low=low, high=high, unit=unit)
