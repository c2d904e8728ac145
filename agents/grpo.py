"""GRPO over tokens: the prompt's other completions are the critic, ratios are clipped, the KL to the starting model is a loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.batches import take
from tokengym.agents.clipped import ClippedAgent
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import group_advantage, group_spread, kl_estimate, masked_mean, ppo_clip_loss
from tokengym.agents.rollout import Rollout

__all__ = ["GRPO", "GRPOConfig"]

_NORMALIZE = ("constant", "sequence", "token")
_KL = ("k2", "k3")


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(AgentConfig):
    """Options of :class:`GRPO`. As published: ``divide_by_deviation=True, normalize="sequence", clip_high=0.2, kl_beta=0.04``."""

    group_size: int = 8  # completions per prompt, at least 2
    episodes_per_update: int = 64  # episodes of one collection; a multiple of group_size
    epochs: int = 1  # passes over one collection
    minibatches: int = 1  # optimizer steps per pass, each on an equal share of the prompts
    temperature: float = 1.0  # divides the logits in sampling and in all log-probabilities
    divide_by_deviation: bool = False  # advantages over the group's deviation, as published; prompts of like scores then weigh more
    normalize: str = "constant"  # token losses are summed, then divided by the sequences; "token": by the tokens of the step (DAPO);
    # "sequence": each sequence by its own tokens first, as published, so that long wrong answers cost less per token
    clip_low: float = 0.2  # the ratio's lower bound is 1 - clip_low
    clip_high: float = 0.28  # the ratio's upper bound is 1 + clip_high; above clip_low, unlikely tokens can rise (DAPO)
    target_kl: float | None = None  # nats per token from the policy that played, beyond which no further step is taken; None: no limit
    kl_beta: float = 0.02  # weight of the KL to the model that training starts from, reward per nat; 0: no reference model is run
    kl: str = "k3"  # the estimator that is the loss: "k3" as published, or "k2", whose gradient is each token's exact one
    adam_eps: float = 1e-5  # of AdamW


class GRPO(ClippedAgent):
    """Group relative policy optimization (arXiv:2402.03300), by default as Dr. GRPO (arXiv:2503.20783) with DAPO's upper clip
    (arXiv:2503.14476): no deviation, and a constant divisor, so that its first step goes along the exact gradient."""

    name = "grpo"
    Config = GRPOConfig
    parallel = True
    config: GRPOConfig

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        if c.group_size < 2:
            raise ValueError(f"group_size={c.group_size}; GRPO compares completions of one prompt and needs 2 or more")
        if c.normalize not in _NORMALIZE:
            raise unknown("normalization", c.normalize, _NORMALIZE)
        if c.kl == "k1":
            raise ValueError("kl='k1' as a loss has no gradient in expectation; GRPO takes 'k3' or 'k2' (k1 in the reward: PPO, Reinforce)")
        if c.kl not in _KL:
            raise unknown("KL estimator", c.kl, _KL)

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        spread = group_spread(rollout.scores, self.config.group_size, rollout.valid)
        return {**super().learn_from(rollout), "flat_groups": float((spread == 0).float().mean())}  # prompts that taught nothing

    def advantages(self, scores: Tensor, valid: Tensor) -> Tensor:
        """(B,) advantages of (B,) scores; 0 in groups whose valid scores are all equal, and where not valid."""
        c = self.config
        spread = group_spread(scores, c.group_size, valid).repeat_interleave(c.group_size)  # (B,)
        advantages = torch.where(spread > 0, group_advantage(scores, c.group_size, valid), 0.0)
        return advantages / (spread + 1e-4) if c.divide_by_deviation else advantages

    def batch(self, rollout: Rollout) -> dict[str, Tensor]:
        return {**super().batch(rollout), "advantages": self.advantages(rollout.scores, rollout.valid)}

    def prepare(self, batch: dict[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds ``ref_logp``; in low precision the old log-probabilities are recomputed first."""
        mask = batch["completion_mask"]
        stats = self.settle_logp(batch, cuts)
        if self.reference is not None:
            batch["ref_logp"] = self.logp(self.reference, batch, cuts)
            stats["kl"] = float((kl_estimate(batch["logp"], batch["ref_logp"]) * mask).sum(dim=1).mean())
        stats["entropy"] = float(-masked_mean(batch["logp"], mask))
        return stats

    def backward(self, batch: Mapping[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds the gradient of one minibatch, given as its micro-batches' rows, to the parameters' ``.grad``."""
        c = self.config
        rows_of_step = torch.cat(cuts).to(batch["completion_mask"].device)
        tokens = batch["completion_mask"].sum(dim=1)  # (B,)
        count = int(tokens[rows_of_step].sum())
        divisor = count if c.normalize == "token" else len(rows_of_step)
        ones = torch.ones_like(batch["advantages"])
        batch = {**batch, "weights": ones / tokens if c.normalize == "sequence" else ones}
        sums: list[Tensor] = []
        for cut in self.ranks.mine(cuts):
            rows = take(batch, cut)
            mask, weight = rows["completion_mask"], rows["weights"][:, None]
            logp = self.forward(self.policy, rows).logp
            advantages = rows["advantages"][:, None] * weight  # (b, 1); the clipped loss is in proportion to them
            loss, ratio, clipped = ppo_clip_loss(logp, rows["logp"], advantages, mask, divisor, c.clip_low, c.clip_high)
            if self.reference is not None:
                penalty = kl_estimate(logp, rows["ref_logp"], c.kl)
                loss = loss + c.kl_beta * (penalty * weight * mask).sum() / divisor
            loss.backward()
            squares = 0.5 * torch.log(ratio) ** 2  # k2 of the policy that played against the policy that learns
            sums.append(torch.stack([loss.detach(), clipped.sum(), squares.sum(), (ratio - 1).abs().max()]))
        table = self.ranks.table(sums)  # (micro-batches, 4)
        loss_, clips, squares_, _ = table.sum(dim=0).tolist()
        return {
            "loss": loss_,
            "clip_fraction": clips / count,
            "approx_kl": squares_ / count,
            "ratio_error": float(table[:, 3].max()),
        }
