"""Metrics of all answers together (macro-averaged F1, entity F1, corpus BLEU): what an evaluation keeps of them, and their estimates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym.benchmarks.stats import Estimate, estimate
from tokengym.rewards import make_reward
from tokengym.rewards.counts import CountReward, CountRow

__all__ = ["Counted", "corpus_estimate", "corpus_value", "counted"]

Counted = dict[str, Any]
"""What a record keeps of one metric: its "spec", and the "rows" of counts, one JSON value for each answer (None: not counted)."""

_CHUNK = 4_000_000  # numbers that are held at a time


def counted(venv: Any, episodes: Sequence[Mapping[str, Any]]) -> dict[str, Counted]:
    """The counts of those metrics of ``venv`` that have some, by their names in the infos.

    Args:
        venv: a TextGenVectorEnv with deal="shared".
        episodes: the infos of the ends of episodes that it played since its last reset.
    """
    engine = venv.engine
    found = {name: metric for name, metric in zip(engine.metric_names, engine.metrics, strict=True) if isinstance(metric, CountReward)}
    if not found:
        return {}
    samples = [venv.sample(int(info["index"]), str(info["response"]), str(info["stop_reason"])) for info in episodes]
    return {name: {"spec": metric.spec, "rows": metric.rows(samples)} for name, metric in found.items()}


def corpus_value(told: Counted) -> float:
    """The metric of all answers together; NaN where none is counted."""
    reward = _reward(told)
    return float(reward.reduce(reward.stack(told["rows"])))


def corpus_estimate(told: Sequence[Counted]) -> Estimate | None:
    """Mean over seeds of the metric of all answers together, and its 95% interval; None where no answer is counted for every seed.

    The interval is that of :func:`stats.estimate` over the answers' jackknife pseudo-values: with f of all N answers and f_i of all
    but answer i, the pseudo-value of answer i is N f - (N - 1) f_i. For a mean these are the scores themselves.

    Args:
        told: one for each of S seeds, over the same answers.
    Source: Tukey (1958); Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 11.
    """
    reward = _reward(told[0])
    rows: list[list[CountRow]] = [each["rows"] for each in told]
    known = [index for index, column in enumerate(zip(*rows, strict=True)) if None not in column]
    if not known:
        return None
    counts = [reward.stack([seed[index] for index in known]) for seed in rows]
    values = [float(reward.reduce(each)) for each in counts]
    spread = estimate(np.stack([_pseudo_values(reward, each, value) for each, value in zip(counts, values, strict=True)]))
    mean = math.fsum(values) / len(values)
    half = (spread.high - spread.low) / 2
    return spread._replace(mean=mean, low=mean - half, high=mean + half)


def _pseudo_values(reward: CountReward, counts: npt.NDArray[np.float64], value: float) -> npt.NDArray[np.float64]:
    """(N,) pseudo-values of N answers, from their counts (N, C) and the metric of all of them."""
    total = len(counts)
    if total < 2:
        return np.array([value])
    without: list[float] = []
    for answers in np.array_split(np.arange(total), -(-total * total // _CHUNK)):
        weights = np.ones((len(answers), total))
        weights[np.arange(len(answers)), answers] = 0.0  # each row leaves one answer out
        without += reward.reduce(counts, weights).tolist()
    return total * value - (total - 1) * np.array(without)


def _reward(told: Counted) -> CountReward:
    """The metric that a record names. Raises ValueError where it has no counts here."""
    reward = make_reward(told["spec"])
    if not isinstance(reward, CountReward):
        raise ValueError(f"the record keeps counts of {told['spec']!r}, which is no metric with counts in this version")
    return reward
