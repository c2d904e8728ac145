"""What the folder of a saved agent tells: keywords of its prompts, and how its run goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tokengym.benchmarks.saved import Stopped, saved_kwargs, stopped_run


def _folder(path: Path, run: dict[str, int] | None) -> Path:
    state: dict[str, Any] = {"agent": "ppo", "config": {"num_envs": 4, "max_grad_norm": "inf"}, "timesteps": 2017, "run": run}
    state["env"] = {"kwargs": {"max_new_tokens": 9, "split": "train"}}
    path.mkdir()
    (path / "agent.json").write_text(json.dumps(state))
    return path


def test_what_prompts_depend_on(tmp_path: Path) -> None:
    assert saved_kwargs(str(_folder(tmp_path / "mine", None))) == {"max_new_tokens": 9}
    assert saved_kwargs("random") == {}


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
