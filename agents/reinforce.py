"""REINFORCE over tokens: the policy gradient with a baseline from the prompt's other completions, one step per collection."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.batches import take
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import group_advantage, kl_estimate, leave_one_out, masked_mean, policy_gradient_loss
from tokengym.agents.online import OnlineAgent
from tokengym.agents.rollout import Rollout

__all__ = ["Reinforce", "ReinforceConfig"]

_BASELINES = ("leave_one_out", "mean", "none")
_KL = ("k1", "k2", "k3")


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig(AgentConfig):
    """Options of :class:`Reinforce`."""

    baseline: str = "leave_one_out"  # subtracted from the score: mean of the prompt's other completions; or "mean" (of all), "none"
    group_size: int = 4  # completions per prompt
    episodes_per_update: int = 64  # episodes of one collection, which makes one step; a multiple of group_size
    temperature: float = 1.0  # divides the logits in sampling and in all log-probabilities
    kl_beta: float = 0.0  # weight of the KL to the model that training starts from, reward per nat; 0: no reference model is run
    kl: str = "k2"  # the estimator: "k1" in the reward (summed over the sequence), "k2" or "k3" as a loss
    adam_eps: float = 1e-5  # of AdamW


class Reinforce(OnlineAgent):
    """REINFORCE (Williams 1992), by default with the leave-one-out baseline (RLOO, arXiv:2402.14740).

    The loss is a sum over tokens divided by the number of sequences, a constant, so that its expected gradient is the exact one.
    """

    name = "reinforce"
    Config = ReinforceConfig
    config: ReinforceConfig

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        super().__init__(policy, env, config, seed, validation_env)
        if self.config.baseline not in _BASELINES:
            raise unknown("baseline", self.config.baseline, _BASELINES)
        if self.config.baseline != "none" and self.config.group_size < 2:
            raise ValueError(
                f"baseline={self.config.baseline!r} compares completions of one prompt and group_size={self.config.group_size}; "
                "give group_size=2 or more, or baseline='none'"
            )
        if self.config.kl not in _KL:
            raise unknown("KL estimator", self.config.kl, _KL)

    def advantages(self, scores: Tensor, valid: Tensor) -> Tensor:
        """(B,) advantages of (B,) sequence rewards under the configured baseline; 0 where not valid."""
        if self.config.baseline == "none":
            return scores * valid
        baseline = leave_one_out if self.config.baseline == "leave_one_out" else group_advantage
        return baseline(scores, self.config.group_size, valid)

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        if not bool(rollout.valid.any()):
            warnings.warn("no answer of this collection could be scored; the policy stays as it is", RuntimeWarning, stacklevel=2)
            return {"loss": 0.0}
        stats = self.backward(rollout)
        return {**stats, "grad_norm": self._step()}

    def backward(self, rollout: Rollout) -> dict[str, float]:
        """Adds the gradient of the whole collection's loss to the parameters' ``.grad``, in micro-batches."""
        c = self.config
        batch = self.batch(rollout)
        mask, scores, divisor = batch["completion_mask"], rollout.scores, int(rollout.valid.sum())
        stats: dict[str, float] = {}
        if self.reference is not None:
            batch["ref_logp"] = self.logp(self.reference, batch)
            nats = (kl_estimate(rollout.logp, batch["ref_logp"]) * mask).sum(dim=1)  # (B,) per sequence
            stats["kl"] = float(nats.mean())
            if c.kl == "k1":
                scores = scores - c.kl_beta * nats
        batch["advantages"] = self.advantages(scores, rollout.valid)
        batch["valid_mask"] = mask * rollout.valid[:, None]
        loss = 0.0
        for cut in self.cuts(batch):
            rows = take(batch, cut)
            logp = self.forward(self.policy, rows).logp
            part = policy_gradient_loss(logp, rows["advantages"], rows["valid_mask"], divisor)
            if self.reference is not None and c.kl != "k1":
                penalty = kl_estimate(logp, rows["ref_logp"], c.kl)
                part = part + c.kl_beta * (penalty * rows["valid_mask"]).sum() / divisor
            part.backward()
            loss += float(part.detach())
        # The mean of -log p over sampled tokens is an unbiased estimate of the policy's entropy, and costs nothing.
        return {**stats, "loss": loss, "entropy": float(-masked_mean(rollout.logp, mask))}
