"""envs/mentions.py and its tables: every name and number of a text is in a slot with a type, and splits share no name."""

from __future__ import annotations

import re

import pytest

from tokengym.envs import mentions_en, mentions_zh
from tokengym.envs.bio import cut_words, span_tags
from tokengym.envs.mentions import TYPES, mentions, nothing

TEMPLATES = {"en": mentions_en.TEMPLATES, "zh": mentions_zh.TEMPLATES}
PLAIN = {"en": mentions_en.PLAIN, "zh": mentions_zh.PLAIN}
NUMBER_WORDS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|\w+ty|hundred|thousand|million|half|noon|midnight"
    r"|today|yesterday|tomorrow)\b|[一二三四五六七八九十百千万亿两半]|今天|昨天|明天|去年"
)
CAPITALS = frozenset("I Mayor Senator Captain Judge Professor Dr Mr Ms".split())


@pytest.mark.parametrize("language", TEMPLATES)
def test_nothing_that_looks_like_an_entity_stands_outside_of_a_slot(language: str) -> None:
    for template in (*TEMPLATES[language], *PLAIN[language]):
        outside = re.sub(r"\{\w+\}", "", template)
        assert not re.search(r"\d", outside), template
        assert not NUMBER_WORDS.search(outside.replace("party", "")), template


@pytest.mark.parametrize("language", TEMPLATES)
def test_every_template_holds_a_name_that_belongs_to_its_split(language: str) -> None:
    for template in TEMPLATES[language]:
        assert set(re.findall(r"\{(\w+?)2?\}", template)) & {"person", "family", "place", "spot", "org", "short", "club"}, template


def test_capitals_within_a_sentence_are_names_or_titles() -> None:
    for index in range(300):
        told = mentions("train", str(index))
        tags = span_tags(told.text, told.spans)
        words = cut_words(told.text)
        for place, (word, tag) in enumerate(zip(words, tags, strict=True)):
            opens = place == 0 or words[place - 1] in (".", '"')
            assert tag != "O" or opens or not word[0].isupper() or word in CAPITALS, told.text


@pytest.mark.parametrize("language", TEMPLATES)
def test_spans_are_the_mentions_in_reading_order(language: str) -> None:
    seen = set()
    for index in range(300):
        told = mentions("train", str(index), language)
        assert told.spans
        assert all(begin < end and kind in TYPES for begin, end, kind in told.spans)
        assert all(first[1] <= second[0] for first, second in zip(told.spans, told.spans[1:], strict=False))
        assert not re.search("[\x02\x03\x1f{}\\[\\]|]", told.text)
        assert len(span_tags(told.text, told.spans)) == len(cut_words(told.text))  # no span cuts a word
        seen |= {kind for _, _, kind in told.spans}
    assert seen == set(TYPES)


def test_a_text_by_its_key() -> None:
    told = mentions("validation", "ner/3")
    assert told.text == (
        "On Friday, 906 people cycled from Denstead to Thornham. "
        "Garoni, who advised Rasolt & Basali in 2016, now works for Bruetti & Lareri."
    )
    assert told.entities == (
        ("Friday", "DATE"), ("906", "NUMBER"), ("Denstead", "PLACE"), ("Thornham", "PLACE"), ("Garoni", "PERSON"),
        ("Rasolt & Basali", "ORG"), ("2016", "DATE"), ("Bruetti & Lareri", "ORG"),
    )  # fmt: skip
    assert mentions("validation", "ner/3")[:2] == told[:2]


def test_an_entity_at_the_beginning_gets_its_capital() -> None:
    said = [mentions("train", str(index)) for index in range(400)]
    words = [told for told in said if told.spans[0][0] == 0 and told.entities[0][1] in ("NUMBER", "TIME") and told.text[0].isalpha()]
    assert words
    assert all(told.entities[0][0][0].isupper() and told.text.startswith(told.entities[0][0]) for told in words)


@pytest.mark.parametrize("language", TEMPLATES)
def test_splits_share_no_name(language: str) -> None:
    names = {
        split: {surface for index in range(200) for surface, kind in mentions(split, str(index), language).entities if kind == "PERSON"}
        for split in ("train", "validation", "test")
    }
    families = {split: {name.split()[-1] for name in found} for split, found in names.items()}
    assert not families["train"] & families["validation"]
    assert not families["train"] & families["test"]
    assert not families["validation"] & families["test"]


@pytest.mark.parametrize("language", TEMPLATES)
def test_sentences_without_entities_are_shared_out(language: str) -> None:
    sentences = {split: {nothing(split, number, language).text for number in range(9000)} for split in ("train", "validation", "test")}
    assert [len(found) for found in sentences.values()] == [8000, 1000, 1000]
    assert len(set().union(*sentences.values())) == 10000
    assert nothing("train", 5, language).entities == ()


def test_unknown_names_are_told() -> None:
    with pytest.raises(ValueError, match="'dev'"):
        mentions("dev", "1")
    with pytest.raises(ValueError, match="'fr'"):
        nothing("train", 1, "fr")
