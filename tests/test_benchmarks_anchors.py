"""`tokengym envs --anchors`: three policies with intervals, and a warning where their order makes no sense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokengym.benchmarks.anchors import Anchors, anchors
from tokengym.benchmarks.cli import main
from tokengym.benchmarks.probe import findings
from tokengym.benchmarks.stats import over_examples
from tokengym.envs import TASKS


def made(random: list[float], heuristic: list[float], oracle: list[float], invalid: int = 0) -> Anchors:
    lead = over_examples([h - r for h, r in zip(heuristic, random, strict=True)])
    room = over_examples([o - h for o, h in zip(oracle, heuristic, strict=True)])
    scores = {"random": over_examples(random), "heuristic": over_examples(heuristic), "oracle": over_examples(oracle)}
    return Anchors(env="X-v0", dataset="builtin", reward="r", examples=len(random), **scores, lead=lead, room=room, invalid=invalid)


def test_warnings_by_hand() -> None:
    assert made([0.0, 0.1, 0.0], [0.5, 0.6, 0.5], [1.0, 1.0, 1.0]).warnings == []
    assert made([0.0, 0.1, 0.0], [0.5, 0.6, 0.5], [0.5, 0.6, 0.5]).warnings == []  # the rule may be perfect
    (worse,) = made([0.0, 0.1, 0.0], [0.5, 0.6, 0.5], [0.4, 0.5, 0.4]).warnings
    assert worse == "X-v0 with builtin: the oracle earns 0.100 less than the heuristic"
    (level,) = made([0.0, 0.9, 0.1], [0.2, 0.4, 0.6], [1.0, 1.0, 1.0]).warnings
    assert "the heuristic is not clearly above random: +0.067 [" in level
    (unscored,) = made([0.0, 0.1, 0.0], [0.5, 0.6, 0.5], [1.0, 1.0, 1.0], invalid=2).warnings
    assert "2 answers of the heuristic and the oracle could not be scored" in unscored


def test_the_same_figures_as_the_probe() -> None:
    found = anchors("TextQA-v0", examples=20)
    rows = {row.policy: row for row in findings("TextQA-v0", examples=20).rows}
    assert (found.random, found.heuristic, found.oracle) == tuple(rows[name].reward for name in ("random", "heuristic", "oracle"))
    assert found.lead.mean == pytest.approx(found.heuristic.mean - found.random.mean)
    assert found.room.mean == pytest.approx(found.oracle.mean - found.heuristic.mean)
    assert found.warnings == [] and found.examples == 20


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("envs TextQA-v0 TextSumm-v0 --anchors --examples 10".split()) == 0
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("  TextQA-v0"))
    assert "builtin" in row and "±" in row and row.split()[-1] == "ok" and "TextDialogue-v0" not in shown
    assert main("envs TextQA-v0 --anchors --examples 10 --quiet".split()) == 0
    assert capsys.readouterr().out == ""
    assert main("envs TextQ-v0 --anchors".split()) == 1
    assert "Did you mean 'TextQA-v0'" in capsys.readouterr().err


def test_a_task_whose_oracle_knows_nothing_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(TASKS["TextQA-v0"], "oracle", lambda self, example: "no idea")
    assert main("envs TextQA-v0 --anchors --examples 10 --quiet".split()) == 0
    assert "WARNING: TextQA-v0 with builtin: the oracle earns" in capsys.readouterr().out


def test_a_set_whose_package_is_missing_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main("envs TextQA-v0 --anchors --datasets --examples 5".split()) == 0
    assert "ships in the package countryinfo" in " ".join(capsys.readouterr().out.split())


def test_an_interval_needs_two_examples() -> None:
    assert replace(anchors("TextQA-v0", examples=2), env="x").examples == 2
    with pytest.raises(ValueError, match="examples=1; an interval needs at least 2"):
        anchors("TextQA-v0", examples=1)
