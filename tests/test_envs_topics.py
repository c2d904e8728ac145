"""envs/topics.py: short reports whose topic is that of the event most sentences tell."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tokengym.envs.sentences import sentences
from tokengym.envs.topics import CUES, TOPICS, brief
from tokengym.envs.world import LANGUAGES, report


@pytest.mark.parametrize("language", TOPICS)
def test_topics_name_every_genre_and_have_cues(language: str) -> None:
    assert set(TOPICS[language]) == {genre.name for genre in LANGUAGES[language]}
    for topic in TOPICS[language].values():
        assert re.compile(CUES[topic])


@pytest.mark.parametrize("language", TOPICS)
def test_most_of_the_text_tells_the_topic(language: str) -> None:
    for index in range(100):
        told, story = brief("validation", f"x/{index}", language), report("validation", f"x/{index}", language, extras=0)
        assert told.topic == TOPICS[language][story.genre.name]
        own = [sentence for sentence in (story.lead, *story.body) if sentence in told.text]
        rest = told.text
        for sentence in own:
            rest = rest.replace(sentence, "")
        assert story.lead in own
        assert len(own) >= 2
        assert bool(rest.strip()) == (told.beside != told.topic)
        assert len(sentences(rest)) <= 1


def test_a_word_on_another_event_stands_in_two_texts_of_three() -> None:
    told = [brief("train", str(index)) for index in range(900)]
    assert abs(sum(one.beside != one.topic for one in told) / 900 - 2 / 3) < 0.05
    assert min(Counter(one.topic for one in told).values()) > 60
    assert set(Counter(one.topic for one in told)) == set(TOPICS["en"].values())


def test_same_key_same_text() -> None:
    assert brief("test", "7")[:3] == brief("test", "7")[:3]
    assert brief("test", "7").text != brief("train", "7").text
    with pytest.raises(ValueError, match="'fr'"):
        brief("train", "7", "fr")
