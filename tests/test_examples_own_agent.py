"""The example of an own agent learns something, and keeps to its word."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import tokengym

FILE = Path(__file__).resolve().parent.parent / "examples" / "own_agent.py"


def _bigram(env: Any) -> Any:
    spec = importlib.util.spec_from_file_location("own_agent", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Bigram(env, seed=0)


def _mean_reward(venv: Any, predict: Any, episodes: int) -> float:
    obs, _ = venv.reset(seed=1, options={"episodes": episodes})
    total = 0.0
    while venv.active.any():
        obs, reward, _, _, _ = venv.step(predict(obs))
        total += float(reward.sum())
    return total / episodes


def test_counting_pairs_of_tokens_beats_random_tokens() -> None:
    assert tokengym.__version__
    keywords: dict[str, Any] = {"num_envs": 16, "deal": "shared", "reward": "rouge_1", "metrics": False}
    train = gymnasium.make_vec("TextSumm-v0", size=256, **keywords)
    test: Any = gymnasium.make_vec("TextSumm-v0", split="test", size=64, **keywords)
    agent = _bigram(train).learn(20_000)
    rng = np.random.default_rng(0)
    random = _mean_reward(test, lambda obs: rng.integers(test.tokenizer.vocab_size, size=16), 64)
    learned = _mean_reward(test, lambda obs: agent.predict(obs, deterministic=True)[0], 64)
    assert random < 0.05
    assert learned > random + 0.1
    sampled = _mean_reward(test, lambda obs: agent.predict(obs)[0], 64)
    assert sampled > random
