"""tokengym play: what a person, a rule and random tokens see in the terminal."""

from __future__ import annotations

import io
import re

import pytest

import tokengym.benchmarks.play
from tokengym.benchmarks.cli import main

_PAID = re.compile(r"[+-]\d\.\d{4}")


def _run(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["play", *line.split()]) == 0
    shown = capsys.readouterr()
    assert shown.err == "" and "\x1b[" not in shown.out  # this is no terminal
    return shown.out


def test_the_oracle_plays(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _run("TextQA-v0 --agent oracle --episodes 2 --reward exact", capsys)
    assert shown.count("Reward 1.0000 (exact 1.0000); ended by eos") == 2 and shown.endswith("Mean reward of 2 episodes: 1.0000\n")
    tokens, paid = shown.split("Tokens\n")[1].split("\n")[:2]
    assert tokens.endswith("|<end>") and paid.strip() == "+1.0000" and paid.index("+") == tokens.index("<end>")  # all of it at the end


def test_delta_pays_token_by_token(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _run("TextSumm-v0 --agent heuristic --delta --reward rouge_1", capsys)
    paid = [float(found) for found in _PAID.findall(shown.split("Tokens\n")[1].partition("Reference\n")[0])]
    total = float(re.search(r"Reward (\d\.\d{4})", shown)[1])  # type: ignore[index]
    assert len(paid) > 3 and sum(paid) == pytest.approx(total, abs=0.01)


def test_random_tokens_are_the_seed_s(capsys: pytest.CaptureFixture[str]) -> None:
    line = "TextQA-v0 --agent random --quiet --seed"
    first, again, other = _run(f"{line} 1", capsys), _run(f"{line} 1", capsys), _run(f"{line} 2", capsys)
    assert first == again != other and first.startswith("Prompt [")


def test_a_model_plays(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Reward 0." in _run("TextQA-v0 --agent builtin:tiny --split test", capsys)


def test_a_person_types(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Nobody \\\nknows\n"))
    shown = _run("TextQA-v0 --episodes 3", capsys)
    assert shown.count("Prompt [") == 2  # the second is asked, nobody answers it
    assert "Answer [" in shown and "\nNobody \nknows\n" in shown and "ended by eos" in shown
    assert shown.index("tokens at most") < shown.index("Reference\n")  # which is shown after the answer only
    assert shown.endswith("\nStopped.\n\nMean reward of 1 episode: 0.0000\n")


def test_ctrl_c_stops_politely(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(prompt: str = "") -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    assert _run("TextQA-v0", capsys).endswith("\nStopped.\n")


def test_on_a_terminal_there_are_colours(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokengym.benchmarks.play, "colours", lambda: True)
    assert main("play TextQA-v0 --agent oracle".split()) == 0
    assert "\x1b[36m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("TextQ-v0", "Did you mean 'TextQA-v0'"),
        ("TextQA-v0 --agent oracel", "Did you mean 'oracle'"),
        ("TextQA-v0 --episodes 0", "expected 1 or more"),
        ("CartPole-v1 --agent oracle", "CartPole-v1 is a CartPoleEnv; this plays environments that extend tokengym.envs.TextGenEnv"),
    ],
)
def test_what_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", *line.split()]) == 1
    assert message in capsys.readouterr().err
