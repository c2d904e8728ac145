"""PPO over tokens: a critic on the policy's trunk, clipped ratios, a KL to the starting model paid per token in the reward."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.batches import micro_batches, take
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import (
    adaptive_kl,
    explained_variance,
    gae,
    kl_estimate,
    kl_in_reward,
    masked_mean,
    ppo_clip_loss,
    value_clip_loss,
    whiten,
)
from tokengym.agents.online import OnlineAgent
from tokengym.agents.rollout import Rollout

__all__ = ["PPO", "PPOConfig"]

_CONTROLS = ("adaptive", "fixed")


@dataclass(frozen=True, kw_only=True)
class PPOConfig(AgentConfig):
    """Options of :class:`PPO`."""

    episodes_per_update: int = 64  # episodes of one collection; a multiple of group_size
    group_size: int = 4  # completions per prompt; the critic needs no group, but a prompt that several share is read only once
    epochs: int = 4  # passes over one collection
    minibatches: int = 1  # optimizer steps per pass, each on an equal share of the episodes
    temperature: float = 1.0  # divides the logits in sampling and in all log-probabilities
    gamma: float = 1.0  # discount per token
    lam: float = 0.95  # GAE; with the critic still at zero, a token k before the end is credited 0.95^k of the score
    whiten_advantages: bool = True  # to mean 0 and deviation 1 over the agent tokens of the collection
    clip_low: float = 0.2  # the ratio's lower bound is 1 - clip_low
    clip_high: float = 0.2  # the ratio's upper bound is 1 + clip_high
    value_clip: float | None = 0.2  # how far a value may move in one update, in units of the reward; None: as far as it likes
    value_coefficient: float = 0.1  # weight of the critic's loss
    kl_beta: float = 0.02  # reward taken per nat and token of log(policy / reference); 0: no reference model is run
    kl_control: str = "fixed"  # "fixed", or "adaptive": kl_beta is moved towards kl_target (start it at 0.15; for scores of unit deviation)
    kl_target: float = 6.0  # nats per sequence, of the adaptive controller
    kl_horizon: float = 10_000  # episodes, of the adaptive controller
    adam_eps: float = 1e-5  # of AdamW


class PPO(OnlineAgent):
    """Proximal policy optimization (arXiv:1707.06347) as used on language models (arXiv:1909.08593)."""

    name = "ppo"
    Config = PPOConfig
    config: PPOConfig
    needs_values = True

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        super().__init__(policy, env, config, seed, validation_env)
        if self.config.kl_control not in _CONTROLS:
            raise unknown("KL control", self.config.kl_control, _CONTROLS)
        prompts = self.config.episodes_per_update // self.config.group_size
        if not 1 <= self.config.minibatches <= prompts:
            raise ValueError(f"minibatches={self.config.minibatches}; expected 1 to the {prompts} prompts of a collection")
        self.beta = float(self.config.kl_beta)

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        c = self.config
        keep = rollout.valid.nonzero()[:, 0]  # what could not be scored teaches nothing
        if not len(keep):
            warnings.warn("no answer of this collection could be scored; the policy stays as it is", RuntimeWarning, stacklevel=2)
            return {"loss": 0.0}
        batch = take({**self.batch(rollout), "rewards": rollout.rewards, "values": rollout.values}, keep)
        # Minibatches and their micro-batches are cut once; each epoch visits them in another order. So the pass that computes old
        # log-probabilities in low precision is, row for row, the pass that learns from them.
        lengths, group = batch["lengths"].cpu(), batch["group"].cpu()
        prompts = group.unique()
        prompts = prompts[torch.randperm(len(prompts), generator=self.generator)]
        minibatches = []
        for share in torch.tensor_split(prompts, min(c.minibatches, len(prompts))):
            rows = torch.isin(group, share).nonzero()[:, 0]
            minibatches.append([rows[cut] for cut in micro_batches(lengths[rows], c.micro_batch_tokens, group[rows])])
        stats = self.prepare(batch, [cut for cuts in minibatches for cut in cuts])
        totals: dict[str, float] = {}
        for _ in range(c.epochs):
            for i in torch.randperm(len(minibatches), generator=self.generator).tolist():
                figures = self.backward(batch, minibatches[i])
                # Before the first step the policy is the one that played: its ratios are 1, or something is wrong.
                stats.setdefault("first_ratio_error", figures.pop("ratio_error"))
                figures["grad_norm"] = self._step()
                for name, value in figures.items():
                    totals[name] = totals.get(name, 0.0) + value / (c.epochs * len(minibatches))
        if c.kl_control == "adaptive" and "kl" in stats:
            self.beta = adaptive_kl(self.beta, stats["kl"], len(keep), c.kl_target, c.kl_horizon)
        return {**totals, **stats}

    def prepare(self, batch: dict[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds ``advantages`` and ``returns`` to the batch; in low precision the old log-probabilities are recomputed first."""
        c = self.config
        mask = batch["completion_mask"]
        stats: dict[str, float] = {}
        if getattr(getattr(self.policy, "model", None), "dtype", torch.float32) != torch.float32:
            old = self.logp(self.policy, batch, cuts)
            stats["rollout_mismatch"] = float((old - batch["logp"]).abs().mul(mask).max())
            batch["logp"] = old
        rewards = batch["rewards"]
        if self.reference is not None:
            ref_logp = self.logp(self.reference, batch, cuts)
            stats["kl"] = float((kl_estimate(batch["logp"], ref_logp) * mask).sum(dim=1).mean())
            stats["kl_beta"] = self.beta
            rewards = kl_in_reward(rewards, batch["logp"], ref_logp, mask, self.beta)
        advantages, batch["returns"] = gae(rewards, batch["values"], mask, c.gamma, c.lam)
        batch["advantages"] = whiten(advantages, mask) if c.whiten_advantages else advantages
        stats["entropy"] = float(-masked_mean(batch["logp"], mask))
        stats["explained_variance"] = float(explained_variance(batch["values"], batch["returns"], mask))
        return stats

    def backward(self, batch: Mapping[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds the gradient of one minibatch, given as its micro-batches' rows, to the parameters' ``.grad``."""
        c = self.config
        sequences = sum(len(cut) for cut in cuts)
        sums: list[Tensor] = []
        for cut in cuts:
            rows = take(batch, cut)
            mask = rows["completion_mask"]
            out = self.forward(self.policy, rows, with_values=True)
            loss, ratio, clipped = ppo_clip_loss(out.logp, rows["logp"], rows["advantages"], mask, sequences, c.clip_low, c.clip_high)
            value_loss = value_clip_loss(out.values, rows["values"], rows["returns"], mask, sequences, c.value_clip)
            (loss + c.value_coefficient * value_loss).backward()
            squares = 0.5 * torch.log(ratio) ** 2  # k2 of the policy that played against the policy that learns
            farthest = (ratio - 1).abs().max()
            sums.append(torch.stack([loss.detach(), value_loss.detach(), clipped.sum(), squares.sum(), farthest, mask.sum()]))
        table = torch.stack(sums).cpu()  # (micro-batches, 6)
        policy_loss, value_loss_, clips, squares_, _, tokens = table.sum(dim=0).tolist()
        return {
            "loss": policy_loss + c.value_coefficient * value_loss_,
            "policy_loss": policy_loss,
            "value_loss": value_loss_,
            "clip_fraction": clips / max(1, tokens),
            "approx_kl": squares_ / max(1, tokens),
            "ratio_error": float(table[:, 4].max()),
        }

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        state, tensors = super()._extra_state()
        return {**state, "beta": self.beta}, tensors

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super()._restore_extra(state, tensors)
        self.beta = float(state["beta"])
