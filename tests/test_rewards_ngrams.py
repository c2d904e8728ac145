"""Shared n-grams of many pairs at once, against plain counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tokengym.rewards import ngrams
from tokengym.rewards.ngrams import Matches, character_matches, ngram_matches, word_matches
from tokengym.rewards.tokens import has_cjk, rouge_tokens

texts = st.one_of(
    st.text(max_size=40).filter(lambda text: not has_cjk(text)),
    st.lists(st.sampled_from(["a", "b", "ab", "eightone", "eighttwo", "ninechars", "sixteenlettersxy", "sixteenlettersxz", "K", "é"])).map(
        " ".join
    ),
)
pairs = st.lists(st.tuples(texts, texts), max_size=5)


def counted(texts: Sequence[Sequence[object]], n: int) -> list[Counter[tuple[object, ...]]]:
    return [Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1)) for text in texts]


def plain(first: Sequence[Sequence[object]], second: Sequence[Sequence[object]], n: int) -> list[list[int]]:
    one, other = counted(first, n), counted(second, n)
    return [
        [(a & b).total() for a, b in zip(one, other, strict=True)],
        [a.total() for a in one],
        [b.total() for b in other],
    ]


def listed(matches: Matches) -> list[list[int]]:
    return [part.tolist() for part in matches]


def test_by_hand() -> None:
    assert listed(ngram_matches(["The cat, the cat", "x", ""], ["the cat sat", "y", ""], 1)) == [[2, 0, 0], [4, 1, 0], [3, 1, 0]]
    assert listed(ngram_matches(["The cat, the cat", "x", ""], ["the cat sat", "y", ""], 2)) == [[1, 0, 0], [3, 0, 0], [2, 0, 0]]
    assert [listed(order) for order in character_matches(["abab"], ["ab"], (1, 3))] == [[[2], [4], [2]], [[0], [2], [0]]]
    assert [listed(order) for order in word_matches([["a b", "c"]], [["c", "a b"]], (1, 2))] == [[[2], [2], [2]], [[0], [1], [1]]]


def test_no_run_reaches_into_the_next_text() -> None:
    assert listed(ngram_matches(["a", "b"], ["a b", "a b"], 2))[0] == [0, 0]
    assert listed(character_matches(["a", "b"], ["ab", "ab"], (2,))[0])[0] == [0, 0]


def test_nothing_at_all() -> None:
    assert listed(ngram_matches([], [], 2)) == [[], [], []]


@settings(max_examples=150, deadline=None)
@given(pairs, st.integers(1, 4))
def test_equal_to_plain_counting(found: list[tuple[str, str]], n: int) -> None:
    first, second = [a for a, _ in found], [b for _, b in found]
    cut = [rouge_tokens(text) for text in first], [rouge_tokens(text) for text in second]
    assert listed(ngram_matches(first, second, n)) == plain(*cut, n)
    assert listed(word_matches(*cut, (n,))[0]) == plain(*cut, n)
    assert listed(character_matches(first, second, (n,))[0]) == plain(first, second, n)


def test_many_pairs_and_long_ones_are_taken_in_parts() -> None:
    first = [f"w{number} common word {number % 7}" for number in range(300)]
    assert listed(ngram_matches(first, first[::-1], 1)) == plain([t.split() for t in first], [t.split() for t in first[::-1]], 1)
    long = ["a b c " * 40_000] * 3
    assert sum(map(len, long)) > ngrams._LETTERS
    assert listed(ngram_matches(long, ["b a", "x", "c c"], 1)) == [[2, 0, 2], [120_000] * 3, [2, 1, 2]]


def test_a_word_of_any_length_is_one_word() -> None:
    first, second = "x" * 20_000 + "y", "x" * 20_000 + "z"
    assert listed(ngram_matches([first, first], [first, second], 1))[0] == [1, 0]
