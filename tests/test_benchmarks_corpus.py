"""Metrics of all answers together: what evaluations keep of them, and the figures of a table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tokengym.benchmarks.baselines import make_baseline
from tokengym.benchmarks.corpus import Counted, corpus_estimate, corpus_value
from tokengym.benchmarks.evaluate import Evaluation, eval_env, evaluate
from tokengym.benchmarks.stats import estimate
from tokengym.benchmarks.summary import summarize
from tokengym.benchmarks.tables import build_tables
from tokengym.rewards import Sample
from tokengym.rewards.counts import CountReward


class MeanLength(CountReward):
    """The mean number of words: a metric with counts whose pseudo-values are the scores themselves."""

    name = "mean_length"
    fields = ("words", "texts")

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        return {"": (len(sample.response.split()), 1)} if sample.response else None

    def from_totals(self, totals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        summed = totals.sum(axis=-2)
        found: npt.NDArray[np.float64] = summed[..., 0] / np.maximum(summed[..., 1], 1)
        return found


def _told(*lengths: int) -> Counted:
    samples = [Sample("", "word " * length) for length in lengths]
    return {"spec": f"{__name__}:MeanLength", "rows": MeanLength().rows(samples)}


def _classified() -> Evaluation:
    venv = eval_env("TextClassify-v0", 8, split="test")
    return evaluate(make_baseline("heuristic", venv), venv, 60)


def test_an_evaluation_keeps_the_counts() -> None:
    from sklearn.metrics import f1_score  # type: ignore[import-untyped]

    found = _classified()
    venv = eval_env("TextClassify-v0", 1, split="test")
    gold = [str(venv.examples[index].meta["label"]) for index in range(60)]
    expected = f1_score(gold, found.responses, average="macro", labels=sorted({*gold, *found.responses}))
    assert list(found.counts) == ["macro_f1"]
    assert corpus_value(json.loads(json.dumps(found.counts["macro_f1"]))) == pytest.approx(expected, abs=1e-12)
    assert f"macro_f1 {expected:.3f}" in found.summary() and f"accuracy {found.mean:.3f}" in found.summary()
    assert abs(expected - found.mean) > 0.001  # which is what the mean over single answers would be


def test_entities_are_counted_over_all_answers() -> None:
    venv = eval_env("TextNER-v0", 4, split="test")
    found = evaluate(make_baseline("heuristic", venv), venv, 20)
    metric = next(metric for metric in venv.engine.metrics if metric.name == "entity_f1")
    samples = [venv.sample(index, response, "eos") for index, response in enumerate(found.responses)]
    assert corpus_value(found.counts["entity_f1"]) == pytest.approx(metric.corpus(samples))


def test_other_metrics_keep_none() -> None:
    venv = eval_env("TextQA-v0", 2, split="test")
    assert evaluate(make_baseline("oracle", venv), venv, 3).counts == {}


def test_several_turns_see_what_the_reward_saw() -> None:
    venv = eval_env("TextDialogue-v0", 2, split="test", turns=4, metrics=["entity_f1", "rouge_l"])
    seen: list[Sample] = []
    scored = venv.engine.score

    def watched(episodes: Sequence[Any]) -> Any:
        seen.extend(map(venv.engine._sample, episodes))
        return scored(episodes)

    venv.engine.score = watched
    found = evaluate(make_baseline("oracle", venv), venv, 3)
    ends = enumerate(zip(found.responses, found.stop_reasons, strict=True))
    again = [venv.sample(index, response, reason) for index, (response, reason) in ends]
    assert sorted(map(repr, again)) == sorted(map(repr, seen))


def test_an_estimate_of_a_mean_is_the_mean_s() -> None:
    lengths = np.array([[1, 4, 2, 7], [2, 3, 2, 9], [1, 5, 3, 8]])
    assert corpus_estimate([_told(*row) for row in lengths.tolist()]) == pytest.approx(estimate(lengths))


def test_answers_that_are_not_counted_are_left_out_for_every_seed() -> None:
    found = corpus_estimate([_told(1, 0, 4), _told(3, 2, 5)])
    assert found is not None and found.examples == 2 and found.mean == pytest.approx((2.5 + 4) / 2)
    assert corpus_estimate([_told(0, 3), _told(2, 0)]) is None


def test_one_seed_or_one_answer_has_no_interval() -> None:
    for told in ([_told(1, 2)], [_told(1), _told(3)]):
        found = corpus_estimate(told)
        assert found is not None and math.isnan(found.low) and math.isnan(found.high)


def test_the_jackknife_agrees_with_resampling() -> None:
    counts = _classified().counts["macro_f1"]
    found = corpus_estimate([counts, counts])
    assert found is not None and found.mean == pytest.approx(corpus_value(counts))
    rng = np.random.default_rng(0)
    drawn = [corpus_value({**counts, "rows": [counts["rows"][i] for i in rng.integers(60, size=60)]}) for _ in range(400)]
    assert found.half == pytest.approx(2 * np.std(drawn), rel=0.3)


def test_tables_take_the_metric_of_all_answers() -> None:
    from tests.result_rows import result_rows

    rows = result_rows(envs=("TextQA-v0",))
    for number, row in enumerate(r for r in rows if r["agent"]["name"] == "sft"):
        size = row["eval"]["n"]
        row["eval"]["counts"] = {"exact": _told(*[1 + number] * size)}
    score = next(s for s in summarize(rows) if s.agent == "sft")
    assert score.metrics["exact"].mean == pytest.approx(2.0)
    assert any(note.startswith("exact: of all answers together") for note in build_tables(rows)[1])
    assert next(s for s in summarize(rows) if s.agent == "oracle").metrics["exact"].mean <= 1.0
