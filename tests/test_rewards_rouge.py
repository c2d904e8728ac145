"""ROUGE by hand, and equal to the rouge-score package."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from tokengym.rewards import BaseReward, Sample
from tokengym.rewards.rouge import Rouge1, Rouge2, RougeL
from tokengym.rewards.tokens import has_cjk

REWARDS = {"rouge1": Rouge1(), "rouge2": Rouge2(), "rougeL": RougeL()}
SCORER = rouge_scorer.RougeScorer(list(REWARDS))
REAL = [
    "A fire at a warehouse in Harwick injured 12 people on Monday, the fire service said; the cause is not yet known.",
    "Twelve people were injured on Monday when a warehouse in Harwick caught fire.",
    "HARWICK (AP) -- Fire service: 12 injured in warehouse blaze!",
    "The council's plan -- 3,500 homes by 2030 -- was approved 7-2 late on Tuesday night.",
    "Councillors approved a plan for 3,500 new homes by 2030.",
    "We don't know what we don't know; we do know it's not known.",
    "",
    "...",
    "naïve café résumé, naive cafe resume",
]


def score(reward: BaseReward, response: str, *references: str) -> float:
    return float(reward.explain([Sample("", response, references)]).scores[0])


def assert_equal_to_rouge_score(response: str, reference: str) -> None:
    expected = SCORER.score(reference, response)
    for name, reward in REWARDS.items():
        assert score(reward, response, reference) == pytest.approx(expected[name].fmeasure, abs=1e-9), (name, response, reference)


def test_by_hand() -> None:
    response, reference = "police kill the gunman", "police killed the gunman"  # 3 of 4 words, 1 of 3 pairs
    assert score(Rouge1(), response, reference) == 0.75
    assert score(Rouge2(), response, reference) == pytest.approx(1 / 3)
    assert score(RougeL(), response, reference) == 0.75
    shuffled = "the gunman kill police"  # same words, but only "the gunman" or one other stands in order
    assert score(Rouge1(), shuffled, reference) == 0.75
    assert score(RougeL(), shuffled, reference) == 0.5


def test_precision_and_recall_weigh_the_same() -> None:
    assert score(Rouge1(), "a b c d", "a b") == score(Rouge1(), "a b", "a b c d") == pytest.approx(2 / 3)
    assert score(Rouge1(), "a a a", "a") == 0.5  # a repeated word counts once


def test_chinese_and_japanese_by_character() -> None:
    assert score(Rouge1(), "北京下雨", "北京下雪") == 0.75
    assert score(Rouge2(), "北京下雨", "北京下雪") == pytest.approx(2 / 3)
    assert score(RougeL(), "京北", "北京") == 0.5
    assert score(RougeL(), "2026年12人", "２０２６年，12人。") == 1.0
    assert score(RougeL(), "ありがとう", "ありがとうね") == pytest.approx(10 / 11)


def test_texts_without_words_score_zero() -> None:
    for reward in REWARDS.values():
        assert [score(reward, *pair) for pair in (("", ""), ("", "a b"), ("a b", "!"), ("🙂", "🙂"))] == [0.0] * 4
    assert score(Rouge2(), "one", "one") == 0.0  # no pair of words to share


def test_the_best_reference_counts() -> None:
    assert score(RougeL(), "a b c", "x", "a b c", "a") == 1.0


def test_equal_to_rouge_score_on_real_sentences() -> None:
    for response in REAL:
        for reference in REAL:
            assert_equal_to_rouge_score(response, reference)


def test_equal_to_rouge_score_on_random_words() -> None:
    draw = random.Random(5)
    words = ["the", "The", "a", "fire", "Fires", "in", "Harwick", "12", "3.5", "don't", "co-op", "é", "x_y", "-", "killed", "İ", "K"]
    for _ in range(1500):
        response, reference = (" ".join(draw.choices(words, k=draw.randrange(0, 30))) for _ in range(2))
        assert_equal_to_rouge_score(response, reference)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_equal_to_rouge_score_on_any_text_without_chinese_or_japanese(response: str, reference: str) -> None:
    if not has_cjk(response) and not has_cjk(reference):
        assert_equal_to_rouge_score(response, reference)
