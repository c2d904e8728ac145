"""Kill -9 at any moment: the resumed run ends with the weights of the undisturbed one, to the last bit, and reads no half-written file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from tests.killed_runs import RUNS, UPDATES, digest, kill_and_resume, train
from tokengym.agents import load_agent
from tokengym.agents.checkpoint import find_folder, is_saved, read_state


def check(folder: Path) -> None:
    """Whatever a killed process left behind is whole: state, tensors, and the model as transformers reads it."""
    if not is_saved(folder):
        return
    found = find_folder(folder)
    state, tensors = read_state(found)
    assert state["updates"] == len([stats for stats in state["history"] if stats["update"]])
    assert {name.partition("/")[0] for name in tensors} >= {"weights", "optimizer", "rng"}
    AutoModelForCausalLM.from_pretrained(found)


def killed_run_ends_as_the_undisturbed_one(name: str, tmp_path: Path, kills: int) -> list[int]:
    straight = train(name, str(tmp_path / "straight"), checkpoint_every=0)
    folder = tmp_path / "killed"
    kept = kill_and_resume(name, folder, kills, check)
    again = load_agent(folder)
    assert again.updates == UPDATES and kept == sorted(kept)
    assert digest(again) == digest(straight)
    without_clock = [[{k: v for k, v in stats.items() if "second" not in k} for stats in a.history] for a in (straight, again)]
    assert without_clock[0] == without_clock[1] and again.used == straight.used
    assert {path.name for path in tmp_path.iterdir()} == {"straight", "straight-log", "killed", "killed-log"}  # no litter
    for log in ("straight-log", "killed-log"):  # each validation is logged once, whatever was killed
        lines = [json.loads(line) for line in (tmp_path / log / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [line["update"] for line in lines] == [update for update in (0, 8, 16, 24, 32) for _ in range(4)]
    return kept


@pytest.mark.parametrize(("name", "kills"), [("sft", 3), ("ppo", 20)])
def test_killed_runs(name: str, kills: int, tmp_path: Path) -> None:
    kept = killed_run_ends_as_the_undisturbed_one(name, tmp_path, kills)
    assert kills < 20 or len(set(kept)) > 6, kept  # they hit the run, and not only its beginning or its end


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RUNS if name != "ppo"])
def test_twenty_kills(name: str, tmp_path: Path) -> None:
    kept = killed_run_ends_as_the_undisturbed_one(name, tmp_path, kills=20)
    assert len(set(kept)) > 6, kept
