"""An agent of your own: a bigram model of the labels, in one class with ``learn`` and ``predict``.

In a benchmark's table, beside its anchors:

    tokengym bench --agents random oracle --agent examples.own_agent:Bigram --out results/mine
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bigram"]


class Bigram:
    """Says what most often followed the last token in the labels, among the tokens that the prompt holds and the end of sequence.

    Args:
        env: a vector environment of tokengym for training; its labels are all that is learned from.
        seed: of the draws of ``predict`` where it is not deterministic.
    """

    def __init__(self, env: Any, seed: int = 0) -> None:
        self._env = env
        self._rng = np.random.default_rng(seed)
        self._end = env.tokenizer.eos_token_id
        self._counts = np.zeros((env.tokenizer.vocab_size, env.tokenizer.vocab_size))  # (V, V), last token x next token
        self.used = {"labels": 0, "reward_calls": 0}  # what a table tells of the agent's cost
        self.timesteps = 0  # label tokens read

    def learn(self, total_timesteps: int) -> Bigram:
        """Counts pairs of tokens until ``total_timesteps`` label tokens are read or the labels are all read."""
        for start in range(0, len(self._env.examples), 64):
            batch = self._env.labelled(range(start, min(start + 64, len(self._env.examples))))
            self.used["labels"] += len(batch["input_ids"])
            ids, label = batch["input_ids"], batch["completion_mask"][:, 1:].astype(bool)  # (B, L), (B, L - 1)
            np.add.at(self._counts, (ids[:, :-1][label], ids[:, 1:][label]), 1)
            self.timesteps += int(label.sum())
            if self.timesteps >= total_timesteps:
                break
        return self

    def predict(
        self, obs: Mapping[str, NDArray[Any]], state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[NDArray[np.int64], Any]:
        """The next token (N,) for observations of N rows."""
        ids, rows = obs["input_ids"], np.arange(len(obs["input_ids"]))
        length = obs["attention_mask"].sum(axis=-1).astype(np.int64)  # (N,)
        allowed = np.zeros((len(rows), self._counts.shape[0]))  # (N, V)
        np.add.at(allowed, (rows[:, None], ids), obs["attention_mask"] - obs["completion_mask"])  # tokens of the prompt
        np.add.at(allowed, (rows[:, None], ids), -allowed.max() * obs["completion_mask"])  # that have not been said yet
        allowed[:, self._end] = 1
        weights = self._counts[ids[rows, np.maximum(length, 1) - 1]] * (allowed > 0) + 1e-9 * np.eye(len(allowed[0]))[self._end]
        if not deterministic:
            weights = self._rng.exponential(size=weights.shape) ** -1 * weights  # the largest is a draw in proportion to the weights
        return weights.argmax(axis=-1), state
