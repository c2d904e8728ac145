"""tokengym play: what a person, a rule and random tokens see in the terminal."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

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


def _types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_person_talks_to_a_customer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _types(monkeypatch, "Hm.", "", "Hello?")
    shown = _run("TextDialogue-v0 --env-kwargs turns=2", capsys)
    assert "You are the clerk. Ask the customer" in shown and "Turn 1 of up to 2, 64 tokens at most:" in shown
    first, second = shown.split("Turn 2 of up to 2")
    assert (
        "\nCustomer: " in first.partition("Turn 1")[2] and "Nothing was typed." in second
    )  # what the customer says is seen before the next turn
    assert "ended by max_turns" in second and second.endswith("Mean reward of 1 episode: -0.0400\n")
    _types(monkeypatch, "Which day? \\", "What time?", "Hm.")  # one turn in two lines
    joined = _run("TextDialogue-v0 --env-kwargs turns=2", capsys)
    assert "Which day? What time?" in joined and joined.count("Turn 2 of up to 2") == 1 and "ended by max_turns" in joined
    _types(monkeypatch, "请问哪天?")
    stopped = _run("TextDialogue-v0 --env-kwargs turns=3 user_language=zh", capsys)
    assert stopped.endswith("Turn 2 of up to 3, 96 tokens at most:\n\nStopped.\n") and "Mean reward" not in stopped


def test_other_seeds_bring_other_customers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = set()
    for _ in range(2):
        _types(monkeypatch, "Hm.", "Hm.")
        shown.add(_run("TextDialogue-v0 --seed 3 --env-kwargs turns=2", capsys))
    assert len(shown) == 1


def test_only_what_is_allowed_is_taken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _types(monkeypatch, "nonsense", "sport")
    shown = _run("TextClassify-v0 --env-kwargs constrained=true", capsys)
    assert shown.count("Answer with one of: disaster, business, ") == 1 and "That is no answer here: 'nonsense'" in shown
    assert "\nsport\nTokens\n" in shown and "ended by complete" in shown
    _types(monkeypatch, "1 2", "2 1 3 4 5")
    ranked = _run("TextRank-v0 --env-kwargs constrained=true", capsys)
    assert "several of these, with spaces between them: 1, 2, 3" in ranked and "'1 2' is no complete answer" in ranked


def test_too_much_is_said_to_be_too_much(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _types(monkeypatch, "very " * 60)
    shown = _run("TextQA-v0", capsys)
    assert re.search(r"That has \d+ tokens; only the first 24 are taken\.", shown) and "ended by max_tokens" in shown


def test_a_space_is_an_empty_answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _types(monkeypatch, " ")
    assert "Answer [2 of 24 tokens]\n\nTokens\n␣|<end>\n" in _run("TextQA-v0", capsys)


@pytest.mark.parametrize("agent", ["random", "heuristic", "oracle", "builtin:tiny"])
@pytest.mark.parametrize("env", ["TextClassify-v0", "TextRank-v0"])
def test_everyone_respects_masks(env: str, agent: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = _run(f"{env} --agent {agent} --episodes 3 --env-kwargs constrained=true", capsys)
    assert len(re.findall(r"ended by (complete|eos)", shown)) == 3
    assert agent != "oracle" or shown.endswith("Mean reward of 3 episodes: 1.0000\n")


@pytest.mark.parametrize("agent", ["heuristic", "oracle"])
def test_scripts_hold_conversations(agent: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = _run(f"TextDialogue-v0 --agent {agent} --delta --env-kwargs turns=8 user_language=zh", capsys)
    tokens = shown.split("Tokens\n")[1].partition("Reference\n")[0]
    turns = int(float(re.search(r"turns (\d)\.0000\n", shown)[1]))  # type: ignore[index]
    assert tokens.count("<end>") == turns > 1 and shown.count("\n顾客: ") == turns  # one of them in the prompt
    assert agent == "heuristic" or "task_success 1.0000" in shown


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
        ("TextQA-v0 --agent oracle --env-kwargs render_mode=human", "render_mode is for the command to decide"),
        ("TextQA-v0 --env-kwargs turns", "'turns'; expected NAME=VALUE"),
        ("TextQA-v0 --env-kwargs trns=8", "'trns'"),
        ("CartPole-v1 --agent oracle", "CartPole-v1 is a CartPoleEnv; this plays environments that extend tokengym.envs.TextGenEnv"),
    ],
)
def test_what_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", *line.split()]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        ("np.full(1, np.nan)", r"\[nan\] of shape \(1,\) and dtype float64; expected \(1,\) whole numbers"),
        ("np.array([3.0])", r"\[3.0\] of shape"),
        ("np.zeros((1, 2), dtype=int)", r"\[\[0, 0\]\] of shape \(1, 2\)"),
    ],
)
def test_actions_that_are_no_tokens_are_said(
    actions: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "odd_player", raising=False)
    (tmp_path / "odd_player.py").write_text(
        f"import numpy as np\nclass Odd:\n    def predict(self, obs, **options):\n        return {actions}, None\n"
    )
    assert main(["play", "TextQA-v0", "--agent", "odd_player:Odd"]) == 1
    assert re.search(f"tokengym: error: predict gave the actions {told}", capsys.readouterr().err)
