"""Accuracy and macro-F1: how labels are read, by hand, and macro-F1 beside scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.accuracy import Accuracy, MacroF1, read_label

TOPICS = ("sport", "world news", "science")
CHOICES = ("A", "B", "C", "D")


@pytest.mark.parametrize(
    ("response", "label", "labels"),
    [
        ("sport", "sport", TOPICS),
        (" Sport.\n", "sport", TOPICS),
        ("The topic is **SPORT**!", "sport", TOPICS),
        ("World  News", "world news", TOPICS),
        ("world_news", "world news", TOPICS),
        ("news from the world", None, TOPICS),
        ("sports", None, TOPICS),  # whole words
        ("sport or science", None, TOPICS),  # two labels
        ("sport, sport and sport", "sport", TOPICS),  # one label, though thrice
        ("sport world news science", None, TOPICS),
        ("", None, TOPICS),
        ("🙂", None, TOPICS),
        ("not spam", "not spam", ("spam", "not spam")),  # the longest
        ("spam, not spam", None, ("spam", "not spam")),
        ("This is spam.", "spam", ("spam", "not spam")),
        ("B", "B", CHOICES),
        ("b", "B", CHOICES),
        ("(b)", "B", CHOICES),
        ("The answer is (C).", "C", CHOICES),
        ("I think it is a dog: D", "D", CHOICES),  # the article is no choice
        ("A or B", None, CHOICES),
        ("C++", "C++", ("C", "C++", "C#")),
        ("It is C++.", "C++", ("C", "C++", "C#")),
        ("C.", "C", ("C", "C++", "C#")),
        ("written in C", "C", ("C", "C++", "C#")),
        ("+", "+", ("+", "-")),
        ("The sign: +", "+", ("+", "-")),
        ("-1", "-1", ("1", "-1")),
        ("1", "1", ("1", "-1")),
        ("It costs 3.5", None, ("3", "5")),  # a number is one word
        ("👍", "👍", ("👍", "👎")),
        ("体育", "体育", ("体育", "科学")),
        ("这是体育新闻。", "体育", ("体育", "科学")),
        ("体育和科学", None, ("体育", "科学")),
        ("ＳＰＯＲＴ", "sport", TOPICS),
        ("רע", "רע", ("טוב", "רע")),
        ("Straße", "STRASSE", ("STRASSE", "Weg")),
    ],
)
def test_how_a_label_is_read(response: str, label: str | None, labels: tuple[str, ...]) -> None:
    assert read_label(response, labels) == label


def accuracy(response: str, first_line: bool = False, **meta: Any) -> float:
    return float(Accuracy(first_line=first_line).explain([Sample("", response, meta=meta)]).scores[0])


def test_accuracy_by_hand() -> None:
    assert accuracy("It is sport.", label="sport", labels=TOPICS) == 1.0
    assert accuracy("It is science.", label="sport", labels=TOPICS) == 0.0
    assert accuracy("sport, science or world news", label="sport", labels=TOPICS) == 0.0


def test_without_known_labels_the_response_must_be_the_label() -> None:
    assert accuracy(" Sport! ", label="sport") == 1.0
    assert accuracy("It is sport.", label="sport") == 0.0
    assert accuracy("sport, science or world news", label="sport") == 0.0
    assert accuracy("+", label="+") == 1.0
    assert accuracy("", label="sport") == 0.0


def test_the_first_line_alone() -> None:
    response = "\n Sport\nIt is no science."
    assert accuracy(response, label="sport", labels=TOPICS) == 0.0
    assert accuracy(response, True, label="sport", labels=TOPICS) == 1.0
    assert accuracy("\n Sport\nbecause", True, label="sport") == 1.0
    assert accuracy("Let me see.\nSport", True, label="sport", labels=TOPICS) == 0.0


def test_what_is_not_known_is_not_valid() -> None:
    batch = [Sample("", "a", meta=meta) for meta in ({"label": "a", "labels": ["a"]}, {"label": "a"}, {"labels": ["a"]}, {})]
    assert Accuracy().explain(batch).valid.tolist() == [True, True, False, False]
    assert MacroF1().explain(batch).valid.tolist() == [True, False, False, False]


def test_faulty_labels_are_refused() -> None:
    for reward in (Accuracy(), MacroF1()):
        with pytest.raises(TypeError, match="expected a text"):
            reward([Sample("", "", meta={"label": 1})])
        for labels in ("ab", 3, [1]):
            with pytest.raises(TypeError, match="expected a sequence of texts"):
                reward([Sample("", "", meta={"label": "a", "labels": labels})])
        with pytest.raises(ValueError, match=r"meta\['label'\]='a' is not among meta\['labels'\]=\['b'\]"):
            reward([Sample("", "", meta={"label": "a", "labels": ["b"]})])
        for pair in (["a", "A "], ["a", ""]):
            with pytest.raises(ValueError, match="two are one but for case and white space, or one is empty"):
                reward([Sample("", "", meta={"label": "a", "labels": pair})])


@given(st.sampled_from(TOPICS), st.lists(st.sampled_from([*TOPICS, "the", "of", "。"]), max_size=6))
def test_a_response_is_right_if_it_names_the_label_and_no_other(label: str, words: list[str]) -> None:
    named = set(words) & set(TOPICS)
    assert accuracy(" ".join(words), label=label, labels=TOPICS) == float(named == {label})


def predictions(seed: int, count: int, labels: list[str]) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(len(labels)))
    gold = rng.choice(labels, count, p=weights).tolist()
    return gold, [label if rng.random() < 0.5 else str(rng.choice([*labels, "?"])) for label in gold]


@pytest.mark.parametrize("seed", range(40))
def test_macro_f1_is_equal_to_scikit_learn(seed: int) -> None:
    from sklearn.metrics import f1_score  # type: ignore[import-untyped]

    labels = [f"label{number}" for number in range(2 + seed % 9)]
    gold, said = predictions(seed, 1 + 7 * seed, labels)
    batch = [Sample("", answer, meta={"label": label, "labels": labels}) for label, answer in zip(gold, said, strict=True)]
    seen = sorted({*gold, *said} - {"?"})  # an unreadable answer is no label of its own
    expected = f1_score(gold, said, labels=seen, average="macro", zero_division=0.0)
    assert MacroF1().corpus(batch) == pytest.approx(expected, abs=1e-9)
    if "?" not in said:
        assert expected == pytest.approx(f1_score(gold, said, average="macro"), abs=1e-12)
    assert np.array_equal(MacroF1()(batch), Accuracy()(batch))


def test_macro_f1_by_hand() -> None:
    rows = [("sport", "sport"), ("sport", "science"), ("science", "science"), ("sport", "no idea"), ("sport", "sport, science")]
    batch = [Sample("", said, meta={"label": label, "labels": TOPICS}) for label, said in rows]
    assert MacroF1().corpus(batch) == pytest.approx((2 / (2 + 0 + 3) + 2 / (2 + 1 + 0)) / 2)  # "world news" is nowhere
    assert MacroF1().rows(batch)[1:4] == [
        {"sport": [0.0, 0.0, 1.0], "science": [0.0, 1.0, 0.0]},
        {"science": [1.0, 0.0, 0.0]},
        {"sport": [0.0, 0.0, 1.0]},
    ]


def test_a_draw_counts_only_the_labels_in_it() -> None:
    batch = [Sample("", said, meta={"label": label, "labels": TOPICS}) for label, said in [("sport", "sport"), ("science", "")]]
    counts = MacroF1().counts(batch)
    assert MacroF1().reduce(counts, np.array([[1, 1], [2, 0], [0, 2]])).tolist() == [0.5, 1.0, 0.0]


def test_long_responses_and_many_labels() -> None:
    labels = tuple(f"the card number {number}" for number in range(150))
    assert read_label("the card " * 15_000 + "number 7", labels) == "the card number 7"
