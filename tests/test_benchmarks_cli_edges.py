"""The command line where its surroundings are odd: nobody reads on, the folder is gone; and what it says of itself and of learners."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tokengym
from tokengym.agents import AGENTS
from tokengym.benchmarks.cli import main
from tokengym.benchmarks.learner_help import asked_learner, learner_help


@pytest.mark.skipif(sys.platform == "win32", reason="pipes there break in another way")
@pytest.mark.parametrize("command", ["--help", "envs --quiet", "envs", "bench --help"])  # print, and rich, small and large
def test_nobody_reads_on(command: str) -> None:
    there, here = os.pipe()
    os.close(there)
    done = subprocess.run([sys.executable, "-m", "tokengym", *command.split()], stdout=here, stderr=subprocess.PIPE, text=True, check=False)
    os.close(here)
    assert (done.returncode, done.stderr) == (141, "")


def test_another_broken_pipe_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken_service.py").write_text("def made():\n    raise BrokenPipeError('the judge hung up')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main("eval TextQA-v0 --agent broken_service:made --examples 2".split()) == 1
    assert capsys.readouterr().err == "tokengym: error: the judge hung up\n"


def test_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tokengym.benchmarks.cli.os.getcwd", lambda: (_ for _ in ()).throw(FileNotFoundError(2, "No such file")))
    assert main(["envs", "--quiet"]) == 1
    assert capsys.readouterr().err == "tokengym: error: the current folder does not exist any more; change into another one\n"


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tokengym {tokengym.__version__}\n"


def test_help_on_a_learner_tells_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("train --agent grpo --help".split()) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: tokengym train") and "\n  group_size=8\n      completions per prompt, at least 2\n" in shown
    assert "learning_rate=0.0001  (this command: 0.0003 for the builtin model, 0.0001 for any other)\n" in shown
    assert 'by the tokens of the step (DAPO); "sequence":' in shown  # a comment of two lines
    assert shown.index("group_size=") < shown.index("num_envs=")  # its own come first
    assert main("train --help".split()) == 0
    assert "group_size=8\n" not in capsys.readouterr().out


@pytest.mark.parametrize("name", AGENTS)
def test_every_option_of_every_learner_is_explained(name: str) -> None:
    lines = learner_help(name).split("\n")[1:]
    told = {lines[place].split("=")[0].strip(): lines[place + 1] for place in range(len(lines) - 1) if not lines[place].startswith("   ")}
    assert set(told) == {field.name for field in dataclasses.fields(AGENTS.find(name).Config)}
    assert all(text.startswith("      ") and len(text.split()) > 0 for text in told.values())


@pytest.mark.parametrize(
    ("line", "name"),
    [("--agent ppo --help", "ppo"), ("-h X --agent=dpo", "dpo"), ("--help", ""), ("--agent ppo", ""), ("--agent my:Own --help", "")],
)
def test_which_learner_help_is_asked_for(line: str, name: str) -> None:
    assert asked_learner(line.split()) == name
