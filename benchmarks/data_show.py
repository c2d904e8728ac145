"""``tokengym data show``: what a data set holds: its sizes, its columns, examples in full, lengths in tokens, and what fits a task."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tokengym.benchmarks.arguments import column_map
from tokengym.benchmarks.options import DataShow
from tokengym.envs import DATASETS, TASKS, Example, Task, load_examples, load_tokenizer
from tokengym.envs.data import SPLITS, default_reward, named_set, read_dataset, sets_of, usual
from tokengym.envs.files import SUFFIXES, mapped
from tokengym.envs.named import NamedSet
from tokengym.rewards import Sample, explain, make_reward

__all__ = ["Lengths", "Survey", "bars", "data_show", "survey"]

_MEASURED = 1_000  # examples, evenly spaced, whose lengths are counted
_ROWS = 15  # of a histogram, at most
_WIDE = 40  # characters of the longest bar
_STEPS = (1, 2, 5)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of the builtin tokenizer, of one side of the examples.

    Attributes:
        what: "prompt" or "answer".
        tokens: one number per measured example, the token that begins a prompt or ends an answer included.
        budget: what the task leaves for it; 0 without a task.
    """

    what: str
    tokens: tuple[int, ...]
    budget: int = 0

    @property
    def fits(self) -> float:
        """The share of examples within the budget."""
        return float(np.mean([count <= self.budget for count in self.tokens]))


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is to say about a data set as a task would play it; ``task`` is None where nobody named one."""

    name: str
    split: str
    task: Task | None
    about: NamedSet | None
    sizes: Mapping[str, int]
    columns: Mapping[str, str]  # of a file: column -> what becomes of it
    examples: Sequence[Example]
    lengths: tuple[Lengths, ...]
    reward: str  # the default one of the task with this data
    why: str  # why it is not the task's; "" where it is
    scored: int  # of the measured examples with a reference, how many best answers that reward can score
    labelled: int


def survey(data: str, task: str = "", split: str = "", columns: Mapping[str, str] | None = None) -> Survey:
    """Reads a data set and measures it.

    Args:
        data: a named set, a part of one ("reasoning-gym:gcd"), "builtin" (with a task), "builtin:TASK", a path, or a hub id.
        task: id of the environment that is to play it; "" takes the one that a named set is made for, and none for files.
        split: "train", "validation" or "test"; "" takes the first that there is.
        columns: for files and the hub, as in :func:`tokengym.envs.load_examples`.
    Raises:
        ValueError, FileNotFoundError, ImportError: no such data, task, split or column, or its package is missing.
    """
    if data.startswith("builtin:"):
        data, task = "builtin", data.removeprefix("builtin:")
    family, about = data.partition(":")[0], named_set(data)
    if not task and family in DATASETS:
        task = next((name for name in TASKS if family in sets_of(TASKS[name])), "")
    played = TASKS.find(task)() if task else None
    source: Any = {"path": data, "columns": dict(columns)} if columns else data

    def read(part: str) -> Sequence[Example]:
        return load_examples(source, part) if played is None else read_dataset(source, played, part)

    split = split or next((part for part in SPLITS if _size(read, part)), "train")
    examples = read(split)
    default = usual(data, played) if played is not None else None
    reward, why = default_reward(source, played, examples) if played is not None else ("", "")
    measured = [examples[i] for i in _spaced(len(examples))]
    best = [example for example in measured if example.references]
    scored = int(_scores(played, reward, best).sum()) if played is not None and best else 0
    return Survey(
        name=data,
        split=split,
        task=played,
        about=about,
        sizes={part: len(examples) if part == split else _size(read, part) for part in SPLITS},
        columns=mapped(Path(data), split, columns) if data.endswith(SUFFIXES) else {},
        examples=examples,
        lengths=_lengths(measured, played, default.max_prompt_tokens if default else 0, default.max_new_tokens if default else 0),
        reward=reward,
        why=why,
        scored=scored,
        labelled=len(best),
    )


def _spaced(count: int) -> list[int]:
    return [i * count // min(count, _MEASURED) for i in range(min(count, _MEASURED))]


def _size(read: Any, split: str) -> int:
    """Examples of another split; 0 where there is none."""
    try:
        return len(read(split))
    except (ValueError, FileNotFoundError):
        return 0


def _prompt(example: Example, task: Task | None) -> str:
    """The prompt as the task writes it; without a task, as the data has it."""
    if task is not None:
        parts = task.parts(example)
        return parts.head + parts.body + parts.tail
    if isinstance(example.prompt, str):
        return example.prompt
    return "\n".join(f"{turn.role}: {turn.content}" for turn in example.prompt)


def _scores(task: Task, reward: str, examples: Sequence[Example]) -> Any:
    """(N,) bool: whether the reward can score the best known answer."""
    samples = [Sample(_prompt(example, task), task.oracle(example), example.references, example.meta, True) for example in examples]
    return explain(make_reward(reward), samples).valid


def _lengths(examples: Sequence[Example], task: Task | None, prompt: int, answer: int) -> tuple[Lengths, ...]:
    tokenizer = load_tokenizer("builtin")
    prompts = tuple(1 + len(tokenizer.encode(_prompt(example, task))) for example in examples)
    answers = tuple(1 + len(tokenizer.encode(" " + example.references[0])) for example in examples if example.references)
    return Lengths(what="prompt", tokens=prompts, budget=prompt), Lengths(what="answer", tokens=answers, budget=answer)


def bars(lengths: Lengths) -> list[str]:
    """A histogram in text, fifteen rows at most and no empty ones in front: tokens, share of the examples, and a bar."""
    top = max(lengths.tokens)
    step = next(unit * 10**power for power in range(9) for unit in _STEPS if top < unit * 10**power * _ROWS)
    counts = np.bincount(np.array(lengths.tokens) // step)
    lines = []
    for place in range(int(np.flatnonzero(counts)[0]), len(counts)):
        count = int(counts[place])
        share = count / len(lengths.tokens)
        span = f"{place * step}-{place * step + step - 1}" if step > 1 else str(place)
        lines.append(f"{span:>13}  {share:6.1%}  {'█' * math.ceil(_WIDE * count / int(counts.max()))}".rstrip())
    return lines


def _about(found: Survey) -> list[str]:
    lines = [f"{found.name}, {found.split} split" + (f", as {found.task.name} plays it" if found.task is not None else "")]
    if found.about is not None:
        lines += [f"source     {found.about.source}", f"licence    {found.about.licence}", f"package    {found.about.package}"]
    lines.append("examples   " + ", ".join(f"{split} {size:,}" for split, size in found.sizes.items()))
    if found.columns:
        lines.append("columns    " + ", ".join(f"{column} -> {field}" for column, field in found.columns.items()))
    else:
        keys = list(dict.fromkeys(key for example in found.examples[:20] for key in example.meta))
        lines.append("fields     " + ", ".join(["id", "prompt", "references", *(f"meta.{key}" for key in keys)]))
    return lines


def _fit(found: Survey) -> list[str]:
    """How the examples agree with the task's budgets and reward."""
    if found.task is None:
        return ["With --task ID: the prompt as that task writes it, what fits its budgets, and whether its reward can score this data."]
    lines = []
    for lengths, budget in zip(found.lengths, ("max_prompt_tokens", "max_new_tokens"), strict=True):
        if lengths.tokens:
            lines.append(f"{lengths.fits:.1%} of the {lengths.what}s fit into {budget}={lengths.budget}")
    if found.labelled:
        lines.append(f"The reward {found.reward} can score {found.scored} of {found.labelled} best answers.")
        lines += [f"N.B. {found.why}."] if found.why else []
        if found.scored < found.labelled:
            needs = make_reward(found.reward)
            lines.append(
                f"WARNING: an answer that cannot be scored earns 0; {needs.spec} reads more than this data has: choose another --reward"
            )
    else:
        lines.append("WARNING: no example has a reference; map one with --columns references=NAME")
    return lines


def data_show(options: DataShow) -> None:
    """Carries out the command."""
    found = survey(options.data, options.task, options.split, column_map(options.columns))
    print("\n".join(_about(found)))
    for lengths in found.lengths:
        if lengths.tokens:
            low, middle, high = np.percentile(lengths.tokens, [5, 50, 95])
            print(f"\n{lengths.what}, tokens: median {middle:.0f}, 90% between {low:.0f} and {high:.0f}, longest {max(lengths.tokens)}")
            print("\n".join(bars(lengths)))
    print()
    print("\n".join(_fit(found)))
    for example in found.examples[: 0 if options.quiet else options.examples]:
        print(f"\n[{example.id}]\n{_prompt(example, found.task)}")
        for reference in example.references:
            print(f"  reference: {reference}")
        if example.meta:
            print(f"  meta: {json.dumps(dict(example.meta), ensure_ascii=False, default=str)}")
