"""nDCG and the reciprocal rank, by hand and beside scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.ranking import MRR, NDCG, read_ranking


def ndcg(response: str, grades: Any, k: int = 10, gains: str = "linear") -> float:
    return float(NDCG(k=k, gains=gains).explain([Sample("", response, meta={"relevance": grades})]).scores[0])


def mrr(response: str, grades: Any, k: int | None = None) -> float:
    return float(MRR(k=k).explain([Sample("", response, meta={"relevance": grades})]).scores[0])


@pytest.mark.parametrize(
    ("response", "order"),
    [
        ("3 1 2", [2, 0, 1]),
        ("3 > 1 > 2", [2, 0, 1]),
        ("3,1,2.", [2, 0, 1]),
        ("[3], [1]", [2, 0]),
        ("Of the 3 texts [2] is best, then [ 1 ].", [1, 0]),  # brackets first
        ("1. 3\n2. 1\n3. 2", [2, 0, 1]),  # a numbered list
        ("1) text 3\n\n2) text 1", [2, 0]),
        ("Here is my ranking:\n1. 3\n2. 1\n3. 2", [2, 0, 1]),  # with an introduction, which is passed over
        ("My 2 best of 3:\n\n1. Document 3\n2. Document 1\nThe other 2 are worse!", [2, 0]),
        ("2 1 3\n\nReasons:\n1. It is 10 minutes away.\n2. It has 3 rooms.", [1, 0, 2, -1]),  # a ranking, then reasons
        ("2 > 3\n1. About 1 ferry\n2. About 2", [1, 2, 0]),
        ("Document 2 > Document 3\n1. About 1 ferry\n2. About 2", [1, 2, 0]),
        ("Best of texts 1, 2 and 3:\n1. 3\n2. 1", [2, 0]),  # an introduction, for all its numbers
        ("Of 3 texts 2 are good, from 10, 20 or 07, 80.\n1. 3\n2. 1", [2, 0]),  # nor are these two documents in a row
        ("1. 3", [0, 2]),  # one line is no list
        ("1.\n2.\n3.", [0, 1, 2]),  # nor is one without more numbers
        ("2. 1\n3. 2", [1, 0, 2]),  # nor one that does not count from 1
        ("2 2 1 2", [1, 0]),
        ("7 1 0 7", [-1, 0, -1]),
        ("9" * 10_000 + " 2", [-1, 1]),
        ("003 01", [2, 0]),
        ("３＞１", [2, 0]),
        ("第3篇，第1篇", [2, 0]),
        ("", []),
        ("the third", []),
    ],
)
def test_how_a_ranking_is_read(response: str, order: list[int]) -> None:
    assert read_ranking(response, 3) == order


def test_a_long_response_is_read_in_linear_time() -> None:
    for part in ("word ", "w", " ", ". ", "1 . ", "1", "D1 ", "\u00b7"):
        line = part * (200_000 // len(part))
        assert {0, 2} <= set(read_ranking(f"{line}w\n1. 3\n2. 1", 3))


def test_ndcg_by_hand() -> None:
    grades = [0, 2, 1]
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    assert ndcg("2 3 1", grades) == 1.0
    assert ndcg("2 3", grades) == 1.0  # an irrelevant document may be left out
    assert ndcg("3 2 1", grades) == pytest.approx((1 + 2 / math.log2(3)) / ideal)
    assert ndcg("2", grades) == pytest.approx(2 / ideal)  # the unlisted gain nothing
    assert ndcg("9 2 3", grades) == pytest.approx((2 / math.log2(3) + 1 / 2) / ideal)  # an unknown number takes a place
    assert ndcg("2 2 2 3", grades) == 1.0  # a repeated one does not
    assert ndcg("3 2 1", grades, k=1) == 1 / 2
    assert ndcg("3 2 1", grades, gains="exponential") == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    assert ndcg("", grades) == 0.0


def test_mrr_by_hand() -> None:
    grades = [0, 0, 1, 0.5]
    assert [mrr(response, grades) for response in ("3", "1 4 3", "1 2 3", "1 2", "", "9 1 1 3")] == [1.0, 1 / 2, 1 / 3, 0.0, 0.0, 1 / 3]
    assert mrr("1 2 3", grades, k=2) == 0.0


def test_where_nothing_is_relevant_no_order_is_scored() -> None:
    batch = [Sample("", "1 2", meta={"relevance": grades}) for grades in ([0, 0], [], (1, 0))] + [Sample("", "1 2")]
    for reward in (NDCG(), MRR()):
        assert reward.explain(batch).valid.tolist() == [False, False, True, False]


def test_equal_to_scikit_learn_on_ten_thousand_full_rankings() -> None:
    from sklearn.metrics import ndcg_score  # type: ignore[import-untyped]

    rng = np.random.default_rng(0)
    for k, size in ((10, 25), (3, 5), (5, 2), (1, 4)):
        grades = rng.integers(0, 5, (2500, size)) * rng.choice([1.0, 0.5, 0.0], (2500, 1))  # some without any relevant one
        orders = np.argsort(rng.random((2500, size)), axis=1)
        batch = [
            Sample("", " ".join(map(str, order + 1)), meta={"relevance": row.tolist()}) for order, row in zip(orders, grades, strict=True)
        ]
        places = np.argsort(orders, axis=1)
        expected = [ndcg_score(row[None], -place[None].astype(float), k=k) for row, place in zip(grades[:200], places[:200], strict=True)]
        ours = NDCG(k=k).explain(batch).scores
        assert np.abs(ours[:200] - expected).max() <= 1e-9
        assert abs(ours.mean() - ndcg_score(grades, -places.astype(float), k=k)) <= 1e-9


def test_equal_to_scikit_learn_where_documents_are_left_out() -> None:
    from sklearn.metrics import dcg_score

    rng = np.random.default_rng(1)
    for _ in range(300):
        size, k = int(rng.integers(2, 12)), int(rng.integers(1, 12))
        grades = rng.integers(0, 4, size).astype(float)
        grades[0] = 1.0
        order = rng.permutation(size)[: rng.integers(1, size)]
        gained = np.zeros(size)
        gained[order] = grades[order]
        places = np.full(size, 100.0)
        places[order] = np.arange(len(order))
        for gains in ("linear", "exponential"):
            won, whole = (gained, grades) if gains == "linear" else (2.0**gained - 1, 2.0**grades - 1)
            expected = dcg_score(won[None], -places[None], k=k) / dcg_score(whole[None], whole[None], k=k)
            assert ndcg(" ".join(map(str, order + 1)), grades.tolist(), k, gains) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_ideal_order_is_the_best_and_adding_a_document_never_harms(grades: list[int], random: Any) -> None:
    grades[0] = 1
    ideal = sorted(range(len(grades)), key=lambda place: -grades[place])
    assert ndcg(" ".join(str(place + 1) for place in ideal), grades) == 1.0
    order = list(range(1, len(grades) + 1))
    random.shuffle(order)
    scores = [ndcg(" ".join(map(str, order[:count])), grades) for count in range(len(order) + 1)]
    assert scores == sorted(scores) and 0.0 <= scores[-1] <= 1.0


@pytest.mark.parametrize(
    ("grades", "error"), [("12", TypeError), (3, TypeError), (["a"], TypeError), ([-1], ValueError), ([math.nan], ValueError)]
)
def test_other_grades_are_refused(grades: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"meta\['relevance'\]=.*expected"):
        ndcg("1", grades)


def test_the_highest_grades_are_finite() -> None:
    assert ndcg("1 2", [500, 500], gains="exponential") == 1.0
    with pytest.raises(ValueError, match="expected grades from 0 to 500"):
        ndcg("1", [501])


def test_other_arguments_are_refused() -> None:
    for k in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="expected a whole number of at least 1"):
            NDCG(k=k)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="expected a whole number of at least 1"):
            MRR(k=k)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 'linear' or 'exponential'"):
        NDCG(gains="log")
