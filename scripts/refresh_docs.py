"""Brings what documents repeat up to date: file tree, results, diffs, tables of rewards and probes. python scripts/refresh_docs.py"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["DOCUMENTS", "FIGURES", "noise", "probed", "refreshed", "results", "rewards", "tree"]

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/rewards.md", "docs/results.md", "docs/algorithms.md", "docs/performance.md")
FOLDERS = {
    "tokengym": "the ground floor, and links to the four folders that are installed inside it",
    "rewards": "text in, numbers out; knows no environment and no agent",
    "envs": "tasks as Markov decision processes over tokens; knows no agent, imports no torch",
    "agents": "policies and learning; knows spaces, tensors and a policy",
    "benchmarks": "puts the three together: runs, statistics, tables, the command line",
    "scripts": "what committed files were made with",
    "examples": "small programs to start from",
    "tests": "one file for each source file, and these, which look at the whole",
}
FILES = {
    ".ci/run": "what must pass before a change lands",
    "CHANGELOG.md": "what each version brought",
    "CONTRIBUTING.md": "how to add a task, a reward, an agent or a suite, each with a real diff",
    "LICENSE": "Apache-2.0",
    "Makefile": "make setup, table, test, lint, clean",
    "constraints.txt": "one full set of versions that is tested together",
    "constraints-oldest.txt": "the lowest versions, which make test-oldest tries",
    "pyproject.toml": "the package, its dependencies and the tools' settings",
    "mkdocs.yml": "the site of the documents: make site",
    "docs/index.md": "its first page",
    "docs/algorithms.md": "every learner, how it is checked, and what each makes of the same start",
    "docs/envs": "a page for every environment, written by make docs",
    "docs/performance.md": "steps per second, and where the time goes",
    "docs/rewards.md": "every reward with its definition; composing, scoring, probing; the sandbox",
    "docs/scaling.md": "from one processor to many machines; what was tried",
    "docs/results.md": "what the figures of the quick suite say, and what they do not",
    "results/algorithms": "what `tokengym bench --suite algorithms` wrote",
    "results/noise-0": "sft, sft-filtered and sft+reinforce with another share of flawed labels; likewise noise-0.25 and noise-0.5",
    "results/throughput": "what `python -m tokengym.benchmarks.throughput ... --json` wrote; docs/performance.md shows it",
    "results/quick": "what `make table` wrote: results.jsonl, table.md, table.tex, table.csv, curves.png",
    "tokengym/builtin": "tokenizer and weights of builtin:tiny, and how they came about",
}
_TREE = re.compile(r"(<!-- tree -->\n```\n).*?(```\n)", re.DOTALL)
# <!-- diff FILE, TABLE: ROW --> stands before the diff that adds FILE, and to TABLE the line that begins with ROW.
_DIFF = re.compile(r"(<!-- diff (\S+), (\S+): (.+?) -->\n```diff\n).*?(```\n)", re.DOTALL)
_RESULTS = re.compile(r"(<!-- results -->\n).*?(<!-- end of results -->\n)", re.DOTALL)

_REWARDS = re.compile(r"(<!-- rewards -->\n).*?(<!-- end of rewards -->\n)", re.DOTALL)
# <!-- probe ENV SPEC --> stands before what `tokengym probe ENV --reward SPEC` finds; without SPEC, before that of the task's own reward.
_PROBE = re.compile(r"(<!-- probe (\S+)(?: ([^<>\n]+?))? -->\n).*?(<!-- end of probe -->\n)", re.DOTALL)
# <!-- figures NAME --> stands before what one of FIGURES gives.
_FIGURES = re.compile(r"(<!-- figures (\S+) -->\n).*?(<!-- end of figures -->\n)", re.DOTALL)
_TIMED = ROOT / "results" / "throughput"


def rewards() -> str:
    """The table of all registered rewards, from their classes and docstrings."""
    from tokengym.benchmarks.catalogue import COLUMNS, cards, cells
    from tokengym.benchmarks.printed import markdown_rows

    rows = []
    for known in cards():
        name, about, span, better, needs, cost, arguments = cells(known)
        needs, arguments = (text if text == "-" else f"`{text}`" for text in (needs, arguments))
        rows.append((f"`{name}`", about, span, better, needs, cost, arguments, known.source or "-"))
    return markdown_rows((*COLUMNS, "source"), rows)


def probed(env: str, reward: str | None) -> str:
    """The command that probes a reward, and what it prints, as a Markdown table."""
    from tokengym.benchmarks.printed import markdown_rows
    from tokengym.benchmarks.probe import findings, table, verdict

    found = findings(env, reward=reward)
    command = f"tokengym probe {env}" + (f' --reward "{reward}"' if reward else "")
    head = f"`{command}`: reward `{found.reward}`, {found.split} split, {found.examples} examples.\n\n"
    return head + markdown_rows(*table(found)) + "\n" + "\n".join(f"- {line}" for line in verdict(found)) + "\n"


def _sections(text: str) -> dict[str, str]:
    """Heading to what stands below it, in a table.md."""
    return dict(re.findall(r"^## (.+?)\n\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))


def _rows(section: str) -> list[list[str]]:
    """The cells of a section's Markdown table, its heading first."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]


def noise() -> str:
    """Reward and gain over SFT by environment and share of flawed labels, out of the tables of results/noise-*."""
    from tokengym.benchmarks.printed import markdown_rows

    folders = sorted((ROOT / "results").glob("noise-*"), key=lambda folder: float(folder.name.partition("-")[2]))
    sections = {folder.name.partition("-")[2]: _sections((folder / "table.md").read_text("utf-8")) for folder in folders}
    agents = ("sft", "sft-filtered", "sft+reinforce")
    rows = []
    for env in (name for name in next(iter(sections.values())) if name.startswith("Text")):
        for share, tables in sections.items():
            head, _, *body = _rows(tables[env])
            gain = next(number for number, cell in enumerate(head) if cell.startswith("gain over"))
            found = {row[0]: row for row in body}
            rows.append((env, share, *(found[agent][1] for agent in agents), *(found[agent][gain] for agent in agents[1:])))
    return markdown_rows(("environment", "label_noise", *agents, "gain of sft-filtered", "gain of sft+reinforce"), rows)


def timed_rewards() -> str:
    """The table of ``throughput rewards``, what could not be timed, and what it ran on."""
    from tokengym.benchmarks.printed import markdown_rows
    from tokengym.benchmarks.throughput import COLUMNS, cells, read_findings

    found = read_findings(_TIMED / "rewards.json")
    rows = [(f"`{name}`", *rest) for name, *rest in map(cells, found.rows)]
    skipped = "".join(f"- not timed: `{name}`: {reason}\n" for name, reason in found.skipped.items())
    told = f"Batches of {found.batch} answers of {found.words} words, medians of {found.rounds} rounds; {found.environment.line()}.\n\n"
    return told + markdown_rows(COLUMNS, rows) + "\n" + skipped


def timed_grid() -> str:
    """The table of ``throughput env`` and the figures beside it."""
    from tokengym.benchmarks.printed import markdown_rows
    from tokengym.benchmarks.step_grid import COLUMNS, cells, notes
    from tokengym.benchmarks.stepping import read_grid

    told = json.loads((_TIMED / "env.json").read_text("utf-8"))
    grid = read_grid(told)
    head = f"Medians of {told['rounds']} rounds of {told['seconds']:g} s.\n\n"
    return head + markdown_rows(COLUMNS, cells(grid)) + "\n" + "".join(f"- {line}\n" for line in notes(grid))


def timed_envs() -> str:
    """The table of ``throughput env all``."""
    from tokengym.benchmarks.printed import markdown_rows
    from tokengym.benchmarks.stepping import cells, columns, read_stepped

    told = json.loads((_TIMED / "envs.json").read_text("utf-8"))
    head = f"Medians of {told['rounds']} rounds of {told['seconds']:g} s.\n\n"
    return head + markdown_rows(columns(told["num_envs"]), map(cells, read_stepped(told)))


def timed_rollouts() -> str:
    """The table of ``throughput rollout``, and what it ran on."""
    from tokengym.benchmarks.printed import markdown_rows
    from tokengym.benchmarks.rollout_speed import cells, columns, read_rollouts

    told = json.loads((_TIMED / "rollout.json").read_text("utf-8"))
    rows = read_rollouts(told)
    head = f"{told['env']}, {told['num_envs']} rows, {told['batches']} batches; medians of {told['rounds']} rounds; {_machine(told)}.\n\n"
    return head + markdown_rows(columns(rows), map(cells, rows))


def timed_trainings() -> str:
    """The table of ``throughput train``, and what it ran on."""
    from tokengym.benchmarks.printed import markdown_rows
    from tokengym.benchmarks.train_speed import COLUMNS, cells, read_trainings

    told = json.loads((_TIMED / "train.json").read_text("utf-8"))
    head = f"{told['threads']} thread, medians of {told['rounds']} rounds; {_machine(told)}.\n\n"
    return head + markdown_rows(COLUMNS, map(cells, read_trainings(told)))


def _machine(told: Mapping[str, Any]) -> str:
    """Hardware and the versions that matter to neural figures."""
    versions = ", ".join(f"{name} {told['versions'][name]}" for name in ("torch", "transformers", "trl") if name in told["versions"])
    return f"{told['system']['processor']}, {told['system']['cores']} cores, {versions}"


def results(folder: str = "quick") -> str:
    """The first table of a suite's results, what they say of the gains over SFT, and what they were run on."""
    text = (ROOT / "results" / folder / "table.md").read_text("utf-8")
    sections = _sections(text)
    lines = [line for line in sections.pop("Reward").splitlines() if line.startswith("|")]
    gains = ["", "Gain over SFT with the same labels, 95% interval, p after Holm, verdict:", ""]
    for name, section in sections.items():
        rows = _rows(section)
        column = next((number for number, cell in enumerate(rows[0]) if cell.startswith("gain over")), None)
        told = [f"{row[0]} {row[column]}" for row in rows[2:] if row[column]] if column is not None else []
        gains += [f"- {name}: {'; '.join(told)}"] if told else []
    notes = [line for line in text.splitlines() if line.startswith(("- Hardware", "- Versions"))]
    return "\n".join([*lines, *gains, *notes]) + "\n"


FIGURES: dict[str, Callable[[], str]] = {
    "noise": noise,
    "algorithms": partial(results, "algorithms"),
    "rewards": timed_rewards,
    "env": timed_grid,
    "envs": timed_envs,
    "rollout": timed_rollouts,
    "train": timed_trainings,
}


def _phrase(path: Path) -> str:
    """The first line of a Python file."""
    document = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    line = document.partition("\n")[0].replace("``", "").strip().removesuffix(".")
    return line or (f"python -m {path.parent.name}" if path.name == "__main__.py" else "")


def _shown(folder: str, path: Path) -> bool:
    """Tests that belong to one source file are left out."""
    return folder != "tests" or re.match(r"test_(rewards|envs|agents|benchmarks|scripts)_|conftest", path.name) is None


def tree() -> str:
    """The tree as text: a line for each file and folder with a phrase beside it."""
    rows: list[tuple[str, str]] = [(name, phrase) for name, phrase in FILES.items() if "/" not in name or name == ".ci/run"]
    for folder, phrase in FOLDERS.items():
        files = [path for path in sorted((ROOT / folder).glob("*.py")) if _shown(folder, path)]
        if files:
            rows.append((f"{folder}/", phrase))
            rows += [(f"  {path.name}", _phrase(path)) for path in files]
            rows += [(f"  {name.partition('/')[2]}/", text) for name, text in FILES.items() if name.startswith(f"{folder}/")]
    rows += [(name, FILES[name]) for name in FILES if name.startswith(("docs/", "results/"))]
    column = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{column}}{phrase}".rstrip() + "\n" for name, phrase in rows)


def _diff(file: str, table: str, row: str) -> str:
    """The change that adds ``file``, and to ``table`` the one line that begins with ``row``, as git shows it."""
    added = (ROOT / file).read_text("utf-8").splitlines()
    text = f"--- /dev/null\n+++ b/{file}\n@@ -0,0 +1,{len(added)} @@\n" + "".join(f"+{line}\n" for line in added)
    lines = (ROOT / table).read_text("utf-8").splitlines()
    at = [number for number, line in enumerate(lines) if line.strip().startswith(row)]
    if len(at) != 1:
        raise ValueError(f"{table} has {len(at)} lines that begin with {row!r}; a diff of CONTRIBUTING.md wants one")
    before, after = lines[at[0] - 2 : at[0]], lines[at[0] + 1 : at[0] + 3]
    text += f"--- a/{table}\n+++ b/{table}\n@@ -{at[0] - 1},{len(before + after)} +{at[0] - 1},{len(before + after) + 1} @@\n"
    return text + "".join(f" {line}".rstrip() + "\n" for line in before) + f"+{lines[at[0]]}\n" + "".join(f" {line}\n" for line in after)


def refreshed(document: str) -> str:
    """``document`` with its tree, diffs and tables as the files are now."""
    document = _RESULTS.sub(lambda found: found[1] + results() + found[2], document)
    document = _FIGURES.sub(lambda found: found[1] + FIGURES[found[2]]() + found[3], document)
    document = _REWARDS.sub(lambda found: found[1] + rewards() + found[2], document)
    document = _PROBE.sub(lambda found: found[1] + probed(found[2], found[3]) + found[4], document)
    document = _TREE.sub(lambda found: found[1] + tree() + found[2], document)
    return _DIFF.sub(lambda found: found[1] + _diff(found[2], found[3], found[4]) + found[5], document)


if __name__ == "__main__":
    for name in DOCUMENTS:
        path = ROOT / name
        path.write_text(refreshed(path.read_text("utf-8")), "utf-8")
