"""Runs a suite into a results folder: cells in worker processes, a record as soon as an agent is done, resuming where it stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokengym.benchmarks.cells import Cell, checkpoint_folder, open_eval_env, preflight
from tokengym.benchmarks.live import Live
from tokengym.benchmarks.records import (
    Record,
    code_state,
    digest,
    key,
    marks_of,
    read_records,
    savable,
    write_records,
    write_whole,
)
from tokengym.benchmarks.render import render
from tokengym.benchmarks.suites import Entrant, Suite
from tokengym.benchmarks.summary import fill_normalized
from tokengym.benchmarks.workers import run_here, run_in_processes

__all__ = ["open_folder", "plan", "run_suite"]

_OURS = ("results.jsonl", "run.json", "errors.log", "table.md", "table.tex", "table.csv", "curves.png")


def open_folder(folder: Path, suite: Suite, *, resume: bool, overwrite: bool) -> list[Record]:
    """Makes the folder ready for ``suite`` and returns the records that are done already.

    Raises:
        ValueError: both flags.
        FileExistsError: the folder holds a run and neither flag is given, or ``resume`` is and it is a run of something else (more seeds
            of the same are no other run), or its records were measured on something else than what is left would be.
    """
    if resume and overwrite:
        raise ValueError("--resume and --overwrite together; the one keeps what is there, the other replaces it")
    identity = json.loads(json.dumps(suite.as_dict()))
    run = folder / "run.json"
    held = [name for name in _OURS[:2] if (folder / name).exists()]
    if held and not resume and not overwrite:
        count = (folder / "results.jsonl").read_bytes().count(b"\n") if "results.jsonl" in held else 0
        raise FileExistsError(
            f"{folder} holds another run ({count} records). "
            "Pass --resume to go on with it, --overwrite to replace it, or --out for another folder"
        )
    records: list[Record] = []
    if held and resume:
        before = _suite_of(run) if run.exists() else None
        if before != identity and not _has_more_seeds(identity, before):
            differing = "run.json is missing" if before is None else ", ".join(n for n in identity if before.get(n) != identity[n])
            raise FileExistsError(
                f"{folder} holds a run with other settings ({differing}), which cannot be resumed as this one; --overwrite it, or use --out"
            )
        records = [r for r in (read_records(folder) if "results.jsonl" in held else []) if r["status"] == "done"]
        _check_marks(suite, records, folder)
    if overwrite:
        for name in _OURS:
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    write_whole(
        run, json.dumps({"suite": identity, "sha256": digest(identity), "code": dict(code_state())}, indent=1, ensure_ascii=False) + "\n"
    )
    return records


def _suite_of(run: Path) -> dict[str, Any]:
    """The suite that a run.json tells of. Raises ValueError where it tells of none."""
    try:
        suite = json.loads(run.read_text(encoding="utf-8"))["suite"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{run} is not what a run wrote ({error}); put it back as it was, --overwrite the run, or use --out") from None
    if not isinstance(suite, dict):
        raise ValueError(f"{run} is not what a run wrote (suite: {suite!r}); put it back as it was, --overwrite the run, or use --out")
    return suite


def _has_more_seeds(suite: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Whether ``suite`` is the suite ``before`` with seeds added behind its own."""
    held = (before or {}).get("seeds", [])
    return {**(before or {}), "seeds": suite["seeds"]} == suite and suite["seeds"][: len(held)] == held


def _check_marks(suite: Suite, records: Sequence[Record], folder: Path) -> None:
    """Raises FileExistsError where what is left to run would be measured on something else than what is there."""
    for arena in suite.arenas:
        there = [record for record in records if record["env"]["id"] == arena.env]
        if not there or len(there) == len(suite.entrants) * len(suite.seeds):
            continue
        venv = open_eval_env(suite, arena)
        now = venv.fingerprint()
        venv.close()
        for record in there:
            if told := [f"{name} {now[name][:12]} against {mark[:12]}" for name, mark in marks_of(record).items() if mark != now[name]]:
                raise FileExistsError(
                    f"{folder} cannot be resumed: {arena.env} is not what {record['agent']['name']} (seed {record['seed']}) was measured "
                    f"on: {', '.join(told)}. Go on with the version and packages that wrote it, --overwrite it, or use --out"
                )


def _chains(suite: Suite, env: str) -> list[list[Entrant]]:
    """Agents that must run one after the other: those that start from one another, and all that are not trained together."""
    chains: dict[str, list[Entrant]] = {}
    root: dict[str, str] = {}
    for entrant in suite.entrants:
        first = root[entrant.start] if entrant.start else entrant.name if entrant.work(env) else ""
        root[entrant.name] = first
        chains.setdefault(first, []).append(entrant)
    return list(chains.values())


def plan(suite: Suite, folder: Path, records: Sequence[Record]) -> list[Cell]:
    """What is left to do, the longest pieces first, so that the processes end at about the same time.

    An agent that others still have to start from runs again if its policy is not there any more.
    """
    found = {key(record): record for record in records}
    cells = []
    for arena in suite.arenas:
        for seed in suite.seeds:
            for chain in _chains(suite, arena.env):
                done = {e.name: found[arena.env, e.name, seed] for e in chain if (arena.env, e.name, seed) in found}
                for entrant in reversed(chain):
                    start = entrant.start
                    if entrant.name not in done and start in done and not checkpoint_folder(folder, arena.env, seed, start).is_dir():
                        del done[start]
                if todo := tuple(entrant for entrant in chain if entrant.name not in done):
                    cells.append(Cell(suite=suite, arena=arena, seed=seed, folder=folder, entrants=todo, done=done))
    return sorted(cells, key=lambda cell: -sum(entrant.work(cell.arena.env) for entrant in cell.entrants))


def _order(suite: Suite) -> list[tuple[str, str, int]]:
    """The keys of all records: environment by environment, agent by agent, seed by seed, as the suite has them."""
    return [(arena.env, entrant.name, seed) for arena in suite.arenas for entrant in suite.entrants for seed in suite.seeds]


def run_suite(
    suite: Suite, folder: Path, *, resume: bool = False, overwrite: bool = False, workers: int = 2, quiet: bool = False, command: str = ""
) -> list[Record]:
    """Runs what is left of ``suite`` and writes results.jsonl, table.md, table.tex, table.csv and curves.png into ``folder``.

    Args:
        suite: what to run.
        folder: of the results.
        resume: go on with the run that the folder holds; agents that failed are tried again.
        overwrite: replace it.
        workers: processes; 1 runs everything in this one.
        quiet: print nothing.
        command: how to run this again, for the message after Ctrl-C.
    Returns:
        All records, in the suite's order.
    Raises:
        FileExistsError: see :func:`open_folder`.
        KeyboardInterrupt: Ctrl-C, after saying how to go on.
        OSError: a file could not be written, after saying how to go on.
        RuntimeError: a process died; or some records are missing, because one ended without a word. Those that there are were written.
    """
    if workers < 1:
        raise ValueError(f"workers={workers}; expected at least 1")
    folder = folder.absolute()  # an agent from outside may change the working folder
    preflight(suite)
    records = open_folder(folder, suite, resume=resume, overwrite=overwrite)
    cells = plan(suite, folder, records)
    order = _order(suite)
    kept = {key(record): record for record in records}
    left = sum(len(cell.entrants) for cell in cells)
    processes = min(workers, len(cells))
    messages = run_in_processes(cells, processes) if processes > 1 else run_here(cells)
    with Live(len(order), len(order) - left, quiet) as live:
        try:
            for message in messages:
                if message.kind == "record":
                    trace = message.value.pop("traceback", None)
                    message = message._replace(value=savable(message.value))
                    if trace:
                        with (folder / "errors.log").open("a", encoding="utf-8", errors="backslashreplace") as log:
                            log.write(f"{message.env}, {message.agent}, seed {message.seed}\n{trace}\n")
                    found = {**kept, key(message.value): message.value}
                    write_records(folder / "results.jsonl", [found[k] for k in order if k in found])
                    kept = found
                live.show(message)
        except (KeyboardInterrupt, OSError):
            again = f"{command} --resume" if command else "run_suite(..., resume=True)"
            live.say(f"Stopped; {len(kept)} of {len(order)} records are kept in {folder}. To go on:\n  {again}")
            raise
        finally:
            messages.close()
    finished = [kept[k] for k in order if k in kept]
    if finished:
        fill_normalized(finished)
        write_records(folder / "results.jsonl", finished)
        render(finished, folder)
    if missing := [f"{env}, {agent}, seed {seed}" for env, agent, seed in order if (env, agent, seed) not in kept]:
        raise RuntimeError(
            f"{len(missing)} of {len(order)} records are missing, because a process ended in the middle without an error (does an agent "
            f"call os._exit?): {'; '.join(missing)}. The others are kept in {folder}, and --resume tries these again"
        )
    if all(record["status"] == "done" for record in finished):
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return finished
