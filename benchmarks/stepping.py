"""Environment steps per second: python -m tokengym.benchmarks.throughput env."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import gymnasium
import numpy as np
from tyro.conf import Positional, arg

import tokengym  # noqa: F401  (registers the ids)
from tokengym._registry import unknown
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.rates import Rate, environment
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.step_grid import ENV, KEYWORDS, Grid, Timed, count_runs, print_grid, time_grid
from tokengym.benchmarks.waiting import Waiting
from tokengym.envs import TASKS

__all__ = ["Envs", "Stepped", "cells", "columns", "read_grid", "read_stepped", "step_envs", "stepping"]


@dataclass(frozen=True, kw_only=True)
class Envs:
    """Steps per second with random tokens; resets, scoring and the infos of episode ends are part of it. Everything is timed in turns.

    Without names: TextSumm-v0 with rouge_l in detail: one environment through make(), SyncVectorEnv and the native vector environment
    with 1, 64 and 256 rows, answers of 16, 64 and 128 tokens, once without episode ends, the cost of a seeded reset, and the targets.

    With names, or all: each of these environments alone and as native rows, with its own budgets and reward, first visits included.
    """

    names: Positional[tuple[str, ...]] = ()
    """Environment ids, or all. Default: TextSumm-v0 in detail; then only rounds, seconds, json and quiet have a meaning."""
    rounds: int = 5
    """How often everything is timed; medians are printed."""
    seconds: float = 1.0
    """That each is timed for in a round, in seconds."""
    num_envs: int = 64
    """Rows of the vector environment."""
    reward: Annotated[str, arg(help_behavior_hint="")] = ""
    """Reward specification. Default: each task's."""
    json: Annotated[str, arg(help_behavior_hint="")] = ""
    """Write the same figures into this file."""
    quiet: bool = False
    """Print no bar."""


@dataclass(frozen=True, kw_only=True)
class Stepped:
    """Steps per second of one environment: alone, and all rows of the vector together."""

    env: str
    single: Rate
    vector: Rate


def _single(env: Any) -> Callable[[float], float]:
    """Steps a single environment for so many seconds and returns its steps per second."""
    dice = np.random.default_rng(0)
    env.reset(seed=0)

    def run(seconds: float) -> float:
        steps, took = 0, 0.0
        while took < seconds or not steps:
            actions = dice.integers(env.action_space.n, size=256).tolist()  # new ones: no cache knows their answers
            start = time.perf_counter()
            for action in actions:
                _, _, terminated, truncated, _ = env.step(action)
                if terminated or truncated:
                    env.reset()
            took += time.perf_counter() - start
            steps += len(actions)
        return steps / took

    return run


def _vector(venv: Any) -> Callable[[float], float]:
    dice = np.random.default_rng(0)
    venv.reset(seed=0)

    def run(seconds: float) -> float:
        steps, took = 0, 0.0
        while took < seconds or not steps:
            actions = dice.integers(venv.single_action_space.n, size=(64, venv.num_envs))
            start = time.perf_counter()
            for row in actions:
                venv.step(row)
            took += time.perf_counter() - start
            steps += actions.size
        return steps / took

    return run


def step_envs(options: Envs) -> list[Stepped]:
    """Times what ``options`` name.

    Raises:
        ValueError: an unknown environment, or a number that is too small.
    """
    if options.rounds < 1 or options.num_envs < 1 or not 0 < options.seconds < math.inf:
        raise ValueError("--rounds and --num-envs are at least 1, --seconds is a number above 0")
    names = tuple(TASKS) if options.names == ("all",) else options.names
    for name in names:
        if name not in gymnasium.registry and ":" not in name:
            raise unknown("environment", name, TASKS)
    kwargs: dict[str, Any] = {"reward": options.reward} if options.reward else {}
    found = []
    with Waiting("stepping", 2 * options.rounds * len(names), show=not options.quiet) as waiting:
        for name in names:
            env = gymnasium.make(name, disable_env_checker=True, **kwargs).unwrapped
            runs = (_single(env), _vector(gymnasium.make_vec(name, num_envs=options.num_envs, **kwargs)))
            speeds: tuple[list[float], list[float]] = ([], [])
            for run in runs:
                run(options.seconds / 10)  # the first prompts are encoded once
            for _ in range(options.rounds):
                for run, speed in zip(runs, speeds, strict=True):
                    speed.append(run(options.seconds))
                    waiting.advance()
            found.append(Stepped(env=name, single=Rate.of(speeds[0]), vector=Rate.of(speeds[1])))
    return found


def columns(num_envs: int) -> list[str]:
    """Headings of the table by environment."""
    return ["environment", "one", "lowest to highest", f"{num_envs} rows", "lowest to highest "]


def cells(row: Stepped) -> Sequence[str]:
    """A row of the table, one text for each of :func:`columns`."""
    rates = (text for rate in (row.single, row.vector) for text in (f"{rate.median:,.0f}", f"{rate.lowest:,.0f} to {rate.highest:,.0f}"))
    return (row.env, *rates)


def _detail(options: Envs) -> Grid:
    if options.rounds < 1 or not 0 < options.seconds < math.inf:
        raise ValueError("--rounds is at least 1, --seconds is a number above 0")
    with Waiting("stepping", options.rounds * count_runs(), show=not options.quiet) as waiting:
        return time_grid(options.rounds, options.seconds, waiting.advance)


def _grid_json(found: Grid) -> dict[str, Any]:
    return {
        "env": ENV,
        "kwargs": KEYWORDS,
        "rows": [{**row._asdict(), "rate": row.rate._asdict()} for row in found.rows],
        "without_metrics": {kind: rate._asdict() for kind, rate in found.bare.items()},
        "native_over_sync": found.ratio._asdict(),
        "reset_seconds": {size: rate._asdict() for size, rate in found.resets.items()},
        "first_visit_seconds": found.first,
        "targets": [dict(zip(("name", "figure", "target", "met"), each, strict=True)) for each in found.verdicts],
    }


def read_grid(told: Mapping[str, Any]) -> Grid:
    """What ``throughput env --json`` wrote, read from JSON. Raises KeyError and TypeError for something else."""
    return Grid(
        rows=tuple(Timed(**{**row, "rate": Rate(**row["rate"])}) for row in told["rows"]),
        bare={kind: Rate(**rate) for kind, rate in told["without_metrics"].items()},
        ratio=Rate(**told["native_over_sync"]),
        resets={int(size): Rate(**rate) for size, rate in told["reset_seconds"].items()},
        first=told["first_visit_seconds"],
    )


def read_stepped(told: Mapping[str, Any]) -> list[Stepped]:
    """What ``throughput env all --json`` wrote, read from JSON. Raises KeyError and TypeError for something else."""
    return [Stepped(env=row["env"], single=Rate(**row["single"]), vector=Rate(**row["vector"])) for row in told["rows"]]


def stepping(options: Envs) -> None:
    """Carries out the command."""
    told = f"medians of {options.rounds} rounds of {options.seconds:g} s"
    whole: dict[str, Any] = {"rounds": options.rounds, "seconds": options.seconds}
    if options.names:
        found = step_envs(options)
        print(f"Steps per second with random tokens, resets, first visits and scoring included, {told}")
        heads = columns(options.num_envs)
        print_rows(heads, map(cells, found), right=heads[1:])
        rows = [{"env": row.env, "single": row.single._asdict(), "vector": row.vector._asdict()} for row in found]
        whole |= {"num_envs": options.num_envs, "rows": rows}
    else:
        grid = _detail(options)
        kwargs = ", ".join(f"{name}={value!r}" for name, value in KEYWORDS.items())
        print(f"Steps per second, {ENV}, {kwargs}, builtin tokenizer, random tokens, {told}")
        print_grid(grid)
        whole |= _grid_json(grid)
    where = environment()
    print(where.line())
    if options.json:
        write_whole(Path(options.json), json.dumps({**whole, **asdict(where)}, ensure_ascii=False, indent=1) + "\n")
