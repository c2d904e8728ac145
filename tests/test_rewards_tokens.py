"""How texts become tokens, by hand."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample, bleu, make_reward, rouge, rouge_lsum, ter, tokens
from tokengym.rewards.tokens import (
    has_cjk,
    ngram_counts,
    overlap,
    reference_counts,
    rouge_bytes,
    rouge_tokens,
    shared_ngrams,
    squad_tokens,
    word_count,
    word_tokens,
)


def test_cjk_is_han_and_kana_without_punctuation() -> None:
    assert all(has_cjk(text) for text in ("中", "a の b", "カ", "ｶ", "々", "𠀀", "〇"))
    assert not any(has_cjk(text) for text in ("", "plain", "é", "한국어", "。，", "・", "ＡＢ", "🙂", "שלום"))


def test_rouge_tokens_by_hand() -> None:
    assert rouge_tokens("The U.S. don't-stop, at 3.5%!") == ("the", "u", "s", "don", "t", "stop", "at", "3", "5")
    assert rouge_tokens("Café Ünal") == ("caf", "nal")  # as rouge-score has it
    assert rouge_tokens("") == rouge_tokens("?! 🙂") == ()


def test_rouge_tokens_of_chinese_and_japanese() -> None:
    assert rouge_tokens("北京GDP增长3.5%。") == ("北", "京", "gdp", "增", "长", "3", "5")
    assert rouge_tokens("２０２６年Ａ") == ("2026", "年", "a")
    assert rouge_tokens("東京タワー") == ("東", "京", "タ", "ワ", "ー")


def test_rouge_tokens_with_stems() -> None:
    assert rouge_tokens("Dying flies organized relational homes", stem=True) == ("die", "fli", "organ", "relat", "home")
    assert rouge_tokens("was 北京 3500", stem=True) == ("was", "北", "京", "3500")


def test_rouge_bytes_by_hand() -> None:
    assert rouge_bytes("A-b 3") == b"a b 3"
    assert rouge_bytes("é\ud800K") == b"   k"  # two bytes for the accent, one mark for a half of a pair, and the Kelvin sign


@given(st.text())
def test_rouge_bytes_cut_as_the_pattern_of_rouge_score_does(text: str) -> None:
    assert rouge_bytes(text).decode().split() == re.findall("[a-z0-9]+", text.lower())


def test_word_tokens_by_hand() -> None:
    assert word_tokens("Don't stop, 3.5%!") == ("Don", "'", "t", "stop", ",", "3", ".", "5", "%", "!")
    assert word_tokens("北京GDP涨了。") == ("北", "京", "GDP", "涨", "了", "。")
    assert word_tokens(" \n") == ()


def test_squad_tokens_by_hand() -> None:
    assert squad_tokens("The Cat's  a (new)\nhat!") == ("cats", "new", "hat")
    assert squad_tokens("theory an atlas") == ("theory", "atlas")
    assert squad_tokens("a.n. other; the-end") == ("other", "theend")  # punctuation goes before articles: "a.n." becomes "an"
    assert squad_tokens("“quoted”") == ("“quoted”",)  # SQuAD drops ASCII punctuation only
    assert squad_tokens("The") == ()


def test_squad_tokens_of_chinese() -> None:
    assert squad_tokens("《三体》，the 作者Liu！") == ("三", "体", "作", "者", "liu")
    assert squad_tokens("A组") == squad_tokens("a 组。") == ("a", "组")  # a group's name is no article


def test_word_count_by_hand() -> None:
    assert [word_count(text) for text in ("", "  ", "one", "one, two - three", "你好，world 2026！", "。")] == [0, 0, 1, 4, 4, 1]


def test_ngram_counts_by_hand() -> None:
    tokens = ("a", "b", "a", "b")
    assert ngram_counts(tokens, 1) == {"a": 2, "b": 2}
    assert ngram_counts(tokens, 2) == reference_counts(tokens, 2) == {("a", "b"): 2, ("b", "a"): 1}
    assert ngram_counts(tokens, 5) == {}


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_overlap_is_the_size_of_the_multiset_intersection(first: list[str], second: list[str]) -> None:
    one, other = Counter(first), Counter(second)
    assert overlap(one, other) == overlap(other, one) == sum((one & other).values())


@given(st.lists(st.sampled_from("abc")).map(tuple), st.lists(st.sampled_from("abc")).map(tuple), st.integers(1, 4))
def test_shared_ngrams_are_the_overlap_of_the_counts(given_: tuple[str, ...], expected: tuple[str, ...], n: int) -> None:
    assert shared_ngrams(given_, ngram_counts(expected, n), n) == overlap(ngram_counts(given_, n), ngram_counts(expected, n))


@pytest.mark.parametrize(
    ("spec", "cache"),
    [
        ("rouge_l", rouge_tokens),
        ("rouge_1", rouge._related),
        ("rouge_2", rouge._expected),
        ("token_f1", squad_tokens),
        ("gleu", word_tokens),
        ("gleu", reference_counts),
        ("bleu", bleu._prepared),
        ("ter", ter._words),
        ("rouge_lsum", rouge_lsum._sentences),
        ("rouge_lsum", rouge_lsum._places),
    ],
)
def test_long_texts_do_not_fill_the_memory(spec: str, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_ROOM", 10_000)
    monkeypatch.setattr(tokens, "_held", {})
    cache.cache_clear()
    reward = make_reward(spec)
    texts = [f"w{number} word\n" + "word and " * 100 for number in range(40)]  # 900 characters each
    expected = [float(reward.explain([Sample("", text, (text,))]).scores[0]) for text in texts]
    assert 0 < cache.cache_info().currsize <= 10_000 / 700 and len(set(expected)) == 1
    for number in range(40):
        text = f"{number}\nshort"
        reward.explain([Sample("", text, (text,))])
    assert cache.cache_info().currsize >= 40  # short ones are all kept


@pytest.mark.parametrize(
    ("spec", "cache", "size"), [("bleu", bleu._prepared, 2000), ("rouge_l", rouge._expected, 3000), ("token_f1", squad_tokens, 6000)]
)
def test_four_thousand_long_references_are_kept(spec: str, cache: Any, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_ROOM", tokens._ROOM // 100)
    monkeypatch.setattr(tokens, "_held", {})
    cache.cache_clear()
    reward = make_reward(spec)
    for number in range(40):
        reward.explain([Sample("", "w", (f"w{number} " + "w" * (size - 5),))])
    assert cache.cache_info().currsize >= 40
