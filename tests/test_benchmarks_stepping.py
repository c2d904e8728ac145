"""Stepping environments against the clock: what is printed and written; never how fast."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("line", "message"), [("env TextQ-v0", "Did you mean 'TextQA-v0'"), ("env --rounds 0", "--rounds and --num-envs are at least 1")]
)
def test_what_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 1
    assert message in capsys.readouterr().err
