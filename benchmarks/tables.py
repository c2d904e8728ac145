"""From scores to tables: one set of cells, which every form of a table shows, and the notes that belong under them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tokengym.benchmarks.records import Record
from tokengym.benchmarks.stats import GAIN
from tokengym.benchmarks.summary import Score, summarize

__all__ = ["DAGGER", "Cell", "Column", "Table", "build_tables", "notes"]

DAGGER = "†"  # stands behind what is not reliable, because seeds collapsed


class Cell(NamedTuple):
    """What a reader sees, and the same numbers one by one for the CSV."""

    text: str
    parts: tuple[str, ...]


class Column(NamedTuple):
    """A heading, and the names of the CSV columns that its cells' parts go to."""

    name: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A title, columns and rows of cells; ``counts`` is what only the CSV has of each row, name to number."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    counts: tuple[Mapping[str, int], ...] = ()


def _number(value: float, signed: bool = False) -> str:
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def _interval(mean: float | None, half: float | None, mark: str = "") -> Cell:
    """``0.812 ± 0.031``; the mean alone where there is no interval."""
    if mean is None:
        return Cell("-", ("", ""))
    if half is None or math.isnan(half):
        return Cell(_number(mean) + mark, (_number(mean), ""))
    return Cell(f"{_number(mean)} ± {_number(half)}{mark}", (_number(mean), _number(half)))


def _count(value: float | None) -> Cell:
    if value is None:
        return Cell("?", ("",))
    return Cell(f"{round(value):,}", (str(round(value)),))


def _words(text: str) -> Cell:
    return Cell(text, (text,))


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else _number(value)


def _mark(score: Score) -> str:
    """What stands behind an interval that is not reliable."""
    return DAGGER if score.collapsed else ""


def _gain(score: Score) -> Cell:
    """The difference to the baseline, its interval, p after Holm, and the verdict."""
    if score.comparison is None:
        return Cell("", ("", "", "", "", ""))
    diff, adjusted, phrase = score.comparison.difference, score.comparison.adjusted_p, score.comparison.verdict
    gain = _number(diff.gain, signed=True)
    if math.isnan(diff.low):
        return Cell(f"{gain}{_mark(score)}: {phrase}", (gain, "", "", "", phrase))
    low, high = _number(diff.low, signed=True), _number(diff.high, signed=True)
    return Cell(f"{gain} [{low}, {high}]{_mark(score)}, p {_p(adjusted)}: {phrase}", (gain, low, high, _p(adjusted), phrase))


def _iqm(score: Score) -> Cell:
    if score.iqm is None:
        return Cell("-", ("", "", ""))
    value, low, high = (_number(x) for x in score.iqm)
    return Cell(f"{value} [{low}, {high}]{_mark(score)}", (value, low, high))


def _reward(score: Score) -> Cell:
    if score.reward is None:
        return Cell("failed", ("", ""))
    return _interval(score.reward.mean, score.reward.half, _mark(score))


def _env_table(env: str, scores: Sequence[Score], spec: str) -> Table:
    """Everything about one environment."""
    metrics = list(dict.fromkeys(name for score in scores for name in score.metrics))
    baseline = next((s.comparison.baseline for s in scores if s.comparison), None)
    with_iqm = any(score.iqm for score in scores)
    columns = [
        Column("agent", ("agent",)),
        Column(f"reward ({spec})", ("reward", "reward_ci95")),
        Column("normalized", ("normalized", "normalized_ci95")),
    ]
    columns += [Column("IQM over seeds", ("iqm", "iqm_low", "iqm_high"))] if with_iqm else []
    columns += [Column(name, (name, f"{name}_ci95")) for name in metrics]
    columns += [Column(f"gain over {baseline}", ("gain", "gain_low", "gain_high", "p_holm", "verdict"))] if baseline else []
    columns += [
        Column(name, (name.replace(" ", "_"),)) for name in ("seeds", "labels", "reward calls", "train tokens", "seconds", "peak MB")
    ]
    rows = []
    for s in scores:
        row = [_words(s.agent), _reward(s), _interval(s.normalized, s.normalized_half, _mark(s))]
        row += [_iqm(s)] if with_iqm else []
        for name in metrics:
            found = s.metrics.get(name)
            row.append(_interval(found.mean, found.half) if found else _interval(None, None))
        row += [_gain(s)] if baseline else []
        seconds = f"{s.seconds:.1f}"
        row += [
            _count(len(s.seed_rewards)),
            _count(s.labels),
            _count(s.reward_calls),
            _count(s.tokens),
            _words(seconds),
            _count(s.peak_bytes / 1e6),
        ]
        rows.append(tuple(row))
    counts = tuple({"collapsed_seeds": len(s.collapsed), "failed_seeds": len(s.failed), "unscored": s.invalid} for s in scores)
    return Table(env, tuple(columns), tuple(rows), counts)


def _overview(scores: Sequence[Score]) -> Table:
    """Agents down, environments across, and the mean of the normalized scores."""
    envs = list(dict.fromkeys(s.env for s in scores))
    agents = list(dict.fromkeys(s.agent for s in scores))
    found = {(s.env, s.agent): s for s in scores}
    rows = []
    for agent in agents:
        mine = [found.get((env, agent)) for env in envs]
        normalized = [s.normalized for s in mine if s is not None and s.normalized is not None]
        mean = sum(normalized) / len(envs) if len(normalized) == len(envs) else None
        rows.append((_words(agent), *(_interval(None, None) if s is None else _reward(s) for s in mine), _interval(mean, None)))
    columns = (
        Column("agent", ("agent",)),
        *(Column(env, (env, f"{env}_ci95")) for env in envs),
        Column("normalized, mean", ("normalized", "")),
    )
    return Table("Reward", columns, tuple(rows))


def build_tables(records: Sequence[Record]) -> tuple[list[Table], list[str]]:
    """The overview and one table per environment, and the notes that belong under them.

    Raises:
        ValueError: no records, or records that do not belong into one table: their suites compare with different baselines, say.
    """
    if not records:
        raise ValueError("no records; a table needs at least one")
    scores = summarize(records, *_comparisons(records))
    specs = {r["env"]["id"]: r["reward"]["spec"] for r in reversed(records) if r["status"] == "done"}
    tables = [_overview(scores)]
    for env in dict.fromkeys(s.env for s in scores):
        tables.append(_env_table(env, [s for s in scores if s.env == env], specs.get(env, "none")))
    return tables, notes(records, scores)


def _comparisons(records: Sequence[Record]) -> tuple[str, list[str]]:
    """The baseline, and the agents that are compared with it, of all suites that the records come from. Raises ValueError for two."""
    suites = [suite for suite in (record.get("suite", {}) for record in records) if suite.get("compared")]
    there = {record["agent"]["name"] for record in records}
    found = {suite["baseline"]: suite["name"] for suite in reversed(suites) if suite["baseline"] in there}
    if len(found) > 1:
        told = " and ".join(f"{baseline!r} (suite {name})" for baseline, name in found.items())
        raise ValueError(f"the records are of suites that compare with different baselines, {told}; render them apart")
    return "".join(found), list(dict.fromkeys(name for suite in suites for name in suite["compared"]))


def _distinct(records: Sequence[Record], *path: str) -> list[Any]:
    values: list[Any] = []
    for record in records:
        value: Any = record
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None and value not in values:
            values.append(value)
    return values


def _phrase(value: Any) -> str:
    """A value of a record in words; mappings name by name, what is None left out."""
    if not isinstance(value, Mapping):
        return str(value)
    if "commit" in value:
        return f"commit {value['commit'][:12]}{' with changes' if value['dirty'] else ''}" if value["commit"] else ""
    return ", ".join(f"{name} {part}" for name, part in value.items() if part is not None)


def notes(records: Sequence[Record], scores: Sequence[Score]) -> list[str]:
    """What a reader must know: how to read the numbers, failures, collapses, hardware, versions, commit."""
    done = [r for r in records if r["status"] == "done"]
    seeds = sorted({r["seed"] for r in done})
    found = [
        f"Mean ± 95% interval over {len(seeds)} seeds ({', '.join(map(str, seeds))}) crossed with the same held-out examples"
        f" ({', '.join(f'{r} examples' for r in dict.fromkeys(f'{e}: {n}' for e, n in ((r['env']['id'], r['eval']['n']) for r in done)))})."
        if done
        else "No agent finished.",
        "Normalized: the random agent is 0 and the oracle is 1. Labels are distinct labelled training examples; labels, reward calls, "
        "train tokens and seconds include those of the agent that training started from. Seconds are training and evaluation.",
    ]
    together = dict.fromkeys(name for r in done for name in r["eval"].get("counts", ()))
    if together:
        found.append(f"{', '.join(together)}: of all answers together, not a mean over answers; the interval is the jackknife's.")
    compared = [s.comparison for s in scores if s.comparison]
    if compared:
        tested = sum(not math.isnan(comparison.adjusted_p) for comparison in compared)
        unknown = f" ({len(compared) - tested} more have too few seeds or examples)" if tested < len(compared) else ""
        found.append(
            f"Gain over {compared[0].baseline}: difference of means, its 95% interval, and p after Holm over "
            f'{tested} comparisons{unknown}. "above" means: the interval lies above 0, the gain is at least {GAIN} and p is below 0.05; '
            "a tie is not significant after Holm."
        )
    if any(None in (s.labels, s.reward_calls, s.tokens) for s in scores):
        found.append("?: an agent from outside that does not tell what it used (attributes `used` and `timesteps`).")
    for env, given, own in dict.fromkeys(
        (r["env"]["id"], r["agent"].get("train_kwargs", {}).get("reward"), r["reward"]["spec"]) for r in done
    ):
        if given is not None and given != own:
            found.append(f"{env}: trained (and the best weights chosen) by the reward {given}; measured by {own}.")
    found += [f"{agent}: {note}." for agent, note in dict.fromkeys((s.agent, s.note) for s in scores if s.note)]
    for s in scores:
        if s.collapsed:
            each = ", ".join(f"{seed}: {_number(mean)}" for seed, mean in s.seed_rewards.items())
            found.append(
                f"{DAGGER} {s.env}, {s.agent}: {len(s.collapsed)} of {len(s.seed_rewards)} seeds collapsed, "
                f"so the interval is not reliable. Seeds: {each}."
            )
        for why in dict.fromkeys(s.failed.values()):
            seeds_of = ", ".join(str(seed) for seed, reason in s.failed.items() if reason == why)
            found.append(f"{s.env}, {s.agent}: failed on seeds {seeds_of} ({textwrap.shorten(why, 160)}).")
        if s.invalid:
            found.append(f"{s.env}, {s.agent}: {s.invalid} episodes could not be scored and count as 0.")
    for name, *path in (("Model", "model", "name"), ("Hardware", "system"), ("Versions", "versions"), ("Code", "code")):
        values = [_phrase(value) for value in _distinct(records, *path)]
        if any(values):
            found.append(f"{name}: {'; '.join(value for value in values if value)}.")
    return found
