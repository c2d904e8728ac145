"""Agents that do not learn: random tokens, and a task's heuristic and oracle answers played token by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokengym._registry import unknown

__all__ = ["BASELINES", "RandomAgent", "ScriptedAgent", "make_baseline"]

BASELINES = ("random", "heuristic", "oracle")


class RandomAgent:
    """Every token that is allowed is equally likely, the end-of-sequence token included. Anchors normalized scores at 0.

    Args:
        tokens: size of the action space.
        seed: of its own generator.
    """

    def __init__(self, tokens: int, seed: int = 0) -> None:
        self._tokens = tokens
        self._rng = np.random.default_rng(np.random.SeedSequence([seed, 0x52414E44]))

    def predict(
        self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False, action_masks: Any = None
    ) -> tuple[NDArray[np.int64], Any]:
        """Random tokens (N,), also when ``deterministic``; of those that ``action_masks`` (N, V) allow, where it is given."""
        rows = len(obs["attention_mask"])
        if action_masks is None:
            return self._rng.integers(self._tokens, size=rows), state
        allowed = [np.flatnonzero(mask) for mask in np.asarray(action_masks)]
        return np.array([tokens[self._rng.integers(len(tokens))] for tokens in allowed], dtype=np.int64), state


class ScriptedAgent:
    """Plays the answer that a function gives for the row's example, then the end-of-sequence token; of several turns, each line as one.

    Args:
        venv: the vector environment that it will play; its rules and examples are read.
        answer: from an Example to the text of the answer.
    """

    def __init__(self, venv: Any, answer: Callable[[Any], str]) -> None:
        self._venv = venv
        self._answer = answer
        self._scripts: list[list[int]] = [[] for _ in range(venv.num_envs)]

    def begin(self, rows: NDArray[np.int64], indices: NDArray[np.int64]) -> None:
        """Writes the scripts of rows that have just begun an episode."""
        engine = self._venv.engine
        for row, index in zip(rows.tolist(), indices.tolist(), strict=True):
            prompt = engine.book[index]
            self._scripts[row] = engine.encode(prompt, self._answer(prompt.example).strip())

    def predict(self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False) -> tuple[NDArray[np.int64], Any]:
        """The next token (N,) of each row's script; the mask of emitted tokens tells where it stands."""
        places = np.asarray(obs["completion_mask"]).sum(axis=-1)  # (N,)
        end = self._venv.tokenizer.eos_token_id
        actions = [script[place] if place < len(script) else end for script, place in zip(self._scripts, places.tolist(), strict=True)]
        return np.asarray(actions, dtype=np.int64), state


def make_baseline(name: str, venv: Any, seed: int = 0) -> RandomAgent | ScriptedAgent:
    """The baseline called ``name`` for the vector environment ``venv``.

    Raises:
        ValueError: not one of ``BASELINES``.
    """
    if name == "random":
        return RandomAgent(int(venv.single_action_space.n), seed)
    if name == "heuristic":
        return ScriptedAgent(venv, venv.task.heuristic)
    if name == "oracle":
        return ScriptedAgent(venv, venv.task.oracle)
    raise unknown("baseline", name, BASELINES)
