"""What agents and policies refuse at once of what they were given."""

from __future__ import annotations

import pytest
import torch

from tests.text_rows import random_model
from tokengym.agents import PPO, CausalLMPolicy, PPOConfig
from tokengym.agents.given import find_device


def test_agents_say_what_they_take() -> None:
    policy = CausalLMPolicy(random_model())
    with pytest.raises(TypeError, match=r"policy='builtin:tiny' is a str; PPO takes a policy: CausalLMPolicy.from_pretrained\('builtin:ti"):
        PPO("builtin:tiny", "TextQA-v0")
    with pytest.raises(TypeError, match=r"policy is a LlamaForCausalLM; PPO takes a CausalLMPolicy: .* CausalLMPolicy\(model\)"):
        PPO(random_model())
    with pytest.raises(TypeError, match="seed='x' is a str; expected a whole number"):
        PPO(policy, seed="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="config is a dict; PPO takes a PPOConfig"):
        PPO(policy, config={"epochs": 3})
    assert PPO(policy, config=PPOConfig(), seed=3).seed == 3


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("cpu") == "cpu"
    assert find_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="device='gpu0': this torch sees .*; use 'auto' or 'cpu'"):
        find_device("gpu0")
    with pytest.raises(ValueError, match="device='cuda:99': this torch sees"):
        CausalLMPolicy.from_pretrained("builtin:tiny", device="cuda:99")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="device='cuda': this torch sees no GPU; use 'auto' or 'cpu'"):
        CausalLMPolicy.from_pretrained("builtin:tiny", device="cuda")
