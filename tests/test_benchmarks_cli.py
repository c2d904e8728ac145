"""The command line, as a user types it: help, listings, errors, a benchmark with an agent from outside, training."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.result_rows import result_rows
from tests.tiny_model import save_tiny_model
from tokengym.benchmarks.cli import main
from tokengym.benchmarks.options import COMMANDS
from tokengym.benchmarks.records import read_records, write_records

_PLAYER = '''
import numpy as np

class MyAgent:
    """Learns the most common first token of the labels."""
    def __init__(self, env, seed=0):
        self.env, self.token, self.used = env, 0, {"labels": 0, "reward_calls": 0}
    def learn(self, total_timesteps):
        rows = self.env.labelled(range(20))
        first = (rows["completion_mask"] > 0).argmax(axis=1)
        self.token = int(np.bincount(rows["input_ids"][np.arange(20), first]).argmax())
        self.used["labels"] = 20
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        said = obs["completion_mask"].sum(axis=-1)
        return np.where(said == 0, self.token, self.env.tokenizer.eos_token_id), state
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: tokengym {command}" in shown and "--quiet" in shown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bnech", "'bnech' is not a known command. Did you mean 'bench'?"),
        ("bench --suite quik", "'quik' is not a known suite. Did you mean 'quick'?"),
        ("bench --agents sft+pop", "Did you mean 'sft+ppo'?"),
        ("bench --agent nowhere_at_all:X", "there is no module 'nowhere_at_all'"),
        ("eval TextQ-v0", "'TextQ-v0' is not a known environment. Did you mean 'TextQA-v0'?"),
        ("eval TextQA-v0 --agent oracel", "Did you mean 'oracle'?"),
        ("eval TextQA-v0 --agent oracle --split tset", "Did you mean 'test'?"),
        ("eval TextQA-v0 --agent oracle --reward rouge_x", "rouge_x"),
        ("train TextQA-v0 --agent pp", "'pp' is not a known agent. Did you mean 'ppo'?"),
        ("train TextQA-v0 --model builtin:tyni", "Did you mean 'builtin:tiny'?"),
        ("train TextQA-v0 --set lr=3", "'lr' is not a known option of ReinforceConfig"),
        ("train TextQA-v0 --set lr", "expected OPTION=VALUE"),
        ("train TextQA-v0 --lora maybe", "'maybe' is not a known value of --lora"),
        ("table nowhere", "nowhere does not exist; expected a results.jsonl"),
        ("models pull smollm", "Did you mean 'smollm2-135m'?"),
    ],
)
def test_errors_are_one_message(line: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("tokengym: error: ") and "Traceback" not in error


def test_a_wrong_option_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envs", "--quite"]) == 2
    assert "--quiet" in capsys.readouterr().err


def test_tracebacks_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENGYM_TRACEBACK", "1")
    with pytest.raises(ValueError, match="bnech"):
        main(["bnech"])


def test_an_agent_from_outside_gets_its_row(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "my_module.py").write_text(_PLAYER)
    line = "bench --agents random oracle --agent my_module:MyAgent --envs TextQA-v0 --seeds 2 --examples 8 --workers 1 --out out"
    assert main(line.split()) == 0
    shown = capsys.readouterr().out
    assert "MyAgent" in shown and "oracle" in shown and "Written to out" in shown
    mine = [r for r in read_records(here / "out") if r["agent"]["name"] == "MyAgent"]
    assert [r["seed"] for r in mine] == [1000, 2000]
    assert all(r["status"] == "done" and r["used"]["labels"] == 20 and r["cost"]["train_tokens"] > 0 for r in mine)
    assert "| MyAgent |" in (here / "out" / "table.md").read_text()
    assert main(line.split()) == 1
    assert "holds another run (6 records). Pass --resume" in capsys.readouterr().err
    assert main([*line.split(), "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_table_prints_and_renders(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_records(here / "a" / "results.jsonl", result_rows(envs=("TextQA-v0",)))
    write_records(here / "b" / "results.jsonl", result_rows(envs=("TextSumm-v0",)))
    assert main(["table", "a"]) == 0
    assert "sft+ppo" in capsys.readouterr().out
    assert {p.name for p in (here / "a").iterdir()} == {"results.jsonl", "table.md", "table.tex", "table.csv", "curves.png"}
    for form, mark in (("markdown", "## TextQA-v0"), ("latex", r"\begin{tabular}"), ("csv", "env,agent,reward")):
        assert main(["table", "a", "b", "--format", form]) == 0
        shown = capsys.readouterr().out
        assert mark in shown and "TextSumm-v0" in shown
    assert not (here / "b" / "table.md").exists()
    assert main(["table", "a", "--format", "html"]) == 1
    assert "Known: csv, latex, markdown, terminal" in capsys.readouterr().err


def test_eval_prints_reward_metrics_and_answers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("eval TextQA-v0 --agent oracle --examples 5 --show 1".split()) == 0
    shown = capsys.readouterr().out
    assert "TextQA-v0, oracle, test split, 5 examples: reward 1.000 (exact 1.000, token_f1 1.000)" in shown and "[qa-en-test-0]" in shown


@pytest.mark.parametrize("command", ["envs", "rewards", "models list"])
def test_listings(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--quiet"]) == 0
    names = capsys.readouterr().out.split()
    assert main(command.split()) == 0
    shown = capsys.readouterr().out
    assert names and all(name in shown for name in names)


def test_train_prints_before_and_after_and_saves(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import AutoModelForCausalLM

    model = save_tiny_model(here / "model")
    line = f"train TextQA-v0 --model {model} --agent reinforce --budget 150 --sft-budget 60 --size 8 --examples 4 --out runs/mine --quiet"
    settings = ["--set", "num_envs=4", "episodes_per_update=8", "group_size=2"]
    assert main([*line.split(), *settings]) == 0
    shown = capsys.readouterr().out
    assert "before: reward" in shown and "after sft: reward" in shown and "after: reward" in shown and "Saved in runs/mine" in shown
    state = json.loads((here / "runs" / "mine" / "agent.json").read_text())
    assert state["config"]["group_size"] == 2 and state["timesteps"] >= 150
    assert AutoModelForCausalLM.from_pretrained(here / "runs" / "mine").config.vocab_size > 100
    assert main([*line.split(), *settings]) == 1
    assert "holds a trained agent. Pass --resume" in capsys.readouterr().err
    assert main("eval TextQA-v0 --agent runs/mine --examples 4 --quiet".split()) == 0
    after = shown.partition("after: ")[2].partition(",")[0].split(" (")[0]
    assert f"4 examples: {after}" in capsys.readouterr().out  # the saved agent plays as the trained one did


def test_train_stops_and_goes_on(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import os
    import signal

    from tokengym.agents import PPO

    model = save_tiny_model(here / "model")
    line = f"train TextQA-v0 --model {model} --agent ppo --budget 600 --size 8 --examples 2 --out mine".split()
    line += ["--set", "num_envs=4", "episodes_per_update=4"]
    update = PPO.update

    def interrupted(self: PPO) -> dict[str, float]:
        if self.updates == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return update(self)

    monkeypatch.setattr(PPO, "update", interrupted)
    assert main(line) == 130
    said = capsys.readouterr()
    assert "--resume" in said.out + said.err
    monkeypatch.setattr(PPO, "update", update)
    stopped = json.loads((here / "mine" / "agent.json").read_text())["timesteps"]
    assert main([*line, "--resume"]) == 0
    assert json.loads((here / "mine" / "agent.json").read_text())["timesteps"] >= 600 > stopped > 0
