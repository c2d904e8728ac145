"""GLEU by hand, and equal to nltk."""

from __future__ import annotations

import importlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.gleu import Gleu
from tokengym.rewards.tokens import word_tokens


def gleu(response: str, *references: str, lowercase: bool = False, references_by: str = "max") -> float:
    return float(Gleu(lowercase, references_by).explain([Sample("", response, references)]).scores[0])


def test_by_hand() -> None:
    assert gleu("a b c", "a b d") == (2 + 1 + 0) / (3 + 2 + 1)
    assert gleu("a b c d e", "a b c d") == (4 + 3 + 2 + 1) / (5 + 4 + 3 + 2)
    assert gleu("the the the the the the the", "the cat is on the mat") == 2 / (7 + 6 + 5 + 4)
    assert gleu("b a", "a b") == 2 / 3  # the order counts
    assert gleu("a", "a") == 1.0
    assert gleu("北京下雨", "北京下雪") == (3 + 2 + 1) / (4 + 3 + 2 + 1)


def test_empty_texts_score_zero() -> None:
    assert [gleu(*pair) for pair in (("", ""), ("a", ""), ("", "a"))] == [0.0] * 3


def test_case_counts_unless_asked() -> None:
    assert gleu("The cat", "the cat") == 1 / 3
    assert gleu("The cat", "the cat", lowercase=True) == 1.0


def test_several_references() -> None:
    assert gleu("a b", "x", "a b") == 1.0
    assert gleu("a b", "x", "a b", references_by="mean") == 0.5


def test_equal_to_nltk_on_2000_random_pairs() -> None:
    sentence_gleu = importlib.import_module("nltk.translate.gleu_score").sentence_gleu
    draw = random.Random(7)
    words = ["the", "The", "fire", "in", "3.5", "don't", "(x)", "end.", "🙂", "北京", "é"]
    for _ in range(2000):
        response, *references = (" ".join(draw.choices(words, k=draw.randrange(0, 12))) for _ in range(draw.randrange(2, 4)))
        expected = sentence_gleu([word_tokens(text) for text in references], word_tokens(response))
        assert gleu(response, *references) == pytest.approx(expected, abs=1e-12), (response, references)


@given(st.text("ab 北🙂ש.", max_size=20), st.text("ab 北🙂ש.", max_size=20))
def test_in_range_symmetric_and_one_for_itself(first: str, second: str) -> None:
    assert 0.0 <= gleu(first, second) == gleu(second, first) <= 1.0
    assert gleu(first, first) == float(bool(first.strip()))
