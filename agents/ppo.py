"""PPO over tokens: a critic, clipped ratios, a KL to the starting model paid per token in the reward."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym._registry import unknown
from tokengym.agents.batches import take
from tokengym.agents.clipped import ClippedAgent
from tokengym.agents.config import AgentConfig
from tokengym.agents.freeze import make_ready
from tokengym.agents.losses import (
    adaptive_kl,
    explained_variance,
    gae,
    kl_estimate,
    kl_in_reward,
    masked_mean,
    place_scores,
    ppo_clip_loss,
    value_clip_loss,
    whiten,
)
from tokengym.agents.rollout import Rollout

__all__ = ["PPO", "PPOConfig"]

_CONTROLS = ("adaptive", "fixed")
_CRITICS = ("separate", "trunk")
_CUT_SHORT = ("max_tokens", "context")  # stop reasons of answers that did not end by themselves


@dataclass(frozen=True, kw_only=True)
class PPOConfig(AgentConfig):
    """Options of :class:`PPO`."""

    episodes_per_update: int = 64  # episodes of one collection; a multiple of group_size
    group_size: int = 4  # completions per prompt; the critic needs no group, but a prompt that several share is read only once
    epochs: int = 4  # passes over one collection
    minibatches: int = 1  # optimizer steps per pass, each on an equal share of the prompts
    target_kl: float | None = None  # nats per token from the policy that played, beyond which no further step is taken; None: no limit
    temperature: float = 1.0  # divides the logits in sampling and in all log-probabilities
    gamma: float = 1.0  # discount per token
    lam: float = 0.95  # GAE; with the critic still at zero, a token k before the end is credited 0.95^k of the score
    lam_critic: float | None = None  # GAE for the returns that the critic is fitted to; None: lam (1.0: what was in truth received)
    whiten_rewards: bool = False  # the rewards of all tokens, KL included, to deviation 1, their mean kept
    whiten_advantages: bool = True  # to mean 0 and deviation 1 over the agent tokens of the collection
    clip_low: float = 0.2  # the ratio's lower bound is 1 - clip_low
    clip_high: float = 0.2  # the ratio's upper bound is 1 + clip_high
    critic: str = "trunk"  # a head on the policy's trunk; "separate": on a trunk of its own, a copy of the policy's, and twice the memory
    value_clip: float | None = 0.2  # how far a value may move in one update, in units of the reward; None: as far as it likes
    value_coefficient: float = 0.1  # weight of the critic's loss
    entropy_coefficient: float = 0.0  # reward per nat of the policy's entropy at each token, as a loss
    unfinished_penalty: float = 0.0  # taken from the reward of an answer that its token budget cut off
    kl_beta: float = 0.02  # reward taken per nat and token of log(policy / reference); 0: no reference model is run
    kl_control: str = "fixed"  # "fixed", or "adaptive": kl_beta is moved towards kl_target (start it at 0.15; for scores of unit deviation)
    kl_target: float = 6.0  # nats per sequence, of the adaptive controller
    kl_horizon: float = 10_000  # episodes, of the adaptive controller
    adam_eps: float = 1e-5  # of AdamW


class PPO(ClippedAgent):
    """Proximal policy optimization (arXiv:1707.06347) as used on language models (arXiv:1909.08593)."""

    name = "ppo"
    Config = PPOConfig
    parallel = True
    config: PPOConfig

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        # A critic of its own exists before the optimizer, which is to train it; what of it learns, and how, is as in the policy.
        if isinstance(config, AgentConfig):
            make_ready(policy, config)
        self.critic: Any = copy.deepcopy(policy) if getattr(config, "critic", "trunk") == "separate" else None
        self.needs_values = self.critic is None
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        if not 0 <= c.gamma <= 1:
            raise ValueError(f"gamma={c.gamma}; expected 0 to 1")
        if c.kl_control not in _CONTROLS:
            raise unknown("KL control", c.kl_control, _CONTROLS)
        if c.kl_control == "adaptive" and not min(c.kl_target, c.kl_horizon) > 0:
            raise ValueError(f"kl_target={c.kl_target}, kl_horizon={c.kl_horizon}; the adaptive control expects numbers above 0")
        if c.critic not in _CRITICS:
            raise unknown("critic", c.critic, _CRITICS)
        self.beta = float(c.kl_beta)

    def _parameters(self) -> dict[str, Tensor]:
        critic = {} if self.critic is None else {f"critic/{name}": x for name, x in self.critic.named_parameters() if x.requires_grad}
        return {**super()._parameters(), **critic}

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        stats = super().learn_from(rollout)
        if self.config.kl_control == "adaptive" and "kl" in stats:
            self.beta = adaptive_kl(self.beta, stats["kl"], int(rollout.valid.sum()), self.config.kl_target, self.config.kl_horizon)
        return stats

    def batch(self, rollout: Rollout) -> dict[str, Tensor]:
        rewards = rollout.rewards
        if self.config.unfinished_penalty:
            cut_short = torch.tensor([info.get("stop_reason") in _CUT_SHORT for info in rollout.infos], device=rewards.device)
            rewards = rewards - self.config.unfinished_penalty * place_scores(cut_short.to(rewards.dtype), rollout.completion_mask)
        return {**super().batch(rollout), "rewards": rewards, "values": rollout.values}

    def prepare(self, batch: dict[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds ``advantages`` and ``returns`` to the batch; in low precision the old log-probabilities are recomputed first."""
        c = self.config
        mask = batch["completion_mask"]
        stats = self.settle_logp(batch, cuts)
        if self.critic is not None:
            batch["values"] = self.separate_values(batch, cuts)
        rewards = batch["rewards"]
        if self.reference is not None:
            ref_logp = self.logp(self.reference, batch, cuts)
            stats["kl"] = float((kl_estimate(batch["logp"], ref_logp) * mask).sum(dim=1).mean())
            stats["kl_beta"] = self.beta
            rewards = kl_in_reward(rewards, batch["logp"], ref_logp, mask, self.beta)
        if c.whiten_rewards:
            rewards = whiten(rewards, mask, shift_mean=False)
        advantages, batch["returns"] = gae(rewards, batch["values"], mask, c.gamma, c.lam)
        if c.lam_critic is not None:
            _, batch["returns"] = gae(rewards, batch["values"], mask, c.gamma, c.lam_critic)
        batch["advantages"] = whiten(advantages, mask) if c.whiten_advantages else advantages
        stats["entropy"] = float(-masked_mean(batch["logp"], mask))
        stats["explained_variance"] = float(explained_variance(batch["values"], batch["returns"], mask))
        return stats

    @torch.no_grad()
    def separate_values(self, batch: Mapping[str, Tensor], cuts: list[Tensor]) -> Tensor:
        """(B, T) values of the critic that has a trunk of its own, by micro-batch."""
        values = torch.zeros_like(batch["values"])
        for cut in self.ranks.mine(cuts):
            found = self.forward(self.critic, take(batch, cut), with_values=True).values
            values[cut.to(values.device), : found.shape[1]] = found
        return self.ranks.total(values)

    def backward(self, batch: Mapping[str, Tensor], cuts: list[Tensor]) -> dict[str, float]:
        """Adds the gradient of one minibatch, given as its micro-batches' rows, to the parameters' ``.grad``."""
        c = self.config
        sequences = sum(len(cut) for cut in cuts)
        sums: list[Tensor] = []
        for cut in self.ranks.mine(cuts):
            rows = take(batch, cut)
            mask = rows["completion_mask"]
            out = self.forward(self.policy, rows, with_values=self.critic is None, with_entropy=c.entropy_coefficient != 0)
            loss, ratio, clipped = ppo_clip_loss(out.logp, rows["logp"], rows["advantages"], mask, sequences, c.clip_low, c.clip_high)
            values = out.values if self.critic is None else self.forward(self.critic, rows, with_values=True).values
            value_loss = value_clip_loss(values, rows["values"], rows["returns"], mask, sequences, c.value_clip)
            total = loss + c.value_coefficient * value_loss
            if c.entropy_coefficient:
                total = total - c.entropy_coefficient * (out.entropy * mask).sum() / sequences
            total.backward()
            squares = 0.5 * torch.log(ratio) ** 2  # k2 of the policy that played against the policy that learns
            farthest = (ratio - 1).abs().max()
            losses = (total.detach(), loss.detach(), value_loss.detach())
            sums.append(torch.stack([*losses, clipped.sum(), squares.sum(), farthest, mask.sum()]))
        table = self.ranks.table(sums)  # (micro-batches, 7)
        loss_, policy_loss, value_loss_, clips, squares_, _, tokens = table.sum(dim=0).tolist()
        return {
            "loss": loss_,
            "policy_loss": policy_loss,
            "value_loss": value_loss_,
            "clip_fraction": clips / max(1, tokens),
            "approx_kl": squares_ / max(1, tokens),
            "ratio_error": float(table[:, 5].max()),
        }

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        state, tensors = super()._extra_state()
        return {**state, "beta": self.beta}, tensors

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super()._restore_extra(state, tensors)
        self.beta = float(state["beta"])
