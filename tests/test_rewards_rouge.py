"""ROUGE by hand, and equal to the rouge-score package."""

from __future__ import annotations

import importlib.util
import random
import sys
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from tokengym.envs import load_examples
from tokengym.rewards import BaseReward, Sample, make_reward
from tokengym.rewards import tokens as tokens_module
from tokengym.rewards.rouge import Rouge1, Rouge2, RougeL
from tokengym.rewards.rouge_lsum import RougeLsum
from tokengym.rewards.tokens import has_cjk, rouge_tokens

KINDS = {"rouge1": Rouge1, "rouge2": Rouge2, "rougeL": RougeL, "rougeLsum": RougeLsum}
SCORERS = {stem: rouge_scorer.RougeScorer(list(KINDS), use_stemmer=stem) for stem in (False, True)}
SCORERS[True]._tokenizer._stemmer.stem = lru_cache(None)(SCORERS[True]._tokenizer._stemmer.stem)  # or the test takes a minute
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
    "\n",
    "flies flying skies dying\nnews innings proceedings\n\nhappily generously rationally",
]
# Words that stem, words that only look alike, capitals, marks inside words, and letters whose lower form is ASCII.
WORDS = """
the The a fire Fires fired firing in Harwick 12 3.5 don't co-op é x_y - killed killing İ K ſ relational generalization generalizations
incomprehensibilities internationalization-minded flies dying news skies happily organization organizer
""".split()


def score(reward: BaseReward, response: str, *references: str) -> float:
    return float(reward.explain([Sample("", response, references)]).scores[0])


def assert_equal_to_rouge_score(pairs: list[tuple[str, str]], stem: bool) -> None:
    """In one batch, and so through the pass over many texts at once; and one by one, through the other."""
    expected = [SCORERS[stem].score(reference, response) for response, reference in pairs]
    batch = [Sample("", response, (reference,)) for response, reference in pairs]
    for name, kind in KINDS.items():
        reward = kind(stem=stem)
        wanted = np.array([scores[name].fmeasure for scores in expected])
        together = reward.explain(batch).scores
        worst = int(np.abs(together - wanted).argmax())
        assert abs(together[worst] - wanted[worst]) <= 1e-9, (name, pairs[worst])
        assert [reward.compare(*pair) for pair in pairs] == together.tolist()


def test_by_hand() -> None:
    response, reference = "police kill the gunman", "police killed the gunman"  # 3 of 4 words, 1 of 3 pairs
    assert score(Rouge1(), response, reference) == 0.75
    assert score(Rouge2(), response, reference) == pytest.approx(1 / 3)
    assert score(RougeL(), response, reference) == 0.75
    shuffled = "the gunman kill police"  # same words, but only "the gunman" or one other stands in order
    assert score(Rouge1(), shuffled, reference) == 0.75
    assert score(RougeL(), shuffled, reference) == 0.5


def test_stemming_by_hand() -> None:
    assert score(Rouge1(stem=True), "police kill the gunman", "police killed the gunman") == 1.0
    assert score(RougeLsum(stem=True), "killing police\nflies", "fly\nkills police") == pytest.approx(2 / 3)  # "fly" is too short to stem
    assert score(Rouge1(stem=True), "was", "wa") == 0.0  # words of up to three letters stay as they are
    assert score(Rouge1(stem=True), "北京 homes", "北京 home") == 1.0
    assert Rouge1(stem=True).spec == "rouge_1(stem=True)"


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
    for kind in KINDS.values():
        assert [score(kind(), *pair) for pair in (("", ""), ("", "a b"), ("a b", "!"), ("🙂", "🙂"), ("שלום", "שלום"))] == [0.0] * 5
    assert score(Rouge2(), "one", "one") == 0.0  # no pair of words to share


@pytest.mark.parametrize("name", ["rouge_1", "rouge_2", "rouge_l", "rouge_lsum"])
def test_several_references_count_by_the_best_or_by_the_mean(name: str) -> None:
    references = ("x y", "a b c", "a b")
    alone = [make_reward(name).explain([Sample("", "a b c", (reference,))]).scores[0] for reference in references]
    batch = [Sample("", "a b c", references), Sample("", "a", ()), Sample("", "a b c", references[:1])] * 5
    for pool, expected in (("max", 1.0), ("mean", sum(alone) / 3)):
        explained = make_reward(f"{name}(references='{pool}')").explain(batch)
        assert explained.scores[:3] == pytest.approx([expected, 0.0, 0.0]) and explained.valid[:3].tolist() == [True, False, True]
        assert explained.scores[3:].tolist() == explained.scores[:12].tolist()


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match="references='abc' is a text"):
        Rouge1()([Sample("", "abc", ("abc",))] * 9 + [Sample("", "abc", "abc")])  # type: ignore[arg-type]


@pytest.mark.parametrize("stem", [False, True])
def test_equal_to_rouge_score_on_hard_sentences(stem: bool) -> None:
    assert_equal_to_rouge_score([(response, reference) for response in REAL for reference in REAL], stem)


@pytest.mark.parametrize("stem", [False, True])
def test_equal_to_rouge_score_on_10000_random_pairs(stem: bool) -> None:
    draw = random.Random(5)

    def text() -> str:
        words = draw.choices(WORDS, k=draw.randrange(0, 16))
        return "".join(word + draw.choice("    \n.") for word in words)

    assert_equal_to_rouge_score([(text(), text()) for _ in range(10_000)], stem)


@pytest.mark.parametrize("stem", [False, True])
@pytest.mark.parametrize("data", ["aclsum", "builtin:TextSumm-v0"])
def test_equal_to_rouge_score_on_200_real_pairs(data: str, stem: bool) -> None:
    if data == "aclsum" and importlib.util.find_spec("aclsum") is None:
        pytest.skip("needs the package aclsum")
    examples = load_examples(data, split="test")[:200]
    assert len(examples) == 200
    # The beginning of the source, from nothing to 1,120 letters, one sentence a line, against the summary.
    pairs = [
        (str(example.prompt)[: 80 * (number % 15)].replace(". ", ".\n"), example.references[0]) for number, example in enumerate(examples)
    ]
    assert_equal_to_rouge_score(pairs, stem)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), min_size=1, max_size=8), st.booleans())
def test_equal_to_rouge_score_on_any_text_without_chinese_or_japanese(pairs: list[tuple[str, str]], stem: bool) -> None:
    if not any(has_cjk(text) for pair in pairs for text in pair):
        assert_equal_to_rouge_score(pairs, stem)


words = st.lists(st.sampled_from(["a", "b", "c", "the", "北", "🙂", "שלום", "\n"]), max_size=15).map(" ".join)


@given(words, words)
def test_in_range_symmetric_and_one_for_itself(first: str, second: str) -> None:
    for reward in (Rouge1(), Rouge2(), RougeL()):
        assert 0.0 <= score(reward, first, second) == score(reward, second, first) <= 1.0
        has = len(rouge_tokens(first)) >= (2 if reward.name == "rouge_2" else 1)
        assert score(reward, first, first) == float(has)
    assert score(RougeLsum(), first, first) == float(bool(rouge_tokens(first)))
    assert score(RougeLsum(), first, second) <= score(Rouge1(), first, second)


def test_without_nltk_stemming_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk.stem.porter", None)
    tokens_module._stemmer.cache_clear()
    with pytest.raises(ImportError, match="pip install 'nltk>=3.8'"):
        Rouge1(stem=True).compare("unheardofword", "a")
    tokens_module._stemmer.cache_clear()
