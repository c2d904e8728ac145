"""Faithfulness, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample, faithfulness
from tokengym.rewards.faithfulness import FactPrecision, FactRecall, Faithfulness

SOURCE = (
    "A fire broke out at the Bolton Mill in Harwick on Monday, and 3,500 people fled. Marta Silva, a researcher, said 12.5 percent of "
    "the roof was lost. In 1999 a fire in Leeds hurt 40."
)
FACTS = ["Harwick", ["3,500", "thousands"], "Marta Silva", "Monday"]


def score(response: str, facts: Any = FACTS, source: str = SOURCE) -> float:
    return float(Faithfulness().explain([Sample(source, response, meta={"facts": facts})]).scores[0])


def f1(precision: float, recall: float) -> Any:
    return pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize(
    ("response", "precision", "recall"),
    [
        ("On Monday 3500 people fled Harwick, Marta Silva said.", 4 / 4, 4 / 4),
        ("marta silva fled harwick on monday with thousands.", 1, 1),  # facts count in any case; no mentions, so precision = recall
        ("Harwick lost 3,500 people.", 2 / 2, 2 / 4),
        ("Bolton lost 3,500 people in Harwick.", 3 / 3, 2 / 4),  # Bolton, alone at the start, counts: the source capitalizes it
        ("Firefighters saved Harwick.", 1 / 1, 1 / 4),  # an unknown word alone at the start may be any word
        ("In Harwick the Bolton Mill burned on Friday.", 2 / 3, 1 / 4),  # "In" is no name; Friday is made up
        ("Harwick burned. Harwick burned. Harwick, on Friday.", 1 / 2, 1 / 4),  # distinct mentions
        ("Marta Silva met Bob Stone in Harwick.", 2 / 3, 2 / 4),
        ("Bob Silva fled Harwick.", 1 / 2, 1 / 4),  # a run is one mention
        ("Researcher Marta Silva said so.", 1, 1 / 4),  # the source has "researcher" in lower case
        ("In Harwick, 35 people and 12.5 cats fled.", 2 / 3, 1 / 4),  # 35 is not 3,500
        ("Harwick's 1,999 people, I think", 2 / 2, 1 / 4),  # a comma between thousands is none: the source has 1999; "I" is no name
        ("On Monday Marta Silva fled Harwick.", 2 / 2, 3 / 4),  # a row of two mentions of the source
        ("On Friday Marta Silva fled Harwick.", 1 / 2, 2 / 4),
        ("Marta Leeds fled Harwick.", 1 / 2, 1 / 4),  # halves of two names do not make a third
        ("Harwick saw Silva.", 2 / 2, 1 / 4),  # half of a name will do
        ("Harwick: thousands fled", 1, 2 / 4),
    ],
)
def test_by_hand(response: str, precision: float, recall: float) -> None:
    assert score(response) == f1(precision, recall)


@pytest.mark.parametrize("response", ["", "  \n", "Nothing is known.", "Leeds burned in 1999.", "Harwicks and Mondays"])
def test_no_fact_stated_is_zero(response: str) -> None:
    assert score(response) == 0.0


@pytest.mark.parametrize(
    ("fact", "response", "stated"),
    [
        ("5", "It cost 5.", True),
        ("5", "It cost 15.", False),
        ("5", "It cost 5.3.", False),
        ("5", "It cost 1,5005.", False),
        ("10:30", "at 10:30, sharp", True),
        ("10:3", "at 10:30", False),
        ("art", "the party", False),
        ("new york", "NEW  YORK's mayor", True),
        ("New York", "York is new", False),
        ("café", "the CAFÉ closed", True),
        ("well-known", "a well known man", True),
        ("12人", "共12人受伤", True),
        ("12人", "共112人受伤", False),
        ("北京", "在北京举行", True),
        ("Paris", "在Paris举行", True),
        ("三人", "有十三人", False),
        ("三人", "有三人", True),
        ("１２", "12 people", True),
        ("!!", "so!! good", False),
    ],
)
def test_a_fact_is_stated_as_whole_words(fact: str, response: str, stated: bool) -> None:
    assert (score(response, [fact], source=response) > 0) is stated


def test_chinese_numbers_are_mentions() -> None:
    source = "周一哈镇大火，三十五人受伤，损失1200元。"
    facts = ["哈镇", "三十五人"]
    assert score("哈镇大火，三十五人受伤。", facts, source) == 1.0
    assert score("三十五人受伤，四十人失踪。", facts, source) == f1(1 / 2, 1 / 2)
    assert score("哈镇大火，四十人受伤。", facts, source) == 0.0  # the one mention is made up
    assert score("哈镇大火，三十五人受伤，损失1300元。", facts, source) == f1(1 / 2, 1)
    assert score("哈镇一片大火", facts, source) == 0.5  # one numeral alone is no mention


def test_a_mention_that_is_a_known_fact_needs_no_source() -> None:
    assert score("The toll was 35.", [["thirty-five", "35"]], "thirty-five people") == 1.0


def test_no_facts_known_and_an_empty_list_of_facts_differ() -> None:
    reward = Faithfulness()
    explained = reward.explain([Sample(SOURCE, "Harwick"), Sample(SOURCE, "It was Friday in Harwick.", meta={"facts": []})])
    assert explained.valid.tolist() == [False, True]
    assert explained.scores[1] == f1(1 / 2, 1)
    assert score("all is well", []) == 1.0
    assert score("", []) == 0.0


@pytest.mark.parametrize("facts", ["Harwick", 3, [3], [["a", 3]], {"town": "Harwick"}])
def test_facts_of_another_shape_are_refused(facts: Any) -> None:
    with pytest.raises(TypeError, match="expected a sequence in which each fact is a text or a list of alternative texts"):
        score("Harwick", facts)


def test_facts_may_be_tuples_too() -> None:
    assert score("Harwick", (("Harwick", "the town"),)) == 1.0


@pytest.mark.parametrize(
    ("response", "precision", "recall"),
    [
        ("On Monday 3500 people fled Harwick, Marta Silva said.", 1, 1),
        ("Harwick lost 3,500 people.", 1, 2 / 4),
        ("In Harwick the Bolton Mill burned on Friday.", 2 / 3, 1 / 4),
        ("Leeds burned in 1999.", 1, 0),  # supported, and not asked for
        ("Bob Stone paid 70.", 0, 0),
        ("harwick burned, thousands fled", 0, 2 / 4),  # claims without a number or a name are not weighed
        ("Nothing is known.", 0, 0),
        ("", 0, 0),
        ("  \n", 0, 0),
    ],
)
def test_precision_and_recall_alone(response: str, precision: float, recall: float) -> None:
    batch = [Sample(SOURCE, response, meta={"facts": FACTS})]
    assert FactPrecision().explain(batch).scores[0] == pytest.approx(precision)
    assert FactRecall().explain(batch).scores[0] == pytest.approx(recall)


def test_recall_and_precision_without_facts() -> None:
    batch = [Sample(SOURCE, "Harwick"), Sample(SOURCE, "Harwick", meta={"facts": []}), Sample(SOURCE, "", meta={"facts": []})]
    assert FactRecall().explain(batch).valid.tolist() == FactPrecision().explain(batch).valid.tolist() == [False, True, True]
    assert FactRecall()(batch).tolist() == FactPrecision()(batch).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("facts", ["Harwick", 3, [3]])
def test_recall_and_precision_refuse_facts_of_another_shape(facts: Any) -> None:
    for reward in (FactRecall(), FactPrecision()):
        with pytest.raises(TypeError, match="expected a sequence in which each fact"):
            reward([Sample(SOURCE, "Harwick", meta={"facts": facts})])


@given(st.text("ab 1,。", max_size=12), st.lists(st.text("ab 1,。", max_size=4), min_size=1, max_size=3))
def test_the_short_way_to_no_fact_leaves_no_fact_out(response: str, facts: list[str]) -> None:
    known = faithfulness._surfaces(faithfulness._frozen(facts))
    said = faithfulness._words(response)
    stated = [any(surface in said for surface in fact) for fact in known]
    assert faithfulness._recall(response, known) == (sum(stated) / len(facts) if response.strip() else 0.0)
