"""Stable-Baselines3 on our environments, through the features extractor."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

import tokengym  # noqa: F401  (registers the ids)
from tokengym.agents import SB3VecEnv
from tokengym.agents.sb3 import TextFeatures


def test_ppo_learns_4096_steps_on_text_qa_and_evaluates() -> None:
    env = gymnasium.make("TextQA-v0", size=64, metrics=False)
    model = PPO(
        "MultiInputPolicy",
        env,
        n_steps=1024,
        batch_size=256,
        n_epochs=1,
        policy_kwargs={"features_extractor_class": TextFeatures, "net_arch": []},
        seed=0,
        device="cpu",
    )
    start = [x.detach().clone() for x in model.policy.features_extractor.parameters()]
    model.learn(4096)
    assert model.num_timesteps == 4096
    assert all(not torch.equal(x, y) for x, y in zip(start, model.policy.features_extractor.parameters(), strict=True))
    mean, _ = evaluate_policy(model, Monitor(gymnasium.make("TextQA-v0", split="test", size=8, metrics=False)), n_eval_episodes=4)
    assert isinstance(mean, float) and 0.0 <= mean <= 1.0


def features(ids: list[int], written: int, width: int = 12, junk: int = 0) -> torch.Tensor:
    space = gymnasium.spaces.Dict(
        {
            "input_ids": gymnasium.spaces.Box(0, 9, (width,), np.int32),
            "attention_mask": gymnasium.spaces.MultiBinary(width),
            "completion_mask": gymnasium.spaces.MultiBinary(width),
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        extractor = TextFeatures(space, features_dim=16)
    row = torch.full((1, width), float(junk))
    row[0, : len(ids)] = torch.tensor(ids, dtype=torch.float32)
    mask, done = torch.zeros(1, width), torch.zeros(1, width)
    mask[0, : len(ids)], done[0, len(ids) - written : len(ids)] = 1, 1
    with torch.no_grad():
        found: torch.Tensor = extractor({"input_ids": row, "attention_mask": mask, "completion_mask": done})
    assert found.shape == (1, 16)
    return found


def test_features_see_tokens_order_and_what_is_written_but_no_padding() -> None:
    base = features([1, 4, 5, 6], written=1)
    assert torch.equal(base, features([1, 4, 5, 6], written=1, junk=9))
    assert not torch.allclose(base, features([1, 5, 4, 6], written=1))  # the order of the latest tokens
    assert not torch.allclose(base, features([1, 4, 5, 6], written=2))
    assert features([1], written=0).isfinite().all()


def test_another_space_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a Dict with input_ids"):
        TextFeatures(gymnasium.spaces.Dict({"pixels": gymnasium.spaces.Box(0, 1, (3,))}))


@pytest.mark.parametrize(
    ("kind", "env", "options"),
    [
        (A2C, "TextQA-v0", {}),
        (DQN, "TextQA-v0", {"learning_starts": 8, "buffer_size": 64}),
        (MaskablePPO, "TextClassify-v0", {"n_steps": 8, "batch_size": 16, "n_epochs": 1}),
    ],
)
@pytest.mark.parametrize("rows", [0, 2])
def test_the_other_algorithms_run_on_one_environment_and_on_native_rows(kind: Any, env: str, options: dict[str, Any], rows: int) -> None:
    kwargs: dict[str, Any] = {"size": 8, "metrics": False, **({"constrained": True} if kind is MaskablePPO else {})}
    made = SB3VecEnv(env, num_envs=rows, **kwargs) if rows else gymnasium.make(env, **kwargs)
    features = {"features_extractor_class": TextFeatures, "net_arch": []}
    model = kind("MultiInputPolicy", made, policy_kwargs=features, seed=0, device="cpu", **options)
    start = [x.detach().clone() for x in model.policy.parameters()]
    model.learn(32)
    assert model.num_timesteps >= 32
    assert any(not torch.equal(x, y) for x, y in zip(start, model.policy.parameters(), strict=True))
