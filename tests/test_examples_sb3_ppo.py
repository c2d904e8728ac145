"""The example with Stable-Baselines3's PPO plays and learns in a benchmark's environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import torch

import tokengym  # noqa: F401  (registers the ids)
from tests.tiny_model import save_tiny_model
from tokengym.benchmarks.evaluate import evaluate
from tokengym.benchmarks.players import outside_agent


def test_it_learns_and_is_evaluated(tmp_path: Path) -> None:
    name = save_tiny_model(tmp_path / "model")
    kwargs: dict[str, Any] = {"deal": "shared", "size": 16, "max_new_tokens": 4, "reward": "length(goal=3)", "tokenizer": name}
    train = gymnasium.make_vec("TextSumm-v0", num_envs=4, metrics=False, **kwargs)
    agent = outside_agent("examples.sb3_ppo:SB3PPO", env=train, model=name, seed=3, env_id="TextSumm-v0")
    before = [x.detach().clone() for x in agent.ppo.policy.parameters()]
    agent.learn(256)
    assert agent.num_timesteps == 256 and agent.used == {"labels": 0, "reward_calls": 64}
    assert any(not torch.equal(x, y) for x, y in zip(agent.ppo.policy.parameters(), before, strict=True))
    found = evaluate(agent, gymnasium.make_vec("TextSumm-v0", num_envs=3, split="test", **kwargs), 8)
    assert len(found.rewards) == 8
