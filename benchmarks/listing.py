"""The commands that list what there is: ``tokengym envs``, ``rewards``, ``models list``, and ``models pull``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence

from tokengym.benchmarks.options import Envs, ModelsList, ModelsPull, Rewards
from tokengym.benchmarks.printed import print_rows

__all__ = ["show"]


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _envs(options: Envs) -> None:
    from tokengym.envs import TASKS
    from tokengym.envs.data import sets_of

    tasks = {name: TASKS.find(name) for name in options.names or TASKS}
    if options.anchors:
        from tokengym.benchmarks.anchors import print_anchors

        data = {name: ("builtin", *(sets_of(task) if options.datasets else ())) for name, task in tasks.items()}
        print_anchors([(name, each) for name in tasks for each in data[name]], options.examples, options.quiet)
        return
    if options.quiet:
        print("\n".join(tasks))
        return
    rows = []
    for name, task in tasks.items():
        own = ", ".join(f"{f.name}={f.default!r}" for f in dataclasses.fields(task.Options))
        known = ", ".join(("builtin", *sets_of(task)))
        budget = f"{task.max_prompt_tokens} + {task.max_new_tokens}"
        rows.append((name, _first_line(task), task.reward, ", ".join(task.metrics), budget, known, own))
    print_rows(("id", "task", "default reward", "metrics", "prompt + answer tokens", "data sets", "own keywords"), rows)
    print('In Python: import gymnasium, tokengym; env = gymnasium.make("TextSumm-v0", split="train", reward="rouge_l")')


def _rewards(options: Rewards) -> None:
    from tokengym.benchmarks.catalogue import COLUMNS, card, cards, cells

    known = [card(options.name)] if options.name else cards()
    if options.quiet:
        print("\n".join(reward.name for reward in known))
        return
    speeds = _speeds([reward.name for reward in known]) if options.speed else None
    columns = COLUMNS if speeds is None else (*COLUMNS, "texts/s")
    print_rows(columns, [cells(reward) if speeds is None else (*cells(reward), speeds[reward.name]) for reward in known])
    if options.name:
        print(f"\n{known[0].doc}")
    else:
        print('They add up: --reward "0.7*rouge_l + 0.3*semantic - 0.01*length(goal=20)"')


def _speeds(names: Sequence[str]) -> dict[str, str]:
    """Reward to its texts per second, or to why it has none."""
    from tokengym.benchmarks import throughput

    found = throughput.throughput(throughput.Rewards(names=tuple(names), rounds=3), compare=False)
    return {**found.skipped, **{row.name: f"{row.rate.median:,.0f}" for row in found.rows}}


def _models(options: ModelsList) -> None:
    from tokengym.agents.models import list_models

    models = list_models()
    if options.quiet:
        print("\n".join(model.name for model in models))
        return
    print_rows(("name", "what it is", "files"), [(m.name, m.about, m.folder or "not here yet") for m in models])


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
