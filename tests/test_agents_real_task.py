"""Soft Q-learning, expert iteration and DPO on a task of the builtin world: a short run beats the imitation that it starts from."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest

import tokengym  # noqa: F401
from tokengym.agents import AGENTS, SFT, CausalLMPolicy, RolloutEngine, SFTConfig

ENV = "TextClassify-v0"


def held_out(policy: Any) -> float:
    """Mean reward of sampled answers to 128 held-out examples, always the same."""
    venv = gymnasium.make_vec(ENV, num_envs=64, deal="shared", split="validation", order="sequential", metrics=False)
    return float(RolloutEngine(policy, venv, seed=1).collect(128).scores.mean())


@pytest.fixture(scope="module")
def start() -> Any:
    """builtin:tiny after a little imitation."""
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    SFT(policy, ENV, config=SFTConfig(learning_rate=1e-3), seed=0).learn(1500, progress=False)
    return policy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "budget", "options"),
    [
        ("soft_q", 4000, {"learning_rate": 3e-4}),
        ("expert_iteration", 5000, {"learning_rate": 1e-3}),
        ("dpo", 5000, {"learning_rate": 1e-4}),
    ],
)
def test_a_short_run_beats_the_imitation_it_starts_from(name: str, budget: int, options: dict[str, Any], start: Any) -> None:
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    policy.load_state_dict(start.state_dict())
    before = held_out(policy)
    kind = AGENTS.find(name)
    agent = kind(policy, ENV, config=kind.Config(**options), seed=0).learn(budget, progress=False)
    after = held_out(policy)
    print(f"{name}: {before:.3f} -> {after:.3f}, {agent.seconds:.0f} s, {agent.used}")
    assert before < 0.2 and after > before + 0.1  # two standard errors of the difference are 0.1
