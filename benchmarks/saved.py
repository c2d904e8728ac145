"""What the folder of a saved agent tells before anything is loaded: how its prompts look, and how a run that it holds goes on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

__all__ = ["Spent", "Stopped", "check_same_run", "saved_kwargs", "spent", "stopped_run", "taken_over", "trained_otherwise"]

_KEPT = ("prompt_format", "max_prompt_tokens", "max_new_tokens")  # what a saved agent's prompts depend on
_ITS_OWN = ("split", "size", "label_noise", "tokenizer")  # what belongs to training, and the model's tokenizer, which goes with it


class Stopped(NamedTuple):
    """A training run that a folder holds.

    Attributes:
        tokens: that it was trained on so far.
        goal: how many there are to be in all; None where the run has come to its end.
    """

    tokens: int
    goal: int | None


def _state(folder: Path) -> dict[str, Any]:
    """What agent.json says; nothing where there is none."""
    file = folder / "agent.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def saved_kwargs(agent: str) -> dict[str, Any]:
    """Environment keywords that an agent saved in the folder ``agent`` was trained with, those that decide what its prompts look like."""
    kwargs = _state(Path(agent)).get("env", {}).get("kwargs") or {}
    return {name: kwargs[name] for name in _KEPT if name in kwargs}


def taken_over(agent: str, kwargs: Mapping[str, Any]) -> str:
    """Which of the environment's keywords ``kwargs`` are there because the agent saved in the folder ``agent`` was trained with them."""
    return ", ".join(f"{name}={value!r}" for name, value in saved_kwargs(agent).items() if kwargs.get(name) == value)


def trained_otherwise(agent: str, env: str, kwargs: Mapping[str, Any]) -> str:
    """How the environment in which the agent saved in the folder ``agent`` was trained differs, and how a command line says the same.

    Args:
        agent: name of an agent; one that is no folder of ours was trained nowhere that is known.
        env: id of the environment that it plays.
        kwargs: its keywords.
    """
    told = _state(Path(agent)).get("env", {})
    then = told.get("kwargs") or {}
    usual = gymnasium.spec(env).kwargs
    found = [] if told.get("id", env) == env else [f"on {told['id']}"]
    for name, value in then.items():
        if name not in usual and name not in _ITS_OWN and kwargs.get(name) != value and (name, value) != ("dataset", "builtin"):
            found.append(f"{name}={value!r} ({_option(name, value)})")
    return ", ".join(found)


def _option(name: str, value: Any) -> str:
    """An environment's keyword as `tokengym eval` takes it."""
    if name == "dataset" and isinstance(value, Mapping):
        columns = [shlex.quote(f"{field}={column}") for field, column in (value.get("columns") or {}).items()]
        return " ".join(["--dataset", shlex.quote(str(value.get("path"))), *(["--columns", *columns] if columns else [])])
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"--{name} {shlex.quote(text)}" if name in ("dataset", "reward") else f"--env-kwargs {shlex.quote(f'{name}={text}')}"


class Spent(NamedTuple):
    """What training took: optimizer updates, tokens, distinct labels seen, texts scored, and seconds."""

    updates: int
    tokens: int
    labels: int
    reward_calls: int
    seconds: float


def spent(folders: Iterable[Path]) -> Spent:
    """What the agents saved in ``folders`` took together; a label that two of them saw counts once.

    Args:
        folders: of runs that follow one another; one without an agent adds nothing.
    """
    states = [state for state in map(_state, folders) if state]
    named = [labels if isinstance(labels := state["labels"], dict) else {"": labels} for state in states]
    seen = {(data, label) for each in named for data, labels in each.items() for label in labels}
    return Spent(
        updates=sum(state["updates"] for state in states),
        tokens=sum(state["timesteps"] for state in states),
        labels=len(seen),
        reward_calls=sum(state["reward_calls"] for state in states),
        seconds=sum(state["seconds"] for state in states),
    )


def check_same_run(folder: Path, env: str, kwargs: Mapping[str, Any], seed: int) -> None:
    """Raises ValueError where the run in ``folder``, at its end or not, was begun with another seed or environment than it goes on with.

    Args:
        folder: that holds a run.
        env: id of the training environment.
        kwargs: its keywords.
        seed: of training.
    """
    from tokengym.agents.checkpoint import find_folder

    state = _state(find_folder(folder))
    then: dict[str, Any] = {"seed": state["seed"]}
    now: dict[str, Any] = {"seed": seed}
    told = state.get("env") or {}
    if told.get("kwargs") is not None:
        usual = gymnasium.spec(env).kwargs
        then |= {"environment": told["id"], **{name: value for name, value in told["kwargs"].items() if name not in usual}}
        now |= {"environment": env, **json.loads(json.dumps(kwargs))}
    for name in {**then, **now}:
        if then.get(name) != now.get(name):
            was, said = (f"{name}={at[name]!r}" if name in at else f"no {name}" for at in (then, now))
            raise ValueError(
                f"--resume: the run in {folder} was begun with {was}, and this command says {said}; "
                "give it the same options, or begin another run with another --out"
            )


def stopped_run(folder: Path, agent: str, budget: int | None, settings: Mapping[str, Any], option: str) -> Stopped | None:
    """The run that ``folder`` holds, to go on with; None where it holds none.

    Args:
        folder: where a run keeps its checkpoints.
        agent: name of the learner that is asked for.
        budget: training tokens that were asked for; None where nobody said a number.
        settings: options of the learner that were asked for by name.
        option: that says the budget, for the error.
    Raises:
        ValueError: the run is of another learner, or was begun with other options or, if it is not at its end, another budget.
    """
    from tokengym.agents.checkpoint import find_folder, is_saved
    from tokengym.agents.state import read_config

    if not is_saved(folder):
        return None
    state = _state(find_folder(folder))
    if state["agent"] != agent:
        raise ValueError(f"{folder} holds a run of {state['agent']}, which cannot go on as --agent {agent}; say --agent {state['agent']}")
    config = read_config(state["config"])
    for name, value in settings.items():
        if name in config and config[name] != value:
            raise ValueError(
                f"--set {name}={value}: the run in {folder} was begun with {name}={config[name]} and goes on with that; "
                "leave it out, or begin another run with another --out"
            )
    run = state["run"]
    if run is None:
        return Stopped(state["timesteps"], None)
    goal = run["tokens_from"] + run["tokens"]
    if budget is not None and budget != goal:
        raise ValueError(
            f"{option} {budget}: the run in {folder} was begun with {goal if run['tokens'] else 'none'} and goes on as it was planned; "
            f"leave {option} out. Once it has come to its end, a larger one trains on"
        )
    return Stopped(state["timesteps"], goal)
