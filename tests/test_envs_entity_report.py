"""envs/entity_report.py: by hand, and equal to seqeval's and scikit-learn's reports on the same tags."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tokengym.envs import Example, NERReport, bio_tags, ner_report, ner_tags
from tokengym.envs.entity_report import tag_report
from tokengym.envs.ner import TextNER
from tokengym.rewards import Sample, make_reward

Rows = list[list[str]]


def random_tags(rng: np.random.Generator, texts: int, valid: bool) -> tuple[Rows, Rows]:
    """Known and answered tags; the answered ones share about half of the entities, and are any row of tags unless ``valid``."""
    known: Rows = []
    answered: Rows = []
    for _ in range(texts):
        row: list[str] = []
        while len(row) < rng.integers(1, 20):
            kind, size = rng.choice(["PER", "LOC", "ORG", "DATE"]), rng.integers(1, 4)
            row += ["O"] * int(rng.integers(0, 3)) + [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
        other = [tag if rng.random() < 0.8 else str(rng.choice(["O", "B-PER", "I-PER", "B-LOC", "I-ORG", "B-MISC"])) for tag in row]
        if valid:
            last = "O"
            for place, tag in enumerate(other):
                if tag[0] == "I" and last[1:] != tag[1:]:
                    other[place] = "B" + tag[1:]
                last = other[place]
        known.append(row)
        answered.append(other)
    return known, answered


def same(report: NERReport, expected: dict[str, Any]) -> None:
    assert [row.name for row in report.rows] == list(expected)
    for row in report.rows:
        other = expected[row.name]
        assert (row.precision, row.recall, row.f1) == pytest.approx((other["precision"], other["recall"], other["f1-score"]), abs=1e-12), (
            row
        )
        assert row.support == other["support"]


def test_a_report_by_hand() -> None:
    known = [["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "O"]]
    answered = [["B-PER", "I-PER", "O", "B-PER"], ["B-PER", "O"]]
    report = tag_report(known, answered)
    assert report["PER"].precision == pytest.approx(2 / 3)
    assert report["PER"].f1 == pytest.approx(0.8)
    assert (report["PER"].recall, report["PER"].support) == (1.0, 2)
    assert report["LOC"] == ("LOC", 0.0, 0.0, 0.0, 1)
    assert report["micro avg"].f1 == pytest.approx(2 / 3)
    assert report["macro avg"].f1 == pytest.approx(0.4)
    assert report["weighted avg"].f1 == pytest.approx(1.6 / 3)
    assert report.text == (
        "              precision    recall  f1-score   support\n"
        "\n"
        "         LOC       0.00      0.00      0.00         1\n"
        "         PER       0.67      1.00      0.80         2\n"
        "\n"
        "   micro avg       0.67      0.67      0.67         3\n"
        "   macro avg       0.33      0.50      0.40         3\n"
        "weighted avg       0.44      0.67      0.53         3\n"
    )
    assert str(report) == report.text


def test_equal_to_seqeval_on_valid_tags_in_both_of_its_modes() -> None:
    seqeval = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
    scheme = pytest.importorskip("seqeval.scheme")
    rng = np.random.default_rng(1)
    for _ in range(30):
        known, answered = random_tags(rng, 12, valid=True)
        report = tag_report(known, answered)
        for options in ({}, {"mode": "strict", "scheme": scheme.IOB2}):
            same(report, seqeval.classification_report(known, answered, output_dict=True, zero_division=0, **options))
            assert report.text == seqeval.classification_report(known, answered, zero_division=0, **options)


def test_equal_to_seqeval_in_strict_mode_on_any_tags() -> None:
    seqeval = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
    scheme = pytest.importorskip("seqeval.scheme")
    rng = np.random.default_rng(2)
    for _ in range(30):
        known, answered = random_tags(rng, 12, valid=False)
        expected = {"mode": "strict", "scheme": scheme.IOB2, "zero_division": 0}
        same(tag_report(known, answered), seqeval.classification_report(known, answered, output_dict=True, **expected))


def test_equal_to_scikit_learn_over_spans() -> None:
    """Every span that is known or answered is one sample, its type the class, "none" where one side has no such span."""
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    rng = np.random.default_rng(3)
    for _ in range(20):
        known, answered = random_tags(rng, 12, valid=True)
        spans = [_spans(rows) for rows in (known, answered)]
        every = sorted({*spans[0], *spans[1]})
        labels = sorted({*spans[0].values(), *spans[1].values()})
        true, said = ([found.get(span, "none") for span in every] for found in spans)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = sklearn.classification_report(true, said, labels=labels, output_dict=True, zero_division=0)
        if "micro avg" not in expected:  # scikit-learn calls it accuracy where "none" is no sample's class
            continue
        same(tag_report(known, answered), expected)


def _spans(rows: Rows) -> dict[tuple[int, int, int], str]:
    found = {}
    for number, row in enumerate(rows):
        for first, tag in enumerate(row):
            if tag[0] == "B":
                last = first + 1
                while last < len(row) and row[last] == "I" + tag[1:]:
                    last += 1
                found[number, first, last] = tag[2:]
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_on_builtin_data_equals_seqeval_on_the_same_tags(language: str) -> None:
    seqeval = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
    task = TextNER(TextNER.Options(language=language))
    examples = task.builtin("validation", 300)[:]
    responses = [task.heuristic(example) for example in examples]
    report = ner_report(examples, responses)
    assert report.text == task.report(examples, responses) == seqeval.classification_report(*ner_tags(examples, responses), zero_division=0)
    assert [row.name for row in report.rows[:-3]] == ["DATE", "MONEY", "NUMBER", "ORG", "PERSON", "PLACE", "TIME"]
    assert report["micro avg"].support == sum(len(example.meta["entities"]) for example in examples)
    perfect = ner_report(examples, [task.oracle(example) for example in examples])
    assert all((row.precision, row.recall, row.f1) == (1.0, 1.0, 1.0) for row in perfect.rows[:-3])


def test_inventing_entities_costs_precision() -> None:
    examples = [Example("1", "Ana left Oak.", meta={"entities": [["Ana", "PERSON"], ["Oak", "PLACE"]]})]
    known, answered = ner_tags(examples, ["Ana (PERSON); Ben (PERSON); Ana (PERSON); rubbish; Oak (TREE)"])
    assert known == [["B-PERSON", "O", "B-PLACE", "O", "O", "O", "O"]]
    assert answered == [["B-PERSON", "O", "B-OTHER", "O", "B-OTHER", "B-PERSON", "B-PERSON"]]
    report = tag_report(known, answered)
    assert report["PERSON"].precision == pytest.approx(1 / 3)
    assert (report["OTHER"].support, report["OTHER"].f1) == (0, 0.0)
    assert report["micro avg"].precision == pytest.approx(1 / 5)
    assert report["micro avg"].recall == 0.5


def test_tags_of_the_example_are_taken_where_it_has_them() -> None:
    example = Example("1", "Ana Oak left", meta={"words": ["Ana", "Oak", "left"], "tags": ["B-PER", "I-PER", "O"]})
    assert ner_report([example], ["Ana Oak (per)"])["PER"].f1 == 1.0
    assert ner_report([example], ["none"])["micro avg"].recall == 0.0


def test_nothing_known_and_nothing_said() -> None:
    report = tag_report([["O"]], [["O"]])
    assert [row.name for row in report.rows] == ["micro avg", "macro avg", "weighted avg"]
    assert report.rows[0].f1 == 0.0


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="1 responses to 0 examples"):
        ner_report([], ["none"])
    with pytest.raises(ValueError, match=r"'x' has neither"):
        ner_report([Example("x", "Ana left")], ["none"])
    with pytest.raises(ValueError, match="differ"):
        tag_report([["O", "O"]], [["O"]])
    with pytest.raises(KeyError, match="CAT"):
        tag_report([["O"]], [["O"]])["CAT"]


def test_a_surface_with_a_comma_behind_a_bracket_is_one_entity_as_in_the_reward() -> None:
    text, answer = "He joined Acme (UK), Ltd in May.", "Acme (UK), Ltd (ORG)"
    words = ["He", "joined", "Acme", "(", "UK", ")", ",", "Ltd", "in", "May", "."]
    entity = ["O", "O", "B-ORG", "I-ORG", "I-ORG", "I-ORG", "I-ORG", "I-ORG", "O", "O", "O"]
    example = Example("1", text, meta={"entities": [["Acme (UK), Ltd", "ORG"]]})
    assert make_reward("entity_f1")([Sample(text, answer, (), example.meta, True)]).tolist() == [1.0]
    assert ner_tags([example], [answer]) == ([entity], [entity])
    assert bio_tags(words, answer, known={("acme (uk), ltd", "org")}) == entity
    tagged = Example("2", text, meta={"tags": entity, "entities": [{"start": 10, "end": 24, "label": "ORG"}]})
    assert ner_tags([tagged], ["none"]) == ([entity], [["O"] * 11])
