"""The commands that show figures: ``tokengym table`` renders records, ``tokengym eval`` plays held-out examples with one agent."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tokengym._registry import unknown
from tokengym.benchmarks.arguments import data_set, env_keywords
from tokengym.benchmarks.baselines import BASELINES
from tokengym.benchmarks.evaluate import Evaluation, default_examples, eval_env, evaluate
from tokengym.benchmarks.forms import to_csv, to_latex, to_markdown, to_rich
from tokengym.benchmarks.options import Eval, Table
from tokengym.benchmarks.players import check_name, is_import_path, load_player, tokenizer_kwargs
from tokengym.benchmarks.records import Record, check_comparable, read_records, without_repeats
from tokengym.benchmarks.render import render
from tokengym.benchmarks.saved import saved_kwargs, taken_over, trained_otherwise
from tokengym.benchmarks.stats import over_examples
from tokengym.benchmarks.summary import fill_normalized
from tokengym.benchmarks.tables import build_tables

__all__ = ["evaluate_agent", "print_records", "print_tables"]

_FORMATS = ("terminal", "markdown", "latex", "csv")


def print_records(records: Sequence[Record], form: str = "terminal") -> None:
    """Prints the tables of ``records``; off a terminal they are as wide as they need to be."""
    tables, notes = build_tables(records)
    title = records[0].get("suite", {}).get("title", "")
    if form == "terminal":
        console = Console()
        console = console if console.is_terminal else Console(width=240)
        for table in tables:
            console.print(to_rich(table))
        for note in notes:
            console.print(f"- {note}", style="dim", markup=False, highlight=False)
    else:
        written = {"markdown": to_markdown, "latex": to_latex}
        print(to_csv(tables) if form == "csv" else written[form](tables, notes, title), end="")


def print_tables(options: Table) -> None:
    """Reads records, prints their tables, and renders them into a folder.

    Raises:
        OSError: the folder that was asked for cannot be written; of the results folder itself, that is no more than a warning.
    """
    if options.format not in _FORMATS:
        raise unknown("format", options.format, _FORMATS)
    if not options.results:
        raise ValueError("no results folder; give one or more, as in: tokengym table results/quick")
    records = without_repeats(record for path in options.results for record in read_records(Path(path)))
    check_comparable(records)
    fill_normalized(records)
    if not options.quiet:
        print_records(records, options.format)
    first = Path(options.results[0])
    home = first if first.is_dir() else first.parent
    if options.out:
        render(records, Path(options.out))
    elif len(options.results) == 1:
        try:
            render(records, home)
        except OSError as error:
            if options.quiet:  # writing was all that there was to do
                raise
            print(f"tokengym: warning: not written again: {error}; --out names another folder", file=sys.stderr)


def evaluate_agent(options: Eval) -> None:
    """Plays held-out examples and prints the mean reward, the metrics, and answers where asked for."""
    check_name(options.agent)
    kwargs: dict[str, Any] = {"split": options.split, "dataset": data_set(options.dataset, options.columns), **saved_kwargs(options.agent)}
    if options.reward:
        kwargs["reward"] = options.reward
    if options.tokenizer:
        kwargs["tokenizer"] = options.tokenizer
    elif options.agent not in BASELINES and not is_import_path(options.agent):
        kwargs |= tokenizer_kwargs(options.agent)
    kwargs |= env_keywords(options.env_kwargs, options)
    venv = eval_env(options.env, min(64, options.examples), **kwargs)
    count = default_examples(venv, options.examples)
    player = load_player(options.agent, venv, options.seed)
    found = evaluate(player, venv, count, seed=options.seed, deterministic=not options.sample)
    print(f"{options.env}, {options.agent}, {options.split} split, {count} examples: {found.summary()}")
    if not options.quiet:
        print(_measured(venv, options.dataset, found))
        if taken := taken_over(options.agent, kwargs):
            print(f"as it was trained: {taken}")
        if other := trained_otherwise(options.agent, options.env, kwargs):
            print(f"it was trained otherwise, which the options in brackets say here, too: {other}")
        print(f"{found.tokens:,} tokens in {found.seconds:.1f} s ({found.tokens / max(found.seconds, 1e-9):,.0f} tokens per second)")
        if found.unscored:
            print(found.unscored)
        if hasattr(venv.task, "report"):  # a task's own report, such as that of entities by type
            print(venv.task.report(venv.examples[:count], found.responses))
    for number in range(min(options.show, count)):
        print(f"\n[{found.sample_ids[number]}] reward {found.rewards[number]:.3f}, {found.stop_reasons[number]}\n{found.responses[number]}")


def _measured(venv: Any, data: str, found: Evaluation) -> str:
    """What the figures are of: the reward with its interval, the data, and the budgets."""
    known = over_examples(found.rewards)
    interval = "" if math.isnan(known.low) else f" {known.mean:.3f}, 95% interval over examples {known.low:.3f} to {known.high:.3f}"
    turns = f" in each of {venv.task.turns} turns" if venv.task.turns > 1 else ""
    budgets = f"prompts of up to {venv.engine.max_prompt_tokens} tokens, answers of up to {venv.engine.max_new_tokens}{turns}"
    return f"reward {venv.reward.spec}{interval}; data {data}; {budgets}"
