"""Stepping environments against the clock: what is printed and written; never how fast."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokengym.benchmarks import stepping
from tokengym.benchmarks.step_grid import Grid, notes, time_grid
from tokengym.benchmarks.throughput import main


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "env TextQA-v0 --rounds 2 --seconds 0.01 --num-envs 4 --reward exact --quiet".split()
    assert main([*line, "--json", str(tmp_path / "steps.json")]) == 0
    shown = capsys.readouterr().out
    assert "TextQA-v0" in shown and "4 rows" in shown and "python 3." in shown
    written = json.loads((tmp_path / "steps.json").read_text())
    assert [row["env"] for row in written["rows"]] == ["TextQA-v0"] and written["num_envs"] == 4 and written["versions"]["gymnasium"]
    for kind in ("single", "vector"):
        rate = written["rows"][0][kind]
        assert 0 < rate["lowest"] <= rate["median"] <= rate["highest"]
    assert all(cell in shown for row in stepping.read_stepped(written) for cell in stepping.cells(row))


def test_in_detail(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds, with and without episode ends, in one run; the targets are the issue's, met or not."""

    def small(rounds: int, seconds: float, progress: Callable[[int], object]) -> Grid:
        return time_grid(rounds, seconds, progress, rows=(2, 64), budgets=(8, 64))

    monkeypatch.setattr(stepping, "time_grid", small)
    file = tmp_path / "grid.json"
    assert main(["env", "--rounds", "2", "--seconds", "0.01", "--quiet", "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "reward='rouge_l'" in shown and "64, no episode ends" in shown and shown.count("target at ") == 4
    written = json.loads(file.read_text())
    cases = {(row["kind"], row["num_envs"], row["max_new_tokens"], row["ends"]) for row in written["rows"]}
    budgets = ((8, True), (64, True), (64, False))
    assert cases == {(kind, n, *b) for b in budgets for kind, n in [("scalar", 1), *((k, n) for k in ("sync", "native") for n in (2, 64))]}
    assert all(0 < row["rate"]["lowest"] <= row["rate"]["median"] <= row["rate"]["highest"] for row in written["rows"])
    assert set(written["without_metrics"]) == {"scalar", "native"} and shown.count(", metrics=False: ") == 2
    assert all(line in shown for line in notes(stepping.read_grid(written)))
    assert written["native_over_sync"]["median"] > 0 and set(written["reset_seconds"]) == {"1000", "100000"}
    assert [target["target"] for target in written["targets"]] == ["at least 1,000,000", "at least 4x", "at least 150,000", "at most 1.5x"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("env TextQ-v0", "Did you mean 'TextQA-v0'"),
        ("env all --rounds 0", "--rounds and --num-envs are at least 1"),
        ("env --rounds 0", "--rounds is at least 1"),
    ],
)
def test_what_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["nan", "inf", "0"])
def test_seconds_that_never_pass_are_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    for which in ([], ["TextQA-v0"]):
        assert main(["env", *which, "--seconds", seconds]) == 1
        assert "--seconds is a number above 0" in capsys.readouterr().err
