"""The commands that list what there is: ``tokengym envs``, ``rewards``, ``models list``, and ``models pull``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tokengym.benchmarks.options import Envs, ModelsList, ModelsPull, Rewards

__all__ = ["show"]


def _print(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(text) for text in row))
    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _envs(options: Envs) -> None:
    from tokengym.envs import TASKS

    if options.quiet:
        print("\n".join(TASKS))
        return
    rows = []
    for name, task in TASKS.items():
        own = ", ".join(f"{f.name}={f.default!r}" for f in dataclasses.fields(task.Options))
        data = ", ".join(("builtin", *task.datasets))
        budget = f"{task.max_prompt_tokens} + {task.max_new_tokens}"
        rows.append((name, _first_line(task), task.reward, ", ".join(task.metrics), budget, data, own))
    _print(("id", "task", "default reward", "metrics", "prompt + answer tokens", "data sets", "own keywords"), rows)
    print('In Python: import gymnasium, tokengym; env = gymnasium.make("TextSumm-v0", split="train", reward="rouge_l")')


def _rewards(options: Rewards) -> None:
    from tokengym.rewards import REWARDS

    if options.quiet:
        print("\n".join(REWARDS))
        return
    rows = []
    for name, row in REWARDS.items():
        arguments = ""
        if inspect.isclass(row):
            parameters = inspect.signature(row).parameters.values()
            arguments = ", ".join(
                f"{p.name}={p.default!r}" for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD or p.kind is p.KEYWORD_ONLY
            )
        low, high = getattr(row, "range", (float("nan"), float("nan")))
        rows.append((name, _first_line(row), f"{low:g} to {high:g}", str(getattr(row, "needs", "")) or "-", arguments or "-"))
    _print(("name", "what it measures", "range", "needs", "arguments"), rows)
    print('They add up: --reward "0.7*rouge_l + 0.3*semantic - 0.01*length(goal=20)"')


def _models(options: ModelsList) -> None:
    from tokengym.agents.models import list_models

    models = list_models()
    if options.quiet:
        print("\n".join(model.name for model in models))
        return
    _print(("name", "what it is", "files"), [(m.name, m.about, m.folder or "not here yet") for m in models])


def show(command: Envs | Rewards | ModelsList | ModelsPull) -> None:
    """Carries a listing command out."""
    if isinstance(command, Envs):
        _envs(command)
    elif isinstance(command, Rewards):
        _rewards(command)
    elif isinstance(command, ModelsList):
        _models(command)
    else:
        from tokengym.agents.models import pull

        pull(command.name, (lambda text: None) if command.quiet else print)
