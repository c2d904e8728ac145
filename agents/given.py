"""What an agent and a policy refuse at once of what they were given: another kind of policy or seed, options that mean nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel

__all__ = ["check_given", "check_options", "find_device"]


class _Range(NamedTuple):
    """What an option may be, in words and as a test, and what to do instead."""

    words: str
    fits: Callable[[float], bool]
    remedy: str = ""


_NOT_NEGATIVE = _Range("0 or more", lambda x: x >= 0)
_COUNT = _Range("1 or more", lambda x: x >= 1)
_ABOVE_0 = _Range("a number above 0", lambda x: x > 0)
_SHARE = _Range("0 to 1", lambda x: 0 <= x <= 1)
_DECAY = _Range("0 up to, but not, 1", lambda x: 0 <= x < 1)

_RANGES: Mapping[str, _Range] = {
    "num_envs": _COUNT,
    "updates": _NOT_NEGATIVE._replace(remedy="0 leaves it to total_timesteps"),
    "weight_decay": _NOT_NEGATIVE,
    "adam_eps": _NOT_NEGATIVE,
    "adam_beta1": _DECAY,
    "adam_beta2": _DECAY,
    "momentum": _NOT_NEGATIVE,
    "max_grad_norm": _ABOVE_0._replace(remedy="math.inf (on a command line: inf) leaves gradients as they are"),
    "micro_batch_tokens": _COUNT,
    "validate_every": _NOT_NEGATIVE._replace(remedy="0 never validates"),
    "patience": _NOT_NEGATIVE._replace(remedy="0 never stops early"),
    "samples": _NOT_NEGATIVE,
    "checkpoint_every": _NOT_NEGATIVE._replace(remedy="0 keeps the end only"),
    "examples": _NOT_NEGATIVE._replace(remedy="0 takes all"),
    "epochs": _NOT_NEGATIVE,
    "episodes_per_update": _COUNT,
    "lam": _SHARE,
    "lam_critic": _SHARE._replace(remedy="None takes lam"),
    "clip_low": _NOT_NEGATIVE,
    "clip_high": _NOT_NEGATIVE,
    "value_clip": _ABOVE_0._replace(remedy="None lets values move as far as they like"),
    "value_coefficient": _NOT_NEGATIVE,
    "kl_beta": _NOT_NEGATIVE._replace(remedy="0 runs no reference model"),
}
"""What options may be, by name, of whatever agent has them; an agent's constructor adds what is its own."""


def check_given(agent: Any, policy: Any, config: Any, seed: Any) -> None:
    """What the constructor of every agent asks.

    Raises:
        TypeError: a policy, options or a seed of another kind.
        ValueError: an option, or the seed, out of its range.
    """
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
    if not isinstance(seed, int):
        remedy = ": int(seed)" if isinstance(seed, Integral) else ""  # numpy's, which torch and JSON do not take
        raise TypeError(f"seed={seed!r} is a {type(seed).__name__}; expected a whole number{remedy}")
    if seed < 0:
        raise ValueError(f"seed={seed}; expected 0 or more")
    check_options(config)


def check_options(config: Any) -> None:
    """Looks at the options of a config (:class:`~tokengym.agents.config.AgentConfig`).

    Raises:
        TypeError: text, or a fraction, where a number, or a whole number, is expected.
        ValueError: out of its range, or an option that would do nothing.
    """
    for field in fields(config):
        name, value = field.name, getattr(config, field.name)
        if field.type in ("int", int) and not isinstance(value, Integral):
            raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number")
        if name not in _RANGES or (value is None and "None" in str(field.type)):
            continue
        if not isinstance(value, Real):
            raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number")
        words, fits, remedy = _RANGES[name]
        if not fits(float(value)):
            raise ValueError(f"{name}={value}; expected {words}{remedy and f' ({remedy})'}")
    if config.validate_every and config.validation_episodes < 1:
        raise ValueError(f"validation_episodes={config.validation_episodes}; expected 1 or more (validate_every=0 never validates)")
    if config.patience and not config.validate_every:
        warnings.warn(
            f"patience={config.patience} counts validations, and validate_every=0 makes none, so nothing stops early; "
            "give validate_every a number of updates",
            stacklevel=4,
        )


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
