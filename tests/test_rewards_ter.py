"""TER by hand, and equal to sacrebleu."""

from __future__ import annotations

import math
import random
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.ter import TER

from tokengym.rewards import Sample
from tokengym.rewards import ter as ter_module
from tokengym.rewards.ter import Ter


def ter(response: str, *references: str, tokenize: str = "auto", lowercase: bool = True) -> float:
    return float(Ter(tokenize, lowercase).explain([Sample("", response, references)]).scores[0])


def assert_equal_to_sacrebleu(response: str, references: tuple[str, ...], metric: TER, reward: Ter) -> None:
    found = float(reward.explain([Sample("", response, references)]).scores[0])
    assert found == pytest.approx(metric.sentence_score(response, list(references)).score / 100, abs=1e-9), (response, references)


def test_by_hand() -> None:
    assert ter("a b c d", "a b c d") == 0.0
    assert ter("a b x d", "a b c d") == 1 / 4
    assert ter("c d a b", "a b c d") == 1 / 4  # one shift of a block of two
    assert ter("c d a x", "a b c d") == 2 / 4  # a shift and a replacement
    assert ter("a b c d", "a") == 3.0  # more than 1
    assert ter("A B", "a b") == 0.0 and ter("A B", "a b", lowercase=False) == 1.0


def test_empty_texts() -> None:
    assert [ter(*pair) for pair in (("", ""), ("a b", ""), ("", "a b"))] == [0.0, 1.0, 1.0]


def test_lower_is_better_and_there_is_no_worst() -> None:
    assert Ter().range == (0.0, math.inf) and not Ter().higher_is_better


def test_several_references() -> None:
    references = ("a b c d", "a b")
    assert ter("a b c", *references) == 1 / 3  # the fewest edits, 1, by the mean length, 3
    assert Ter(references="mean").explain([Sample("", "a b c", references)]).scores.tolist() == [(1 / 4 + 1 / 2) / 2]


def test_chinese_and_japanese_by_character() -> None:
    assert ter("北京下雨", "北京下雪") == 1 / 4
    assert ter("北京下雨", "北京下雪", tokenize="words") == 1.0
    assert ter("It rained.", "It rained .") == 2 / 3 and ter("It rained.", "It rained .", tokenize="normalized") == 0.0


@pytest.mark.parametrize("tokenize", ["words", "normalized"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_equal_to_sacrebleu_on_random_words(tokenize: str, lowercase: bool) -> None:
    normalized = tokenize == "normalized"
    metric = TER(normalized=normalized, asian_support=normalized, case_sensitive=not lowercase)
    reward = Ter(tokenize, lowercase)
    draw = random.Random(13)
    words = ["the", "The", "fire", "in", "Harwick", "3.5", "don't", "co-op", "(x)", "end.", "&amp;", "🙂", "北京，", "カ"]
    for _ in range(250):
        response, *references = (" ".join(draw.choices(words, k=draw.randrange(0, 14))) for _ in range(draw.randrange(2, 4)))
        assert_equal_to_sacrebleu(response, tuple(references), metric, reward)


def test_equal_to_sacrebleu_on_shifted_blocks() -> None:
    metric, reward = TER(), Ter()
    draw = random.Random(17)
    for _ in range(200):
        reference = draw.choices("abcdefghijklmnopqrst"[: draw.randrange(2, 20)], k=draw.randrange(1, 28))
        response = list(reference)
        for _ in range(draw.randrange(4)):
            start, end = sorted(draw.choices(range(len(response) + 1), k=2))
            rest = response[:start] + response[end:]
            place = draw.randrange(len(rest) + 1)
            response = rest[:place] + response[start:end] + rest[place:]
        response[draw.randrange(len(response))] = draw.choice("abcxyz")
        assert_equal_to_sacrebleu(" ".join(response), (" ".join(reference),), metric, reward)


@settings(max_examples=80, deadline=None)
@given(st.text("ab c", max_size=40), st.text("ab c", max_size=40))
def test_equal_to_sacrebleu_and_zero_for_itself(response: str, reference: str) -> None:
    assert_equal_to_sacrebleu(response, (reference,), TER(), Ter())
    assert ter(response, response) == 0.0


def test_long_texts_end_in_time() -> None:
    draw = random.Random(19)
    words = [f"w{number}" for number in range(300)]
    before = time.perf_counter()
    for given_words, expected_words in ((900, 900), (20_000, 20_000), (20_000, 12)):
        ter(" ".join(draw.choices(words, k=given_words)), " ".join(draw.choices(words, k=expected_words)))
    assert time.perf_counter() - before < 10  # sacrebleu needs half a minute for the first alone


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(ValueError, match="tokenize='13a'; expected one of auto, words, normalized"):
        Ter(tokenize="13a")


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match="references='abc' is a text"):
        Ter()([Sample("", "abc", "abc")])  # type: ignore[arg-type]


def test_without_sacrebleu_the_error_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.ter", None)
    ter_module._tokenizer.cache_clear()
    with pytest.raises(ImportError, match="pip install 'sacrebleu>=2.4'"):
        ter("この文は新しい", "この文も")
    ter_module._tokenizer.cache_clear()
