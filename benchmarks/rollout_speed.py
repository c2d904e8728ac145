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
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from tyro.conf import Positional, arg

import tokengym  # noqa: F401  (registers the ids)
from tokengym._models import model_folder
from tokengym._transformers import quiet
from tokengym.benchmarks.players import tokenizer_kwargs
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.rates import Rate, environment
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.waiting import Waiting

__all__ = [
    "COLUMNS",
    "DEFAULT_MODELS",
    "WANTED",
    "Replay",
    "Rollouts",
    "Timed",
    "cells",
    "generate",
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
    """Threads of torch; everything is timed with each of these."""
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


class Replay(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Deals given prompts in their order and ends each answer at a given length, whatever is said; rewards are 0.

    Args:
        prompts: token ids, one list per episode.
        lengths: tokens of each answer.
        actions: how many tokens there are to choose from.
        num_envs: rows.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    deal = "shared"

    def __init__(self, prompts: Sequence[Sequence[int]], lengths: Sequence[int], actions: int, num_envs: int) -> None:
        self.prompts = [np.asarray(prompt, dtype=np.int32) for prompt in prompts]
        self.lengths = np.asarray(lengths)
        self.num_envs = num_envs
        width = max(len(prompt) + length for prompt, length in zip(prompts, lengths, strict=True))
        self.single_action_space = gymnasium.spaces.Discrete(actions)
        names = ("attention_mask", "completion_mask")
        self.single_observation_space = gymnasium.spaces.Dict(
            {
                "input_ids": gymnasium.spaces.Box(0, actions - 1, (width,), np.int32),
                **{name: gymnasium.spaces.MultiBinary(width) for name in names},
            }
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._obs = {name: np.zeros((num_envs, width), np.int32 if name == "input_ids" else np.int8) for name in ("input_ids", *names)}
        self._at, self._left = np.zeros(num_envs, int), np.zeros(num_envs, int)
        self.active = np.zeros(num_envs, dtype=bool)
        self.deal_index = np.zeros(num_envs, dtype=int)
        self._next = 0

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Starts again with the first prompt; all of them are dealt, whatever ``options`` say."""
        self._next = 0
        for row in range(self.num_envs):
            self._deal(row)
        return self._copy(), {"deal_index": self.deal_index.copy()}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        rows = np.flatnonzero(self.active)
        at = self._at[rows]
        self._obs["input_ids"][rows, at] = actions[rows]
        self._obs["attention_mask"][rows, at] = self._obs["completion_mask"][rows, at] = 1
        self._at[rows] += 1
        self._left[rows] -= 1
        done = self.active & (self._left == 0)
        infos: dict[str, Any] = {}
        if done.any():
            infos["final_info"] = {"deal_index": self.deal_index.copy()}
            for row in np.flatnonzero(done):
                self._deal(int(row))
            infos["deal_index"] = self.deal_index.copy()
        return self._copy(), np.zeros(self.num_envs), done, np.zeros(self.num_envs, dtype=bool), infos

    def _deal(self, row: int) -> None:
        for column in self._obs.values():
            column[row] = 0
        self.active[row] = self._next < len(self.prompts)
        if self.active[row]:
            prompt = self.prompts[self._next]
            self._obs["input_ids"][row, : len(prompt)], self._obs["attention_mask"][row, : len(prompt)] = prompt, 1
            self._at[row], self._left[row], self.deal_index[row] = len(prompt), self.lengths[self._next], self._next
            self._next += 1

    def _copy(self) -> dict[str, NDArray[Any]]:
        return {name: column.copy() for name, column in self._obs.items()}


def generate(model: Any, prompts: Sequence[Sequence[int]], lengths: Sequence[int], batch: int) -> list[list[int]]:
    """Answers of exactly ``lengths`` tokens by ``model.generate``, a batch of left-padded prompts at a time, sampled at temperature 1.

    Args:
        model: a transformers causal LM.
        prompts: token ids.
        lengths: tokens of each answer; a batch goes on until its longest one has them.
        batch: prompts at a time.
    """
    import torch
    from transformers import StoppingCriteria

    class Budgets(StoppingCriteria):
        """Ends each row at its own length."""

        def __init__(self, ends: torch.Tensor) -> None:
            self.ends = ends

        def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            done: torch.Tensor = input_ids.shape[1] >= self.ends
            return done

    answers: list[list[int]] = []
    for start in range(0, len(prompts), batch):
        rows = slice(start, start + batch)
        width = max(map(len, prompts[rows]))
        ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts[rows]])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts[rows]])
        budget = torch.tensor(lengths[rows])
        out = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            eos_token_id=None,
            pad_token_id=0,
            max_new_tokens=int(budget.max()),
            stopping_criteria=[Budgets((width + budget).to(model.device))],
            use_cache=True,
        )
        answers += [row[:length] for row, length in zip(out[:, width:].tolist(), budget.tolist(), strict=True)]
    return answers


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
    steps = len(names) * len(WANTED) * len(options.threads) * 2 * (options.rounds + 1)
    with Waiting("writing answers", steps, show=not options.quiet) as waiting:
        for name in names:
            try:
                policy = CausalLMPolicy.from_pretrained(name, device="cpu", dtype="float32")
            except FileNotFoundError as error:
                skipped[name] = str(error)
                continue
            with quiet():
                theirs: Any = AutoModelForCausalLM.from_pretrained(model_folder(name), dtype=torch.float32)
            prompts, natural = _prompts(options, policy, name)
            for kind in WANTED:
                lengths = natural if kind == "natural" else [options.max_new_tokens] * len(prompts)
                venv = Replay(prompts, lengths, policy.num_actions, options.num_envs)
                engine = RolloutEngine(policy, venv, seed=0, values=False)
                runs: list[Callable[[], object]] = [
                    partial(engine.collect, len(prompts)),
                    partial(generate, theirs, prompts, lengths, options.num_envs),
                ]
                for threads in options.threads:
                    with _threads(threads):
                        ours, beside = ([sum(lengths) / x for x in one] for one in _in_turns(runs, options.rounds, waiting.advance))
                    ratio = Rate.of([one / other for one, other in zip(ours, beside, strict=True)])
                    found.append(
                        Timed(
                            model=name,
                            lengths=kind,
                            threads=threads,
                            tokens=sum(lengths),
                            longest=max(lengths),
                            engine=Rate.of(ours),
                            generate=Rate.of(beside),
                            ratio=ratio,
                        )
                    )
    return found, skipped


COLUMNS = ("model", "lengths", "threads", "tokens", "engine", "lowest to highest", "generate", "lowest to highest ", "ratio", "wanted")
"""Headings of the table; engine and generate in tokens per second."""


def cells(row: Timed) -> list[str]:
    """A row of the table, one text for each of ``COLUMNS``."""
    rates = [text for rate in (row.engine, row.generate) for text in (f"{rate.median:,.0f}", f"{rate.lowest:,.0f} to {rate.highest:,.0f}")]
    wanted = WANTED[row.lengths]
    verdict = f"{wanted:g}x" if row.ratio.median >= wanted else f"{wanted:g}x, MISSED"
    ratio = "{:.2f}x ({:.2f} to {:.2f})".format(*row.ratio)
    lengths = f"{row.lengths}, at most {row.longest}"
    return [row.model, lengths, str(row.threads), f"{row.tokens:,}", *rates, ratio, verdict]


def read_rollouts(told: Mapping[str, Any]) -> list[Timed]:
    """What ``throughput rollout --json`` wrote, read from JSON. Raises KeyError and TypeError for something else."""
    return [Timed(**{**row, **{name: Rate(**row[name]) for name in ("engine", "generate", "ratio")}}) for row in told["rows"]]


def rollout_speed(options: Rollouts) -> None:
    """Carries out the command."""
    found, skipped = time_rollouts(options)
    print(
        f"Tokens per second on prompts of {options.env}, {options.num_envs} at a time, {options.batches} batches, float32, CPU, "
        f"medians of {options.rounds} rounds, in turns"
    )
    print_rows(COLUMNS, map(cells, found), right=[name for name in COLUMNS[2:] if name != "wanted"])
    for name, reason in skipped.items():
        print(f"skipped {name}: {reason}")
    where = environment()
    print(where.line())
    if options.json:
        rows = [{**asdict(row), **{name: getattr(row, name)._asdict() for name in ("engine", "generate", "ratio")}} for row in found]
        settings = {name: getattr(options, name) for name in ("env", "rounds", "num_envs", "batches", "max_new_tokens")}
        whole = {**settings, "skipped": skipped, "rows": rows, **asdict(where)}
        write_whole(Path(options.json), json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
