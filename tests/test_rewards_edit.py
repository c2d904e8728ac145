"""Edit similarity by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.edit import Edit


def edit(response: str, *references: str, unit: str = "characters") -> float:
    return float(Edit(unit=unit).explain([Sample("", response, references)]).scores[0])


def distance(first: str, second: str) -> int:
    """The textbook's table, row by row."""
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (letter != other))
    return row[-1]


def test_by_hand() -> None:
    assert edit("kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert edit("", "") == 1.0
    assert edit("", "abc") == edit("abc", "") == 0.0
    assert edit("Cat", "cat") == pytest.approx(2 / 3)
    assert edit("北京下雨", "北京下雪") == 0.75
    assert edit("שלום", "שלומ") == 0.75
    assert edit("🙂🙂", "🙂") == 0.5


def test_by_word() -> None:
    assert edit("the big cat sat", "the cat sat", unit="words") == 0.75
    assert edit("the cat.", "the  cat .", unit="words") == 1.0
    assert edit("abc", "abd", unit="words") == 0.0
    assert edit("北京 rain", "北京rain", unit="words") == 1.0


def test_the_best_reference_counts_or_the_mean() -> None:
    assert edit("ab", "xy", "ab") == 1.0
    assert Edit(references="mean")([Sample("", "ab", ("xy", "ab"))]).tolist() == [0.5]
    assert Edit("words", "mean").spec == "edit(unit='words', references='mean')"


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit='bytes'; expected 'characters' or 'words'"):
        Edit(unit="bytes")


@given(st.text(max_size=12), st.text(max_size=12))
def test_symmetric_one_for_itself_and_as_the_table_says(first: str, second: str) -> None:
    assert edit(first, second) == edit(second, first) == pytest.approx(1 - distance(first, second) / max(len(first), len(second), 1))
    assert edit(first, first) == 1.0
    assert 0.0 <= edit(first, second, unit="words") == edit(second, first, unit="words") <= 1.0
