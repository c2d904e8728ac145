"""The word list: no word with two meanings, no value out of range."""

from __future__ import annotations

from tokengym.rewards import sentiment_words
from tokengym.rewards.sentiment_words import BARRIERS, DEGREES, NEGATIONS, VALENCES


def test_each_word_stands_in_one_list_only() -> None:
    words = [word for name, text in vars(sentiment_words).items() if name.endswith(("_POSITIVE", "_NEGATIVE")) for word in text.split()]
    assert len(words) == len(set(words)) == len(VALENCES)
    lists = [set(VALENCES), set(DEGREES), NEGATIONS, BARRIERS]
    assert len(set().union(*lists)) == sum(map(len, lists))


def test_values_are_in_range_and_words_in_lower_case() -> None:
    assert all(-1 <= valence <= 1 and valence for valence in VALENCES.values())
    assert all(0 < factor < 2 for factor in DEGREES.values())
    assert all(word == word.lower() for word in (*VALENCES, *DEGREES, *NEGATIONS, *BARRIERS))
    for language in (str.isascii, lambda word: not word.isascii()):
        positive = sum(valence > 0 for word, valence in VALENCES.items() if language(word))
        assert 70 < positive and 70 < sum(map(language, VALENCES)) - positive
