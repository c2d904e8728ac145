"""Sentence BLEU by hand, and equal to sacrebleu."""

from __future__ import annotations

import math
import random
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from tokengym.rewards import Sample
from tokengym.rewards.bleu import Bleu, _tokenizer


def bleu(response: str, *references: str, tokenize: str = "auto", lowercase: bool = False) -> float:
    return float(Bleu(tokenize, lowercase).explain([Sample("", response, references)]).scores[0])


def assert_equal_to_sacrebleu(response: str, references: tuple[str, ...], tokenize: str, lowercase: bool = False) -> None:
    metric = _metric(tokenize, lowercase)
    expected = metric.sentence_score(response, list(references)).score / 100
    found = bleu(response, *references, tokenize=tokenize, lowercase=lowercase)
    assert found == pytest.approx(expected, abs=1e-9), (response, references)


@cache
def _metric(tokenize: str, lowercase: bool) -> BLEU:
    return BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=True)


def test_by_hand() -> None:
    # 4 of 5 words, 2 of 4 pairs, 1 of 3 triples, 0 of 2 quadruples (smoothed to 1/2 of one), equal lengths
    assert bleu("a b c d e", "a b c x e") == pytest.approx((4 / 5 * 2 / 4 * 1 / 3 * 1 / 4) ** (1 / 4))
    # all of it right, but 4 words where 6 were expected
    assert bleu("a b c d", "a b c d e f") == pytest.approx(math.exp(1 - 6 / 4))


def test_short_texts_use_the_orders_they_have() -> None:
    assert bleu("yes", "yes") == 1.0
    assert bleu("yes sir", "yes sir") == 1.0
    assert bleu("yes sir", "yes madam") == pytest.approx((1 / 2 * 1 / 2) ** (1 / 2))  # no pair: smoothed to half of one


def test_nothing_in_common_is_zero() -> None:
    assert [bleu(*pair) for pair in (("a", "b"), ("", "b"), ("a", ""), ("", ""))] == [0.0] * 4


def test_an_identical_text_scores_exactly_one() -> None:
    assert bleu("The cat sat on the mat, and 3.5% of it was red.", "The cat sat on the mat, and 3.5% of it was red.") == 1.0


def test_case_counts_unless_asked() -> None:
    assert bleu("the Cat", "the cat") < 1.0
    assert bleu("the Cat", "The cat", lowercase=True) == 1.0
    assert Bleu(lowercase=True).spec == "bleu(lowercase=True)"


def test_chinese_by_character_and_japanese_too() -> None:
    assert bleu("北京下雨", "北京下雪", tokenize="auto") == pytest.approx((3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** (1 / 4))
    assert bleu("東京のタワー", "東京のタワー") == 1.0
    assert bleu("ねこ", "ねこだ") == pytest.approx(math.exp(1 - 3 / 2))
    assert_equal_to_sacrebleu("北京今天下雨，气温3.5度。", ("北京今天下雪，气温3.5度！",), "zh")


def test_the_references_choose_the_tokenizer() -> None:
    reference = "北京GDP增长"
    assert bleu("GDP增长了", reference) == bleu("GDP增长了", reference, tokenize="zh") != bleu("GDP增长了", reference, tokenize="13a")
    assert bleu("x", "東の") == bleu("x", "東の", tokenize="char")


def test_equal_to_sacrebleu_on_random_words() -> None:
    draw = random.Random(3)
    words = ["the", "The", "fire", "in", "Harwick", "12", "3.5", "3,500", "don't", "co-op", "é", "$5", "&amp;", "(x)", "end.", "🙂", "北京"]
    for tokenize in ("13a", "intl", "none", "char", "zh"):
        for number in range(400):
            count = draw.randrange(1, 4)
            texts = [" ".join(draw.choices(words, k=draw.randrange(0, 15))) for _ in range(count + 1)]
            assert_equal_to_sacrebleu(texts[0], tuple(texts[1:]), tokenize, lowercase=number % 4 == 0)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.lists(st.text(max_size=40), min_size=1, max_size=3), st.sampled_from(["13a", "intl", "none", "char", "zh"]))
def test_equal_to_sacrebleu_on_any_text(response: str, references: list[str], tokenize: str) -> None:
    assert_equal_to_sacrebleu(response, tuple(references), tokenize)


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(ValueError, match="tokenize='mecab'; expected one of auto, 13a"):
        Bleu(tokenize="mecab")


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match="references='abc' is a text"):
        Bleu()([Sample("", "abc", "abc")])  # type: ignore[arg-type]


def test_without_sacrebleu_the_error_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    _tokenizer.cache_clear()
    with pytest.raises(ImportError, match="pip install 'sacrebleu>=2.4'"):
        bleu("none of this was seen", "before")
    _tokenizer.cache_clear()
