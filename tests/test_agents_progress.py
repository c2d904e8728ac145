"""What a training run shows: plain lines without a terminal, nothing when it is short or quiet, a bar on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from tokengym.agents.progress import Progress

STATS = {"reward": 0.51234, "kl": 1.5, "entropy": 2.25, "tokens_per_second": 1234.5, "grad_norm": 9.0}


def test_plain_lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [100.0]
    monkeypatch.setattr("tokengym.agents.progress.time.monotonic", lambda: clock[0])
    with Progress("PPO TextQA-v0") as bar:
        for seconds in (1.0, 5.0, 1.0, 6.0):  # the first comes too early, the third too soon after the second
            clock[0] += seconds
            bar.update(0.25, 1234, STATS)
        bar.update(1.0, 5000, STATS)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "PPO TextQA-v0:  25%  1,234 tokens  reward 0.512  KL 1.500  entropy 2.25  1,234 tokens/s"
    assert len(lines) == 3 and lines[-1].startswith("PPO TextQA-v0: 100%  5,000 tokens")


def test_quiet_and_short_runs_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("PPO", show=False) as bar:
        bar.update(1.0, 1, STATS)
        bar.say("a line")
    with Progress("PPO") as bar:
        bar.update(1.0, 1, STATS)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with Progress("REINFORCE TextSumm-v0") as bar:
        bar.update(0.5, 1000, {**STATS, "validation": 0.25})
        bar.say("[kept] in runs/x")
    shown = terminal.getvalue()
    figures = ("50%", "reward 0.512", "KL 1.500", "entropy 2.25", "tokens/s", "validation 0.250")
    for part in ("REINFORCE TextSumm-v0", *figures, "[kept] in runs/x"):
        assert part in shown
