"""What agents and policies refuse at once of what they were given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.echo import echo_policy, echo_venv
from tests.text_rows import random_model
from tokengym.agents import GRPO, PPO, SFT, CausalLMPolicy, DPOConfig, GRPOConfig, PPOConfig, ReinforceConfig, SFTConfig, SoftQConfig
from tokengym.agents.given import check_options, find_device


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
    with pytest.raises(TypeError, match=r"seed=.*3.* is a int64; expected a whole number: int\(seed\)"):
        PPO(policy, seed=np.arange(4)[3])
    with pytest.raises(ValueError, match="seed=-1; expected 0 or more"):
        PPO(policy, seed=-1)
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


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (PPOConfig(max_grad_norm=-1.0), r"max_grad_norm=-1.0; expected a number above 0 \(math.inf .* leaves gradients as they are\)"),
        (PPOConfig(max_grad_norm=0), "max_grad_norm=0; expected a number above 0"),
        (PPOConfig(lam=1.5), "lam=1.5; expected 0 to 1"),
        (PPOConfig(lam_critic=-1.0), r"lam_critic=-1.0; expected 0 to 1 \(None takes lam\)"),
        (PPOConfig(clip_low=-0.2), "clip_low=-0.2; expected 0 or more"),
        (GRPOConfig(clip_high=-0.2), "clip_high=-0.2; expected 0 or more"),
        (PPOConfig(value_clip=-0.2), r"value_clip=-0.2; expected a number above 0 \(None lets"),
        (ReinforceConfig(kl_beta=-0.1), r"kl_beta=-0.1; expected 0 or more \(0 runs no reference model\)"),
        (SoftQConfig(value_coefficient=-0.1), "value_coefficient=-0.1; expected 0 or more"),
        (PPOConfig(value_coefficient=math.nan), "value_coefficient=nan; expected 0 or more"),
        (SFTConfig(updates=-1), r"updates=-1; expected 0 or more \(0 leaves it to total_timesteps\)"),
        (SFTConfig(epochs=-1.0), "epochs=-1.0; expected 0 or more"),
        (SFTConfig(examples=-5), r"examples=-5; expected 0 or more \(0 takes all\)"),
        (SFTConfig(weight_decay=-1.0), "weight_decay=-1.0; expected 0 or more"),
        (SFTConfig(adam_beta1=1.0), "adam_beta1=1.0; expected 0 up to, but not, 1"),
        (SFTConfig(validate_every=1, validation_episodes=0), "validation_episodes=0; expected 1 or more"),
    ],
)
def test_options_out_of_their_range_are_refused(config: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_options(config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"updates": 1.5}, "updates=1.5 is a float; expected a whole number"),
        ({"batch_size": "16"}, "batch_size='16' is a str; expected a whole number"),
        ({"kl_beta": "0.1"}, "kl_beta='0.1' is a str; expected a number"),
        ({"max_grad_norm": None}, "max_grad_norm=None is a NoneType; expected a number"),
    ],
)
def test_options_of_another_kind_are_refused(options: dict[str, Any], message: str) -> None:
    kind: Any = PPOConfig if "kl_beta" in options else DPOConfig
    with pytest.raises(TypeError, match=message):
        check_options(kind(**options))


def test_options_that_do_nothing_are_no_error() -> None:
    """Checkpoints hold them."""
    check_options(SFTConfig(validation_episodes=0))
    with pytest.warns(UserWarning, match="patience=3 counts validations, and validate_every=0 makes none, so nothing stops early"):
        check_options(SFTConfig(patience=3))
    PPO(echo_policy(), config=PPOConfig(kl_target=0.0))
    for name in ("kl_target", "kl_horizon"):
        config = PPOConfig(kl_control="adaptive", **{name: 0})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=f"{name}=0.*the adaptive control expects numbers above 0"):
            PPO(echo_policy(), config=config)


def test_every_agent_asks() -> None:
    for kind, config in ((PPO, PPOConfig(max_grad_norm=0)), (GRPO, GRPOConfig(max_grad_norm=0)), (SFT, SFTConfig(max_grad_norm=0))):
        with pytest.raises(ValueError, match="max_grad_norm=0"):
            kind(echo_policy(), config=config)
    with pytest.raises(ValueError, match="gamma=1.5; expected 0 to 1"):
        PPO(echo_policy(), config=PPOConfig(gamma=1.5))
    for fine in (PPOConfig(), PPOConfig(value_clip=None, lam_critic=None, max_grad_norm=math.inf, clip_low=math.inf), SFTConfig()):
        check_options(fine)


def test_options_of_numpy_and_paths_can_be_saved_and_are_loaded(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "folder": tmp_path / "agent",
        "updates": np.int64(1),
        "batch_size": 4.0,
        "learning_rate": np.float32(0.5),
        "alarms": np.bool_(False),
    }
    config = SFTConfig(**given)
    agent = SFT(echo_policy(), echo_venv(), config=config).learn(progress=False)
    plain = SFTConfig(folder=str(tmp_path / "agent"), updates=1, batch_size=4, learning_rate=0.5, alarms=False)
    assert config == plain and [type(getattr(config, name)) for name in given] == [str, int, int, float, bool]
    assert SFT.load(tmp_path / "agent", env=echo_venv()).config == plain and agent.updates == 1
