"""What PPO and GRPO share: several passes over one collection, in minibatches, watched by the ratio of the new policy to the old."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.batches import micro_batches, take
from tokengym.agents.online import OnlineAgent
from tokengym.agents.optim import clear
from tokengym.agents.rollout import Rollout

__all__ = ["ClippedAgent"]


class ClippedAgent(OnlineAgent):
    """An agent that takes several steps on one collection. Subclasses write ``prepare`` and ``backward``, and may add to ``batch``.

    Their options have ``epochs``, ``minibatches`` and ``target_kl``.
    """

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        prompts = c.episodes_per_update // c.group_size
        if not 1 <= c.minibatches <= prompts:
            raise ValueError(f"minibatches={c.minibatches}; expected 1 to the {prompts} prompts of a collection")
        if c.epochs < 1:
            raise ValueError(f"epochs={c.epochs}; expected at least 1 pass over a collection")
        if c.target_kl is not None and c.target_kl <= 0:
            raise ValueError(f"target_kl={c.target_kl} nats per token; expected one above 0, or None for no limit")

    def prepare(self, batch: dict[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds to the batch what all passes read (``cuts``: rows of each micro-batch of a pass); figures for the log."""
        raise NotImplementedError

    def backward(self, batch: Mapping[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds the gradient of one minibatch, given as its micro-batches' rows, to ``.grad``; figures, ``ratio_error`` and
        ``approx_kl`` among them."""
        raise NotImplementedError

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        c = self.config
        keep = rollout.valid.nonzero()[:, 0]  # what could not be scored teaches nothing
        if not len(keep):
            warnings.warn("no answer of this collection could be scored; the policy stays as it is", RuntimeWarning, stacklevel=2)
            return {"loss": 0.0}
        batch = take(self.batch(rollout), keep)
        # Minibatches and their micro-batches are cut once; each epoch visits them in another order. So the pass that computes old
        # log-probabilities in low precision is, row for row, the pass that learns from them.
        lengths, group = batch["lengths"].cpu(), batch["group"].cpu()
        prompts = group.unique()
        prompts = prompts[torch.randperm(len(prompts), generator=self.generator)]
        minibatches = []
        for share in torch.tensor_split(prompts, min(c.minibatches, len(prompts))):
            rows = torch.isin(group, share).nonzero()[:, 0]
            minibatches.append([rows[cut] for cut in micro_batches(lengths[rows], c.micro_batch_tokens, group[rows], self.ranks.count)])
        stats = self.prepare(batch, [cut for cuts in minibatches for cut in cuts])
        steps: list[dict[str, float]] = []
        for i in (i for _ in range(c.epochs) for i in torch.randperm(len(minibatches), generator=self.generator).tolist()):
            figures = self.backward(batch, minibatches[i])
            if steps and c.target_kl is not None and figures["approx_kl"] > c.target_kl:
                clear(self._parameters().values())
                break
            steps.append({**figures, "grad_norm": self._step()})
        # Before the first step the policy is the one that played: its ratios are 1, or something is wrong.
        stats["first_ratio_error"] = steps[0]["ratio_error"]
        if c.target_kl is not None:
            stats["steps"] = len(steps)
        means = {name: sum(figures[name] for figures in steps) / len(steps) for name in steps[0] if name != "ratio_error"}
        return {**means, **stats}

    def settle_logp(self, batch: dict[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """In low precision, replaces the old log-probabilities by those of the update's own pass, so that first ratios are 1."""
        if getattr(getattr(self.policy, "model", None), "dtype", torch.float32) == torch.float32:
            return {}
        old = self.logp(self.policy, batch, cuts)
        mismatch = float((old - batch["logp"]).abs().mul(batch["completion_mask"]).max())
        batch["logp"] = old
        return {"rollout_mismatch": mismatch}
