"""The greedy episodes of validation: the same ones each time, by one engine where another would have to record its steps anew."""

from __future__ import annotations

from typing import Any

from tokengym.agents.rollout import Rollout, RolloutEngine

__all__ = ["GreedyPlayer"]


class GreedyPlayer:
    """Plays the first episodes of a vector env, greedily.

    An engine with recordings (on CUDA) is kept from call to call, with its cache; on a CPU a new one costs nothing and no memory is held.
    """

    def __init__(self) -> None:
        self._engine: RolloutEngine | None = None

    def play(self, policy: Any, venv: Any, episodes: int, temperature: float) -> Rollout:
        """The first ``episodes`` episodes of ``venv``, from its reset with seed 0 on; arguments as of :class:`RolloutEngine`."""
        engine = self._engine
        if engine is None or engine.policy is not policy or engine.venv is not venv:
            self._engine = engine = None  # its cache goes before another one comes
            engine = RolloutEngine(policy, venv, seed=0, values=False)
        engine.temperature, engine.collections = temperature, 0
        rollout = engine.collect(episodes, deterministic=True)
        self._engine = engine if engine.recorded else None
        return rollout
