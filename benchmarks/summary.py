"""From records to the numbers of a table: one score per (environment, agent), with intervals, anchors, comparisons and collapses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from tokengym.benchmarks.corpus import corpus_estimate
from tokengym.benchmarks.records import Record, check_comparable
from tokengym.benchmarks.stats import (
    Difference,
    Estimate,
    bootstrap,
    collapsed_seeds,
    difference,
    estimate,
    holm,
    iqm,
    normalize,
    verdict,
)

__all__ = ["Anchors", "Comparison", "Score", "anchors", "fill_normalized", "summarize"]


class Anchors(NamedTuple):
    """Mean rewards of the random agent and of the oracle on one environment; None where the records have no such agent."""

    worst: float | None
    best: float | None

    def normalized(self, score: float) -> float | None:
        """``score`` with random at 0 and the oracle at 1; None without both anchors, or where they are too close together."""
        if self.worst is None or self.best is None:
            return None
        try:
            return normalize(score, self.worst, self.best)
        except ValueError:
            return None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An agent against the baseline: the difference, its p-value after Holm, and what :func:`stats.verdict` says of them."""

    baseline: str
    difference: Difference
    adjusted_p: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Score:
    """One row of a table: an agent on an environment over all its seeds.

    Attributes:
        reward: estimate of the mean reward; None when every seed failed.
        seed_rewards: seed to its mean reward.
        metrics: metric name to estimate.
        normalized, normalized_half: with the anchors; None without.
        iqm: (value, low, high) over seeds, from 5 seeds on.
        collapsed: seeds that lost more than half of what their training started from.
        failed: seeds without a result, and why.
        labels, reward_calls, tokens, seconds, peak_bytes: means over seeds; None where an agent from outside does not tell.
        invalid: episodes that could not be scored, over all seeds.
    """

    env: str
    agent: str
    note: str
    reward: Estimate | None
    seed_rewards: Mapping[int, float]
    metrics: Mapping[str, Estimate]
    normalized: float | None
    normalized_half: float | None
    iqm: tuple[float, float, float] | None
    collapsed: tuple[int, ...]
    failed: Mapping[int, str]
    labels: float | None
    reward_calls: float | None
    tokens: float | None
    seconds: float
    peak_bytes: float
    invalid: int
    comparison: Comparison | None = None
    matrix: Any = field(default=None, repr=False)  # (S, N) rewards


def _done(records: Sequence[Record], env: str, agent: str) -> list[Record]:
    return [r for r in records if r["env"]["id"] == env and r["agent"]["name"] == agent and r["status"] == "done"]


def _anchor(records: Sequence[Record], env: str, kind: str) -> float | None:
    """Mean reward of the suite's own agents of this kind; not of an agent from outside that is called so."""
    return _mean_reward([r for r in records if r["env"]["id"] == env and r["agent"]["kind"] == kind and r["status"] == "done"])


def _mean_reward(records: Sequence[Record]) -> float | None:
    rewards = [value for record in records for value in record["eval"]["reward"]]
    return float(np.mean(rewards)) if rewards else None


def anchors(records: Sequence[Record]) -> dict[str, Anchors]:
    """The anchors of each environment."""
    envs = dict.fromkeys(record["env"]["id"] for record in records)
    return {env: Anchors(_anchor(records, env, "random"), _anchor(records, env, "oracle")) for env in envs}


def fill_normalized(records: Sequence[Record]) -> None:
    """Sets ``eval.normalized`` of every record that is done; None where anchors are missing or too close together."""
    known = anchors(records)
    for record in records:
        if record["status"] == "done":
            value = known[record["env"]["id"]].normalized(float(np.mean(record["eval"]["reward"])))
            record["eval"]["normalized"] = None if value is None else round(value, 6)


def _iqm(matrix: Any) -> tuple[float, float, float] | None:
    if len(matrix) < 5:
        return None
    low, high = bootstrap(matrix, lambda sample: iqm(sample.mean(axis=1)), np.random.default_rng(0))
    return iqm(matrix.mean(axis=1)), low, high


def _metrics(done: Sequence[Record]) -> dict[str, Estimate]:
    """Estimates over the examples to which a metric applies (for every seed); metrics that apply to none are left out.

    A metric with counts is that of all answers together.
    """
    found = {}
    for name in done[0]["eval"]["metrics"] if done else ():
        told = [r["eval"].get("counts", {}).get(name) for r in done]
        if None not in told:
            together = corpus_estimate(told)
            if together is not None:
                found[name] = together
            continue
        values = np.array([r["eval"]["metrics"].get(name) or [None] * r["eval"]["n"] for r in done], dtype=np.float64)  # None becomes NaN
        known = np.isfinite(values).all(axis=0)
        if known.any():
            found[name] = estimate(values[:, known])
    return found


def _mean(records: Sequence[Record], part: str, name: str) -> float:
    return float(np.mean([record[part][name] for record in records])) if records else 0.0


def _told(records: Sequence[Record], part: str, name: str) -> float | None:
    return None if any(record[part][name] is None for record in records) else _mean(records, part, name)


def _score(records: Sequence[Record], env: str, agent: str, anchor: Anchors) -> Score:
    """The row of one agent on one environment, without its comparison."""
    done = _done(records, env, agent)
    rows = [r for r in records if r["env"]["id"] == env and r["agent"]["name"] == agent]
    failed = {r["seed"]: str(r.get("error") or "failed") for r in rows if r["status"] != "done"}
    matrix = np.array([r["eval"]["reward"] for r in done], dtype=np.float64) if done else None
    found = None if matrix is None else estimate(matrix)
    scale = None if anchor.worst is None or anchor.best is None else anchor.best - anchor.worst
    normalized = None if found is None else anchor.normalized(found.mean)
    collapsed: tuple[int, ...] = ()
    start = done[0]["agent"].get("start") if done else None
    begun = _mean_reward(_done(records, env, start)) if start else None
    if matrix is not None and begun is not None and anchor.worst is not None:
        collapsed = tuple(done[row]["seed"] for row in collapsed_seeds(matrix, begun, anchor.worst))
    return Score(
        env=env,
        agent=agent,
        note=rows[0]["agent"].get("note", ""),
        reward=found,
        seed_rewards={r["seed"]: float(np.mean(r["eval"]["reward"])) for r in done},
        metrics=_metrics(done),
        normalized=normalized,
        normalized_half=None if normalized is None or found is None or not scale or math.isnan(found.half) else found.half / scale,
        iqm=None if matrix is None else _iqm(matrix),
        collapsed=collapsed,
        failed=failed,
        labels=_told(done, "used", "labels"),
        reward_calls=_told(done, "used", "reward_calls"),
        tokens=_told(done, "cost", "train_tokens"),
        seconds=_mean(done, "cost", "wall_s"),
        peak_bytes=_mean(done, "cost", "peak_memory_bytes"),
        invalid=sum(int(r["eval"].get("invalid", 0)) for r in done),
        matrix=matrix,
    )


def summarize(records: Sequence[Record], baseline: str = "", compared: Sequence[str] = ()) -> list[Score]:
    """All rows, environment by environment, in the order in which ``records`` have them.

    Args:
        records: of one or more runs.
        baseline: agent that others are compared with; "" for no comparison.
        compared: the agents that are; Holm's adjustment is over these, times the environments.
    Raises:
        ValueError: the records do not belong into one table.
    """
    check_comparable(records)
    known = anchors(records)
    pairs = dict.fromkeys((record["env"]["id"], record["agent"]["name"]) for record in records)
    scores = [_score(records, env, agent, known[env]) for env in known for e, agent in pairs if e == env]
    base = {score.env: score for score in scores if score.agent == baseline and score.matrix is not None}
    chosen = [i for i, s in enumerate(scores) if s.agent in compared and s.agent != baseline and s.env in base and s.matrix is not None]
    differences = [difference(scores[i].matrix, base[scores[i].env].matrix) for i in chosen]
    for i, diff, adjusted in zip(chosen, differences, holm([d.p for d in differences]), strict=True):
        comparison = Comparison(baseline=baseline, difference=diff, adjusted_p=adjusted, verdict=verdict(diff, adjusted))
        scores[i] = replace(scores[i], comparison=comparison)
    return scores
