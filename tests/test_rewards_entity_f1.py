"""Entity F1, by hand and beside seqeval's strict mode."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.entity_f1 import EntityF1, read_pairs, read_tags

GOLD = [["Marta Silva", "PERSON"], ["Harwick", "PLACE"]]
TAGS = ["O", "B", "I", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-A-B", "I-A-B"]


def pairs(response: str, gold: Any = GOLD) -> float:
    return float(EntityF1().explain([Sample("", response, meta={"entities": gold})]).scores[0])


def tagged(response: str, gold: Any) -> float:
    return float(EntityF1(format="bio").explain([Sample("", response, meta={"tags": gold})]).scores[0])


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("Marta Silva (PERSON); Harwick (PLACE)", 1.0),
        ("harwick (place);marta  silva (Person);", 1.0),
        ("- Marta Silva (PERSON)\n- Harwick (PLACE)", 1.0),
        ("1. “Marta Silva” (PERSON).\n2) **Harwick** (PLACE).", 1.0),
        ("Marta Silva (PERSON), Harwick (PLACE).", 1.0),
        ("Marta Silva（PERSON）；Harwick（PLACE）", 1.0),
        ("Marta Silva (PERSON)", 2 / 3),
        ("Marta Silva (PLACE); Harwick (PLACE)", 2 / 4),
        ("Silva (PERSON); Harwick (PLACE)", 2 / 4),  # exact surfaces only
        ("Harwick (PLACE); Harwick (PLACE)", 2 / 4),  # said twice, known once
        ("Marta Silva; Harwick (PLACE)", 2 / 4),  # no type: an entity that nobody knows
        ("The entities are:\nMarta Silva (PERSON)\nHarwick (PLACE)", 4 / 5),  # so is any other entry
        ("(PERSON); Harwick ()", 0.0),
        ("none", 0.0),
        ("", 0.0),
        ("🙂 שלום", 0.0),
    ],
)
def test_pairs_by_hand(response: str, score: float) -> None:
    assert pairs(response) == pytest.approx(score)


def test_mentions_are_a_multiset() -> None:
    twice = [["Harwick", "PLACE"], ["Harwick", "PLACE"], ["Harwick", "TEAM"]]
    assert pairs("Harwick (PLACE)", twice) == pytest.approx(2 / 4)
    assert pairs("Harwick (TEAM); Harwick (PLACE); Harwick (PLACE)", twice) == 1.0


@pytest.mark.parametrize(
    ("surface", "kind", "response"),
    [
        ("Bank (UK)", "ORG", "Bank (UK) (ORG)"),
        ("1. FC Köln", "TEAM", "1. FC Köln (TEAM)"),
        ("1. FC Köln", "TEAM", "3. 1. FC KÖLN (team)"),
        ("a;b", "X", "a b (X)"),
        ("北京", "地点", "北京（地点）"),
    ],
)
def test_odd_surfaces(surface: str, kind: str, response: str) -> None:
    assert pairs(response, [[surface, kind]]) == 1.0


def test_a_known_surface_with_a_comma_after_a_bracket_is_read_whole() -> None:
    gold = [["Acme (UK), Ltd", "ORG"], ["Harwick", "PLACE"]]
    for response in ("Acme (UK), Ltd (ORG); Harwick (PLACE)", "Harwick (PLACE)\n2. acme (UK), Ltd (ORG)."):
        assert pairs(response, gold) == 1.0
    assert pairs("Acme (UK), Ltd (ORG)", gold[:1]) == 1.0
    assert pairs("Acme (UK), Ltd (ORG)", [["Acme", "UK"], ["Ltd", "ORG"]]) == 1.0  # a comma still divides where nobody knows the whole
    assert pairs("Acme (UK), Ltd (PLACE)", gold[:1]) == 0.0


def test_nothing_to_find() -> None:
    for response in ("", " \n", "none", "None."):
        assert pairs(response, []) == 1.0
    assert pairs("Harwick (PLACE)", []) == 0.0
    assert tagged("", ["O", "O"]) == tagged("O O", ["O", "O"]) == tagged("", []) == 1.0


def test_what_is_not_known_is_not_valid() -> None:
    batch = [Sample("", "", meta={"entities": []}), Sample("", "", meta={"tags": []})]
    assert EntityF1().explain(batch).valid.tolist() == [True, False]
    assert EntityF1(format="bio").explain(batch).valid.tolist() == [False, True]


@pytest.mark.parametrize(
    ("response", "spans"),
    [
        ("B-PER I-PER O B-LOC", {("PER", 0, 1), ("LOC", 3, 3)}),
        ("O I-PER I-PER", set()),  # an I- that continues nothing
        ("B-PER I-LOC I-PER", {("PER", 0, 0)}),
        ("B-PER B-PER I-PER", {("PER", 0, 0), ("PER", 1, 2)}),
        ("B-PER, I-PER,\nO", {("PER", 0, 1)}),
        ("B-PER maybe I-PER", {("PER", 0, 0)}),  # no tag, so outside
        ("\u3000\r\x0b B-PER I-PER\x0b,\u3000O", {("PER", 0, 1)}),  # any white space divides, and none is a word
        ("the tags are unknown", set()),
        ("B I", {("", 0, 1)}),
        ("", set()),
    ],
)
def test_how_tags_are_read(response: str, spans: set[tuple[str, int, int]]) -> None:
    assert set(read_tags(response)) == spans


def test_rows_of_other_lengths() -> None:
    gold = ["B-PER", "I-PER", "O", "B-LOC"]
    assert tagged("B-PER I-PER", gold) == pytest.approx(2 / 3)  # filled up with O
    assert tagged("B-PER I-PER O B-LOC O", gold) == 1.0
    assert tagged("B-PER I-PER O B-LOC I-LOC B-LOC", gold) == pytest.approx(2 / 5)  # words that are not there


def seqeval_f1(gold: list[list[str]], said: list[list[str]]) -> float:
    from seqeval.metrics import f1_score  # type: ignore[import-untyped]
    from seqeval.scheme import IOB2  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # numpy's, from within seqeval
        return float(f1_score(gold, said, mode="strict", scheme=IOB2, zero_division=1))


def assert_as_seqeval(gold: list[list[str]], said: list[list[str]]) -> None:
    batch = [Sample("", " ".join(row), meta={"tags": tags}) for row, tags in zip(said, gold, strict=True)]
    assert EntityF1(format="bio").corpus(batch) == pytest.approx(seqeval_f1(gold, said), abs=1e-9)


def test_equal_to_seqeval_on_random_tags() -> None:
    rng = np.random.default_rng(0)
    gold: list[list[str]] = []
    said: list[list[str]] = []
    for _ in range(2000):
        size = int(rng.integers(1, 12))
        row = rng.choice(TAGS, size).tolist()  # most of them malformed
        gold.append(row)
        said.append([str(rng.choice(TAGS)) if rng.random() < 0.3 else tag for tag in row])
    ours = EntityF1(format="bio").explain([Sample("", " ".join(row), meta={"tags": tags}) for row, tags in zip(said, gold, strict=True)])
    each = [seqeval_f1([tags], [row]) for row, tags in zip(said, gold, strict=True)]
    assert np.abs(ours.scores - each).max() <= 1e-9
    assert 0 < sum(score == 1.0 for score in each) < 2000
    assert_as_seqeval(gold, said)
    for start in range(0, 2000, 100):
        assert_as_seqeval(gold[start : start + 100], said[start : start + 100])


@given(st.data())
def test_equal_to_seqeval_on_any_tags(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    gold, said = ([data.draw(st.lists(st.sampled_from(TAGS), min_size=size, max_size=size)) for size in sizes] for _ in range(2))
    assert_as_seqeval(gold, said)


def test_the_corpus_is_no_mean() -> None:
    batch = [Sample("", "Harwick (PLACE)", meta={"entities": GOLD[1:]}), Sample("", "x (Y)", meta={"entities": GOLD})]
    assert EntityF1().explain(batch).scores.tolist() == [1.0, 0.0]
    assert EntityF1().corpus(batch) == pytest.approx(2 / (2 + 1 + 2))
    assert EntityF1().rows(batch) == [{"": [1.0, 0.0, 0.0]}, {"": [0.0, 1.0, 2.0]}]


@given(st.lists(st.tuples(st.text("abc ", min_size=1), st.sampled_from(["PER", "LOC"])).filter(lambda pair: pair[0].strip()), max_size=5))
def test_a_written_list_is_read_back(gold: list[tuple[str, str]]) -> None:
    assert pairs("; ".join(f"{surface} ({kind})" for surface, kind in gold), gold) == 1.0


@pytest.mark.parametrize("entities", ["Harwick", 3, ["ab"], [["Harwick"]], [["Harwick", 3]], {"Harwick": "PLACE"}])
def test_entities_of_another_shape_are_refused(entities: Any) -> None:
    with pytest.raises(TypeError, match="expected a sequence of pairs of texts"):
        pairs("", entities)


def test_tags_of_another_shape_are_refused() -> None:
    for tags in ("O O", 3, [3]):
        with pytest.raises(TypeError, match="one BIO tag per word"):
            tagged("", tags)
    with pytest.raises(ValueError, match=r"meta\['tags'\] holds 'E-PER'; expected O, B-TYPE or I-TYPE"):
        tagged("", ["O", "E-PER"])
    with pytest.raises(ValueError, match="expected 'pairs' or 'bio'"):
        EntityF1(format="iob")


def test_long_responses_are_read_in_linear_time() -> None:
    assert read_pairs("x (Y); " * 30_000).total() == 30_000
    assert read_pairs("(" * 200_000).total() == 1
    assert read_tags("B-X " * 30_000).total() == 30_000
