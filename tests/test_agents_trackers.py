"""Figures, tables and words reach the trackers; one that is not installed is named, with the remedy."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tokengym.agents.trackers import TRACKERS, Tracker


def test_tensorboard_gets_figures_words_and_tables(tmp_path: Path) -> None:
    tracker = Tracker("tensorboard", str(tmp_path), "PPO", {"learning_rate": 0.5})
    tracker.log({"reward": 0.25}, 100)
    tracker.text("alarm/kl", "too high", 100)
    tracker.table("samples", ["prompt", "reward"], [["a|b\nc", 1.0]], 100)
    tracker.close()
    # a run that was killed at 250 and goes on from 100
    Tracker("tensorboard", str(tmp_path), "PPO", {}, begin=100).close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/reward")] == [(100, 0.25)]
    words = {
        tag: [event.tensor_proto.string_val[0].decode() for event in events.Tensors(f"{tag}/text_summary")]
        for tag in ("alarm/kl", "samples", "config")
    }
    assert words["alarm/kl"] == ["too high"]
    assert words["samples"] == ["| prompt | reward |\n| --- | --- |\n| a\\|b<br>c | 1.0 |"]
    # beside the second run's: files that begin in the same second are read by name, which counts 9 after 10
    assert "| option | value |\n| --- | --- |\n| learning_rate | 0.5 |" in words["config"]


def test_unknown_and_missing_trackers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(TRACKERS) == {"mlflow", "tensorboard", "trackio", "wandb"}
    with pytest.raises(ValueError, match="'tensorbord' is not a known tracker. Did you mean 'tensorboard'"):
        Tracker("tensorbord", str(tmp_path), "PPO", {})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"tracker='wandb' needs the package wandb; run: pip install wandb"):
        Tracker("wandb", str(tmp_path), "PPO", {})


class FakeRun:
    """Notes what Accelerate's class for W&B and trackio does with a run."""

    def __init__(self) -> None:
        self.logged: list[tuple[dict[str, Any], int]] = []
        self.finished = False

    def log(self, values: dict[str, Any], step: int) -> None:
        self.logged.append((values, step))

    def finish(self) -> None:
        self.finished = True


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_trackers_of_one_shape(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, begun, config = FakeRun(), {}, {}
    module: Any = ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.init = lambda **options: begun.update(options) or run
    module.config = type("Config", (), {"update": staticmethod(lambda values, allow_val_change: config.update(values))})
    module.Table = lambda columns, data, dataframe: (columns, data)
    monkeypatch.setitem(sys.modules, name, module)
    tracker = Tracker(name, str(tmp_path), "PPO TextQA-v0", {"clip": None, "epochs": 4})
    tracker.log({"reward": 0.5}, 7)
    tracker.table("samples", ["prompt"], [["a"]], 7)
    tracker.close()
    assert begun["project"] == "tokengym" and begun["name"] == "PPO TextQA-v0"
    assert config == {"clip": "None", "epochs": 4}
    assert run.logged[0] == ({"train/reward": 0.5}, 7)
    table = (["prompt"], [["a"]]) if name == "wandb" else "| prompt |\n| --- |\n| a |"
    assert run.logged[1] == ({"samples": table}, 7) and run.finished
