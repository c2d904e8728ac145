"""REINFORCE over tokens: the policy gradient with a baseline that does not depend on the sample, one step per collection."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.batches import take
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import (
    gae,
    group_advantage,
    kl_estimate,
    kl_in_reward,
    leave_one_out,
    masked_mean,
    policy_gradient_loss,
    value_clip_loss,
)
from tokengym.agents.online import OnlineAgent
from tokengym.agents.rollout import Rollout

__all__ = ["Reinforce", "ReinforceConfig"]

_BASELINES = ("greedy", "leave_one_out", "mean", "moving_mean", "none", "value")
_OF_GROUPS = ("leave_one_out", "mean")
_KL = ("k1", "k2", "k3")


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig(AgentConfig):
    """Options of :class:`Reinforce`."""

    baseline: str = "leave_one_out"  # subtracted from the score: the mean of the prompt's other completions; or "mean" (of all of them),
    # "moving_mean" (of past collections), "greedy" (what the likeliest tokens score on the same prompt: every prompt is played a second
    # time, and group_size=1 makes most of that), "value" (a head on the trunk, trained beside, for each token its own), "none"
    baseline_decay: float = 0.9  # of the moving mean, per collection
    value_coefficient: float = 0.1  # weight of the value head's loss, with baseline="value"
    gamma: float = 1.0  # discount per token; below 1 each token is credited with what comes after it
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
    parallel = True
    config: ReinforceConfig

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        if c.baseline not in _BASELINES:
            raise unknown("baseline", c.baseline, _BASELINES)
        if c.baseline in _OF_GROUPS and c.group_size < 2:
            raise ValueError(
                f"baseline={c.baseline!r} compares completions of one prompt and group_size={c.group_size}; "
                "give group_size=2 or more, or baseline='moving_mean'"
            )
        if not 0 < c.gamma <= 1 or not 0 <= c.baseline_decay < 1:
            raise ValueError(f"gamma={c.gamma}, baseline_decay={c.baseline_decay}; expected 0 < gamma <= 1 and 0 <= baseline_decay < 1")
        self.needs_values = c.baseline == "value"
        self.greedy_tokens = 0  # said by the greedy completions of this update
        if c.kl not in _KL:
            raise unknown("KL estimator", c.kl, _KL)

    def _forget(self) -> None:
        super()._forget()
        self.past_mean: float | None = None  # the moving mean of the scores of past collections

    def advantages(self, scores: Tensor, valid: Tensor, greedy: Tensor | None = None) -> Tensor:
        """(B,) advantages of (B,) sequence rewards under the configured baseline; 0 where not valid. ``greedy``: (B,) its scores."""
        kind = self.config.baseline
        if kind in _OF_GROUPS:
            return (leave_one_out if kind == "leave_one_out" else group_advantage)(scores, self.config.group_size, valid)
        if kind == "moving_mean" and self.past_mean is None:  # there is no past yet: the mean of all other episodes
            return leave_one_out(scores, len(scores), valid) if len(scores) > 1 else 0 * scores
        if kind == "greedy" and greedy is not None:
            scores = scores - greedy
        elif kind == "moving_mean" and self.past_mean is not None:
            scores = scores - self.past_mean
        return scores * valid

    def token_advantages(self, rollout: Rollout, rewards: Tensor, greedy: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, T) advantages of tokens that are credited with what comes after them, and (B, T) their returns.

        The baseline is the token's value, or the sequence's, in terms of returns from the first token on: what is subtracted must not
        depend on the sample, or the gradient would not be the exact one.
        """
        c, mask, valid = self.config, rollout.completion_mask, rollout.valid
        if c.baseline == "value":
            return gae(rewards, rollout.values, mask, c.gamma, lam=1.0)
        returns, _ = gae(rewards, torch.zeros_like(rewards), mask, c.gamma, lam=1.0)
        start = self.start_returns(rewards, mask)
        baseline = start - self.advantages(start, valid, greedy)  # (B,)
        known = mask.bool()
        if c.baseline in _OF_GROUPS:  # who has no companion has no baseline
            known = known & (valid.view(-1, c.group_size).sum(dim=1) > 1).repeat_interleave(c.group_size)[:, None]
        return torch.where(known, returns - baseline[:, None], 0.0), returns

    def start_returns(self, rewards: Tensor, mask: Tensor) -> Tensor:
        """(B,) discounted sums of (B, T) rewards, seen from each row's first agent token."""
        steps = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
        return (rewards * mask * self.config.gamma**steps).sum(dim=1)

    def greedy_scores(self, rollout: Rollout) -> Tensor:
        """(B,) what the policy's likeliest tokens score on the prompts of ``rollout``, which are played a second time.

        An answer that could not be scored counts as 0, which is a baseline like any other.
        """
        if "deal_index" not in rollout.infos[0]:
            raise ValueError("the environment's infos have no deal_index: its prompts cannot be played again, as baseline='greedy' wants")
        again = self.play(len(rollout.infos), self.temperature, deterministic=True, first=int(rollout.infos[0]["deal_index"]))
        if [info.get("index") for info in again.infos] != [info.get("index") for info in rollout.infos]:
            raise RuntimeError("baseline='greedy': the environment dealt other prompts from the same place of its order")
        self.greedy_tokens += int(again.completion_mask.sum())
        return self.start_returns(again.rewards, again.completion_mask) * again.valid

    def update(self) -> dict[str, float]:
        self.greedy_tokens = 0
        stats = super().update()
        return {**stats, "tokens": stats["tokens"] + self.greedy_tokens}  # they, too, were steps of the environment

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        if not bool(rollout.valid.any()):
            warnings.warn("no answer of this collection could be scored; the policy stays as it is", RuntimeWarning, stacklevel=2)
            return {"loss": 0.0}
        stats = self.backward(rollout)
        if "return" in stats:
            decay = 0.0 if self.past_mean is None else self.config.baseline_decay
            self.past_mean = decay * (self.past_mean or 0.0) + (1 - decay) * stats["return"]
        return {**stats, "grad_norm": self._step()}

    def backward(self, rollout: Rollout) -> dict[str, float]:
        """Adds the gradient of the whole collection's loss to the parameters' ``.grad``, in micro-batches."""
        c = self.config
        batch = self.batch(rollout)
        mask, divisor = batch["completion_mask"], int(rollout.valid.sum())
        rewards, scores = rollout.rewards, rollout.scores
        stats: dict[str, float] = {}
        if self.reference is not None:
            batch["ref_logp"] = self.logp(self.reference, batch)
            nats = (kl_estimate(rollout.logp, batch["ref_logp"]) * mask).sum(dim=1)  # (B,) per sequence
            stats["kl"] = float(nats.mean())
            if c.kl == "k1":
                rewards = kl_in_reward(rewards, rollout.logp, batch["ref_logp"], mask, c.kl_beta)
                scores = scores - c.kl_beta * nats
        greedy = self.greedy_scores(rollout) if c.baseline == "greedy" else None
        if c.gamma == 1 and c.baseline != "value":
            batch["advantages"] = self.advantages(scores, rollout.valid, greedy)
        else:
            batch["values"] = rollout.values
            batch["advantages"], batch["returns"] = self.token_advantages(rollout, rewards, greedy)
        if c.baseline == "moving_mean":
            stats["return"] = float(self.start_returns(rewards, mask)[rollout.valid].mean())
        batch["valid_mask"] = mask * rollout.valid[:, None]
        losses: list[Tensor] = []
        for cut in self.ranks.mine(self.cuts(batch)):
            rows = take(batch, cut)
            out = self.forward(self.policy, rows, with_values=self.needs_values)
            part = policy_gradient_loss(out.logp, rows["advantages"], rows["valid_mask"], divisor)
            if self.reference is not None and c.kl != "k1":
                penalty = kl_estimate(out.logp, rows["ref_logp"], c.kl)
                part = part + c.kl_beta * (penalty * rows["valid_mask"]).sum() / divisor
            if self.needs_values:
                error = value_clip_loss(out.values, rows["values"], rows["returns"], rows["valid_mask"], divisor, clip=None)
                part = part + c.value_coefficient * error
            part.backward()
            losses.append(part.detach()[None])
        loss = sum(self.ranks.table(losses)[:, 0].tolist())
        # The mean of -log p over sampled tokens is an unbiased estimate of the policy's entropy, and costs nothing.
        return {**stats, "loss": loss, "entropy": float(-masked_mean(rollout.logp, mask))}

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        state, tensors = super()._extra_state()
        return {**state, "past_mean": self.past_mean}, tensors

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super()._restore_extra(state, tensors)
        self.past_mean = state["past_mean"]
