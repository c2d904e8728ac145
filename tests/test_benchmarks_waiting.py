"""The bar: silent when quick or quiet, plain lines where there is no terminal."""

from __future__ import annotations

import pytest

from tokengym.benchmarks import waiting
from tokengym.benchmarks.waiting import Waiting


def test_quick_or_quiet_work_shows_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Waiting("scoring", 3) as bar:
        bar.advance(3)
    monkeypatch.setattr(waiting, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "_PLAIN_SECONDS", -1.0)
    with Waiting("scoring", 3, show=False) as bar:
        bar.advance(3)
    said = capsys.readouterr()
    assert said.out == said.err == ""


def test_plain_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "_PLAIN_SECONDS", -1.0)
    with Waiting("scoring", 2000) as bar:
        bar.advance(1500)
    with Waiting("reading") as bar:
        bar.advance()
        bar.advance()
    assert capsys.readouterr().err.splitlines() == ["scoring: 1,500 of 2,000", "reading: 1", "reading: 2"]


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Waiting("scoring", 4) as bar:
        bar.advance(1)
        bar.advance(2)
        assert bar._bar.tasks[0].completed == 3
