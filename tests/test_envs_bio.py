"""envs/bio.py: words, tags, and where listed entities stand."""

from __future__ import annotations

import pytest

from tokengym.envs import bio_tags
from tokengym.envs.bio import cut_words, listing, placed, span_tags, word_spans


def test_words_are_letters_numbers_marks_and_chinese_characters() -> None:
    assert cut_words("Kovler's 3,200 men paid $4.50 at 9:30.") == [
        "Kovler", "'", "s", "3,200", "men", "paid", "$", "4.50", "at", "9:30", ".",
    ]  # fmt: skip
    assert cut_words("王小明在3月12日来了。") == ["王", "小", "明", "在", "3", "月", "12", "日", "来", "了", "。"]
    assert word_spans("a  bc") == [(0, 1), (3, 5)]


def test_spans_become_tags() -> None:
    text = "Ana Silva left Harwick."
    assert span_tags(text, [(0, 9, "PERSON"), (15, 22, "PLACE")]) == ["B-PERSON", "I-PERSON", "O", "B-PLACE", "O"]
    with pytest.raises(ValueError, match="'na Silva'"):
        span_tags(text, [(1, 9, "PERSON")])


def test_a_listed_answer_becomes_tags() -> None:
    words = cut_words("Silva of Silva Foods met Ana Silva on Monday.")
    listed = "Silva (PERSON); Silva Foods (ORG); Ana Silva (PERSON); Monday (DATE)"
    assert bio_tags(words, listed) == ["B-PERSON", "O", "B-ORG", "I-ORG", "O", "B-PERSON", "I-PERSON", "O", "B-DATE", "O"]
    assert bio_tags(words, "none") == bio_tags(words, "") == ["O"] * 10


def test_longer_entries_choose_first_and_equal_ones_go_from_left_to_right() -> None:
    words = ["Silva", "Foods", "and", "Silva"]
    assert bio_tags(words, "Silva (PERSON); Silva Foods (ORG)") == ["B-ORG", "I-ORG", "O", "B-PERSON"]
    assert bio_tags(["Oak", "beat", "Oak"], "Oak (ORG); Oak (PLACE)") == ["B-ORG", "O", "B-PLACE"]
    assert bio_tags(["Oak", "beat", "Oak"], "Oak (ORG)") == ["B-ORG", "O", "O"]


def test_case_quotes_bullets_and_order_do_not_matter() -> None:
    words = ["In", "Harwick", ",", "Ana", "Silva"]
    assert bio_tags(words, '1. "ana silva" (person)\n2. HARWICK (Place)') == ["O", "B-PLACE", "O", "B-PERSON", "I-PERSON"]


def test_what_the_sentence_does_not_hold_is_lost_and_unknown_types_have_a_name() -> None:
    words = ["Ana", "left"]
    assert placed(words, "Ana (PERSON); Ben (PERSON); Ana (PLACE); no type") == (["B-PERSON", "O"], ["OTHER", "PERSON", "PLACE"])
    assert placed(words, "Ana (CAT); Ben (DOG)", types=["PERSON"]) == (["B-OTHER", "O"], ["OTHER"])
    assert placed(words, "Ana (person)", types=["Person"]) == (["B-Person", "O"], [])
    assert placed(words, "Ana (big cat)") == (["B-BIG_CAT", "O"], [])


def test_chinese_goes_by_characters() -> None:
    words = cut_words("王小明3月到。")
    assert bio_tags(words, "王小明 (PERSON); 3月 (DATE)") == ["B-PERSON", "I-PERSON", "I-PERSON", "B-DATE", "I-DATE", "O", "O"]


def test_listing() -> None:
    assert listing([("Ana Silva", "PERSON"), ("Harwick", "PLACE")]) == "Ana Silva (PERSON); Harwick (PLACE)"
    assert listing([]) == "none"
