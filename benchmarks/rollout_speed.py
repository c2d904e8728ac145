"""Tokens per second of the rollout engine beside model.generate: python -m tokengym.benchmarks.throughput rollout."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import gymnasium
from tyro.conf import Positional, arg

import tokengym  # noqa: F401  (registers the ids)
from tokengym._models import model_folder
from tokengym._transformers import quiet
from tokengym.benchmarks.generating import Replay, copy_speed, decoding_limit, generate
from tokengym.benchmarks.players import tokenizer_kwargs
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.rates import Rate, environment
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.waiting import Waiting

__all__ = [
    "DEFAULT_MODELS",
    "WANTED",
    "Rollouts",
    "Timed",
    "cells",
    "columns",
    "read_rollouts",
    "rollout_speed",
    "time_rollouts",
]

DEFAULT_MODELS = ("builtin:tiny", "smollm2-135m")
WANTED = {"equal": 1.2, "natural": 1.5}  # times as many tokens per second as generate


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """Tokens per second of the rollout engine, and of model.generate on the same model, prompts, batch size and lengths, in turns.

    Lengths are equal (every answer has the whole budget) or natural: those at which the model itself ends its answers to these prompts.
    generate takes the prompts left-padded, one batch after the other, samples at temperature 1 with its KV cache on, and is done with a
    batch when the longest answer is. The engine also records log-probabilities; the prompts are those of an environment, whose scoring is
    in neither figure.

    On a GPU both run in bfloat16, generate with a static cache; a further figure is the limit that reading all weights and cached keys
    and values once per step sets, at the speed at which this GPU copies memory.
    """

    models: Positional[tuple[str, ...]] = ()
    """Models. Default: builtin:tiny, and smollm2-135m where it was pulled."""
    env: str = "TextSumm-v0"
    """Where the prompts come from."""
    rounds: int = 5
    """How often everything is timed; medians are printed."""
    num_envs: int = 32
    """Rows of the engine, and prompts in a batch of generate."""
    batches: int = 4
    """Batches of prompts; so many times num_envs answers are written in a round."""
    max_new_tokens: int = 64
    """Longest answer, in tokens."""
    threads: tuple[int, ...] = (1, 2)
    """Threads of torch; on a CPU everything is timed with each of these."""
    device: str = "auto"
    """Where: auto is a GPU where there is one, else the CPU."""
    json: Annotated[str, arg(help_behavior_hint="")] = ""
    """Write the same figures into this file."""
    quiet: bool = False
    """Print no bar."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One model, lengths and number of threads: tokens per second of both, and how many times as fast the engine is."""

    model: str
    lengths: str
    threads: int
    tokens: int
    longest: int
    engine: Rate
    generate: Rate
    ratio: Rate
    device: str = "cpu"
    limit: float | None = None  # tokens per second that the memory's speed allows, where that was measured


def _prompts(options: Rollouts, policy: Any, name: str) -> tuple[list[list[int]], list[int]]:
    """Prompts of the environment, and the lengths at which the model ends its answers to them."""
    from tokengym.agents import RolloutEngine

    kwargs = tokenizer_kwargs(name)
    venv = gymnasium.make_vec(
        options.env, num_envs=options.num_envs, deal="shared", max_new_tokens=options.max_new_tokens, metrics=False, **kwargs
    )
    played = RolloutEngine(policy, venv, seed=0, values=False).collect(options.batches * options.num_envs)
    venv.close()
    prompt = (played.attention_mask == 1) & (played.completion_mask == 0)
    ids = [row[mask].tolist() for row, mask in zip(played.input_ids, prompt, strict=True)]
    return ids, played.completion_mask.sum(1).tolist()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _in_turns(runs: Sequence[Callable[[], object]], rounds: int, progress: Callable[[], object]) -> list[list[float]]:
    """Seconds of each in each round, after a warm-up; another one begins in each round."""
    seconds: list[list[float]] = [[] for _ in runs]
    for number in range(-1, rounds):
        for place in range(len(runs)):
            which = (place + number) % len(runs)
            start = time.perf_counter()
            runs[which]()
            if number >= 0:
                seconds[which].append(time.perf_counter() - start)
            progress()
    return seconds


def time_rollouts(options: Rollouts) -> tuple[list[Timed], dict[str, str]]:
    """Times what ``options`` name; the second value says which models could not be timed, and why.

    Raises:
        ValueError: a number is below 1.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from tokengym.agents import CausalLMPolicy, RolloutEngine

    for option in ("rounds", "num_envs", "batches", "max_new_tokens"):
        if getattr(options, option) < 1:
            raise ValueError(f"--{option.replace('_', '-')} {getattr(options, option)}; expected at least 1")
    if min(options.threads, default=0) < 1:
        raise ValueError(f"--threads {' '.join(map(str, options.threads))}; expected numbers of at least 1")
    found: list[Timed] = []
    skipped: dict[str, str] = {}
    names = options.models or DEFAULT_MODELS
    from tokengym.agents.given import find_device

    device = find_device(options.device)
    gpu = device.startswith("cuda")
    threads, dtype, cache = ((1,), "bfloat16", "static") if gpu else (options.threads, "float32", None)
    speed = copy_speed(device) if gpu else None
    steps = len(names) * len(WANTED) * len(threads) * 2 * (options.rounds + 1)
    with Waiting("writing answers", steps, show=not options.quiet) as waiting:
        for name in names:
            try:
                policy = CausalLMPolicy.from_pretrained(name, device=device, dtype=dtype)
            except FileNotFoundError as error:
                skipped[name] = str(error)
                continue
            with quiet():
                theirs: Any = AutoModelForCausalLM.from_pretrained(model_folder(name), dtype=getattr(torch, dtype))
                theirs.to(device)
            prompts, natural = _prompts(options, policy, name)
            for kind in WANTED:
                lengths = natural if kind == "natural" else [options.max_new_tokens] * len(prompts)
                venv = Replay(prompts, lengths, policy.num_actions, options.num_envs)
                engine = RolloutEngine(policy, venv, seed=0, values=False)
                runs: list[Callable[[], object]] = [
                    partial(engine.collect, len(prompts)),
                    partial(generate, theirs, prompts, lengths, options.num_envs, cache),
                ]
                spoken = sum(lengths)
                context = sum(n * (len(prompt) + n / 2) for prompt, n in zip(prompts, lengths, strict=True)) / spoken
                limit = None if speed is None else decoding_limit(theirs, options.num_envs, context, speed)
                for count in threads:
                    with _threads(count):
                        ours, beside = ([spoken / x for x in one] for one in _in_turns(runs, options.rounds, waiting.advance))
                    ratio = Rate.of([one / other for one, other in zip(ours, beside, strict=True)])
                    found.append(
                        Timed(
                            model=name,
                            lengths=kind,
                            threads=count,
                            tokens=spoken,
                            longest=max(lengths),
                            engine=Rate.of(ours),
                            generate=Rate.of(beside),
                            ratio=ratio,
                            device=device,
                            limit=limit,
                        )
                    )
    return found, skipped


COLUMNS = ("model", "lengths", "threads", "tokens", "engine", "lowest to highest", "generate", "lowest to highest ", "ratio", "wanted")


def columns(rows: Sequence[Timed]) -> tuple[str, ...]:
    """Headings of the table; engine and generate are in tokens per second, and so is the limit that a GPU's memory sets."""
    return (*COLUMNS, "of the limit") if any(row.limit is not None for row in rows) else COLUMNS


def cells(row: Timed) -> list[str]:
    """A row of the table, one text for each of its columns."""
    rates = [text for rate in (row.engine, row.generate) for text in (f"{rate.median:,.0f}", f"{rate.lowest:,.0f} to {rate.highest:,.0f}")]
    wanted = WANTED[row.lengths]
    verdict = f"{wanted:g}x" if row.ratio.median >= wanted else f"{wanted:g}x, MISSED"
    ratio = "{:.2f}x ({:.2f} to {:.2f})".format(*row.ratio)
    lengths = f"{row.lengths}, at most {row.longest}"
    limit = [] if row.limit is None else [f"{row.engine.median / row.limit:.0%} of {row.limit:,.0f}"]
    return [row.model, lengths, str(row.threads), f"{row.tokens:,}", *rates, ratio, verdict, *limit]


def read_rollouts(told: Mapping[str, Any]) -> list[Timed]:
    """What ``throughput rollout --json`` wrote, read from JSON. Raises KeyError and TypeError for something else."""
    return [Timed(**{**row, **{name: Rate(**row[name]) for name in ("engine", "generate", "ratio")}}) for row in told["rows"]]


def rollout_speed(options: Rollouts) -> None:
    """Carries out the command."""
    found, skipped = time_rollouts(options)
    on = "float32, CPU" if not found or found[0].device == "cpu" else f"bfloat16, {found[0].device}"
    print(
        f"Tokens per second on prompts of {options.env}, {options.num_envs} at a time, {options.batches} batches, {on}, "
        f"medians of {options.rounds} rounds, in turns"
    )
    heads = columns(found)
    print_rows(heads, map(cells, found), right=[name for name in heads[2:] if name != "wanted"])
    for name, reason in skipped.items():
        print(f"skipped {name}: {reason}")
    where = environment()
    print(where.line())
    if options.json:
        rows = [{**asdict(row), **{name: getattr(row, name)._asdict() for name in ("engine", "generate", "ratio")}} for row in found]
        settings = {name: getattr(options, name) for name in ("env", "rounds", "num_envs", "batches", "max_new_tokens")}
        whole = {**settings, "skipped": skipped, "rows": rows, **asdict(where)}
        write_whole(Path(options.json), json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
