"""Repetition and distinct-n, by hand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.repetition import Distinct, Repetition


def distinct(text: str, n: int) -> float:
    return float(Distinct(n=n).explain([Sample("", text)]).scores[0])


def repeated(text: str, n: int) -> float:
    return float(Repetition(n=n).explain([Sample("", text)]).scores[0])


@pytest.mark.parametrize(
    ("text", "n", "score"),
    [
        ("a b c", 1, 1.0),
        ("a a a b", 1, 2 / 4),
        ("a b a b", 2, 2 / 3),  # ab, ba, ab
        ("no, no. No!", 1, 1 / 3),  # case and punctuation at the ends do not count
        ("don't dont", 1, 1.0),
        ("a b c d", 4, 1.0),
        ("北京北京", 1, 2 / 4),
        ("北京，北京！", 2, 2 / 3),
        ("🙂 🙂 🙂", 1, 1 / 3),
        ("नमस्ते दुनिया नमस्ते", 1, 2 / 3),
        ("שלום עולם שלום", 1, 2 / 3),
    ],
)
def test_by_hand(text: str, n: int, score: float) -> None:
    assert distinct(text, n) == pytest.approx(score, abs=1e-12)
    assert repeated(text, n) == pytest.approx(1 - score, abs=1e-12)


@pytest.mark.parametrize("text", ["", "  \n", "...", "word"])
def test_without_an_ngram_both_are_zero(text: str) -> None:
    assert distinct(text, 2) == repeated(text, 2) == 0.0


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(1, 4))
def test_equals_the_naive_count(words: list[str], n: int) -> None:
    grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
    assert distinct(" ".join(words), n) == pytest.approx(len(set(grams)) / len(grams) if grams else 0.0)


def test_thirty_thousand_words_take_no_time() -> None:
    start = time.perf_counter()
    assert repeated("spam and eggs " * 10_000, 4) == pytest.approx(1.0, abs=1e-3)
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_no_ngrams_of_other_sizes(n: int) -> None:
    for kind in (Repetition, Distinct):
        with pytest.raises(ValueError, match="expected a whole number of at least 1"):
            kind(n=n)


def test_directions() -> None:
    assert not Repetition().higher_is_better and Distinct().higher_is_better
