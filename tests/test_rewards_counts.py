"""Metrics by counts: worked by hand, kept as JSON, resampled from their counts alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.counts import CountReward


class MacroF1(CountReward):
    """The example of the base's docstring."""

    name = "macro"
    needs = "meta['label']"
    fields = ("hits", "false_alarms", "misses")

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        gold, said = sample.meta.get("label"), sample.response.strip()
        if gold is None:
            return None
        return {gold: (1, 0, 0)} if said == gold else {gold: (0, 0, 1), said: (0, 1, 0)}

    def from_totals(self, totals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        hits, false_alarms, misses = np.moveaxis(totals, -1, 0)
        seen = totals.any(axis=-1)
        f1 = 2 * hits / np.where(seen, 2 * hits + false_alarms + misses, 1)
        return np.asarray(f1.sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1))


class Rate(CountReward):
    """Vowels per letter: a ratio of sums. An empty text counts as a row without a key; "?" cannot be counted."""

    name = "rate"
    fields = ("vowels", "letters")

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        if sample.response == "?":
            return None
        if not sample.response:
            return {}
        return {"": (sum(letter in "aeiou" for letter in sample.response), len(sample.response))}

    def from_totals(self, totals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        vowels, letters = totals.sum(axis=-2)[..., 0], totals.sum(axis=-2)[..., 1]
        return np.asarray(vowels / np.maximum(letters, 1))


def labelled(*pairs: tuple[str, str]) -> list[Sample]:
    return [Sample("", said, (), {"label": gold}) for said, gold in pairs]


def texts(*responses: str) -> list[Sample]:
    return [Sample("", response) for response in responses]


BATCH = labelled(("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("c", "b"))


def test_macro_f1_by_hand() -> None:
    # a: 2 hits, 1 false alarm: 4/5. b: 1 hit, 2 misses: 2/4. c: one false alarm: 0.
    assert MacroF1().corpus(BATCH) == pytest.approx((0.8 + 0.5 + 0.0) / 3, abs=1e-12)
    assert MacroF1().score(BATCH).tolist() == [1, 1, 0, 1, 0]  # of which the mean, 0.6, is another number


def test_a_ratio_of_sums_is_no_mean_of_ratios() -> None:
    assert Rate().corpus(texts("a", "xxx")) == 0.25
    assert Rate().score(texts("a", "xxx")).tolist() == [1.0, 0.0]


def test_counts_stand_by_key_and_field() -> None:
    assert MacroF1().counts(BATCH).tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, 0, 1, 0],
    ]


def test_rows_survive_json_and_give_the_metric_without_the_texts() -> None:
    rows = json.loads(json.dumps(MacroF1().rows([*BATCH, Sample("", "a")])))
    assert rows[2] == {"b": [0.0, 0.0, 1.0], "a": [0.0, 1.0, 0.0]} and rows[5] is None
    assert float(MacroF1().reduce(MacroF1().stack(rows))) == MacroF1().corpus(BATCH)


def test_two_files_of_rows_with_other_labels_are_stacked_together() -> None:
    reward = MacroF1()
    first, second = labelled(("a", "a")), labelled(("x", "x"), ("x", "y"))
    assert reward.counts(first).shape == (1, 3) and reward.counts(second).shape == (2, 6)
    assert float(reward.reduce(reward.stack(reward.rows(first) + reward.rows(second)))) == reward.corpus(first + second)


def test_what_cannot_be_counted_is_left_out() -> None:
    batch = [*texts("ab", "?", ""), *texts("e")]
    counts = Rate().counts(batch)
    assert np.isnan(counts).any(axis=-1).tolist() == [False, True, False, False]
    assert Rate().corpus(batch) == pytest.approx(2 / 3)
    explained = Rate().explain(batch)
    assert explained.valid.tolist() == [True, False, True, True] and explained.scores.tolist() == [0.5, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("reward", [MacroF1(), Rate()])
def test_nothing_to_count(reward: CountReward) -> None:
    unknown = texts("?", "?")
    assert math.isnan(reward.corpus(unknown)) and math.isnan(reward.corpus([]))
    assert reward.explain(unknown).valid.tolist() == [False, False]
    assert reward.counts([]).shape == (0, len(reward.fields)) and reward.score([]).shape == (0,)


def test_draws_of_rows_and_their_weights_reduce_alike() -> None:
    reward = MacroF1()
    counts = reward.counts([*BATCH, Sample("", "a")])  # (6, 9), the last row not valid
    drawn = np.array([[0, 0, 2, 3, 5, 4], [1, 1, 1, 1, 1, 1], [5, 5, 5, 5, 5, 5]])
    weights = np.stack([np.bincount(row, minlength=6) for row in drawn])  # (3, 6)
    expected = [reward.corpus([BATCH[i] for i in row if i != 5]) for row in drawn.tolist()]
    assert reward.reduce(counts[drawn]).tolist()[:2] == expected[:2]
    assert reward.reduce(counts, weights).tolist()[:2] == expected[:2]
    assert np.isnan(reward.reduce(counts[drawn])[2]) and np.isnan(reward.reduce(counts, weights)[2])
    assert reward.reduce(np.stack([counts, counts]), np.stack([weights[0], weights[1]])).tolist() == expected[:2]


@given(st.lists(st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("abcdefghijkl")), min_size=1, max_size=30))
def test_order_and_absent_labels_change_nothing(pairs: list[tuple[str, str]]) -> None:
    reward = MacroF1()
    batch = labelled(*pairs)
    value = reward.corpus(batch)
    assert reward.corpus(batch[::-1]) == value
    alone = [float(reward.score([sample])[0]) for sample in batch]
    assert reward.score(batch).tolist() == alone
    counts = reward.counts(batch)
    wider = np.concatenate([np.zeros((len(batch), 3)), counts], axis=1)  # one more label that nobody uses
    assert reward.reduce(wider) == pytest.approx(value, abs=1e-12)


def test_reduce_leaves_its_input_alone() -> None:
    counts = MacroF1().counts([*BATCH, Sample("", "a")])
    before = counts.copy()
    MacroF1().reduce(counts)
    assert np.array_equal(counts, before, equal_nan=True)


def test_a_wrong_count_is_named() -> None:
    class Wrong(Rate):
        def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
            return {"": (1.0,)} if sample.response == "short" else {"": (math.nan, 1.0)}

    for response in ("short", "nan"):
        with pytest.raises(ValueError, match=r"'rate' counted \[.*\] for ''; expected finite numbers for vowels, letters"):
            Wrong().counts(texts(response))


def test_a_wrong_width_is_named() -> None:
    with pytest.raises(ValueError, match=r"counts of shape \(2, 4\); 'macro' expects \(..., N, C\), C a multiple of 3 fields"):
        MacroF1().reduce(np.zeros((2, 4)))


def test_what_a_subclass_must_write() -> None:
    for call in (lambda: CountReward().count(BATCH[0]), lambda: CountReward().from_totals(np.zeros((1, 1)))):
        with pytest.raises(NotImplementedError, match="CountReward must define"):
            call()
