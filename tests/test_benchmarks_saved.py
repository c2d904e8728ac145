"""What the folder of a saved agent tells: keywords of its prompts, and how its run goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tokengym.benchmarks.saved import Spent, Stopped, check_same_run, saved_kwargs, spent, stopped_run, taken_over, trained_otherwise


def _folder(path: Path, run: dict[str, int] | None) -> Path:
    state: dict[str, Any] = {"agent": "ppo", "config": {"num_envs": 4, "max_grad_norm": "inf"}, "timesteps": 2017, "run": run}
    state["env"] = {"kwargs": {"max_new_tokens": 9, "split": "train"}}
    path.mkdir()
    (path / "agent.json").write_text(json.dumps(state))
    return path


def test_what_prompts_depend_on(tmp_path: Path) -> None:
    assert saved_kwargs(str(_folder(tmp_path / "mine", None))) == {"max_new_tokens": 9}
    assert saved_kwargs("random") == {}


def test_what_is_played_otherwise_than_it_was_trained(tmp_path: Path) -> None:
    folder = str(_folder(tmp_path / "mine", None))
    state = json.loads((tmp_path / "mine" / "agent.json").read_text())
    data = {"path": "my rows.jsonl", "columns": {"prompt": "article"}}
    state["env"] = {"id": "TextQA-v0", "kwargs": {"task": "TextQA-v0", "max_new_tokens": 9, "size": 8, "dataset": data, "verbose": True}}
    (tmp_path / "mine" / "agent.json").write_text(json.dumps(state))
    assert taken_over(folder, {"max_new_tokens": 9}) == "max_new_tokens=9"
    assert taken_over(folder, {"max_new_tokens": 12}) == ""  # somebody said another number
    told = f"dataset={data!r} (--dataset 'my rows.jsonl' --columns prompt=article), verbose=True (--env-kwargs verbose=true)"
    assert trained_otherwise(folder, "TextQA-v0", {"max_new_tokens": 9, "dataset": "builtin"}) == told
    assert trained_otherwise(folder, "TextSumm-v0", {"max_new_tokens": 9, "dataset": data, "verbose": True}) == "on TextQA-v0"
    assert taken_over("random", {}) == trained_otherwise("random", "TextQA-v0", {}) == ""


def test_runs_that_can_go_on(tmp_path: Path) -> None:
    assert stopped_run(tmp_path / "nowhere", "ppo", 5, {"num_envs": 4}, "--budget") is None
    finished = _folder(tmp_path / "finished", None)
    assert stopped_run(finished, "ppo", 5000, {"num_envs": 4, "max_grad_norm": math.inf}, "--budget") == Stopped(2017, None)
    stopped = _folder(tmp_path / "stopped", {"tokens_from": 2000, "tokens": 18_000, "updates_from": 3, "updates": 0})
    for budget in (None, 20_000):
        assert stopped_run(stopped, "ppo", budget, {}, "--budget") == Stopped(2017, 20_000)


def test_runs_that_cannot(tmp_path: Path) -> None:
    stopped = _folder(tmp_path / "stopped", {"tokens_from": 0, "tokens": 20_000, "updates_from": 0, "updates": 0})
    with pytest.raises(ValueError, match="holds a run of ppo, which cannot go on as --agent grpo; say --agent ppo"):
        stopped_run(stopped, "grpo", None, {}, "--budget")
    with pytest.raises(ValueError, match="--budget 9000: the run in .* was begun with 20000 .*; leave --budget out"):
        stopped_run(stopped, "ppo", 9000, {}, "--budget")
    with pytest.raises(ValueError, match="--set num_envs=8: the run in .* was begun with num_envs=4"):
        stopped_run(stopped, "ppo", None, {"num_envs": 8}, "--budget")


def test_a_run_at_its_end_is_of_one_seed_and_environment(tmp_path: Path) -> None:
    finished = _folder(tmp_path / "finished", None)
    state = json.loads((finished / "agent.json").read_text())
    state |= {"seed": 0, "env": {"id": "TextQA-v0", "kwargs": {"max_new_tokens": 9, "split": "train"}}}
    (finished / "agent.json").write_text(json.dumps(state))
    kwargs = {"max_new_tokens": 9, "split": "train"}
    check_same_run(finished, "TextQA-v0", kwargs, 0)
    with pytest.raises(ValueError, match="was begun with seed=0, and this command says seed=7"):
        check_same_run(finished, "TextQA-v0", kwargs, 7)


def test_what_two_runs_took_together(tmp_path: Path) -> None:
    for name, labels in (("warm", {"data": ["a", "b"]}), ("main", {"data": ["b", "c"], "other": ["b"]}), ("old", ["a"])):
        state = {"updates": 2, "timesteps": 100, "labels": labels, "reward_calls": 5, "seconds": 1.5}
        (tmp_path / name).mkdir()
        (tmp_path / name / "agent.json").write_text(json.dumps(state))
    assert spent([tmp_path / "main", tmp_path / "warm", tmp_path / "nowhere"]) == Spent(4, 200, 4, 10, 3.0)  # b of data once
    assert spent([tmp_path / "old"]).labels == 1
