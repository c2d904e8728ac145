"""What an agent keeps of an environment, and what it forgets where another one is given: to ``load`` or to ``set_env``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import tokengym  # noqa: F401  (registers the ids)
from tests.echo import EXAMPLES, echo_policy, echo_venv, first_letter
from tests.killed import learn_until
from tests.text_rows import TokenRows, random_model
from tokengym.agents import GRPO, SFT, CausalLMPolicy, GRPOConfig, Reinforce, ReinforceConfig, SFTConfig, SoftQ, SoftQConfig
from tokengym.agents.checkpoint import read_state, write_state
from tokengym.rewards import Sample


def venv(group_size: int = 1, **keywords: Any) -> Any:
    return gymnasium.make_vec("TextQA-v0", num_envs=2, deal="shared", group_size=group_size, **{"size": 8, "metrics": False, **keywords})


def tiny() -> CausalLMPolicy:
    return CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")


def soft_q(env: Any = None, **options: Any) -> SoftQ:
    return SoftQ(tiny(), env or venv(), config=SoftQConfig(episodes_per_update=4, batch_size=4, steps_per_update=1, **options))


def tenfold(batch: Sequence[Sample]) -> list[float]:
    return [10 * score for score in first_letter(batch)]


def test_scores_of_another_environment_are_not_compared_with_its_own(tmp_path: Path) -> None:
    config = SFTConfig(
        batch_size=8, updates=8, validate_every=4, validation_episodes=8, learning_rate=5e-3, schedule="constant", warmup=0.0
    )
    agent = SFT(echo_policy(), echo_venv(), config=config, validation_env=echo_venv(8, reward=tenfold)).learn(progress=False)
    assert agent.best.score > 1
    folder = agent.save(tmp_path / "agent")
    assert not any(name.startswith("best/") for name in read_state(folder)[1])  # the weights are the best ones
    again = SFT.load(folder, env=echo_venv(), validation_env=echo_venv(8))
    before = [x.detach().clone() for x in again.policy.parameters()]
    again.learn(progress=False)
    scores = [(stats["update"], stats["validation"]) for stats in again.history if "validation" in stats]
    assert [update for update, _ in scores] == [0, 4, 8, 8, 12, 16]  # its first one here is before it goes on
    assert again.best.score == max(score for _, score in scores[3:]) <= 1
    assert scores[-1][1] > scores[3][1] and not all(torch.equal(x, y) for x, y in zip(before, again.policy.parameters(), strict=True))


def test_what_was_learned_of_one_environment_is_not_used_in_another(tmp_path: Path) -> None:
    agent = soft_q(updates=1).learn(progress=False)
    folder = agent.save(tmp_path / "agent")
    held = {"replay": len(agent.replay), "steps": agent.steps, "level": agent.level}
    assert held["replay"] == 4 and held["steps"] == 1

    def kept(agent: SoftQ) -> dict[str, float]:
        return {"replay": len(agent.replay), "steps": agent.steps, "level": agent.level}

    same = SoftQ.load(folder)
    assert kept(same) == kept(SoftQ.load(folder, env=venv(metrics=True))) == held
    assert same.venv.get_state() == agent.venv.get_state()
    other = SoftQ.load(folder, env=venv(reward="10*token_f1", size=6))
    assert kept(other) == {"replay": 0, "steps": 0, "level": 0.0} and other.updates == 1
    other.learn(progress=False)
    assert other.updates == 2 and len(other.replay) == 4
    agent.set_env("TextClassify-v0")
    assert kept(agent) == {"replay": 0, "steps": 0, "level": 0.0}


def test_a_run_that_goes_on_keeps_what_it_knows(tmp_path: Path) -> None:
    learn_until(soft_q(updates=3, checkpoint_every=1, folder=str(tmp_path / "run")), 2)
    assert len(SoftQ.load(tmp_path / "run", env=venv(reward="10*token_f1")).replay) == 4


def test_a_new_run_elsewhere_forgets_the_scores_of_an_interrupted_one(tmp_path: Path) -> None:
    config = SFTConfig(batch_size=4, updates=8, validate_every=2, validation_episodes=4, checkpoint_every=4, folder=str(tmp_path / "run"))
    learn_until(SFT(tiny(), venv(reward="100*token_f1"), config=config), 5)
    saved = read_state(tmp_path / "run")[0]
    assert saved["run"] is not None and saved["best"][0] is not None

    shutil.copytree(tmp_path / "run", tmp_path / "kept")
    straight = SFT.load(tmp_path / "run")
    assert straight.best.score == saved["best"][0] and straight.learn(progress=False).best.score >= saved["best"][0]
    for given in ("load", "set_env"):
        other = venv(reward="token_f1 + length(goal=3)")
        shutil.rmtree(tmp_path / "run")
        shutil.copytree(tmp_path / "kept", tmp_path / "run")
        agent = SFT.load(tmp_path / "run", env=other if given == "load" else None)
        if given == "set_env":
            agent.set_env(other)
        agent.best.score = 1e6  # as of a reward of another size
        agent.learn(total_timesteps=60, progress=False)
        assert agent.best.score < 1e6
        assert any("validation" in stats for stats in agent.history if stats["update"] == 4 and "loss" not in stats)  # anew, at the start


def test_a_default_that_is_spelled_out_is_the_same_environment(tmp_path: Path) -> None:
    agent = SFT(tiny(), venv(), config=SFTConfig(batch_size=4, updates=1)).learn(progress=False)
    folder = agent.save(tmp_path / "agent")
    same = SFT.load(folder, env=venv(split="train", reward_timing="terminal", label_noise=agent.venv.unwrapped.task.options.label_noise))
    assert same._extra_state() == agent._extra_state() and agent._queue
    assert SFT.load(folder, env=venv(split="validation"))._queue == []


def test_a_moving_mean_is_of_one_environment() -> None:
    config = ReinforceConfig(baseline="moving_mean", episodes_per_update=8, updates=1)
    agent = Reinforce(echo_policy(), echo_venv(group_size=4), config=config).learn(progress=False)
    assert agent.past_mean is not None
    agent.set_env(echo_venv(group_size=4, reward=tenfold))
    assert agent.past_mean is None


def test_labels_are_counted_data_set_by_data_set(tmp_path: Path) -> None:
    agent = SFT(echo_policy(), echo_venv(dataset=EXAMPLES[:4]), config=SFTConfig(batch_size=4, updates=1)).learn(progress=False)
    agent.set_env(echo_venv(dataset=EXAMPLES[4:]))
    assert agent.used["labels"] == 4
    agent.learn(progress=False)
    assert agent.used["labels"] == 8
    agent.set_env(echo_venv(8, dataset=EXAMPLES[:4]))
    assert agent.learn(progress=False).used["labels"] == 8
    again = SFT.load(agent.save(tmp_path / "agent"), env=echo_venv(8, dataset=EXAMPLES[:4]))
    assert again.used == agent.used
    again.set_env(echo_venv(dataset=EXAMPLES[4:]))
    assert again.learn(progress=False).used["labels"] == 8


def test_labels_in_older_checkpoints_are_those_of_their_environment(tmp_path: Path) -> None:
    agent = SFT(echo_policy(), echo_venv(), config=SFTConfig(batch_size=4, updates=1)).learn(progress=False)
    folder = agent.save(tmp_path / "agent")
    state, tensors = read_state(folder)
    (indices,) = state["labels"].values()
    del state["policy"]["actions"]
    write_state(folder, {**state, "labels": indices}, tensors)
    again = SFT.load(folder, env=echo_venv())
    assert again.used == agent.used == {"labels": 4, "reward_calls": 0}
    assert again.learn(progress=False).used["labels"] == 8


def test_another_environment_is_validated_before_training() -> None:
    config = SFTConfig(batch_size=4, updates=2, validate_every=1, validation_episodes=4)
    agent = SFT(echo_policy(), echo_venv(), config=config, validation_env=echo_venv(8)).learn(progress=False)
    agent.learn(progress=False)  # here nothing is new
    agent.set_env(echo_venv(dataset=EXAMPLES[:4]))
    agent.learn(progress=False)
    assert [stats["update"] for stats in agent.history if "validation" in stats] == [0, 1, 2, 3, 4, 4, 5, 6]


def test_policy_reference_and_target_have_the_environments_actions() -> None:
    policy = CausalLMPolicy(random_model())  # 61 tokens, and the environment has 11
    agent = GRPO(policy, config=GRPOConfig(episodes_per_update=8, group_size=4, num_envs=8))
    assert policy.num_actions == agent.reference.num_actions == 61
    agent.set_env(echo_venv(group_size=4))
    assert policy.num_actions == agent.reference.num_actions == 11
    assert agent.update()["kl"] == pytest.approx(0.0, abs=1e-5)
    learner = SoftQ(CausalLMPolicy(random_model()), config=SoftQConfig(episodes_per_update=8, batch_size=8))
    learner.set_env(echo_venv())
    assert learner.target is not None
    assert learner.policy.num_actions == learner.reference.num_actions == learner.target.policy.num_actions == 11


def test_an_agent_predicts_actions_of_its_environment_also_when_loaded_without_it(tmp_path: Path) -> None:
    agent = SFT(CausalLMPolicy(random_model()), echo_venv(), config=SFTConfig(batch_size=4, updates=1)).learn(progress=False)
    loaded = SFT.load(agent.save(tmp_path / "agent"))
    assert loaded.venv is None
    obs, _ = echo_venv(200).reset(seed=0)
    for each in (agent, loaded):
        assert each.policy.num_actions == 11 and int(np.max(each.predict(obs)[0])) < 11


def test_all_texts_that_the_reward_scores_are_counted() -> None:
    scored: list[Sample] = []

    def count(batch: Sequence[Sample]) -> list[float]:
        scored.extend(batch)
        return first_letter(batch)

    config = ReinforceConfig(episodes_per_update=8, updates=2)
    for timing in ("terminal", "delta"):
        scored.clear()
        agent = Reinforce(echo_policy(), echo_venv(4, group_size=4, reward=count, reward_timing=timing), config=config)
        agent.learn(progress=False)
        assert agent.used["reward_calls"] == len(scored) and (len(scored) == 16) == (timing == "terminal")
    agent = Reinforce(CausalLMPolicy(random_model()), TokenRows(4, group_size=4), config=config).learn(progress=False)
    assert agent.used["reward_calls"] == 16  # an environment that does not count: its answers


def test_checkpoints_are_json(tmp_path: Path) -> None:
    folder = soft_q(updates=1).learn(progress=False).save(tmp_path / "agent")
    state = json.loads((folder / "agent.json").read_text("utf-8"))
    assert state["env"]["group_size"] == 1 and [len(labels) for labels in state["labels"].values()] == [4]
