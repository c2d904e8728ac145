"""Policies and learning: causal language models that act token by token, and the algorithms that train them.

Names are imported when they are first asked for, so that importing this package loads neither torch nor transformers.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokengym._registry import Registry

if TYPE_CHECKING:
    from tokengym.agents.base import Agent
    from tokengym.agents.config import AgentConfig
    from tokengym.agents.dpo import DPO, DPOConfig
    from tokengym.agents.expert_iteration import ExpertIteration, ExpertIterationConfig
    from tokengym.agents.grpo import GRPO, GRPOConfig
    from tokengym.agents.lora import LoRA
    from tokengym.agents.policy import CausalLMPolicy, PolicyOutput
    from tokengym.agents.ppo import PPO, PPOConfig
    from tokengym.agents.reinforce import Reinforce, ReinforceConfig
    from tokengym.agents.rollout import Rollout, RolloutEngine
    from tokengym.agents.sampling import Sampling
    from tokengym.agents.sb3 import TextFeatures
    from tokengym.agents.sb3_policy import CausalLMActorCritic, MaskableCausalLMActorCritic
    from tokengym.agents.sb3_venv import SB3VecEnv
    from tokengym.agents.sft import SFT, SFTConfig
    from tokengym.agents.soft_q import SoftQ, SoftQConfig

__all__ = [
    "AGENTS",
    "Agent",
    "AgentConfig",
    "CausalLMActorCritic",
    "CausalLMPolicy",
    "DPO",
    "DPOConfig",
    "ExpertIteration",
    "ExpertIterationConfig",
    "GRPO",
    "GRPOConfig",
    "LoRA",
    "MaskableCausalLMActorCritic",
    "PPO",
    "PPOConfig",
    "PolicyOutput",
    "Reinforce",
    "ReinforceConfig",
    "Rollout",
    "RolloutEngine",
    "SB3VecEnv",
    "SFT",
    "SFTConfig",
    "Sampling",
    "SoftQ",
    "SoftQConfig",
    "TextFeatures",
    "load_agent",
]

AGENTS: Registry[Any] = Registry(
    "agent",
    {
        "sft": "tokengym.agents.sft:SFT",
        "reinforce": "tokengym.agents.reinforce:Reinforce",
        "grpo": "tokengym.agents.grpo:GRPO",
        "ppo": "tokengym.agents.ppo:PPO",
        "soft_q": "tokengym.agents.soft_q:SoftQ",
        "expert_iteration": "tokengym.agents.expert_iteration:ExpertIteration",
        "dpo": "tokengym.agents.dpo:DPO",
    },
    hint="A class of your own is named my_module:MyAgent.",
)

_PLACES = {
    "Agent": "base",
    "AgentConfig": "config",
    "CausalLMActorCritic": "sb3_policy",
    "CausalLMPolicy": "policy",
    "DPO": "dpo",
    "DPOConfig": "dpo",
    "ExpertIteration": "expert_iteration",
    "ExpertIterationConfig": "expert_iteration",
    "GRPO": "grpo",
    "GRPOConfig": "grpo",
    "LoRA": "lora",
    "MaskableCausalLMActorCritic": "sb3_policy",
    "PPO": "ppo",
    "PPOConfig": "ppo",
    "PolicyOutput": "policy",
    "Reinforce": "reinforce",
    "ReinforceConfig": "reinforce",
    "Rollout": "rollout",
    "RolloutEngine": "rollout",
    "SB3VecEnv": "sb3_venv",
    "SFT": "sft",
    "SFTConfig": "sft",
    "Sampling": "sampling",
    "SoftQ": "soft_q",
    "SoftQConfig": "soft_q",
    "TextFeatures": "sb3",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def load_agent(folder: str | Path, env: Any = None, policy: Any = None, validation_env: Any = None) -> Any:
    """The agent that was saved in ``folder``, of whichever kind it is; see :meth:`tokengym.agents.Agent.load`."""
    from tokengym.agents.checkpoint import find_folder, read_state

    kind = read_state(find_folder(folder))[0]["agent"]
    return AGENTS.find(kind).load(folder, env=env, policy=policy, validation_env=validation_env)
