"""Runs: folders, resuming, failures, and the whole way from a suite to its files with models that really train."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import save_tiny_model
from tokengym.benchmarks.cells import checkpoint_folder
from tokengym.benchmarks.records import key, read_records, write_records
from tokengym.benchmarks.runner import open_folder, plan, run_suite
from tokengym.benchmarks.suites import Arena, Entrant, Suite
from tokengym.benchmarks.workers import run_here

FILES = {"results.jsonl", "run.json", "table.md", "table.tex", "table.csv"}
_BROKEN = """
class Broken:
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        raise ArithmeticError("it broke")
"""

_RL = {"num_envs": 4, "episodes_per_update": 4, "validate_every": 2, "validation_episodes": 2}
_ANCHORS = Suite(
    name="anchors",
    title="Anchors",
    model="builtin:tiny",
    arenas=(Arena(env="TextQA-v0", examples=6),),
    seeds=(1000, 2000),
    entrants=(Entrant(name="random", kind="random"), Entrant(name="oracle", kind="oracle")),
)


def _trained(model: str) -> Suite:
    sft = Entrant(name="sft", kind="sft", config={"batch_size": 4}, budget=60)
    clean = Entrant(name="sft-clean", kind="sft", config={"batch_size": 4, "keep": 0.5}, budget=60, train_kwargs={"label_noise": 0.0})
    return replace(
        _ANCHORS,
        model=model,
        arenas=(Arena(env="TextQA-v0", train_kwargs={"size": 8}, examples=4),),
        entrants=(
            *_ANCHORS.entrants,
            Entrant(name="zero-shot", kind="zero-shot"),
            sft,
            Entrant(name="sft+reinforce", kind="reinforce", start="sft", config={**_RL, "group_size": 2}, budget=200),
            Entrant(name="sft+ppo", kind="ppo", start="sft", config=_RL, budget=200),
            clean,
        ),
        compared=("sft+reinforce", "sft+ppo"),
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], Suite]:
    """A whole run in two processes."""
    folder = tmp_path_factory.mktemp("run")
    suite = _trained(save_tiny_model(folder / "model"))
    return folder / "out", run_suite(suite, folder / "out", workers=2, quiet=True), suite


def test_a_run_writes_everything(trained: tuple[Path, list[dict[str, Any]], Suite]) -> None:
    folder, records, suite = trained
    assert {path.name for path in folder.iterdir()} == FILES | {"curves.png"}
    assert [r["status"] for r in records] == ["done"] * 14, [r["error"] for r in records]
    assert [key(r) for r in records] == [("TextQA-v0", e.name, seed) for e in suite.entrants for seed in suite.seeds]
    assert read_records(folder) == records
    assert len(list(csv.DictReader((folder / "table.csv").read_text().splitlines()))) == 7


def test_a_record_says_what_was_spent(trained: tuple[Path, list[dict[str, Any]], Suite]) -> None:
    found = {key(r)[1:]: r for r in trained[1]}
    sft, reinforce = found["sft", 1000], found["sft+reinforce", 1000]
    assert sft["used"] == {"labels": sft["used"]["labels"], "reward_calls": 0} and 0 < sft["used"]["labels"] <= 8
    assert found["sft-clean", 1000]["used"] == {"labels": 8, "reward_calls": 8}
    assert reinforce["used"]["reward_calls"] >= 4 and reinforce["used"]["labels"] >= sft["used"]["labels"]
    assert reinforce["cost"]["train_tokens"] >= sft["cost"]["train_tokens"] + 200  # the start is counted in
    assert reinforce["cost"]["wall_s"] > sft["cost"]["train_s"] > 0
    assert reinforce["agent"]["config"]["group_size"] == 2 and reinforce["agent"]["start"] == "sft"
    assert reinforce["training"]["start_tokens"] == [sft["cost"]["train_tokens"]] and reinforce["training"]["validation"]
    assert reinforce["eval"]["n"] == 4 == len(reinforce["eval"]["reward"]) == len(reinforce["eval"]["responses"])
    assert found["oracle", 1000]["eval"]["normalized"] == 1.0 and found["oracle", 1000]["model"] == {"name": None}
    assert {r["env"]["fingerprint"] for r in trained[1]} == {sft["env"]["fingerprint"]}  # clean training data changes no test
    assert sft["code"].keys() == {"commit", "dirty"} and sft["system"]["threads"] == 1


def test_resuming_runs_only_what_is_missing(trained: tuple[Path, list[dict[str, Any]], Suite], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, records, suite = trained
    kept = [r for r in records if key(r)[1:] not in (("oracle", 2000), ("sft+ppo", 1000))]
    write_records(folder / "results.jsonl", kept)
    names = [[e.name for e in cell.entrants] for cell in plan(suite, folder, kept)]
    assert names == [["sft", "sft+ppo"], ["oracle"]]  # the policy that PPO starts from is gone, so it is trained again
    again = run_suite(suite, folder, resume=True, workers=1, quiet=True)
    old = {key(r): r["eval"]["reward"] for r in records}
    assert {key(r): r["eval"]["reward"] for r in again} == old  # the same seeds give the same figures
    assert not checkpoint_folder(folder, "TextQA-v0", 1000, "sft").exists()
    monkeypatch.setattr("tokengym.benchmarks.runner.run_here", lambda cells: (pytest.fail("ran again") for _ in cells))
    assert run_suite(suite, folder, resume=True, workers=1, quiet=True) == again  # nothing is left to run


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    assert open_folder(tmp_path, _ANCHORS, resume=False, overwrite=False) == []
    with pytest.raises(FileExistsError, match=r"holds another run \(0 records\). Pass --resume"):
        open_folder(tmp_path, _ANCHORS, resume=False, overwrite=False)
    assert open_folder(tmp_path, _ANCHORS, resume=True, overwrite=False) == []
    with pytest.raises(FileExistsError, match=r"other settings \(seeds\)"):
        open_folder(tmp_path, replace(_ANCHORS, seeds=(1,)), resume=True, overwrite=False)
    with pytest.raises(ValueError, match="--resume and --overwrite together"):
        open_folder(tmp_path, _ANCHORS, resume=True, overwrite=True)
    for spoilt, why in (("{", "Expecting property name"), ("[]", "list indices"), ("{}", "'suite'"), ('{"suite": 3}', "suite: 3")):
        (tmp_path / "run.json").write_text(spoilt)
        with pytest.raises(ValueError, match=rf"run.json is not what a run wrote \({why}.*--overwrite the run, or use --out"):
            open_folder(tmp_path, _ANCHORS, resume=True, overwrite=False)
    (tmp_path / "mine.txt").write_text("kept")
    open_folder(tmp_path, replace(_ANCHORS, seeds=(1,)), resume=False, overwrite=True)
    assert json.loads((tmp_path / "run.json").read_text())["suite"]["seeds"] == [1]
    assert (tmp_path / "mine.txt").exists()


def test_a_finished_run_can_be_given_more_seeds(tmp_path: Path) -> None:
    first = run_suite(_ANCHORS, tmp_path, workers=1, quiet=True)
    more = _ANCHORS.narrowed(seeds=4)
    again = run_suite(more, tmp_path, resume=True, workers=1, quiet=True)
    assert [key(r)[1:] for r in again] == [(name, seed) for name in ("random", "oracle") for seed in (1000, 2000, 3000, 4000)]
    assert [r for r in again if r["seed"] < 3000] == first  # with their times: none ran again
    assert json.loads((tmp_path / "run.json").read_text())["suite"]["seeds"] == [1000, 2000, 3000, 4000]
    for other in (_ANCHORS, replace(more, seeds=(2000, 1000, 3000, 4000, 5000)), replace(more, seeds=(*more.seeds, 5000), eval_envs=2)):
        with pytest.raises(FileExistsError, match="other settings .*seeds"):
            open_folder(tmp_path, other, resume=True, overwrite=False)
    assert len(read_records(tmp_path)) == 8


def test_a_failure_does_not_lose_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken_player.py").write_text(_BROKEN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    suite = _ANCHORS.narrowed(extra=[Entrant(name="Broken", kind="custom", source="broken_player:Broken")])
    records = run_suite(suite, tmp_path / "out", workers=1, quiet=True)
    assert [r["status"] for r in records] == ["done"] * 4 + ["failed"] * 2
    assert records[-1]["error"] == "ArithmeticError: it broke" and records[-1]["eval"] is None
    assert "it broke" in (tmp_path / "out" / "errors.log").read_text()
    assert "failed on seeds 1000, 2000 (ArithmeticError: it broke)." in (tmp_path / "out" / "table.md").read_text()
    assert "FAILED: TextQA-v0, seed 1000, Broken" in capsys.readouterr().err
    (tmp_path / "broken_player.py").write_text(
        _BROKEN.replace('raise ArithmeticError("it broke")', "return 0 * obs['attention_mask'][:, 0], state")
    )
    monkeypatch.delitem(sys.modules, "broken_player")
    again = run_suite(suite, tmp_path / "out", resume=True, workers=1, quiet=True)  # failed agents are tried again
    assert [r["status"] for r in again] == ["done"] * 6


def test_mistakes_are_found_before_anything_runs(tmp_path: Path) -> None:
    too_many = replace(_ANCHORS, arenas=(Arena(env="TextQA-v0", eval_kwargs={"size": 5}, examples=6),))
    with pytest.raises(ValueError, match="examples=6 after the first 0, but split 'test' has 5 in all"):
        run_suite(too_many, tmp_path / "out", workers=1, quiet=True)
    wrong = replace(_ANCHORS, entrants=(Entrant(name="sft", kind="sft", config={"learning_rat": 1}, budget=10),))
    with pytest.raises(ValueError, match="Did you mean 'learning_rate'"):
        run_suite(wrong, tmp_path / "out", workers=1, quiet=True)
    with pytest.raises(ValueError, match="budget=0 on TextQA-v0"):
        run_suite(replace(wrong, entrants=(Entrant(name="sft", kind="sft"),)), tmp_path / "out", workers=1, quiet=True)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_keeps_the_records_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(cells: Any) -> Any:
        yield next(run_here(cells))
        raise KeyboardInterrupt

    monkeypatch.setattr("tokengym.benchmarks.runner.run_here", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_suite(_ANCHORS, tmp_path, workers=1, quiet=True, command="tokengym bench --suite anchors")
    assert len(read_records(tmp_path)) == 1
    assert "1 of 4 records are kept" in (said := capsys.readouterr().err) and "tokengym bench --suite anchors --resume" in said
    monkeypatch.setattr("tokengym.benchmarks.runner.run_here", run_here)
    assert len(run_suite(_ANCHORS, tmp_path, resume=True, workers=1, quiet=True)) == 4


_SILENT = """
import os
class Silent:
    def __init__(self, seed):
        self.seed = seed
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        if self.seed == 2000:
            os._exit(0)
        return 0 * obs["attention_mask"][:, 0], state
"""
_ODD = """
import os
class Odd:
    def __init__(self, seed):
        self.seed, self.history = seed, [{"timesteps": 1, "reward": 0.5}, {"timesteps": 2, "reward": float("nan")}]
    def learn(self, total_timesteps):
        os.mkdir("elsewhere") if not os.path.exists("elsewhere") else None
        os.chdir("elsewhere")
        if self.seed == 2000:
            raise ValueError("half a character: \\ud83d")
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return 0 * obs["attention_mask"][:, 0], state
"""


def _with(source: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """The anchors and an agent from outside."""
    (folder / f"{name.lower()}_player.py").write_text(source)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.delitem(sys.modules, f"{name.lower()}_player", raising=False)  # another test's
    return _ANCHORS.narrowed(extra=[Entrant(name=name, kind="custom", source=f"{name.lower()}_player:{name}", budget=10)])


def test_a_process_that_ends_without_a_word_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = _with(_SILENT, "Silent", tmp_path, monkeypatch)
    with pytest.raises(RuntimeError, match=r"1 of 6 records are missing, .*: TextQA-v0, Silent, seed 2000\. .* --resume tries these again"):
        run_suite(suite, tmp_path / "out", workers=2, quiet=True)
    assert [key(r)[1:] for r in read_records(tmp_path / "out")] == [
        ("random", 1000), ("random", 2000), ("oracle", 1000), ("oracle", 2000), ("Silent", 1000),
    ]  # fmt: skip
    assert (tmp_path / "out" / "table.md").exists()


def test_odd_figures_texts_and_folders_stop_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = _with(_ODD, "Odd", tmp_path, monkeypatch)
    records = run_suite(suite, Path("out"), workers=1, quiet=True)
    monkeypatch.chdir(tmp_path)
    assert read_records(tmp_path / "out") == records and not (tmp_path / "elsewhere" / "out").exists()
    found = {key(r)[1:]: r for r in records}
    assert found["Odd", 1000]["training"] == {"start_tokens": [0], "reward_tokens": [1], "reward": [0.5]}
    assert found["Odd", 2000]["error"] == r"ValueError: half a character: \ud83d"
    assert r"half a character: \ud83d" in (tmp_path / "out" / "errors.log").read_text()


def test_a_world_that_changed_is_found_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = run_suite(_ANCHORS, tmp_path, workers=1, quiet=True)
    records[1]["env"]["fingerprint"] = "of another version"
    write_records(tmp_path / "results.jsonl", records[:3])
    before = (tmp_path / "run.json").read_bytes()
    monkeypatch.setattr("tokengym.benchmarks.runner.run_here", lambda cells: pytest.fail("ran"))
    told = r"TextQA-v0 is not what random \(seed 2000\) was measured on: env \w{12} against of another v\. Go on with the version"
    with pytest.raises(FileExistsError, match=told):
        run_suite(_ANCHORS, tmp_path, resume=True, workers=1, quiet=True)
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_write_that_fails_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    written: list[int] = []

    def full(path: Path, rows: Any) -> None:
        rows = list(rows)
        if len(rows) == 3:
            raise OSError(f"{path} could not be written: No space left on device")
        written.append(len(rows))
        write_records(path, rows)

    monkeypatch.setattr("tokengym.benchmarks.runner.write_records", full)
    with pytest.raises(OSError, match="No space left"):
        run_suite(_ANCHORS, tmp_path / "out", workers=1, quiet=True, command="tokengym bench")
    assert written == [1, 2] and len(read_records(tmp_path / "out")) == 2
    assert f"2 of 4 records are kept in {tmp_path / 'out'}. To go on:\n  tokengym bench --resume" in capsys.readouterr().err
