"""Time of one training iteration beside TRL's trainers: python -m tokengym.benchmarks.throughput train."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro.conf import Positional, arg

from tokengym.benchmarks.iterations import (
    BETA,
    ENV,
    GROUP,
    MICRO_BATCH,
    MODEL,
    REWARD,
    Lap,
    our_learner,
    quiet_threads,
    sb3_learner,
    trl_laps,
)
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.rates import Rate, environment
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.waiting import Waiting

__all__ = ["COLUMNS", "Iterated", "Trainings", "cells", "read_trainings", "time_trainings", "train_speed", "verdicts"]

FLOOR, TARGET, PPO_LIMIT = 1.8, 2.5, 1.5  # times TRL's tokens per second, twice; times our own GRPO's seconds
_WARM_UPS = 2


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Seconds of one iteration (sample, score, one epoch of updates) of our agents and of TRL's trainers, in turns, in one process.

    builtin:tiny in float32 with AdamW; prompts of TextSumm-v0 in groups of 8, rouge_l, answers of full length. GRPO on both sides:
    advantages without the deviation, sums over a constant, k3 as a loss with beta 0.02. REINFORCE is TRL's RLOO: leave-one-out baseline,
    k1 in the reward with the same beta. PPO has no counterpart in TRL any more; it is held against our own GRPO, and the PPO of
    Stable-Baselines3, with the same model as its policy, against it.
    """

    sizes: Positional[tuple[str, ...]] = ("32x32", "256x128")
    """Completions x tokens of an iteration."""
    rounds: int = 5
    """Iterations that are timed, after two warm-ups; medians are printed."""
    threads: int = 1
    """Threads of torch."""
    json: Annotated[str, arg(help_behavior_hint="")] = ""
    """Write the same figures into this file."""
    quiet: bool = False
    """Print no bar."""


@dataclass(frozen=True, kw_only=True)
class Iterated:
    """One learner at one size. ``ratio``: its tokens per second over those of ``beside``, round by round (PPO: seconds over seconds).

    ``rollout``, ``env`` (a part of it) and ``update``: seconds of an iteration, where it is ours and they are known.
    """

    size: str
    name: str
    tokens: int  # completion tokens of an iteration
    rate: Rate  # tokens per second
    seconds: Rate
    cpu: Rate  # seconds of the processor
    beside: str = ""
    ratio: Rate | None = None
    rollout: float | None = None
    env: float | None = None
    update: float | None = None


def _size(text: str) -> tuple[int, int]:
    completions, _, tokens = text.partition("x")
    if not (completions.isdecimal() and tokens.isdecimal() and int(tokens) > 0 and int(completions) > 0):
        raise ValueError(f"size {text!r}; expected completions x tokens, as in 32x32")
    if int(completions) % GROUP or (int(completions) > MICRO_BATCH and int(completions) % MICRO_BATCH):
        raise ValueError(f"size {text!r}: {completions} completions; expected a multiple of {GROUP}, and of {MICRO_BATCH} above that")
    return int(completions), int(tokens)


_SB3, _SB3_TOKENS = "SB3 PPO", 4096  # it keeps every step of an iteration as a row of its own: up to so many
_PAIRS = (("GRPO", ("grpo", "ppo", _SB3)), ("RLOO", ("reinforce",)))  # TRL's trainer, and what takes turns with it


def _suited(names: Sequence[str], size: tuple[int, int]) -> list[str]:
    """Those that can do an iteration of this size."""
    return [name for name in names if name != _SB3 or size[0] * size[1] <= _SB3_TOKENS]


def time_trainings(options: Trainings, with_trl: bool = True) -> list[Iterated]:
    """Times what ``options`` name.

    Raises:
        ValueError: a number that is too small, or a size that is none.
    """
    if options.rounds < 1 or options.threads < 1:
        raise ValueError("--rounds and --threads are at least 1")
    sizes = {text: _size(text) for text in options.sizes}
    turns = _WARM_UPS + options.rounds
    rows: list[Iterated] = []
    steps = turns * sum(len(_suited(ours, size)) + with_trl for size in sizes.values() for _, ours in _PAIRS)
    with Waiting("training", steps, show=not options.quiet) as waiting, quiet_threads(options.threads):
        for text, size in sizes.items():
            laps: dict[str, list[Lap]] = {}
            for theirs, ours in _PAIRS:
                laps |= _in_turns(theirs if with_trl else "", _suited(ours, size), size, turns, waiting)
            rows += _rows(text, {name: each[_WARM_UPS:] for name, each in laps.items()})
    return rows


def _in_turns(theirs: str, ours: Sequence[str], size: tuple[int, int], turns: int, waiting: Waiting) -> dict[str, list[Lap]]:
    """The iterations of TRL's trainer ``theirs`` ("": none), and of our learners, which come between them."""
    learners = {name: sb3_learner(*size) if name == _SB3 else our_learner(name, *size) for name in ours}
    laps: dict[str, list[Lap]] = {name: [] for name in ours}

    def between() -> None:
        for name, iterate in learners.items():
            laps[name].append(iterate())
        waiting.advance(len(learners) + bool(theirs))

    if not theirs:
        for _ in range(turns):
            between()
        return laps
    with tempfile.TemporaryDirectory() as folder:
        return {**laps, f"TRL {theirs}": trl_laps(theirs, *size, turns, between, folder)}


def _rows(size: str, laps: Mapping[str, Sequence[Lap]]) -> list[Iterated]:
    beside = {"grpo": "TRL GRPO", "reinforce": "TRL RLOO", "ppo": "grpo", _SB3: "ppo"}
    rows = []
    for name in ("grpo", "TRL GRPO", "reinforce", "TRL RLOO", "ppo", _SB3):
        mine = laps.get(name)
        if mine is None:
            continue
        other = laps.get(beside.get(name, ""))
        ratio = None
        if other is not None and name in ("ppo", _SB3):
            ratio = Rate.of([a.seconds / b.seconds for a, b in zip(mine, other, strict=True)])
        elif other is not None:
            ratio = Rate.of([a.tokens / a.seconds / (b.tokens / b.seconds) for a, b in zip(mine, other, strict=True)])
        parts = [lap.parts for lap in mine if lap.parts is not None]
        spent = dict(zip(("rollout", "env", "update"), map(float, np.median(parts, axis=0)), strict=True)) if parts else {}
        rows.append(
            Iterated(
                size=size,
                name=name,
                tokens=round(float(np.median([lap.tokens for lap in mine]))),
                rate=Rate.of([lap.tokens / lap.seconds for lap in mine]),
                seconds=Rate.of([lap.seconds for lap in mine]),
                cpu=Rate.of([lap.cpu for lap in mine]),
                beside=beside[name] if ratio is not None else "",
                ratio=ratio,
                **spent,
            )
        )
    return rows


COLUMNS = ("size", "learner", "tokens/s", "lowest to highest", "s", "CPU s", "rollout", "of it env", "update", "ratio", "wanted")
"""Headings of the table."""


def verdicts(row: Iterated) -> str:
    """What was wanted of a row's ratio, and whether it was kept."""
    if row.ratio is None:
        return ""
    if row.name == _SB3:
        return f"(the time of {row.beside})"
    if row.name == "ppo":
        return f"{PPO_LIMIT:g}x the time of {row.beside}" + ("" if row.ratio.median <= PPO_LIMIT else ", MISSED")
    missed = ", MISSED" if row.ratio.median < FLOOR else ", only the floor" if row.ratio.median < TARGET else ""
    return f"{FLOOR:g}x, {TARGET:g}x of {row.beside}{missed}"


def cells(row: Iterated) -> list[str]:
    """A row of the table, one text for each of ``COLUMNS``."""
    parts = ["" if part is None else f"{part:.2f}" for part in (row.rollout, row.env, row.update)]
    spread = f"{row.rate.lowest:,.0f} to {row.rate.highest:,.0f}"
    ratio = "" if row.ratio is None else "{:.2f}x ({:.2f} to {:.2f})".format(*row.ratio)
    return [
        row.size,
        row.name,
        f"{row.rate.median:,.0f}",
        spread,
        f"{row.seconds.median:.2f}",
        f"{row.cpu.median:.2f}",
        *parts,
        ratio,
        verdicts(row),
    ]


def read_trainings(told: Mapping[str, Any]) -> list[Iterated]:
    """What ``throughput train --json`` wrote, read from JSON. Raises KeyError and TypeError for something else."""
    rates = ("rate", "seconds", "cpu", "ratio")
    return [Iterated(**{**row, **{name: Rate(**row[name]) for name in rates if row[name] is not None}}) for row in told["rows"]]


def train_speed(options: Trainings) -> None:
    """Carries out the command."""
    with_trl = find_spec("trl") is not None
    rows = time_trainings(options, with_trl)
    print(
        f"One iteration, {MODEL} in float32, {ENV} with {REWARD}, groups of {GROUP}, beta {BETA}, 1 epoch, {options.threads} thread(s); "
        f"medians of {options.rounds} rounds after {_WARM_UPS} warm-ups"
    )
    print_rows(COLUMNS, map(cells, rows), right=COLUMNS[2:9])
    if not with_trl:
        print("TRL is not installed, so there is nothing to compare with: pip install 'tokengym[bench]'")
    where = environment()
    trl = {"trl": version("trl")} if with_trl else {}
    print(", ".join([where.line(), *(f"{name} {version}" for name, version in trl.items())]))
    if options.json:
        named = [{**asdict(row), **{n: r._asdict() for n in ("rate", "seconds", "cpu", "ratio") if (r := getattr(row, n))}} for row in rows]
        told = {"rounds": options.rounds, "threads": options.threads, "rows": named, **asdict(where)}
        told["versions"] = {**told["versions"], **trl}
        write_whole(Path(options.json), json.dumps(told, ensure_ascii=False, indent=1) + "\n")
