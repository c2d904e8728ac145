"""Cells: what agents from outside are given, and what they cannot do to the others."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tokengym.benchmarks.cells import Cell, run_cell
from tokengym.benchmarks.suites import Arena, Entrant, Suite

_SILENT = """
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return 2 + 0 * obs['attention_mask'][:, 0], state
"""


def _suite(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: int = 5) -> Suite:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "outsider", raising=False)
    (tmp_path / "outsider.py").write_text(source + _SILENT)
    return Suite(
        name="s",
        title="",
        model="builtin:tiny",
        arenas=(Arena(env="TextQA-v0", train_kwargs={"size": 8}, examples=4),),
        seeds=(1000,),
        entrants=(Entrant(name="Mine", kind="custom", source="outsider:Mine", budget=budget), Entrant(name="oracle", kind="oracle")),
    )


def _records(suite: Suite, folder: Path) -> dict[str, Any]:
    cell = Cell(suite=suite, arena=suite.arenas[0], seed=1000, folder=folder, entrants=suite.entrants)
    return {record["agent"]["name"]: record for record in run_cell(cell)}


def test_what_an_agent_from_outside_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "class Mine:\n"
        "    def __init__(self, env, validation_env, eval_env, env_kwargs, seed):\n"
        "        splits = [each.examples[0].id.split('-')[2] for each in (env, validation_env, eval_env)]\n"
        "        assert splits == ['train', 'validation', 'test'], splits\n"
        "        assert env_kwargs == {'size': 8} and seed == 1000, env_kwargs\n"
        "        eval_env.engine.reward = None\n"
    )
    found = _records(_suite(source, tmp_path, monkeypatch), tmp_path)
    assert [record["error"] for record in found.values()] == [None, None]
    assert found["oracle"]["eval"]["reward"] == [1.0] * 4  # what was done to its environment touched no other
    assert found["Mine"]["used"] == {"labels": 0, "reward_calls": 0} and found["Mine"]["cost"]["train_tokens"] == 0  # it learns nothing


def test_a_model_with_a_tokenizer_of_its_own_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokengym.benchmarks.cells.tokenizer_kwargs", lambda model: {"tokenizer": "builtin"})
    source = "class Mine:\n    def __init__(self, env_kwargs):\n        assert env_kwargs['tokenizer'] == 'builtin'\n"
    assert _records(_suite(source, tmp_path, monkeypatch), tmp_path)["Mine"]["error"] is None


def test_costs_are_those_that_it_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "class Mine:\n    def learn(self, total_timesteps):\n        self.used, self.timesteps = {'labels': 3, 'reward_calls': 0}, 40\n"
    mine = _records(_suite(told, tmp_path, monkeypatch), tmp_path)["Mine"]
    assert mine["used"] == {"labels": 3, "reward_calls": 0} and mine["cost"]["train_tokens"] == 40
    silent = "class Mine:\n    def learn(self, total_timesteps):\n        pass\n"
    mine = _records(_suite(silent, tmp_path, monkeypatch), tmp_path)["Mine"]
    assert mine["used"] == {"labels": None, "reward_calls": None} and mine["cost"]["train_tokens"] is None


def test_an_agent_that_leaves_the_program_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "class Mine:\n    def learn(self, total_timesteps):\n        raise SystemExit\n"
    found = _records(_suite(source, tmp_path, monkeypatch), tmp_path)
    assert found["Mine"]["status"] == "failed" and found["Mine"]["error"].startswith("SystemExit")
    assert found["oracle"]["status"] == "done"


def test_what_it_changes_for_the_process_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "import os, torch\n"
        "class Mine:\n"
        "    def learn(self, total_timesteps):\n"
        "        os.chdir('/')\n"
        "        torch.set_default_dtype(torch.float64)\n"
    )
    here = os.getcwd()
    assert _records(_suite(source, tmp_path, monkeypatch), tmp_path)["Mine"]["status"] == "done"
    assert os.getcwd() == here and torch.get_default_dtype() is torch.float32


def test_a_budget_of_nothing_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "class Mine:\n    def learn(self, total_timesteps):\n        raise AssertionError\n"
    suite = _suite(source, tmp_path, monkeypatch, budget=0)
    assert _records(replace(suite, entrants=suite.entrants[:1]), tmp_path)["Mine"]["error"] is None


def test_an_object_begins_anew_in_every_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "class Learner:\n"
        "    timesteps = 0\n"
        "    def learn(self, total_timesteps):\n"
        "        self.timesteps += total_timesteps\n" + _SILENT + "Mine = Learner()\nclass Rest:\n"
    )
    suite = _suite(source, tmp_path, monkeypatch)
    spent = [_records(suite, tmp_path)["Mine"]["cost"]["train_tokens"] for _ in range(2)]
    assert spent == [5, 5]


@pytest.mark.parametrize(
    ("said", "labels", "tokens"),
    [
        ("self.history = [1.0, 0.5]", None, None),
        ("self.history = np.arange(3.0)", None, None),
        ("self.history = None", None, None),
        ("self.history = [{'timesteps': 'none', 'reward': 1}, {'timesteps': 5, 'reward': [1, 2]}, 'text', {'timesteps': 9}]", None, None),
        ("self.used, self.timesteps = {'labels': None, 'reward_calls': 'many'}, None", None, None),
        ("self.used, self.timesteps = ['labels'], np.int64(40)", None, 40),
        ("self.used, self.num_timesteps = {'labels': np.float32(3)}, 7", 3, 7),
    ],
)
def test_attributes_that_mean_something_else_lose_no_work(
    said: str, labels: int | None, tokens: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"import numpy as np\nclass Mine:\n    def learn(self, total_timesteps):\n        {said}\n"
    mine = _records(_suite(source, tmp_path, monkeypatch), tmp_path)["Mine"]
    assert mine["error"] is None
    assert mine["used"] == {"labels": labels, "reward_calls": None} and mine["cost"]["train_tokens"] == tokens
    assert mine["training"] == {"start_tokens": [0]}
