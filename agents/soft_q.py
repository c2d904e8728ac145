"""Soft Q-learning over tokens: the logits are the Q-values, and paths that the policy or anyone else has walked must be consistent."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.batches import micro_batches, take
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import kl_estimate, masked_mean
from tokengym.agents.online import OnlineAgent
from tokengym.agents.path_consistency import path_consistency_loss, path_residuals
from tokengym.agents.replay import Replay
from tokengym.agents.rollout import Rollout
from tokengym.agents.target import TargetNetwork

__all__ = ["SoftQ", "SoftQConfig"]

_REMEMBERED = ("input_ids", "attention_mask", "completion_mask", "rewards", "ref_logp", "allowed")


@dataclass(frozen=True, kw_only=True)
class SoftQConfig(AgentConfig):
    """Options of :class:`SoftQ`."""

    alpha: float = 0.05  # reward per nat: what is sought is reference * exp(Q / alpha); small: greedy, large: the reference
    gamma: float = 1.0  # discount per token
    one_step: float = 0.1  # share of one-token paths in the loss, with the target network's value behind them; the rest: paths to the end
    episodes_per_update: int = 64  # episodes of one collection; a multiple of group_size
    group_size: int = 1  # completions per prompt; path consistency compares none
    temperature: float = 1.0  # divides the logits in sampling and in all log-probabilities
    epsilon: float = 0.02  # chance that a prompt's episodes explore, every token of them; they teach, but are not in the log's reward
    explore_temperature: float = 1.5  # divides the logits in episodes that explore
    replay_episodes: int = 256  # episodes that are remembered, the latest ones
    batch_size: int = 64  # episodes of an optimizer step, drawn from the memory, all equally likely
    steps_per_update: int = 2  # optimizer steps between two collections
    target_rate: float = 0.05  # how far the target network moves to the policy when it does: the share of Polyak averaging; 1.0: a copy
    target_every: int = 1  # optimizer steps between two moves of the target network
    value_coefficient: float = 0.1  # share of the values' gradient beside that of the log-probabilities; moves no optimum
    adam_eps: float = 1e-5  # of AdamW


class SoftQ(OnlineAgent):
    """Soft Q-learning by path consistency (arXiv:2106.07704), regularized towards the model that training starts from.

    What is sought maximizes score - alpha * KL(policy || reference). With Q(s, a) = r(s, a) + gamma V(s') and V(end) = 0,

        V(s) = alpha log sum_a pi_ref(a|s) exp(Q(s, a) / alpha)      pi(a|s) = pi_ref(a|s) exp((Q(s, a) - V(s)) / alpha)

    Logits fix Q only up to a constant per state: a softmax forgets it, and pretraining never set it, so the logsumexp of a pretrained
    model's logits is no value (it starts at random, and where the target's copy of it stands in the loss, what is learned from another
    policy's data is wrong by it). Here the value head supplies the constant, and the logits all the rest:

        Q(s, a) = V(s) + alpha (log pi(a|s) - log pi_ref(a|s))

    For this Q the first equation above holds whatever the weights are, so what is left to learn is r(s, a) + gamma V(s') = Q(s, a):
    that each path satisfies V(s_t) = gamma^k V(s_t+k) + sum_i gamma^i (r - alpha log(pi / pi_ref)). It is asked of paths to the end of
    the episode, where V is 0, and of single tokens, behind which the target network's V stands.

    The unit is the environment's score: with alpha = 0.05 a score that is higher by 1 is worth 20 nats. The loss is a squared error, so
    that a reply or a score that is drawn at random anew makes the values (and with them the policy) too timid; ours are not.
    """

    name = "soft_q"
    Config = SoftQConfig
    config: SoftQConfig
    parallel = True

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        self.target: TargetNetwork | None = None
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        for name, low, high in (("gamma", 0, 1), ("one_step", 0, 1), ("epsilon", 0, 1), ("target_rate", 0, 1)):
            if not low <= getattr(c, name) <= high:
                raise ValueError(f"{name}={getattr(c, name)}; expected {low} to {high}")
        for name in ("alpha", "explore_temperature"):
            if not getattr(c, name) > 0:
                raise ValueError(f"{name}={getattr(c, name)}; it divides, and must be above 0")
        for name in ("batch_size", "steps_per_update", "target_every"):
            if getattr(c, name) < 1:
                raise ValueError(f"{name}={getattr(c, name)}; expected at least 1")
        self.target = TargetNetwork(policy) if c.one_step else None
        self._explored = self._explored_tokens = 0  # of the last collection: episodes that explored, and their tokens

    def _needs_reference(self) -> bool:
        return True

    def _forget(self) -> None:
        super()._forget()
        self.replay = Replay(self.config.replay_episodes)
        self.steps = 0  # optimizer steps so far
        self.level = 0.0  # V before anything was learned: the first collection's mean score

    def set_env(self, env: Any) -> None:
        super().set_env(env)
        if self.target is not None:
            self.target.policy.match(int(self.venv.single_action_space.n))

    def collect(self) -> Rollout:
        """The policy's own episodes of a collection; those that explore, drawn prompt by prompt, are remembered at once."""
        c = self.config
        prompts = c.episodes_per_update // c.group_size
        drawn = int((torch.rand(prompts, generator=self.generator) < c.epsilon).sum())
        least = self.ranks.count  # prompts: each process plays one or more
        self._explored = c.group_size * min(max(drawn, least), prompts - least) if drawn else 0
        self._explored_tokens = 0
        if self._explored:
            seen = self.remember(self.play(self._explored, c.explore_temperature))
            self._explored_tokens = int(seen["completion_mask"].sum())
        return self.play(c.episodes_per_update - self._explored, self.temperature)

    def remember(self, rollout: Rollout) -> dict[str, Tensor]:
        """Puts what could be scored into the memory, with the reference's log-probabilities; the columns of all episodes."""
        batch = self.batch(rollout)
        batch |= {"rewards": rollout.rewards, "ref_logp": self.logp(self.reference, batch)}
        if bool(rollout.valid.any()):
            keep = take(batch, rollout.valid.nonzero()[:, 0])
            self.replay.add({name: keep[name] for name in _REMEMBERED if name in keep}, keep["lengths"])
        return batch

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        c = self.config
        fresh = self.remember(rollout)
        mask = fresh["completion_mask"]
        kl = kl_estimate(rollout.logp, fresh["ref_logp"]) * mask
        stats = {
            "tokens": int(mask.sum()) + self._explored_tokens,
            "kl": float(kl.sum(dim=1).mean()),
            "entropy": float(-masked_mean(rollout.logp, mask)),
            "explored": self._explored,
        }
        if not self.steps and bool(rollout.valid.any()):
            self.level = float(rollout.scores[rollout.valid].mean())
        if not len(self.replay):
            warnings.warn("no answer could be scored so far; the policy stays as it is", RuntimeWarning, stacklevel=2)
            return {**stats, "loss": 0.0}
        totals: dict[str, float] = {}
        for _ in range(c.steps_per_update):
            batch = self.replay.sample(c.batch_size, self.generator, self.policy.device)
            found = {**self.backward(batch), "grad_norm": self._step()}
            totals = {name: totals.get(name, 0.0) + value / c.steps_per_update for name, value in found.items()}
            self.steps += 1
            if self.target is not None and self.steps % c.target_every == 0:
                self.target.follow(c.target_rate)
        return {**stats, **totals}

    def backward(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        """Adds the gradient of the loss on remembered episodes to the parameters' ``.grad``, in micro-batches."""
        c = self.config
        tokens = int(batch["completion_mask"].sum())
        found = []
        for cut in self.ranks.mine(micro_batches(batch["lengths"], c.micro_batch_tokens, parts=self.ranks.count)):
            rows = take(batch, cut)
            mask = rows["completion_mask"]
            out = self.forward(self.policy, rows, with_values=True)
            held = out.values.detach()
            value = self.level + c.alpha * (held + c.value_coefficient * (out.values - held))  # the number is V, its gradient a share
            path = (rows["rewards"], out.logp - rows["ref_logp"], mask, c.alpha, c.gamma)
            loss = (1 - c.one_step) * path_consistency_loss(path_residuals(value, value, *path) / c.alpha, tokens)
            if self.target is not None:
                with torch.no_grad():
                    behind = self.level + c.alpha * self.forward(self.target.policy, rows, with_values=True).values
                loss = loss + c.one_step * path_consistency_loss(path_residuals(value, behind, *path, steps=1) / c.alpha, tokens)
            loss.backward()
            found.append(torch.stack([loss.detach(), (value.detach() * mask).sum() / tokens]))
        total, values = self.ranks.table(found).sum(dim=0).tolist()
        return {"loss": total, "value": values}

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        state, tensors = super()._extra_state()
        tensors |= {f"replay/{name}": x for name, x in self.replay.tensors().items()}
        if self.target is not None:
            tensors |= {f"target/{name}": x for name, x in self.target.tensors().items()}
        return {**state, "steps": self.steps, "level": self.level}, tensors

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super()._restore_extra(state, tensors)
        self.steps, self.level = int(state["steps"]), float(state["level"])
        self.replay.restore({name.removeprefix("replay/"): x for name, x in tensors.items() if name.startswith("replay/")})
        if self.target is not None:
            self.target.restore({name.removeprefix("target/"): x for name, x in tensors.items() if name.startswith("target/")})
