"""One cell of a suite: an environment and a seed, on which agents are trained and evaluated in turn."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium

from tokengym.agents import AGENTS
from tokengym.benchmarks.cost import Meter
from tokengym.benchmarks.evaluate import Evaluation, eval_env, evaluate
from tokengym.benchmarks.players import (
    build_config,
    check_outside,
    learner,
    load_player,
    outside_agent,
    tokenizer_kwargs,
    validation_env,
)
from tokengym.benchmarks.records import SCHEMA, Record, code_state, system, versions
from tokengym.benchmarks.suites import Arena, Entrant, Suite

__all__ = ["Cell", "checkpoint_folder", "open_eval_env", "preflight", "run_cell", "train_env"]

Report = Callable[[str, float, float | None], None]  # agent, share of its training done, last reward


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a worker gets: one environment, one seed, the agents to run, and the records that those which start from others need."""

    suite: Suite
    arena: Arena
    seed: int
    folder: Path  # of the run
    entrants: tuple[Entrant, ...]  # to run, in this order
    done: Mapping[str, Record] = field(default_factory=dict)  # agent name to its record


@dataclass(frozen=True, kw_only=True)
class _Trained:
    """An agent that is ready to play, and what that took, its start included."""

    player: Any
    labels: int | None = 0  # None: an agent from outside does not tell
    reward_calls: int | None = 0
    tokens: int | None = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    curve: Mapping[str, list[float]] = field(default_factory=dict)


def checkpoint_folder(folder: Path, env: str, seed: int, agent: str) -> Path:
    """Where the policy of an agent that others start from waits for them."""
    return folder / "checkpoints" / f"{env}-{seed}-{agent}"


def open_eval_env(suite: Suite, arena: Arena) -> Any:
    """The vector environment that all agents of a suite are evaluated in."""
    kwargs = {**tokenizer_kwargs(suite.model), **arena.kwargs, **arena.eval_kwargs, "split": arena.split}
    return eval_env(arena.env, min(suite.eval_envs, arena.examples), **kwargs)


def train_env(suite: Suite, arena: Arena, entrant: Entrant, num_envs: int, group_size: int) -> Any:
    """The vector environment that ``entrant`` trains in."""
    kwargs = {**tokenizer_kwargs(suite.model), **arena.kwargs, **arena.train_kwargs, **entrant.train_kwargs, "split": "train"}
    return gymnasium.make_vec(arena.env, num_envs=num_envs, deal="shared", group_size=group_size, **kwargs)


def preflight(suite: Suite) -> None:
    """Finds mistakes in a suite before hours are spent on it: environments, options, budgets, agents from outside.

    Raises:
        ValueError, TypeError, KeyError, ImportError: what the part that refuses says.
    """
    for arena in suite.arenas:
        venv = open_eval_env(suite, arena)
        if arena.first + arena.examples > len(venv.examples):
            raise ValueError(
                f"{arena.env}: examples={arena.examples} after the first {arena.first}, "
                f"but split {arena.split!r} has {len(venv.examples)} in all; ask for fewer"
            )
        venv.close()
        for entrant in suite.entrants:
            options, budget = entrant.options(arena.env)
            if entrant.kind in AGENTS:
                build_config(learner(entrant.kind), options)
                if budget < 1 and not options.get("updates"):
                    raise ValueError(f"agent {entrant.name!r} has budget={budget} on {arena.env}; expected a number of training tokens")
    for entrant in suite.entrants:
        if entrant.kind == "custom":
            check_outside(entrant.source)


def _number(value: Any) -> float:
    """``value`` as a number; NaN where it is none: an agent from outside may mean something else by the name."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def _count(value: Any) -> int | None:
    """``value`` as a whole number, None where it is no number."""
    number = _number(value)
    return int(number) if math.isfinite(number) else None


def _curve(history: Any, offset: int) -> dict[str, list[float]]:
    """Tokens, and the training and validation rewards where the history has them; ``offset`` tokens were spent by the start.

    Of an agent from outside, ``history`` may be anything; what is not a mapping of numbers is passed over.
    """
    curve: dict[str, list[float]] = {"start_tokens": [offset]}
    told = [h for h in history if isinstance(h, Mapping)] if isinstance(history, list | tuple) else []
    for name in ("reward", "validation", "kl", "entropy"):
        pairs = [(_count(h["timesteps"]), _number(h[name])) for h in told if name in h and "timesteps" in h]
        points = [(tokens, round(value, 6)) for tokens, value in pairs if tokens is not None and math.isfinite(value)]
        if points:
            curve[f"{name}_tokens"] = [t for t, _ in points]
            curve[name] = [v for _, v in points]
    return curve


def _train_learner(cell: Cell, entrant: Entrant, report: Report) -> _Trained:
    """Trains SFT, REINFORCE or PPO, from the suite's model or from another agent's policy."""
    from tokengym.agents.policy import CausalLMPolicy

    options, budget = entrant.options(cell.arena.env)
    kind = learner(entrant.kind)
    config = build_config(kind, options)
    source, before = cell.suite.model, None
    if entrant.start is not None:
        source = str(checkpoint_folder(cell.folder, cell.arena.env, cell.seed, entrant.start))
        before = cell.done[entrant.start]
    with Meter() as meter:
        policy = CausalLMPolicy.from_pretrained(source)
        venv = train_env(cell.suite, cell.arena, entrant, config.num_envs, getattr(config, "group_size", 1))
        agent = kind(policy, venv, config=config, seed=cell.seed)

        def after_update(trained: Any) -> None:
            last = trained.history[-1] if trained.history else {}
            report(entrant.name, min(1.0, trained.timesteps / budget) if budget else 0.0, last.get("validation", last.get("reward")))

        agent.learn(total_timesteps=budget or None, callback=after_update, progress=False)
        venv.close()
    used: dict[str, int] = before["used"] if before else {"labels": 0, "reward_calls": 0}
    cost: dict[str, Any] = before["cost"] if before else {"train_tokens": 0, "train_s": 0.0}
    return _Trained(
        player=agent,
        labels=max(int(agent.used["labels"]), used["labels"]),  # both read labels of the same training examples
        reward_calls=int(agent.used["reward_calls"]) + used["reward_calls"],
        tokens=int(agent.timesteps) + cost["train_tokens"],
        seconds=meter.seconds + cost["train_s"],
        peak_bytes=meter.peak_bytes,
        config=dataclasses.asdict(config),
        curve=_curve(agent.history, cost["train_tokens"]),
    )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """What code from outside changes for the whole process and would change for the next agents: working folder, torch's dtype."""
    import torch

    folder, dtype = os.getcwd(), torch.get_default_dtype()
    try:
        yield
    finally:
        os.chdir(folder)
        torch.set_default_dtype(dtype)


def _train_custom(cell: Cell, entrant: Entrant) -> _Trained:
    """Makes an agent from outside, and trains it where it can learn."""
    _, budget = entrant.options(cell.arena.env)
    ours = {**tokenizer_kwargs(cell.suite.model), **cell.arena.kwargs}
    with Meter() as meter:
        training = train_env(cell.suite, cell.arena, entrant, 16, 1)
        offered = {
            "env": training,
            "env_id": cell.arena.env,
            "env_kwargs": {**ours, **cell.arena.train_kwargs, **entrant.train_kwargs},
            "validation_env": validation_env(cell.arena.env, min(cell.suite.eval_envs, cell.arena.examples), **ours),
            "eval_env": open_eval_env(cell.suite, cell.arena),  # its own: what is done to it changes no figure
            "model": cell.suite.model,
            "seed": cell.seed,
        }
        agent = outside_agent(entrant.source, copied=True, **offered)
        learns = callable(getattr(agent, "learn", None)) and budget > 0
        if learns:
            agent.learn(total_timesteps=budget)
    used = getattr(agent, "used", None)
    used = used if isinstance(used, Mapping) else {}
    told = [count for name in ("timesteps", "num_timesteps") if (count := _count(getattr(agent, name, None))) is not None]
    unknown = None if learns else 0
    return _Trained(
        player=agent,
        labels=_count(used["labels"]) if "labels" in used else unknown,
        reward_calls=_count(used["reward_calls"]) if "reward_calls" in used else unknown,
        tokens=told[0] if learns and told else unknown,
        seconds=meter.seconds if learns else 0.0,
        peak_bytes=meter.peak_bytes,
        config={"source": entrant.source},
        curve=_curve(getattr(agent, "history", None), 0),
    )


def _prepare(cell: Cell, entrant: Entrant, venv: Any, report: Report) -> _Trained:
    if entrant.kind in AGENTS:
        return _train_learner(cell, entrant, report)
    if entrant.kind == "custom":
        return _train_custom(cell, entrant)
    name = cell.suite.model if entrant.kind == "zero-shot" else entrant.kind
    return _Trained(player=load_player(name, venv, cell.seed))


def _keep_policy(cell: Cell, entrant: Entrant, player: Any) -> None:
    """Saves the policy for the agents that start from it."""
    folder = checkpoint_folder(cell.folder, cell.arena.env, cell.seed, entrant.name)
    shutil.rmtree(folder, ignore_errors=True)  # left by a run that was stopped before its record was written
    folder.parent.mkdir(parents=True, exist_ok=True)
    player.policy.save(folder)


def _frame(cell: Cell, entrant: Entrant, venv: Any) -> Record:
    """The parts of a record that are known before the agent has played."""
    marks = venv.fingerprint()
    options, budget = entrant.options(cell.arena.env)
    spec = venv.reward.spec if hasattr(venv.reward, "spec") else str(venv.reward)
    kwargs = {**tokenizer_kwargs(cell.suite.model), **cell.arena.kwargs, **cell.arena.eval_kwargs}
    train = {**cell.arena.train_kwargs, **entrant.train_kwargs} if entrant.kind in (*AGENTS, "custom") else {}
    plays_model = entrant.kind in (*AGENTS, "zero-shot")
    return {
        "schema": SCHEMA,
        "suite": {
            "name": cell.suite.name,
            "title": cell.suite.title,
            "baseline": cell.suite.baseline,
            "compared": list(cell.suite.compared),
        },
        "env": {"id": cell.arena.env, "kwargs": kwargs, "fingerprint": marks["env"]},
        "data": {
            "name": str(kwargs.get("dataset", "builtin")),
            "split": cell.arena.split,
            "first": cell.arena.first,
            "n": len(venv.examples),
            "sha256": marks["data"],
        },
        "tokenizer": {"name": venv.tokenizer.name, "fingerprint": marks["tokenizer"]},
        "reward": {"spec": spec, "fingerprint": marks["reward"]},
        "agent": {
            "name": entrant.name,
            "kind": entrant.kind,
            "config": options,
            "budget": budget,
            "start": entrant.start or ("zero-shot" if entrant.kind in AGENTS else None),
            "train_kwargs": train,
            "note": entrant.note,
        },
        "model": {"name": cell.suite.model if plays_model else None},
        "seed": cell.seed,
        "status": "failed",
        "error": None,
        "eval": None,
        "used": {"labels": 0, "reward_calls": 0},
        "cost": {"train_tokens": 0, "eval_tokens": 0, "train_s": 0.0, "wall_s": 0.0, "peak_memory_bytes": 0},
        "training": {},
        "system": system(),
        "versions": dict(versions()),
        "code": dict(code_state()),
    }


def _played(found: Evaluation) -> dict[str, Any]:
    return {
        "n": len(found.rewards),
        "deterministic": True,
        "reward": [round(value, 6) for value in found.rewards],
        "metrics": {name: [None if v is None else round(v, 6) for v in values] for name, values in found.metrics.items()},
        **({"counts": dict(found.counts)} if found.counts else {}),
        "responses": found.responses,
        "sample_ids": found.sample_ids,
        "stop_reasons": found.stop_reasons,
        "invalid": found.invalid,
        "normalized": None,
    }


def run_cell(cell: Cell, report: Report = lambda agent, share, reward: None) -> Iterator[Record]:
    """Trains and evaluates the cell's agents, and gives a record for each as soon as it is there.

    An agent that fails gives a record with status "failed" and its error, and so do those that start from it; the others go on.

    Args:
        cell: what to run.
        report: called as (agent, share of its training, last reward) while it works.
    """
    done = dict(cell.done)
    started_from = {entrant.start for entrant in cell.suite.entrants}
    venv = open_eval_env(cell.suite, cell.arena)
    for entrant in cell.entrants:
        report(entrant.name, 0.0, None)
        record = _frame(cell, entrant, venv)
        try:
            if entrant.start is not None and done[entrant.start]["status"] != "done":
                raise RuntimeError(f"it starts from {entrant.start}, which failed")
            with _undisturbed():
                trained = _prepare(dataclasses.replace(cell, done=done), entrant, venv, report)
                if entrant.name in started_from:
                    _keep_policy(cell, entrant, trained.player)
                found = evaluate(trained.player, venv, cell.arena.examples, first=cell.arena.first, seed=cell.seed)
            record["eval"] = _played(found)
            record["used"] = {"labels": trained.labels, "reward_calls": trained.reward_calls}
            record["training"] = dict(trained.curve)
            record["agent"]["config"] = {**record["agent"]["config"], **trained.config}
            record["cost"] = {
                "train_tokens": trained.tokens,
                "eval_tokens": found.tokens,
                "train_s": round(trained.seconds, 3),
                "wall_s": round(trained.seconds + found.seconds, 3),
                "peak_memory_bytes": max(trained.peak_bytes, found.peak_bytes),
            }
            record["status"] = "done"
        except (Exception, SystemExit) as error:  # one agent's failure must not lose the others; the record says what happened
            record["error"] = f"{type(error).__name__}: {error}"
            record["traceback"] = traceback.format_exc()
        done[entrant.name] = record
        yield record
    venv.close()
