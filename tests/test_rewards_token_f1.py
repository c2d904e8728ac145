"""Token F1 on the cases where SQuAD's definition is tricky."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.token_f1 import TokenF1

texts = st.text(alphabet="abthe .,'中京é")


def f1(response: str, *references: str, pool: str = "max") -> float:
    return float(TokenF1(references=pool).explain([Sample("", response, references)]).scores[0])


# What is left of each text after normalization, and so the score, was worked out by hand from the four steps of the official script:
# lower case, no ASCII punctuation, no articles, white space.
@pytest.mark.parametrize(
    ("response", "reference", "score"),
    [
        ("x y", "y z w", 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)),
        # repeated words count as often as both have them
        ("x x", "x", 2 * (1 / 2) / (1 / 2 + 1)),
        ("x x y", "x x x", 2 / 3),
        ("x y x y", "x y", 2 * 2 / (4 + 2)),
        ("x y", "y x", 1.0),  # the order does not count
        # articles go, as whole words only
        ("The cat!", "a cat", 1.0),
        ("theory", "ory", 0.0),
        ("an atlas", "atlas", 1.0),
        ("a-ha", "aha", 1.0),  # punctuation goes first: nothing is left of the hyphen
        ("the-end", "end", 0.0),  # "theend"
        ("a.m.", "am", 1.0),
        ("A. A. Milne", "Milne", 1.0),  # initials that read "a" are articles by then
        ("vitamin A", "vitamin", 1.0),
        # punctuation is ASCII's
        ("a b's", "bs", 1.0),
        ("$5.00", "500", 1.0),
        ("3,500", "3 500", 0.0),
        ("“Yes”", "Yes", 0.0),
        ("yes–no", "yesno", 0.0),  # an en dash stays
        ("¿qué?", "¿qué", 1.0),
        # yes and no are words like others
        ("yes", "Yes.", 1.0),
        ("yes", "no", 0.0),
        ("yes and no", "no", 2 * 1 / (3 + 1)),
        ("no answer", "no", 2 * 1 / (2 + 1)),
        # nothing left on one side or on both
        ("x", "y", 0.0),
        ("", "", 1.0),  # abstaining, and rightly so
        ("", "x", 0.0),
        ("x", "", 0.0),
        ("the", "a", 1.0),
        ("the", "x", 0.0),
        ("...", "", 1.0),
        ("   \n", "!", 1.0),
        # Unicode: lower case and white space are Unicode's, composed and decomposed letters differ
        ("ÉCOLE", "école", 1.0),
        ("e\u0301cole", "école", 0.0),
        ("x\u00a0y", "x y", 1.0),
        ("STRASSE", "straße", 0.0),
        ("🙂 x", "🙂", 2 * 1 / (2 + 1)),
        ("שלום עולם", "עולם", 2 * 1 / (2 + 1)),
        # Chinese and Japanese by character, without their punctuation
        ("北京是首都", "北京", 2 * 2 / (5 + 2)),
        ("北京。", "《北京》", 1.0),
        ("２０２６年", "2026 年", 1.0),
    ],
)
def test_by_hand(response: str, reference: str, score: float) -> None:
    assert f1(response, reference) == pytest.approx(score, abs=1e-12)


def test_the_best_reference_counts_or_the_mean() -> None:
    assert f1("x y", "z", "x", "x y z") == pytest.approx(0.8)
    assert f1("x y", "z", "x", "x y z", pool="mean") == pytest.approx((0 + 2 / 3 + 0.8) / 3)


@given(texts, texts)
def test_symmetric_and_one_for_itself(first: str, second: str) -> None:
    assert f1(first, second) == f1(second, first)
    assert f1(first, first) == 1.0
