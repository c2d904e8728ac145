"""One event in two languages: all wordings tell the same values, and each fact stands with names of its split."""

from __future__ import annotations

import re

import pytest

from tokengym.envs.bilingual import FACTS, told
from tokengym.envs.genres_en import ENGLISH
from tokengym.envs.lexicon import NAMED

_SLOT = re.compile(r"\{(\w+)\}")


def test_every_genre_has_five_facts_or_more_and_one_with_a_name() -> None:
    assert set(FACTS) == {genre.name for genre in ENGLISH}
    for facts in FACTS.values():
        assert len(facts) >= 5
        assert any(NAMED & set(_SLOT.findall(fact.en[0])) for fact in facts)


def test_all_wordings_of_a_fact_have_the_same_slots_in_both_languages() -> None:
    for facts in FACTS.values():
        for fact in facts:
            assert len(fact.en) >= 2 and len(fact.zh) >= 2
            assert len({frozenset(_SLOT.findall(text)) for text in fact.en + fact.zh}) == 1, fact


def test_tellings_hold_the_values_of_their_language() -> None:
    for index in range(200):
        event = told("train", f"t/{index}", facts=2)
        slots = {slot for fact in event.facts for slot in _SLOT.findall(fact.en[0])}
        for language in ("en", "zh"):
            wordings = event.wordings(language)
            assert len(set(wordings)) == len(wordings) >= 2
            for text in wordings:
                assert all(event.slots[language][slot].lower() in text.lower() for slot in slots), text
        assert event.slots["en"].keys() == event.slots["zh"].keys()


def test_a_swap_puts_the_distractor_in_place_of_the_fact() -> None:
    event = next(event for i in range(99) if "{hurt}" in (event := told("test", f"s/{i}", facts=2)).facts[0].en[0])
    assert event.slots["zh"]["oldhurt"] in event.tell("zh", 0, swap={"hurt": "oldhurt"})


def test_same_key_same_event() -> None:
    assert told("train", "a/1").wordings("zh") == told("train", "a/1").wordings("zh")
    with pytest.raises(ValueError, match="dev.*train.*validation.*test"):
        told("dev", "a/1")
