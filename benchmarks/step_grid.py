"""Steps per second in detail: one environment alone, in SyncVectorEnv and as native rows; what a seeded reset costs; the targets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

import tokengym  # noqa: F401  (registers the ids)
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.rates import Rate
from tokengym.envs import TextTokenizer

__all__ = [
    "BUDGETS",
    "COLUMNS",
    "ENV",
    "KEYWORDS",
    "KINDS",
    "ROWS",
    "Grid",
    "Timed",
    "cells",
    "count_runs",
    "notes",
    "print_grid",
    "time_grid",
]

ENV = "TextSumm-v0"
KEYWORDS: dict[str, Any] = {"reward": "rouge_l", "max_prompt_tokens": 128, "size": 1_000}
KINDS = ("scalar", "sync", "native")
ROWS = (1, 64, 256)
BUDGETS = (16, 64, 128)  # max_new_tokens; the last one also without episode ends
_AT = (64, 64)  # rows and max_new_tokens that the targets are about
_NATIVE, _SCALAR, _RATIO, _RESET = 1e6, 150e3, 4.0, 1.5  # steps per second, steps per second, times SyncVectorEnv, times 1,000 examples
_SIZES = (1_000, 100_000)  # examples, between which a seeded reset is compared
_SEEDS = 64
_CHUNK = 97  # steps between two looks at the clock

Run = Callable[[float], float]


class Timed(NamedTuple):
    """Steps per second, all rows together. ``ends`` False: only steps in which no episode ended were timed."""

    kind: str
    num_envs: int
    max_new_tokens: int
    ends: bool
    rate: Rate


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What was measured.

    Attributes:
        rows: one for each kind, number of rows and budget.
        bare: steps per second with metrics=False, of "scalar" and of 64 "native" rows at max_new_tokens=64: infos without extra scores.
        ratio: of native rows to SyncVectorEnv, at 64 rows and max_new_tokens=64, taken within each round.
        resets: seconds of a seeded reset, by the number of examples; the prompts were encoded before.
        first: seconds in which an example is written and its prompt encoded, once.
    """

    rows: tuple[Timed, ...]
    bare: dict[str, Rate]
    ratio: Rate
    resets: dict[int, Rate]
    first: float

    @property
    def verdicts(self) -> list[tuple[str, str, str, bool]]:
        """What was wanted: its name, the figure, the target, and whether it was met."""
        at = {(row.kind, row.num_envs, row.max_new_tokens): row.rate.median for row in self.rows if row.ends}
        native, scalar, times = at["native", *_AT], at["scalar", 1, _AT[1]], self.ratio.median
        reset = self.resets[_SIZES[1]].median / self.resets[_SIZES[0]].median
        where = f"{_AT[0]} envs, max_new_tokens={_AT[1]}"
        return [
            (f"native vector env, {where}", f"{native:,.0f} steps/s", f"at least {_NATIVE:,.0f}", native >= _NATIVE),
            (f"native / SyncVectorEnv, {where}", f"{times:.1f}x", f"at least {_RATIO:g}x", times >= _RATIO),
            (
                f"scalar env by make(), max_new_tokens={_AT[1]}",
                f"{scalar:,.0f} steps/s",
                f"at least {_SCALAR:,.0f}",
                scalar >= _SCALAR,
            ),
            (f"seeded reset, {_SIZES[1]:,} / {_SIZES[0]:,} examples", f"{reset:.2f}x", f"at most {_RESET:g}x", reset <= _RESET),
        ]


def _timed(play: Callable[[Any], int], env: Any, tokenizer: TextTokenizer, shape: tuple[int, ...], ends: bool) -> Run:
    """Steps per second of ``play``, which is given random tokens and returns its number of steps.

    Tokens are new each time: from an answer that comes again, caches would spare the reading. Drawing them is not timed; neither is,
    where no episode is to end (no end-of-sequence token then), the reset before each call.
    """
    dice = np.random.default_rng(0)

    def run(seconds: float) -> float:
        steps, spent = 0, 0.0
        while spent < seconds or not steps:
            tokens = dice.integers(tokenizer.vocab_size - (not ends), size=shape)
            if not ends:
                tokens += tokens >= tokenizer.eos_token_id
                env.reset()
            start = time.perf_counter()
            steps += play(tokens)
            spent += time.perf_counter() - start
        return steps / spent

    return run


def _scalar(budget: int, ends: bool, **more: Any) -> Run:
    """Steps one environment as ``gymnasium.make`` gives it, wrappers included."""
    env: Any = gymnasium.make(ENV, max_new_tokens=budget, **KEYWORDS, **more)
    env.reset(seed=0)

    def play(tokens: Any) -> int:
        for action in tokens.tolist():
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return len(tokens)

    return _timed(play, env, env.unwrapped.tokenizer, (4 * _CHUNK if ends else budget - 1,), ends)


def _vector(kind: str, num_envs: int, budget: int, ends: bool, **more: Any) -> Run:
    """Steps rows that reset themselves in the step in which they end."""
    options: dict[str, Any] = {"max_new_tokens": budget, **KEYWORDS, **more}
    if kind == "sync":
        same = {"autoreset_mode": AutoresetMode.SAME_STEP}
        venv: Any = gymnasium.make_vec(ENV, num_envs=num_envs, vectorization_mode="sync", vector_kwargs=same, **options)
        tokenizer = venv.envs[0].unwrapped.tokenizer
    else:
        venv = gymnasium.make_vec(ENV, num_envs=num_envs, **options)
        tokenizer = venv.tokenizer
    venv.reset(seed=0)

    def play(tokens: Any) -> int:
        for row in tokens:
            venv.step(row)
        return int(tokens.size)

    return _timed(play, venv, tokenizer, (_CHUNK if ends else budget - 1, num_envs), ends)


def _cases(rows: Sequence[int], budgets: Sequence[int]) -> Iterator[tuple[str, int, int, bool]]:
    for budget, ends in (*((budget, True) for budget in budgets), (budgets[-1], False)):
        yield "scalar", 1, budget, ends
        for num_envs in rows:
            yield "sync", num_envs, budget, ends
            yield "native", num_envs, budget, ends


def _first_visits() -> float:
    """Seconds per example in which all examples are written and encoded; they stay in memory while an environment of them lives."""
    book = gymnasium.make(ENV, **KEYWORDS).unwrapped.engine.book  # type: ignore[attr-defined]
    start = time.perf_counter()
    for index in range(len(book.examples)):
        book[index]
    return (time.perf_counter() - start) / len(book.examples)


def _resets(size: int) -> Run:
    """Seconds per seeded reset; the prompts that the seeds lead to were encoded before."""
    env: Any = gymnasium.make(ENV, **{**KEYWORDS, "size": size})
    for seed in range(_SEEDS):
        env.reset(seed=seed)

    def run(seconds: float) -> float:
        count, start = 0, time.perf_counter()
        while (took := time.perf_counter() - start) < seconds or not count:
            for seed in range(_SEEDS):
                env.reset(seed=seed)
            count += _SEEDS
        return took / count

    return run


def time_grid(
    rounds: int,
    seconds: float,
    progress: Callable[[int], object] | None = None,
    rows: Sequence[int] = ROWS,
    budgets: Sequence[int] = BUDGETS,
) -> Grid:
    """Times everything in turns, ``rounds`` times; the targets are about rows and budgets among which 64 must be."""
    keep = gymnasium.make(ENV, **KEYWORDS)  # its prompts are shared with all that follow
    first = _first_visits()
    cases = list(_cases(rows, budgets))
    runs: list[Run] = [_scalar(case[2], case[3]) if case[0] == "scalar" else _vector(*case) for case in cases]
    runs += [_scalar(_AT[1], True, metrics=False), _vector("native", *_AT, True, metrics=False)]
    runs += [_resets(size) for size in _SIZES]
    for run in runs:
        run(seconds / 10)
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, values in zip(runs, found, strict=True):
            values.append(run(seconds))
            if progress is not None:
                progress(1)
    keep.close()
    speeds = dict(zip(cases, found, strict=False))
    ratio = [one / other for one, other in zip(speeds["native", *_AT, True], speeds["sync", *_AT, True], strict=True)]
    return Grid(
        rows=tuple(Timed(*case, Rate.of(values)) for case, values in speeds.items()),
        bare={kind: Rate.of(values) for kind, values in zip(("scalar", "native"), found[len(cases) :], strict=False)},
        ratio=Rate.of(ratio),
        resets={size: Rate.of(values) for size, values in zip(_SIZES, found[len(cases) + 2 :], strict=True)},
        first=first,
    )


def count_runs() -> int:
    """How many things :func:`time_grid` times in a round."""
    return len(list(_cases(ROWS, BUDGETS))) + 2 + len(_SIZES)


COLUMNS = ("max_new_tokens", "envs", "scalar", "SyncVectorEnv", "native", "native, lowest to highest", "native / sync")
"""Headings of the table."""


def cells(found: Grid) -> list[tuple[str, ...]]:
    """Rows of the table, by budget and rows, one text for each of ``COLUMNS``."""
    lines: dict[tuple[int, bool, int], dict[str, Rate]] = {}
    for row in found.rows:
        lines.setdefault((row.max_new_tokens, row.ends, row.num_envs), {})[row.kind] = row.rate
    table = []
    for (budget, ends, num_envs), rates in lines.items():
        speed = [f"{rates[kind].median:,.0f}" if kind in rates else "" for kind in KINDS]
        span, times = "", math.nan
        if {"sync", "native"} <= rates.keys():
            span = f"{rates['native'].lowest:,.0f} to {rates['native'].highest:,.0f}"
            times = rates["native"].median / rates["sync"].median
        table.append((f"{budget}" + ("" if ends else ", no episode ends"), str(num_envs), *speed, span, f"{times:.1f}x"))
    return table


def notes(found: Grid) -> list[str]:
    """The figures beside the table, and what was wanted, one line each."""
    lines = []
    for kind, rate in found.bare.items():
        where = (f"{_AT[0]} envs, " if kind == "native" else "") + f"max_new_tokens={_AT[1]}, metrics=False"
        lines.append(f"{kind}, {where}: {rate.median:,.0f} ({rate.lowest:,.0f} to {rate.highest:,.0f})")
    for size, rate in found.resets.items():
        lines.append(f"seeded reset at {size:,} examples: {rate.median * 1e6:.1f} µs ({rate.lowest * 1e6:.1f} to {rate.highest * 1e6:.1f})")
    lines.append(f"an example's first visit (written, prompt encoded): {found.first * 1e6:.0f} µs, outside the figures above")
    lines += [f"{name}: {figure}, target {target}: {'met' if met else 'MISSED'}" for name, figure, target, met in found.verdicts]
    return lines


def print_grid(found: Grid) -> None:
    """Prints the figures by budget and rows, and what was wanted."""
    print_rows(COLUMNS, cells(found), right=COLUMNS[1:])
    print("\n".join(notes(found)))
