"""Sampling at another temperature than 1 through a policy's ``predict``."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Tempered"]


@dataclass(frozen=True)
class Tempered:
    """Stands where a :class:`~tokengym.agents.sampling.Sampling` does, and cuts nothing."""

    temperature: float  # divides the logits

    def cut(self, logits: Tensor) -> Tensor:
        """Logits (R, V) at this temperature."""
        return logits / self.temperature
