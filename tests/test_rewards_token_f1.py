"""Token F1 on the cases where SQuAD's definition is tricky."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.token_f1 import TokenF1

texts = st.text(alphabet="abthe .,'中京é")


def f1(response: str, *references: str) -> float:
    return float(TokenF1().explain([Sample("", response, references)]).scores[0])


@pytest.mark.parametrize(
    ("response", "reference", "score"),
    [
        ("x y", "y z w", 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)),
        ("x x", "x", 2 * (1 / 2) / (1 / 2 + 1)),  # a repeated word counts once against one
        ("x x y", "x x x", 2 / 3),
        ("The cat!", "a cat", 1.0),
        ("x", "y", 0.0),
        ("", "", 1.0),  # abstaining, and rightly so
        ("", "x", 0.0),
        ("x", "", 0.0),
        ("the", "a", 1.0),  # neither has a word left
        ("the", "x", 0.0),
        ("a b's", "bs", 1.0),
        ("北京是首都", "北京", 2 * 2 / (5 + 2)),
        ("北京。", "《北京》", 1.0),
    ],
)
def test_by_hand(response: str, reference: str, score: float) -> None:
    assert f1(response, reference) == pytest.approx(score, abs=1e-12)


def test_the_best_reference_counts() -> None:
    assert f1("x y", "z", "x", "x y z") == pytest.approx(0.8)


@given(texts, texts)
def test_symmetric_and_one_for_itself(first: str, second: str) -> None:
    assert f1(first, second) == f1(second, first)
    assert f1(first, first) == 1.0
