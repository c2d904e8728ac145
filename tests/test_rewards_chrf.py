"""chrF and chrF++ by hand, and equal to sacrebleu."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from tokengym.rewards import Sample
from tokengym.rewards.chrf import Chrf

texts = st.one_of(st.text(max_size=40), st.text("ab .,(🙂北京ש", max_size=30))


def chrf(response: str, *references: str, word_order: int = 0) -> float:
    return float(Chrf(word_order).explain([Sample("", response, references)]).scores[0])


def assert_equal_to_sacrebleu(samples: list[Sample], word_order: int, lowercase: bool) -> None:
    metric = CHRF(word_order=word_order, lowercase=lowercase)
    scores = Chrf(word_order, lowercase).explain(samples).scores.tolist()
    for sample, found in zip(samples, scores, strict=True):
        expected = metric.sentence_score(sample.response, list(sample.references)).score / 100
        assert found == pytest.approx(expected, abs=1e-9), sample


def test_by_hand() -> None:
    # "abc" against "abd": 2 of 3 letters, 1 of 2 pairs, 0 of 1 triples on both sides; longer runs there are none
    assert chrf("abc", "abd") == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # "ab" against "abcd": precision (1 + 1) / 2 over the orders that both have, recall (2/4 + 1/3) / 2, recall four times as heavy
    recall = (2 / 4 + 1 / 3) / 2
    assert chrf("ab", "abcd") == pytest.approx(5 * recall / (4 + recall))
    assert chrf("abcd", "ab") != chrf("ab", "abcd")  # not symmetric
    assert chrf("a b\nc", "ab c") == 1.0  # white space does not count


def test_words_count_in_chrf_plus_plus() -> None:
    # letters 2/2, pairs 1/1; "a", "b" against "ab": no word in common; no pair of words in the reference
    assert chrf("a b", "ab", word_order=2) == pytest.approx((1 + 1 + 0) / 3)
    assert Chrf(word_order=2).spec == "chrf(word_order=2)"


def test_nothing_in_common_is_zero() -> None:
    assert [chrf(*pair) for pair in (("", ""), ("a", ""), ("", "a"), ("a", "b"))] == [0.0] * 4


def test_several_references() -> None:
    assert chrf("ab", "xy", "ab") == 1.0
    batch = [Sample("", "ab", ("xy", "ab")), Sample("", "ab"), Sample("", "ab", ("ab",))]
    explained = Chrf(references="mean").explain(batch)
    assert explained.scores.tolist() == [0.5, 0.0, 1.0] and explained.valid.tolist() == [True, False, True]
    assert not Chrf().explain([Sample("", "ab")]).valid.any()


@pytest.mark.parametrize(("word_order", "lowercase"), [(0, False), (2, False), (2, True), (1, False)])
def test_equal_to_sacrebleu_on_1000_random_samples(word_order: int, lowercase: bool) -> None:
    draw = random.Random(11)
    words = ["the", "The", "fire", "fires", "Harwick", "12", "3.5,", "don't", "(x)", "end.", "🙂", "北京", "שלום", "é", "."]

    def text() -> str:
        return " ".join(draw.choices(words, k=draw.randrange(0, 12)))

    samples = [Sample("", text(), tuple(text() for _ in range(draw.randrange(1, 3)))) for _ in range(1000)]
    assert_equal_to_sacrebleu(samples, word_order, lowercase)


@settings(max_examples=100, deadline=None)
@given(texts, st.lists(texts, min_size=1, max_size=2), st.sampled_from([0, 2]))
def test_equal_to_sacrebleu_on_any_text(response: str, references: list[str], word_order: int) -> None:
    assert_equal_to_sacrebleu([Sample("", response, tuple(references))], word_order, False)


@given(texts)
def test_one_for_itself(text: str) -> None:
    assert chrf(text, text) == chrf(text, text, word_order=2) == pytest.approx(float(bool(text.strip())))


@pytest.mark.parametrize("order", [-1, 5, True, 1.5])
def test_an_unknown_order_is_refused(order: int) -> None:
    with pytest.raises(ValueError, match=f"word_order={order!r}; expected 0"):
        Chrf(word_order=order)


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match="references='abc' is a text"):
        Chrf()([Sample("", "abc", "abc")])  # type: ignore[arg-type]
