"""Reports tell their facts, only those of their split, and are the same for the same key."""

from __future__ import annotations

import pytest

from tokengym.envs.base import Example
from tokengym.envs.world import LANGUAGES, Generated, report


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_of_the_summary_stands_in_the_report(language: str) -> None:
    for index in range(300):
        story = report("train", f"t/{index}", language)
        for fact in story.facts:
            assert fact.lower() in story.text.lower(), (story.genre.name, fact, story.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_good_summaries_name_all_facts_and_vague_ones_do_not(language: str) -> None:
    for index in range(100):
        story = report("validation", f"t/{index}", language)
        for template in story.genre.summary + story.genre.recap:
            told = story.tell(template).lower()
            assert all(fact.lower() in told for fact in story.facts), (story.genre.name, told)
        for template in story.genre.vague:
            assert not all(fact.lower() in story.tell(template).lower() for fact in story.facts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_stand_in_the_report_and_wrong_ones_differ(language: str) -> None:
    for index in range(200):
        story = report("train", f"q/{index}", language, extras=2)
        assert story.questions
        for question in story.questions:
            answer = story.slots[question.slot]
            assert answer.lower() in story.text.lower(), (story.genre.name, question.slot, story.text)
            assert answer in story.tell(question.full)
            assert story.slots[question.wrong] != answer


def test_mixing_up_changes_a_fact() -> None:
    for genre in LANGUAGES["en"] + LANGUAGES["zh"]:
        assert set(genre.wrong) <= set(genre.facts) | {"place", "firm"}


def test_same_key_same_report_and_other_keys_others() -> None:
    assert report("train", "a/1").text == report("train", "a/1").text
    assert len({report("train", f"a/{i}").text for i in range(500)}) == 500


def test_a_million_parameters_cannot_memorize_it() -> None:
    words = {word for i in range(3000) for word in report("train", f"w/{i}").text.split()}
    assert len(words) > 5000


def test_splits_share_no_place() -> None:
    places = {split: {report(split, f"p/{i}").slots.get("place") for i in range(800)} for split in ("train", "validation", "test")}
    assert not (places["train"] & places["test"]) - {None}
    assert not (places["train"] & places["validation"]) - {None}


def test_unknown_split_and_language_say_what_there_is() -> None:
    with pytest.raises(ValueError, match="dev.*train.*validation.*test"):
        report("dev", "x")
    with pytest.raises(ValueError, match="fr.*en.*zh"):
        report("train", "x", "fr")


def test_generated_is_lazy_and_keeps_what_it_made() -> None:
    made: list[int] = []

    def make(index: int) -> Example:
        made.append(index)
        return Example(str(index), "x")

    rows = Generated(make, 10)
    assert len(rows) == 10 and made == []
    assert rows[3] is rows[3] and rows[-1].id == "9" and made == [3, 9]
    assert [row.id for row in rows[4:6]] == ["4", "5"]
    with pytest.raises(IndexError):
        rows[10]
    with pytest.raises(ValueError, match="size=0"):
        Generated(make, 0)
