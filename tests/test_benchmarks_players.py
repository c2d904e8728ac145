"""From names to players: import paths, options, and errors that help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tokengym.agents import PPO, Reinforce
from tokengym.benchmarks.evaluate import eval_env
from tokengym.benchmarks.players import (
    build_config,
    check_model,
    check_name,
    check_outside,
    is_import_path,
    learner,
    load_player,
    outside_agent,
    resolve,
    tokenizer_kwargs,
)

_MODULE = """
import threading

class Mine:
    def __init__(self, seed, env_id="none", colour="red"):
        self.seed, self.env_id, self.colour = seed, env_id, colour
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return obs, state

class Greedy(Mine):
    def __init__(self, price):
        pass

ready = Mine(7)
locked = Mine(8)
locked.lock = threading.Lock()
number = 3
def empty():
    return 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "players_module.py").write_text(_MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "players_module", raising=False)
    return "players_module"


@pytest.mark.parametrize(
    ("name", "answer"), [("my_module:MyAgent", True), ("a.b:c", True), ("builtin:tiny", False), ("runs/x", False), ("C:\\x", False)]
)
def test_import_paths(name: str, answer: bool) -> None:
    assert is_import_path(name) is answer


def test_an_agent_gets_what_it_asks_for(module: str) -> None:
    made = outside_agent(f"{module}:Mine", seed=3, env_id="TextQA-v0", env=object())
    assert (made.seed, made.env_id, made.colour) == (3, "TextQA-v0", "red")
    assert outside_agent(f"{module}:ready", seed=3).seed == 7


def test_an_object_is_copied_where_it_must_not_be_shared(module: str) -> None:
    check_outside(f"{module}:ready")
    first = outside_agent(f"{module}:ready", copied=True)
    first.seed = 99
    assert outside_agent(f"{module}:ready", copied=True).seed == 7  # what was done to the copy is not there
    assert outside_agent(f"{module}:ready") is outside_agent(f"{module}:ready")
    assert outside_agent(f"{module}:locked").seed == 8  # alone, it plays as it is
    for use in (check_outside, lambda path: outside_agent(path, copied=True)):
        with pytest.raises(TypeError, match="locked' is an object that cannot be copied .*; name a class, or a function"):
            use(f"{module}:locked")


def test_errors_of_outside_agents(module: str) -> None:
    with pytest.raises(ValueError, match=r"'Mien' is not a known attribute of players_module. Did you mean 'Mine'\?"):
        resolve(f"{module}:Mien")
    with pytest.raises(ValueError, match="no module 'nowhere_at_all'"):
        resolve("nowhere_at_all:X")
    with pytest.raises(TypeError, match="wants price; what it can ask for by name is env, seed"):
        outside_agent(f"{module}:Greedy", seed=1, env=None)
    with pytest.raises(TypeError, match="without predict"):
        outside_agent(f"{module}:empty")
    with pytest.raises(TypeError, match="is a int; expected an object with predict"):
        outside_agent(f"{module}:number")


def test_options_are_converted_and_checked() -> None:
    config = build_config(PPO, {"learning_rate": "1e-3", "epochs": "2", "value_clip": "none", "whiten_advantages": "false", "kl_beta": 0.5})
    assert (config.learning_rate, config.epochs, config.value_clip, config.whiten_advantages, config.kl_beta) == (1e-3, 2, None, False, 0.5)
    with pytest.raises(ValueError, match=r"'learnin_rate' is not a known option of ReinforceConfig. Did you mean 'learning_rate'\?"):
        build_config(Reinforce, {"learnin_rate": 1})
    with pytest.raises(ValueError, match="group_size='many'; expected a whole number"):
        build_config(Reinforce, {"group_size": "many"})
    with pytest.raises(ValueError, match="whiten_advantages='perhaps'; expected true or false"):
        build_config(PPO, {"whiten_advantages": "perhaps"})


def test_learners_by_name() -> None:
    assert learner("ppo") is PPO
    with pytest.raises(ValueError, match=r"Did you mean 'reinforce'\?"):
        learner("reinforc")


def test_players_by_name() -> None:
    venv: Any = eval_env("TextQA-v0", 1, split="test")
    assert callable(load_player("oracle", venv).predict)
    with pytest.raises(ValueError, match=r"'orcle' is not a known agent or model. Did you mean 'oracle'\?"):
        load_player("orcle", venv)


def test_a_model_without_a_tokenizer_is_called_a_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the model '.*' cannot be played without its tokenizer: .* holds no tokenizer.json"):
        tokenizer_kwargs(str(tmp_path))


def test_models_are_looked_for_before_their_tokenizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokengym.benchmarks.players.load_tokenizer", None)
    for name in ("nosuch", "./nosuch", "runs/nosuch"):
        with pytest.raises(ValueError, match=f"--model '{name}' is not a known model. Known: builtin:tiny, .*owner/name"):
            check_model(name, "--model")
    with pytest.raises(ValueError, match="--agent 'runs/nosuch' is not a known model.*there is none"):
        check_name("runs/nosuch")
    with pytest.raises(ValueError, match="this folder holds no model"):
        check_model(str(tmp_path), "--model")
    for name in ("builtin:tiny", "owner/name"):
        check_model(name, "--model")
    for name in ("random", "my_module:Mine"):
        check_name(name)


def test_the_builtin_models_need_no_tokenizer_keyword() -> None:
    assert tokenizer_kwargs("builtin:tiny") == {}
