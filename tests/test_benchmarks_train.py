"""The command ``tokengym train``, as a user types it: before and after, what is saved, stopping and going on, what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.tiny_model import save_tiny_model
from tokengym.benchmarks.cli import main

# Methods of an agent from outside that learns nothing and always says token 2.
ANSWERING = """    def learn(self, total_timesteps):
        pass
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return 2 + 0 * obs['attention_mask'][:, 0], state
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


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
    start = json.loads((here / "runs" / "mine-sft" / "agent.json").read_text())
    assert f" {state['timesteps'] + start['timesteps']:,} tokens, " in shown and start["timesteps"] >= 60
    assert f"{state['updates'] + start['updates']} updates" in shown and "those of the warm start included" in shown
    assert AutoModelForCausalLM.from_pretrained(here / "runs" / "mine").config.vocab_size > 100
    assert main([*line.split(), *settings]) == 1
    assert "holds a trained agent. Pass --resume" in capsys.readouterr().err
    shutil.rmtree(here / "runs" / "mine")  # as where the warm start was stopped
    assert main([*line.split(), *settings]) == 1
    assert "runs/mine-sft holds a trained agent. Pass --resume" in capsys.readouterr().err
    for _ in range(2):
        assert main([*line.split(), *settings, "--overwrite"]) == 0
    capsys.readouterr()
    assert main("eval TextQA-v0 --agent runs/mine --examples 4 --quiet".split()) == 0
    after = shown.partition("after: ")[2].partition(",")[0].split(" (")[0]
    assert f"4 examples: {after}" in capsys.readouterr().out  # the saved agent plays as the trained one did
    state["env"]["kwargs"] |= {"max_new_tokens": 9, "reward": "0.5*exact + 0.5*chrf", "language": "zh"}
    (here / "runs" / "mine" / "agent.json").write_text(json.dumps(state))
    assert main("eval TextQA-v0 --agent runs/mine --examples 4 --env-kwargs language=zh".split()) == 0
    shown = capsys.readouterr().out
    assert "as it was trained: max_new_tokens=9\n" in shown and "answers of up to 9\n" in shown
    assert "in brackets say here, too: reward='0.5*exact + 0.5*chrf' (--reward '0.5*exact + 0.5*chrf')\n" in shown


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
    assert main([*line, "--overwrite", "--quiet"]) == 130
    assert "Stopped; everything is kept in" in (said := capsys.readouterr()).err and "--resume" in said.err
    monkeypatch.setattr(PPO, "update", update)
    stopped = json.loads((here / "mine" / "agent.json").read_text())["timesteps"]
    for wrong, message in (
        (["--budget", "300"], "--budget 300: the run in mine was begun with 600"),
        (["--agent", "grpo"], "mine holds a run of ppo, which cannot go on as --agent grpo"),
        (["--set", "num_envs=8"], "--set num_envs=8: the run in mine was begun with num_envs=4"),
        (["--seed", "5"], "the run in mine was begun with seed=0, and this command says seed=5"),
        (["--reward", "exact"], "the run in mine was begun with no reward, and this command says reward='exact'"),
        (["--size", "9"], "the run in mine was begun with size=8, and this command says size=9"),
    ):
        assert main([*line, *wrong, "--resume"]) == 1
        said = capsys.readouterr()
        assert message in said.err and "before" not in said.out
    assert main([*line, "--resume"]) == 0
    trained = json.loads((here / "mine" / "agent.json").read_text())["timesteps"]
    assert trained >= 600 > stopped > 0
    assert main([*line, "--resume"]) == 0  # a run at its end
    assert f"ppo: nothing left to train, {trained:,} tokens are done" in capsys.readouterr().out
    before = (here / "mine" / "agent.json").read_bytes()
    assert main([*line, "--resume", "--seed", "5"]) == 1
    assert "the run in mine was begun with seed=0, and this command says seed=5" in capsys.readouterr().err
    assert (here / "mine" / "agent.json").read_bytes() == before
    assert main([*line, "--budget", str(trained + 1), "--resume"]) == 0
    assert json.loads((here / "mine" / "agent.json").read_text())["timesteps"] > trained


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--set learning_rate=-1", "learning_rate=-1.0; expected 0 (nothing learns) or more"),
        ("--set group_size=7", "group_size=7 does not divide"),
        ("--set num_envs=0", "num_envs=0"),
        ("--set train_only=nothing", "'nothing' is not a known part of the model"),
        ("--sft-budget 60 --set temperature=0", "temperature=0.0"),
    ],
)
def test_train_finds_wrong_options_before_it_plays(options: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"train TextQA-v0 --model {save_tiny_model(here / 'model')} --size 8 --examples 2 {options}".split()) == 1
    said = capsys.readouterr()
    assert message in said.err and "before" not in said.out


def test_train_takes_keywords_of_the_environment(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"train TextDialogue-v0 --model {save_tiny_model(here / 'model')} --agent sft --budget 10 --size 8 --examples 2 --out several"
    assert main([*line.split(), "--env-kwargs", "turns=3", "user_language=zh"]) == 0
    kwargs = json.loads((here / "several" / "agent.json").read_text())["env"]["kwargs"]
    assert kwargs["turns"] == 3 and kwargs["user_language"] == "zh"


def test_train_says_whether_an_agent_from_outside_was_saved(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "outside_learner.py").write_text(
        "class Mine:\n"
        "    def __init__(self, validation_env, eval_env):\n"
        "        print(validation_env.examples[0].id, eval_env.examples[0].id)\n"
        f"{ANSWERING}"
    )
    monkeypatch.syspath_prepend(here)
    assert main("train TextQA-v0 --agent outside_learner:Mine --size 8 --examples 2".split()) == 0
    said = capsys.readouterr().out
    assert "Not saved: outside_learner:Mine has no save(folder)" in said
    assert "qa-en-validation-0 qa-en-test-0" in said


def test_train_saves_an_agent_from_outside_over_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "saving_learner.py").write_text(
        "import pathlib\n"
        "class Mine:\n"
        f"{ANSWERING}"
        "    def save(self, folder):\n"
        "        pathlib.Path(folder).mkdir(exist_ok=True)\n"
        "        (pathlib.Path(folder) / 'weights.txt').write_text('new')\n"
    )
    monkeypatch.syspath_prepend(here)
    line = "train TextQA-v0 --agent saving_learner:Mine --size 8 --examples 2 --out mine".split()
    (here / "mine").mkdir()
    assert main(line) == 0  # an empty folder holds nothing
    (here / "mine" / "weights.txt").write_text("old")
    capsys.readouterr()
    assert main(line) == 1
    said = capsys.readouterr()
    assert "mine is there already, and saving_learner:Mine would save over it. Pass --overwrite" in said.err and not said.out
    assert (here / "mine" / "weights.txt").read_text() == "old"
    assert main([*line, "--overwrite"]) == 0
    assert (here / "mine" / "weights.txt").read_text() == "new"


def test_train_says_that_there_is_nothing_to_resume(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"train TextQA-v0 --model {save_tiny_model(here / 'model')} --agent sft --budget 10 --size 8 --examples 2 --out new --resume"
    assert main(line.split()) == 0
    assert "nothing to resume in new; beginning anew" in capsys.readouterr().out


def test_train_and_eval_read_files_whose_columns_have_names(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{body},{gold},{split}" for split in ("train", "test") for body, gold in (("hello there", "hi"), ("good bye", "bye"))]
    (here / "rows.csv").write_text("\n".join(["body,gold,split", *rows]) + "\n")
    data = "--dataset rows.csv --columns prompt=body references=gold"
    train = f"train TextClassify-v0 --model {save_tiny_model(here / 'model')} --agent sft --budget 4 --examples 2 --out out {data}"
    assert main([*train.split(), "--reward", "faithfulness"]) == 1
    said = capsys.readouterr()
    assert "none of the 2 held-out answers could be scored by faithfulness, which needs meta['facts']" in said.err
    assert "before" not in said.out
    assert main([*train.split(), "--reward", "rouge_l"]) == 0
    assert main(f"eval TextClassify-v0 --agent oracle {data}".split()) == 0  # the references are the labels
    assert "2 examples: reward 1.000 (accuracy 1.000" in capsys.readouterr().out
    assert main(f"eval TextClassify-v0 --agent oracle --reward rouge_l {data}".split()) == 0
    assert "2 examples: reward 1.000" in capsys.readouterr().out
