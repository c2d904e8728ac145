"""Mistakes by hand: where they can be, what they do, and that they stay out of names."""

from __future__ import annotations

import pytest

from tokengym.envs.draw import Draw
from tokengym.envs.mistakes import HOMOPHONES, KINDS, LOOKALIKES, made, mistakes, pieces
from tokengym.envs.world import report


def test_pieces_join_to_the_sentence() -> None:
    assert pieces("Jo-Ann isn't 12.", "en") == ["Jo-Ann", " ", "isn't", " ", "12", "."]
    for language in ("en", "zh"):
        for index in range(100):
            text = report("train", f"m/{index}", language).text
            assert "".join(pieces(text, language)) == text
    assert pieces("第3个", "zh") == ["第", "3", "个"]


def test_made_by_hand() -> None:
    parts = ["The", " ", "train", " ", "was", " ", "late", "."]
    assert made(parts, [{2: "trian"}, {4: "were"}]) == "The trian were late."
    assert made(parts, [{4: "late", 6: "was"}]) == "The train late was."
    assert made(parts, [{0: "", 1: ""}]) == "train was late."
    assert made(parts, []) == "The train was late."


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_mistakes_change_the_text_but_no_fixed_part(kind: str, language: str) -> None:
    for index in range(100):
        story = report("train", f"m/{index}", language)
        fixed = [story.slots[name] for name in ("place", "near", "person") if name in story.slots]
        parts = pieces(story.text, language)
        found = mistakes(Draw(f"x/{index}"), kind, language, parts, fixed, 3)
        assert len(found) == 3
        wrong = made(parts, found)
        assert wrong != story.text
        assert [wrong.count(value) for value in fixed] == [story.text.count(value) for value in fixed]
        places = sorted(place for mistake in found for place in mistake)
        assert len(set(places)) == len(places)


def test_a_sentence_without_room_has_fewer() -> None:
    assert mistakes(Draw("x"), "spelling", "en", pieces("Up 12!", "en"), (), 3) == []


def test_same_draw_same_mistakes() -> None:
    parts = pieces("The missing paintings were found in a warehouse.", "en")
    assert mistakes(Draw("a"), "spelling", "en", parts, (), 2) == mistakes(Draw("a"), "spelling", "en", parts, (), 2)


def test_confusions_go_both_ways() -> None:
    assert HOMOPHONES["whole"] == "hole" and HOMOPHONES["hole"] == "whole"
    assert LOOKALIKES["在"] == "再" and LOOKALIKES["再"] == "在"
