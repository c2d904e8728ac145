"""Supervised fine-tuning on the labels of an environment's training examples, all of them or those that its reward likes best."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.base import Agent
from tokengym.agents.batches import micro_batches, take
from tokengym.agents.config import AgentConfig
from tokengym.agents.cut import answer_budget, cut_answers
from tokengym.agents.losses import sft_loss
from tokengym.agents.precision import PRECISIONS, precision

__all__ = ["SFT", "SFTConfig"]

_POOL = 8  # batches drawn together, so that rows of like length can share one


@dataclass(frozen=True, kw_only=True)
class SFTConfig(AgentConfig):
    """Options of :class:`SFT`."""

    batch_size: int = 32  # sequences per optimizer step
    epochs: float = 0.0  # passes over the labels that are kept; 0: total_timesteps or updates decide
    examples: int = 0  # use the first so many training examples; 0: all
    keep: float = 1.0  # share of the labels to imitate, those that the reward likes best of what it can score; 1.0 asks for no reward
    learning_rate: float = 5e-4  # of AdamW, at its highest
    precision: str = "float32"  # of the matrix products: "float32", or "bfloat16", which takes about half the time; weights stay float32
    schedule: str = "cosine"  # the learning rate's course, as in AgentConfig
    warmup: float = 0.05  # share of the run in which the learning rate rises from 0


class SFT(Agent):
    """Cross-entropy on the label's tokens, its end-of-sequence token included; the prompt's tokens are not learned.

    ``keep`` below 1 makes it reward-filtered: every label is scored by the environment's own reward and only the best share is imitated.
    """

    name = "sft"
    Config = SFTConfig
    parallel = True
    config: SFTConfig

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        self._kept: np.ndarray | None = None  # indices of the labels that are imitated
        self._queue: list[np.ndarray] = []  # the batches that were drawn and not yet used
        self._left: list[int] = []  # examples of this epoch that were not yet drawn
        self._tokens: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # index -> its row's token ids and completion mask, unpadded
        self._cut_share = 0.0  # of the last batch
        self._cut: set[int] = set()  # those of them whose label is longer than the environment lets an answer be
        super().__init__(policy, env, config, seed, validation_env)
        if not 0 < self.config.keep <= 1:
            raise ValueError(f"keep={self.config.keep}; expected a share above 0 and up to 1")
        if self.config.precision not in PRECISIONS:
            raise unknown("precision", self.config.precision, PRECISIONS)
        if self.config.batch_size < 1:
            raise ValueError(f"batch_size={self.config.batch_size}; expected at least 1 sequence")

    def set_env(self, env: Any) -> None:
        super().set_env(env)
        self._kept, self._queue, self._left, self._tokens, self._cut = None, [], [], {}, set()

    def kept(self) -> np.ndarray:
        """Indices of the training examples whose labels are imitated, in ascending order."""
        if self._kept is None:
            venv = self._labels_of()
            there = len(venv.examples)
            count = min(self.config.examples, there) if self.config.examples else there
            indices = np.arange(count)
            self._labels |= set(range(count)) if self.config.keep < 1 else set()
            if self.config.keep < 1:
                scores = np.asarray(venv.label_rewards(indices))
                self._reward_calls += count
                scored = count - int(np.isnan(scores).sum())
                if not scored:
                    raise ValueError(
                        f"keep={self.config.keep} chooses by the environment's reward, which could score none of the {count} labels; "
                        "keep=1.0 asks for no reward"
                    )
                best = np.argsort(-scores, kind="stable")[: min(scored, max(1, round(self.config.keep * count)))]  # NaN stands last
                indices = np.sort(best)
            self._kept = indices
        return self._kept

    def update(self) -> dict[str, float]:
        batch = self._batch()
        mask = batch["completion_mask"]
        tokens = int(mask.sum())
        losses = []
        cuts = micro_batches(batch["lengths"], self.config.micro_batch_tokens, parts=self.ranks.count)
        for cut in self.ranks.mine(cuts):
            rows = take(batch, cut)
            with precision(self.policy, self.config.precision):
                out = self.policy(rows["input_ids"], rows["attention_mask"], mask=rows["completion_mask"])
                part = sft_loss(out.logp.float(), rows["completion_mask"], tokens)
            part.backward()
            losses.append(part.detach()[None])
        loss = sum(self.ranks.table(losses)[:, 0].tolist())
        return {"tokens": tokens, "loss": loss, "grad_norm": self._step(), "cut_labels": self._cut_share}

    def _labels_of(self) -> Any:
        venv = getattr(self.venv, "unwrapped", self.venv)
        if not hasattr(venv, "labelled"):
            raise ValueError(f"{type(venv).__name__} has no labels to imitate; SFT needs one of tokengym's vector environments")
        return venv

    def _planned_updates(self) -> int:
        planned = super()._planned_updates()
        if self.config.epochs:
            whole, rest = divmod(self.config.epochs, 1)
            batches = len(self.kept()) / self.config.batch_size  # of one pass, whose last one may be a small one
            by_epochs = int(whole) * math.ceil(batches) + math.ceil(rest * batches - 1e-9)
            planned = min(planned, by_epochs) if planned else by_epochs
        return planned

    def _draw(self) -> np.ndarray:
        """The next batch's indices: without replacement within an epoch, rows of like length together."""
        if not self._queue:
            if not self._left:
                kept = self.kept()
                self._left = kept[torch.randperm(len(kept), generator=self.generator).numpy()].tolist()
            pool = _POOL * self.config.batch_size
            drawn, self._left = self._left[:pool], self._left[pool:]  # an epoch's last pool is a small one: each label once per epoch
            count = math.ceil(len(drawn) / self.config.batch_size)
            self._tokenize(drawn)
            drawn.sort(key=lambda index: len(self._tokens[index][0]))
            cuts = np.array_split(np.array(drawn), count)
            self._queue = [cuts[i] for i in torch.randperm(count, generator=self.generator).tolist()]
        return self._queue.pop()

    def _tokenize(self, indices: list[int]) -> None:
        new = sorted(set(indices) - self._tokens.keys())
        if not new:
            return
        obs = self._labels_of().labelled(np.array(new))
        lengths = np.asarray(obs["attention_mask"]).sum(axis=1)
        for row, index in enumerate(new):
            width = int(lengths[row])
            self._tokens[index] = (np.array(obs["input_ids"][row, :width]), np.array(obs["completion_mask"][row, :width]))
        self._see_cuts(np.array(new), obs)

    def _see_cuts(self, indices: np.ndarray, obs: Any) -> None:
        """Remembers the labels that the environment's token budget cuts off, and warns of the first ones."""
        venv = self._labels_of()
        cut = indices[cut_answers(np.asarray(obs["input_ids"]), np.asarray(obs["completion_mask"]), venv)]
        if len(cut) and not self._cut:
            warnings.warn(
                f"{len(cut)} of the first {len(indices)} labels are longer than max_new_tokens={answer_budget(venv)} and are cut off, "
                "without an end: they teach the policy not to end. Make the environment with a larger max_new_tokens, or leave "
                "them out of its dataset; the figure cut_labels tells their share of each batch",
                stacklevel=2,
            )
        self._cut |= set(cut.tolist())

    def _batch(self) -> dict[str, Tensor]:
        indices = self._draw()
        self._tokenize([int(i) for i in indices])
        self._labels |= {int(i) for i in indices}
        self._cut_share = sum(int(i) in self._cut for i in indices) / len(indices)
        rows = [self._tokens[int(i)] for i in indices]
        lengths = [len(ids) for ids, _ in rows]
        ids = np.zeros((len(rows), max(lengths)), dtype=np.int64)
        there, mask = np.zeros_like(ids), np.zeros_like(ids)
        for i, (tokens, completion) in enumerate(rows):
            ids[i, : lengths[i]], there[i, : lengths[i]], mask[i, : lengths[i]] = tokens, 1, completion
        arrays = {"input_ids": ids, "attention_mask": there, "completion_mask": mask, "lengths": np.array(lengths)}
        return {name: torch.from_numpy(x).to(self.policy.device) for name, x in arrays.items()}

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        kept = None if self._kept is None else self._kept.tolist()
        return {"kept": kept, "queue": [q.tolist() for q in self._queue], "left": self._left}, {}

    def _restore_extra(self, state: Any, tensors: Any) -> None:
        self._kept = None if state["kept"] is None else np.array(state["kept"])
        self._queue, self._left = [np.array(q) for q in state["queue"]], list(state["left"])
