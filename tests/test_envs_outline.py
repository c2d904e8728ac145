"""Unfinished reports: every continuation tells every note, and the page holds a name of its split."""

from __future__ import annotations

import pytest

from tokengym.envs.lexicon import NAMED
from tokengym.envs.outline import TONES, outline
from tokengym.rewards import Sample, make_reward


@pytest.mark.parametrize("language", ["en", "zh"])
def test_continuations_tell_all_notes(language: str) -> None:
    for index in range(200):
        begun = outline("train", f"o/{index}", language)
        assert len(set(begun.continuations)) == len(begun.continuations)
        for way in begun.continuations:
            assert all(value.lower() in way.lower() for value in begun.notes.values()), (begun.notes, way)
        assert all(fact.lower() not in begun.opening.lower() for fact in begun.facts)
        assert set(begun.facts) <= set(begun.notes.values()) and begun.facts


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_has_a_name(language: str) -> None:
    for index in range(300):
        begun = outline("test", f"o/{index}", language)
        page = begun.opening + " ".join(begun.notes.values())
        assert any(value in page for slot, value in begun.story.slots.items() if slot in NAMED)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("tone", TONES[1:])
def test_with_a_tone_somebody_closes_with_that_feeling(language: str, tone: str) -> None:
    feeling = make_reward(f"sentiment(target='{tone}')")
    for index in range(50):
        begun = outline("train", f"o/{index}", language, tone=tone)
        plain = outline("train", f"o/{index}", language)
        assert begun.opening == plain.opening and len(begun.notes) == len(plain.notes) + 2
        for way in begun.continuations:
            quote = way[max(way.rfind(mark, 0, -20) for mark in (' "', "“")) :] if language == "en" else way[way.rfind("“") :]
            assert feeling([Sample("", quote)])[0] > 0.2, quote


def test_same_key_same_outline() -> None:
    one, two = outline("train", "a/1"), outline("train", "a/1")
    assert (one.notes, one.opening, one.continuations) == (two.notes, two.opening, two.continuations)
