"""A target network: a frozen copy of the policy that follows it slowly, or by jumps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.lora import in_adapter

__all__ = ["TargetNetwork"]


class TargetNetwork:
    """A frozen copy of a policy, value head included; under LoRA a second frozen adapter on the same base.

    Args:
        policy: what is followed.

    Attributes:
        policy: the copy; it is called as the policy is.
    """

    def __init__(self, policy: Any) -> None:
        self.policy = policy.reference()
        adapter = getattr(self.policy, "_adapter", None)
        mine = dict(self.policy.named_parameters())
        self._pairs = {
            name: (mine[name if adapter is None else in_adapter(name, adapter)], learning)
            for name, learning in policy.named_parameters()
            if learning.requires_grad
        }

    @torch.no_grad()
    def follow(self, rate: float) -> None:
        """Moves each weight by the share ``rate`` of the way to the policy's (Polyak averaging); 1.0 copies it."""
        for mine, learning in self._pairs.values():
            mine.lerp_(learning, rate)

    def tensors(self) -> dict[str, Tensor]:
        """The copy's weights, by the names that they have in the policy; for a checkpoint."""
        return {name: mine.detach() for name, (mine, _) in self._pairs.items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what :meth:`tensors` gave."""
        for name, (mine, _) in self._pairs.items():
            mine.copy_(tensors[name])
