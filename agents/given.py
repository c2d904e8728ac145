"""What an agent and a policy refuse at once of what they were given: another kind of policy or seed, a device that is not there."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch
from transformers import PreTrainedModel

__all__ = ["check_given", "find_device"]


def check_given(agent: Any, policy: Any, config: Any, seed: Any) -> None:
    """Raises TypeError where an agent was given a policy, options or a seed of another kind."""
    kind = type(agent).__name__
    if isinstance(policy, str):
        raise TypeError(f"policy={policy!r} is a str; {kind} takes a policy: CausalLMPolicy.from_pretrained({policy!r})")
    if isinstance(policy, PreTrainedModel) or not hasattr(policy, "named_parameters"):
        raise TypeError(
            f"policy is a {type(policy).__name__}; {kind} takes a CausalLMPolicy: CausalLMPolicy.from_pretrained(name), "
            "or CausalLMPolicy(model) of a transformers model"
        )
    if not isinstance(config, agent.Config):
        raise TypeError(f"config is a {type(config).__name__}; {kind} takes a {agent.Config.__name__}")
    if not isinstance(seed, Integral):
        raise TypeError(f"seed={seed!r} is a {type(seed).__name__}; expected a whole number")


def find_device(name: str) -> str:
    """The torch device called ``name``; for "auto" CUDA where there is one, else the CPU.

    Raises:
        ValueError: torch knows no such device, or has none of the kind here.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if gpus else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # an unknown name; a torch that was built without the kind, or finds none
        seen, further = (f"{gpus} GPU{'s' * (gpus > 1)}", ", 'cuda' or 'cuda:0'") if gpus else ("no GPU", "")
        raise ValueError(f"device={name!r}: this torch sees {seen}; use 'auto' or 'cpu'{further}") from error
    return name
