"""Draws are the same for the same key, stay in range, and settle alternatives."""

from __future__ import annotations

from tokengym.envs.draw import Draw


def test_same_key_same_draws_other_key_other_draws() -> None:
    first, second, other = Draw("a"), Draw("a"), Draw("b")
    numbers = [first.number(0, 10**9) for _ in range(5)]
    assert numbers == [second.number(0, 10**9) for _ in range(5)]
    assert numbers != [other.number(0, 10**9) for _ in range(5)]


def test_the_sequence_is_what_python_guarantees() -> None:
    # These values must never change: the builtin data, the tokenizer and the pretrained weights hang on them.
    draw = Draw("fixed")
    assert [draw.number(0, 99) for _ in range(5)] == [87, 67, 45, 78, 4]


def test_number_includes_both_ends() -> None:
    draw = Draw("ends")
    assert {draw.number(3, 5) for _ in range(200)} == {3, 4, 5}


def test_two_numbers_differ_and_stay_in_range() -> None:
    draw = Draw("two")
    pairs = {draw.two(1, 3) for _ in range(200)}
    assert pairs == {(a, b) for a in "123" for b in "123" if a != b}


def test_some_gives_different_options_and_no_more_than_there_are() -> None:
    draw = Draw("some")
    assert sorted(draw.some([1, 2, 3], 3)) == [1, 2, 3]
    assert len(draw.some([1, 2], 5)) == 2


def test_text_settles_nested_alternatives_and_fills_slots() -> None:
    seen = {Draw(str(i)).text("[a|b [c|d]] {x}", {"x": "end"}) for i in range(60)}
    assert seen == {"A end", "B c end", "B d end"}
