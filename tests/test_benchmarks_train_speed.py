"""Timing training: what is compared, printed and written; never how fast."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tokengym.benchmarks import train_speed
from tokengym.benchmarks.iterations import GROUP, Lap, our_learner, sb3_learner
from tokengym.benchmarks.rates import Rate
from tokengym.benchmarks.throughput import main
from tokengym.benchmarks.train_speed import Iterated, Trainings, cells, read_trainings, time_trainings, verdicts


def row(name: str, ratio: float | None) -> Iterated:
    rate = Rate(1000.0, 900.0, 1100.0)
    found = None if ratio is None else Rate(ratio, ratio, ratio)
    beside = {"grpo": "TRL GRPO", "ppo": "grpo", "SB3 PPO": "ppo"}.get(name, "") if ratio else ""
    return Iterated(size="8x4", name=name, tokens=32, rate=rate, seconds=rate, cpu=rate, beside=beside, ratio=found)


def test_every_answer_has_the_full_length() -> None:
    for name in ("grpo", "reinforce", "ppo"):
        lap = our_learner(name, 16, 6)()
        assert lap.tokens == 16 * 6
        assert lap.parts is not None and 0 < lap.parts[1] < lap.parts[0] < lap.seconds
        assert lap.parts[0] + lap.parts[2] == pytest.approx(lap.seconds)


def test_stable_baselines_too() -> None:
    lap = sb3_learner(16, 6)()
    assert lap.tokens == 16 * 6 and lap.seconds > 0 and lap.parts is None


def test_what_was_wanted_and_whether_it_was_kept() -> None:
    assert verdicts(row("grpo", 2.6)) == "1.8x, 2.5x of TRL GRPO"
    assert verdicts(row("grpo", 2.0)) == "1.8x, 2.5x of TRL GRPO, only the floor"
    assert verdicts(row("grpo", 1.7)) == "1.8x, 2.5x of TRL GRPO, MISSED"
    assert verdicts(row("ppo", 1.4)) == "1.5x the time of grpo" and verdicts(row("ppo", 1.6)).endswith("MISSED")
    assert verdicts(row("TRL GRPO", None)) == "" and verdicts(row("SB3 PPO", 2.0)) == "(the time of ppo)"


def test_ratios_are_taken_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"grpo": [9.0, 9.0, 1.0, 2.0, 4.0], "ppo": [9.0, 9.0, 2.0, 3.0, 4.0], "reinforce": [1.0] * 5}
    theirs = {"GRPO": [9.0, 9.0, 4.0, 2.0, 8.0], "RLOO": [3.0] * 5}

    def ours(name: str, completions: int, tokens: int) -> object:
        left = iter(seconds[name])
        return lambda: Lap(100, next(left), 1.0, (0.5, 0.1, 0.5))

    def trl(name: str, completions: int, tokens: int, turns: int, between: object, folder: str) -> list[Lap]:
        assert turns == 5 and callable(between)
        for _ in range(turns):
            between()
        return [Lap(50, each, 1.0) for each in theirs[name]]

    monkeypatch.setattr(train_speed, "our_learner", ours)
    monkeypatch.setattr(train_speed, "sb3_learner", lambda completions, tokens: lambda: Lap(100, 6.0, 6.0))
    monkeypatch.setattr(train_speed, "trl_laps", trl)
    found = {each.name: each for each in time_trainings(Trainings(sizes=("8x4",), rounds=3, quiet=True))}
    assert list(found) == ["grpo", "TRL GRPO", "reinforce", "TRL RLOO", "ppo", "SB3 PPO"]
    assert found["grpo"].ratio == Rate(4.0, 2.0, 8.0)  # 100/1 over 50/4, 100/2 over 50/2, 100/4 over 50/8
    assert found["ppo"].ratio == Rate(1.5, 1.0, 2.0) and found["reinforce"].ratio == Rate(6.0, 6.0, 6.0)
    assert found["SB3 PPO"].ratio == Rate(2.0, 1.5, 3.0)  # seconds over those of ppo
    assert found["grpo"].rate == Rate(50.0, 25.0, 100.0) and found["TRL GRPO"].ratio is None and found["TRL GRPO"].update is None


def test_the_command_without_trl(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_speed, "find_spec", lambda name: None)
    before = torch.get_num_threads()
    assert main(["train", f"{GROUP}x4", "--rounds", "1", "--quiet", "--json", str(tmp_path / "speed.json")]) == 0
    assert torch.get_num_threads() == before
    shown = capsys.readouterr().out
    assert "pip install 'tokengym[bench]'" in shown and "1.5x the time of grpo" in shown and "groups of 8" in shown
    rows = read_trainings(json.loads((tmp_path / "speed.json").read_text()))
    assert [each.name for each in rows] == ["grpo", "reinforce", "ppo", "SB3 PPO"] and all(each.tokens == GROUP * 4 for each in rows)
    assert all(cell in shown for each in rows for cell in cells(each)[2:5])


@pytest.mark.skipif(find_spec("trl") is None, reason="trl is not installed")
def test_beside_trl() -> None:
    found = {each.name: each for each in time_trainings(Trainings(sizes=(f"{GROUP}x24",), rounds=1, quiet=True))}
    assert found["TRL GRPO"].tokens == found["TRL RLOO"].tokens == found["grpo"].tokens == GROUP * 24  # no answer ended before its time
    assert all(found[name].ratio is not None for name in ("grpo", "reinforce", "ppo", "SB3 PPO"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["32"], "expected completions x tokens"),
        (["12x4"], "multiple of 8"),
        (["40x4"], "of 32 above that"),
        (["--rounds", "0"], "at least 1"),
    ],
)
def test_numbers_that_cannot_be_timed_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *arguments, "--quiet"]) == 1
    assert message in capsys.readouterr().err
