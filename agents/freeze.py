"""Which parts of a policy learn: names, globs and ranges of layers in place of a list of tensors."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.config import AgentConfig
from tokengym.agents.lora import is_trained
from tokengym.agents.recompute import recompute_layers

__all__ = ["make_ready", "set_trained", "train_only"]

_RANGE = re.compile(r"(\d+)-(\d+)")
_VALUE_HEAD = "value_head."


def train_only(policy: Any, patterns: str) -> None:
    """Freezes what no pattern names, and has the rest learn; the value head, which belongs to no language model, always learns.

    A pattern is a run of the parts between the dots of a parameter's name: "lm_head", "layers.28-29" (both ends count), "mlp",
    "layers.*.self_attn.?_proj". Under LoRA only adapters can learn, so patterns choose among them.

    Args:
        policy: a :class:`~tokengym.agents.CausalLMPolicy`, or any module.
        patterns: with commas between them.
    Raises:
        ValueError: a pattern names nothing; the message lists what there is.
    """
    names: dict[str, Tensor] = dict(policy.named_parameters(remove_duplicate=False))
    if getattr(policy, "lora", None) is not None:
        names = {name: x for name, x in names.items() if is_trained(name) or name.startswith(_VALUE_HEAD)}
    chosen: set[str] = set()
    for pattern in (part.strip() for part in patterns.split(",")):
        found = {name for name in names if _matches(pattern.split("."), name.split("."))}
        if not found:
            raise unknown("part of the model (train_only)", pattern, _places(names))
        chosen |= found
    _tell_of_ties(names, chosen)
    learning = {id(names[name]) for name in chosen} | {id(x) for name, x in names.items() if name.startswith(_VALUE_HEAD)}
    for parameter in policy.parameters():
        parameter.requires_grad_(id(parameter) in learning)


def make_ready(policy: Any, config: AgentConfig) -> None:
    """Has the parts of ``policy`` learn that ``config`` names, and its layers recompute themselves where it says so; twice is as once."""
    if config.train_only:
        train_only(policy, config.train_only)
    if config.gradient_checkpointing:
        recompute_layers(policy)


def set_trained(policy: Any, names: Iterable[str]) -> None:
    """Has exactly the parameters of these names learn, as a checkpoint lists them.

    Raises:
        ValueError: the policy lacks some of them, so that their saved weights would be lost.
    """
    wanted = set(names)
    missing = sorted(wanted - {name for name, _ in policy.named_parameters()})
    if missing:
        here = "adapters (lora=...)" if getattr(policy, "lora", None) is not None else "no adapters"
        raise ValueError(
            f"the checkpoint holds {len(wanted)} trained tensors and this policy, with {here}, lacks {len(missing)} of them, "
            f"the first {missing[0]!r}; give a policy made as the saved one was (the same model, with LoRA or without), or none"
        )
    for name, parameter in policy.named_parameters():
        parameter.requires_grad_(name in wanted)


def _matches(pattern: list[str], name: list[str]) -> bool:
    """Whether the parts of a pattern stand somewhere in the name, one after the other."""
    width = len(pattern)
    return any(all(map(_fits, pattern, name[i : i + width])) for i in range(len(name) - width + 1))


def _fits(pattern: str, part: str) -> bool:
    ends = _RANGE.fullmatch(pattern)
    if ends is None:
        return fnmatchcase(part, pattern)
    return part.isdigit() and int(ends[1]) <= int(part) <= int(ends[2])


def _tell_of_ties(names: Mapping[str, Tensor], chosen: set[str]) -> None:
    """Warns where a chosen tensor has a second name that was not asked for: the output layer that is also the input embeddings."""
    tensors = {id(names[name]): name for name in sorted(chosen)}
    for name, x in names.items():
        if name not in chosen and id(x) in tensors:
            warnings.warn(f"{tensors[id(x)]} and {name} are one tensor in this model (tied): training one trains the other", stacklevel=4)


def _places(names: Iterable[str]) -> list[str]:
    """Module names with ranges in place of the numbers of their layers, so that a list of them stays short."""
    numbers: dict[str, list[int]] = {}
    for name in names:
        place = name.rpartition(".")[0] or name
        found = re.findall(r"(?<=\.)\d+(?=\.|$)", place)
        numbers.setdefault(re.sub(r"(?<=\.)\d+(?=\.|$)", "#", place, count=1), []).extend(map(int, found[:1]))
    return [place.replace("#", f"{min(n)}-{max(n)}") if (n := numbers[place]) else place for place in numbers]
