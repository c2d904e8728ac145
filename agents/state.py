"""What a checkpoint of an agent holds, and how an agent becomes what it was: JSON-able values and tensors, all that training depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.checkpoint import optimizer_tensors, policy_state, restore_optimizer
from tokengym.agents.parallel import Shard
from tokengym.agents.venv import data_key, describe, differs
from tokengym.agents.zero import collect, owned

__all__ = ["SCHEMA", "check_saved", "read_config", "restore", "snapshot"]

SCHEMA = 1

_ENDLESS = ("inf", "-inf", "nan")  # floats that JSON does not know


def snapshot(agent: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that ``agent``'s further training depends on, beyond the policy's own files."""
    extra, extra_tensors = agent._extra_state()
    venv = getattr(agent.venv, "unwrapped", agent.venv)
    trained = agent._parameters()
    state = {
        "schema": SCHEMA,
        "agent": agent.name,
        "config": {name: _written(value) for name, value in asdict(agent.config).items()},
        "seed": agent.seed,
        "policy": policy_state(agent.policy),
        "trains": [name for name, x in agent.policy.named_parameters() if x.requires_grad],
        "env": {} if agent.venv is None else describe(agent.venv),
        "validation_env": {} if agent._validation_source is None else describe(agent._validation_source),
        "env_state": venv.get_state() if hasattr(venv, "get_state") else None,
        "timesteps": agent.timesteps,
        "updates": agent.updates,
        "seconds": agent.seconds,
        "run": agent._run,
        "labels": {key: sorted(seen) for key, seen in agent._labels_seen.items() if seen},
        "reward_calls": agent._reward_calls,
        "best": [_finite(agent.best.score), agent.best.worse],
        "alarms": agent.alarms,
        "history": [{name: _finite(value) for name, value in stats.items()} for stats in agent.history],
        "extra": extra,
    }
    moments = collect(optimizer_tensors(agent.optimizer, owned(agent._optimized, agent.ranks).items()), agent.ranks)
    tensors = {**moments, **extra_tensors, "rng": agent.generator.get_state()}
    if isinstance(choices := getattr(agent.policy, "generator", None), torch.Generator):
        tensors["rng_predict"] = choices.get_state()
    tensors |= {f"weights/{name}": x for name, x in trained.items()}
    if agent._run is not None:  # else they are the weights
        tensors |= {f"best/{name}": x for name, x in agent.best.weights.items()}
    return state, tensors


def restore(agent: Any, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Puts back what :func:`snapshot` gave."""
    agent._assign({name.removeprefix("weights/"): x for name, x in tensors.items() if name.startswith("weights/")})
    restore_optimizer(agent.optimizer, owned(agent._optimized, agent.ranks).items(), tensors)
    agent.generator.set_state(tensors["rng"])
    if "rng_predict" in tensors:
        agent.policy.generator.set_state(tensors["rng_predict"])
    agent.timesteps, agent.updates, agent.seconds = state["timesteps"], state["updates"], state["seconds"]
    agent._run, agent.alarms = state["run"], dict(state.get("alarms", {}))
    agent.history = [{name: math.nan if value is None else value for name, value in stats.items()} for stats in state["history"]]
    key, labels = data_key(agent.venv), state["labels"]
    agent._labels_seen = {name: set(seen) for name, seen in (labels if isinstance(labels, dict) else {key: labels}).items()}
    agent._labels, agent._reward_calls = agent._labels_seen.setdefault(key, set()), state["reward_calls"]
    agent._scored_in = state["env"]
    elsewhere = agent.venv is not None and differs(agent.venv, state["env"])
    venv = getattr(agent.venv, "unwrapped", agent.venv)
    if state["env_state"] is not None and hasattr(venv, "set_state") and not elsewhere:
        venv.set_state(state["env_state"])
    agent._restore_extra(state["extra"], tensors)
    if elsewhere and agent._run is None:  # what was saved of the other environment is to be forgotten, as where one gets a new one
        agent.set_env(agent.venv.env if isinstance(agent.venv, Shard) else agent.venv)
    if agent._run is not None:  # a run that is over has its best weights; what they score is found anew, perhaps in another environment
        device = agent.policy.device
        agent.best.weights = {name.removeprefix("best/"): x.to(device) for name, x in tensors.items() if name.startswith("best/")}
        score, agent.best.worse = state["best"] or (None, 0)
        agent.best.score = -math.inf if score is None else score


def check_saved(path: Path, state: Mapping[str, Any], kind: Any) -> None:
    """Raises ValueError where ``path`` does not hold an agent of class ``kind``, or was written by another version."""
    if state["agent"] != kind.name:
        raise ValueError(f"{path} holds a {state['agent']!r} agent, and {kind.__name__} loads {kind.name!r}; use the class of that name")
    if state["schema"] != SCHEMA:
        raise ValueError(f"{path} was written in schema {state['schema']}; this version reads schema {SCHEMA}")


def read_config(written: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an agent, as :func:`snapshot` wrote them."""
    return {name: float(value) if value in _ENDLESS else value for name, value in written.items()}


def _written(value: Any) -> Any:
    """An option as JSON takes it: max_grad_norm may be infinite."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _finite(value: float) -> float | None:
    """A figure as JSON takes it."""
    return value if math.isfinite(value) else None
