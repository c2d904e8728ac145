"""Sampling at another temperature than 1 through a policy's ``predict``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["Tempered", "tempered"]


@dataclass(frozen=True)
class Tempered:
    """Stands where a :class:`~tokengym.agents.sampling.Sampling` does, and cuts nothing."""

    temperature: float  # divides the logits

    def cut(self, logits: Tensor) -> Tensor:
        """Logits (R, V) at this temperature."""
        return logits / self.temperature


def tempered(options: Mapping[str, Any], temperature: float) -> dict[str, Any]:
    """The options of a policy's ``predict``, which sample at ``temperature`` where they do not say otherwise."""
    told = temperature == 1 or options.get("sampling") is not None
    return dict(options) if told else {**options, "sampling": Tempered(temperature)}
