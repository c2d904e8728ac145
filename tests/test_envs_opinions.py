"""envs/opinions.py and its tables: the verdict is what the sentences say, in every form, and splits share no name."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

from tokengym.envs.opinions import VERDICTS, opinion
from tokengym.envs.opinions_en import ENGLISH
from tokengym.envs.opinions_zh import CHINESE
from tokengym.envs.review import Reviews

TABLES = {"en": ENGLISH, "zh": CHINESE}


def spoken(template: str) -> list[str]:
    """All that a template can say, slots left open."""
    return ["".join(choice) for choice in product(*(part.split("|") for part in re.split(r"[\[\]]", template)))]


def remark_table(reviews: Reviews) -> dict[str, str]:
    """Everything that can be said of an aspect, in small letters -> what it means, negations turned around."""
    opposite = {"positive": "negative", "negative": "positive"}
    table: dict[str, str] = {}
    for aspect in {aspect for thing in reviews.things for aspect in thing.aspects}:
        for polarity, word in ((p, word) for p in opposite for word in aspect.words(p)):
            for templates, meant in ((reviews.plain, polarity), (reviews.negated, opposite[polarity])):
                for template in templates:
                    filled = template.replace("{aspect}", aspect.noun).replace("{word}", word)
                    table |= {told.lower(): meant for told in spoken(filled)}
    return table


def verdicts_said(text: str, reviews: Reviews) -> set[str]:
    found = set()
    for verdict, templates in reviews.verdicts.items():
        for told in (told for template in templates for told in spoken(template)):
            pattern = re.escape(told[:1].upper() + told[1:]).replace(re.escape("{again}"), ".+?")
            found |= {verdict} if re.search(pattern, text) else set()
    return found


def stands_in(remark: str, text: str) -> bool:
    """Whether it does, up to the end of a word: "hard" does not stand in "hardly"."""
    return remark in text and re.search(re.escape(remark) + "(?![a-z])", text) is not None


def test_a_review_by_its_key() -> None:
    written = opinion("train", "classify/0")
    assert written.text == (
        "On Tuesday, I finished a language course with Vera Schson. Although the homework was anything but pointless, the teacher was "
        "really impatient. I would book it again tomorrow."
    )
    assert (written.verdict, written.glance, written.form) == ("positive", "positive", "contrast")
    again = opinion("train", "classify/0")
    assert (again.text, again.verdict) == (written.text, written.verdict)


@pytest.mark.parametrize("language", TABLES)
def test_a_verdict_that_is_said_is_the_label_and_contrasts_always_say_it(language: str) -> None:
    for index in range(300):
        written = opinion("validation", str(index), language)
        said = verdicts_said(written.text, TABLES[language])
        assert said <= {written.verdict}, written
        if written.form == "contrast" or (written.form == "heard" and written.verdict == "neutral"):
            assert said == {written.verdict}


@pytest.mark.parametrize("language", TABLES)
def test_remarks_point_where_the_form_says(language: str) -> None:
    remarks = remark_table(TABLES[language])
    for index in range(150):
        written = opinion("test", str(index), language)
        polarities = {polarity for remark, polarity in remarks.items() if stands_in(remark, written.text.lower())}
        if written.form == "contrast":
            assert polarities == {"positive", "negative"}, written
        elif written.form == "agree":
            assert polarities == (set() if written.verdict == "neutral" else {written.verdict}), written


@pytest.mark.parametrize("language", TABLES)
def test_all_verdicts_and_forms_come_and_first_words_often_mislead(language: str) -> None:
    written = [opinion("train", str(index), language) for index in range(900)]
    counts = Counter(one.verdict for one in written)
    assert set(counts) == set(VERDICTS)
    assert min(counts.values()) > 250
    assert set(Counter(one.form for one in written)) == {"agree", "contrast", "heard"}
    assert 0.3 < sum(one.glance != one.verdict for one in written) / 900 < 0.7
    assert {opinion("train", str(index), language, neutral=False).verdict for index in range(50)} == {"positive", "negative"}


@pytest.mark.parametrize("language", TABLES)
def test_no_word_is_both_for_and_against_and_things_have_enough_aspects(language: str) -> None:
    for thing in TABLES[language].things:
        assert len(thing.aspects) >= 3
        for aspect in thing.aspects:
            assert not set(aspect.words("positive")) & set(aspect.words("negative"))


def test_nothing_is_left_unfilled() -> None:
    for language in TABLES:
        for index in range(200):
            text = opinion("train", str(index), language).text
            assert not re.search(r"[\[\]{}|]|  ", text), text


def test_unknown_names_are_told() -> None:
    with pytest.raises(ValueError, match="'dev'"):
        opinion("dev", "1")
    with pytest.raises(ValueError, match="'fr'"):
        opinion("train", "1", "fr")
