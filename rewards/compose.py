"""Rewards around a reward: a 0/1 form and a clipped one. (Sums and products are in :mod:`tokengym.rewards.base`.)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokengym.rewards.base import BaseReward, Reward, Sample, Values, as_reward, literal

__all__ = ["Clip", "Threshold"]

_SLACK = 1e-6  # by so much sums round and float32 embeddings of equal texts differ: 0.7*a + 0.2*b + 0.1*c is 0.9999999999999999 at best


class Threshold(BaseReward):
    """1.0 where the inner reward reaches ``at`` (within 1e-6), else 0.0. In the grammar: ``threshold(semantic, at=0.8)``.

    Range 0 to 1; the direction is the inner reward's: of an error rate, 1.0 is the bad side. Not valid where the inner reward is not.

    Args:
        reward: the inner reward.
        at: the lowest inner score that earns 1.0.
    Raises:
        ValueError: ``at`` is not a finite number.
    """

    def __init__(self, reward: Reward, *, at: float) -> None:
        self.reward = as_reward(reward)
        self.at = _finite("at", at)
        self.needs = self.reward.needs
        self.cost = self.reward.cost
        self.higher_is_better = self.reward.higher_is_better
        self.name = self.spec

    @property
    def spec(self) -> str:
        return f"threshold({self.reward.spec}, at={literal(self.at)})"

    def score(self, batch: Sequence[Sample]) -> Values:
        scores, _, valid = self.reward.explain(batch)
        return np.where(valid, (scores >= self.at - _SLACK).astype(np.float64), np.nan)


class Clip(BaseReward):
    """The inner reward, held between ``low`` and ``high``. In the grammar: ``clip(semantic, low=0, high=1)``.

    Range and direction are the inner reward's, the range cut to the bounds. Not valid where the inner reward is not.

    Args:
        reward: the inner reward.
        low: what lower scores become.
        high: what higher scores become.
    Raises:
        ValueError: a bound is not a finite number, or ``low`` is not below ``high``.
    """

    def __init__(self, reward: Reward, *, low: float = 0.0, high: float = 1.0) -> None:
        self.reward = as_reward(reward)
        self.low, self.high = _finite("low", low), _finite("high", high)
        if self.low >= self.high:
            raise ValueError(f"low={low} is not below high={high}")
        inner = self.reward.range
        self.range = (min(max(inner[0], self.low), self.high), min(max(inner[1], self.low), self.high))
        self.needs = self.reward.needs
        self.cost = self.reward.cost
        self.higher_is_better = self.reward.higher_is_better
        self.name = self.spec

    @property
    def spec(self) -> str:
        return f"clip({self.reward.spec}, low={literal(self.low)}, high={literal(self.high)})"

    def score(self, batch: Sequence[Sample]) -> Values:
        scores, _, valid = self.reward.explain(batch)
        return np.where(valid, np.clip(scores, self.low, self.high), np.nan)


def _finite(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise ValueError(f"{name}={value!r} is not a finite number")
    return float(value)
