"""Numbers that are not finite stop a run before they reach the weights; what is saved then goes on, with a history that JSON can hold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.echo import echo_policy, echo_venv
from tokengym.agents import PPO, PPOConfig, load_agent
from tokengym.agents.rollout import Rollout


class Poisoned(PPO):
    """Its fifth step has a gradient that is not a number."""

    steps = 0

    def backward(self, *arguments: Any) -> dict[str, float]:
        stats = super().backward(*arguments)
        self.steps += 1
        if self.steps == 5:
            self.policy.model.lm_head.weight.grad[0, 0] = float("nan")
        return stats

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        return {**super().learn_from(rollout), "odd": math.nan}


def test_the_run_stops_with_the_state_from_before_the_step(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config = PPOConfig(episodes_per_update=16, epochs=2, updates=6, folder=str(folder))
    agent = Poisoned(echo_policy(), echo_venv(group_size=4), config=config)
    weights: dict[int, dict[str, torch.Tensor]] = {}
    step = agent._step

    def watched() -> float:
        weights[agent.steps] = {name: x.detach().clone() for name, x in agent.policy.named_parameters()}
        return step()

    agent._step = watched  # type: ignore[method-assign]
    with pytest.raises(FloatingPointError) as error:
        agent.learn(progress=False)
    text = str(error.value)
    assert text.startswith("update 3: the gradient's norm is nan")
    assert "model.lm_head.weight" in text and f"The run is kept in {folder}" in text and "load_agent" in text
    again = load_agent(folder, env=echo_venv(group_size=4))
    assert again.updates == 2 and len(again.history) == 2 and math.isnan(again.history[0]["odd"])
    assert "NaN" not in (folder / "agent.json").read_text(encoding="utf-8")
    json.loads((folder / "agent.json").read_text(encoding="utf-8"))
    for name, x in again.policy.named_parameters():
        assert torch.equal(x, weights[5][name])  # what four steps had made of them
    again.learn(progress=False)
    assert again.updates == 6
