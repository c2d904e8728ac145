"""The commands that show figures: ``tokengym table`` renders records, ``tokengym eval`` plays held-out examples with one agent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tokengym._registry import unknown
from tokengym.benchmarks.baselines import BASELINES
from tokengym.benchmarks.evaluate import default_examples, eval_env, evaluate
from tokengym.benchmarks.options import Eval, Table
from tokengym.benchmarks.players import check_name, env_keywords, is_import_path, load_player, tokenizer_kwargs
from tokengym.benchmarks.records import Record, read_records
from tokengym.benchmarks.render import render
from tokengym.benchmarks.summary import fill_normalized
from tokengym.benchmarks.tables import build_tables, to_csv, to_latex, to_markdown, to_rich

__all__ = ["evaluate_agent", "print_records", "print_tables", "saved_kwargs"]

_FORMATS = ("terminal", "markdown", "latex", "csv")
_KEPT = ("prompt_format", "max_prompt_tokens", "max_new_tokens")  # what a saved agent's prompts depend on


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
    """Reads records, renders them into a folder, and prints the tables."""
    if options.format not in _FORMATS:
        raise unknown("format", options.format, _FORMATS)
    records = [record for path in options.results for record in read_records(Path(path))]
    fill_normalized(records)
    first = Path(options.results[0])
    home = first if first.is_dir() else first.parent
    if options.out or len(options.results) == 1:
        render(records, Path(options.out) if options.out else home)
    if not options.quiet:
        print_records(records, options.format)


def saved_kwargs(agent: str) -> dict[str, Any]:
    """Environment keywords that an agent saved in the folder ``agent`` was trained with, those that decide what its prompts look like."""
    file = Path(agent) / "agent.json"
    if not file.is_file():
        return {}
    kwargs = json.loads(file.read_text(encoding="utf-8")).get("env", {}).get("kwargs") or {}
    return {name: kwargs[name] for name in _KEPT if name in kwargs}


def evaluate_agent(options: Eval) -> None:
    """Plays held-out examples and prints the mean reward, the metrics, and answers where asked for."""
    check_name(options.agent)
    kwargs: dict[str, Any] = {"split": options.split, "dataset": options.dataset, **saved_kwargs(options.agent)}
    if options.reward:
        kwargs["reward"] = options.reward
    if options.tokenizer:
        kwargs["tokenizer"] = options.tokenizer
    elif options.agent not in BASELINES and not is_import_path(options.agent):
        kwargs |= tokenizer_kwargs(options.agent)
    kwargs |= env_keywords(options.env_kwargs)
    venv = eval_env(options.env, min(64, options.examples), **kwargs)
    count = default_examples(venv, options.examples)
    player = load_player(options.agent, venv, options.seed)
    found = evaluate(player, venv, count, seed=options.seed, deterministic=not options.sample)
    print(f"{options.env}, {options.agent}, {options.split} split, {count} examples: {found.summary()}")
    if not options.quiet:
        print(f"{found.tokens:,} tokens in {found.seconds:.1f} s ({found.tokens / max(found.seconds, 1e-9):,.0f} tokens per second)")
        if found.invalid:
            print(f"{found.invalid} answers could not be scored and count as 0")
        if hasattr(venv.task, "report"):  # a task's own report, such as that of entities by type
            print(venv.task.report(venv.examples[:count], found.responses))
    for number in range(min(options.show, count)):
        print(f"\n[{found.sample_ids[number]}] reward {found.rewards[number]:.3f}, {found.stop_reasons[number]}\n{found.responses[number]}")
