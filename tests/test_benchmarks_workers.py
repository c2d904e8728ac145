"""Worker processes: what they say, and what happens when one dies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tokengym.benchmarks.cells import Cell
from tokengym.benchmarks.suites import Arena, Entrant, Suite
from tokengym.benchmarks.workers import run_here, run_in_processes

_DYING = """
import os
class Dying:
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        os._exit(3)
"""


def _cells(folder: Path, entrants: tuple[Entrant, ...], env: str = "TextQA-v0") -> list[Cell]:
    arena = Arena(env=env, examples=4)
    suite = Suite(name="s", title="", model="builtin:tiny", arenas=(arena,), seeds=(1, 2), entrants=entrants)
    return [Cell(suite=suite, arena=arena, seed=seed, folder=folder, entrants=entrants) for seed in (1, 2)]


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    cells = _cells(tmp_path, (Entrant(name="random", kind="random"), Entrant(name="oracle", kind="oracle")))
    here = {(m.seed, m.agent): m.value["eval"]["responses"] for m in run_here(cells)}
    messages = list(run_in_processes(cells, 2))
    there = {(m.seed, m.agent): m.value["eval"]["responses"] for m in messages if m.kind == "record"}
    assert here == there and len(here) == 4
    assert {m.worker for m in messages} <= {0, 1} and any(m.kind == "progress" for m in messages)


def test_a_dead_worker_is_an_error_that_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dying_player.py").write_text(_DYING)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    cells = _cells(tmp_path, (Entrant(name="Dying", kind="custom", source="dying_player:Dying"),))
    with pytest.raises(RuntimeError, match="exit code 3 .* go on with --resume"):
        list(run_in_processes(cells[:1], 1))
