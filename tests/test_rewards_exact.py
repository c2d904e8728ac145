"""Exact match, by hand."""

from __future__ import annotations

import pytest

from tokengym.rewards import Sample
from tokengym.rewards.exact import Exact


@pytest.mark.parametrize(
    ("response", "reference", "score"),
    [
        ("The Eiffel Tower.", "eiffel tower", 1.0),
        ("eiffel  tower\n", "an Eiffel Tower!", 1.0),
        ("Eiffel", "Eiffel Tower", 0.0),
        ("Tower Eiffel", "Eiffel Tower", 0.0),
        ("北京。", "北京", 1.0),
        ("北 京", "北京", 1.0),
        ("北京市", "北京", 0.0),
        ("yes", "Yes.", 1.0),
        ("yes", "no", 0.0),
        ("a-ha", "aha", 1.0),
        ("theory", "ory", 0.0),
        ("3,500", "3500", 1.0),
        ("x x", "x", 0.0),
        ("“Yes”", "Yes", 0.0),  # SQuAD's punctuation is ASCII's
        ("x\u00a0y", "x y", 1.0),
        ("ÉCOLE", "école", 1.0),
        ("🙂", "🙂", 1.0),
        ("שלום", "שלום.", 1.0),
        ("", "", 1.0),
        ("", "Paris", 0.0),
        ("", "A", 0.0),  # SQuAD's script would pay for this
        ("the", "A", 0.0),
        ("a", "A", 1.0),
        ("!", "!", 1.0),
        ("?", "!", 0.0),
    ],
)
def test_by_hand(response: str, reference: str, score: float) -> None:
    assert Exact()([Sample("", response, (reference,))]).tolist() == [score]


def test_without_normalization_only_outer_space_is_forgiven() -> None:
    reward = Exact(normalize=False)
    assert reward([Sample("", response, ("A b",)) for response in (" A b\n", "a b", "A b.")]).tolist() == [1.0, 0.0, 0.0]
    assert reward.spec == "exact(normalize=False)"


def test_any_reference_will_do() -> None:
    assert Exact()([Sample("", "two", ("one", "Two"))]).tolist() == [1.0]
    assert Exact(references="mean")([Sample("", "two", ("one", "Two"))]).tolist() == [0.5]
