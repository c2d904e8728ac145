"""An agent predicts at the temperature that it learns at."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.echo import echo_policy, echo_venv
from tokengym.agents import Reinforce, ReinforceConfig, Sampling
from tokengym.agents.tempered import Tempered


def test_a_temperature_divides_the_logits() -> None:
    assert Tempered(0.5).cut(torch.tensor([[1.0, -2.0]])).tolist() == [[2.0, -4.0]]


def test_an_agent_predicts_at_its_temperature_unless_told_otherwise() -> None:
    policy = echo_policy()
    obs, _ = echo_venv(1).reset(seed=0)
    rows = {name: np.repeat(x, 2000, axis=0) for name, x in obs.items()}
    length = int(obs["attention_mask"].sum())
    with torch.no_grad():
        logits = policy.model(torch.as_tensor(obs["input_ids"][:, :length]).long()).logits[0, -1]

    def shares(temperature: float, **options: Any) -> torch.Tensor:
        agent = Reinforce(policy, config=ReinforceConfig(temperature=temperature))
        return torch.bincount(torch.as_tensor(agent.predict(rows, **options)[0]), minlength=11) / 2000

    for temperature in (0.3, 1.0, 3.0):
        torch.testing.assert_close(shares(temperature), (logits / temperature).softmax(0), atol=0.04, rtol=0)
    assert float((logits / 0.3).softmax(0).max()) > float(logits.softmax(0).max()) + 0.1  # so that the above can tell them apart
    torch.testing.assert_close(shares(0.3, sampling=Sampling()), logits.softmax(0), atol=0.04, rtol=0)
    assert shares(0.3, deterministic=True).max() == 1.0
