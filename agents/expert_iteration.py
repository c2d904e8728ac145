"""Expert iteration: the best of several completions of each prompt become the labels that the policy imitates next."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.batches import take
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import masked_mean, sft_loss
from tokengym.agents.online import NO_SPREAD, OnlineAgent
from tokengym.agents.rollout import Rollout

__all__ = ["ExpertIteration", "ExpertIterationConfig"]


@dataclass(frozen=True, kw_only=True)
class ExpertIterationConfig(AgentConfig):
    """Options of :class:`ExpertIteration`."""

    group_size: int = 8  # completions per prompt, of which the best are imitated
    episodes_per_update: int = 256  # episodes of one collection; a multiple of group_size
    temperature: float = 1.0  # divides the logits in sampling; what is imitated is imitated at 1
    winners: int = 1  # completions of a prompt that are imitated, the best first, all above its mean; 0: all that are above it
    even_groups: bool = False  # imitate also where all completions of a prompt score the same; False: such a prompt teaches nothing
    epochs: int = 1  # passes over the winners of one collection
    batch_size: int = 32  # sequences of an optimizer step


class ExpertIteration(OnlineAgent):
    """Best-of-n sampling, then supervised fine-tuning on the winners, again and again from the policy as it is.

    Expert iteration (arXiv:1705.08439) with sampling as its search; also known as rejection-sampling fine-tuning and RAFT
    (arXiv:2304.06767). Equal winners of one prompt count once: imitation is of answers, not of how often they came.
    """

    name = "expert_iteration"
    Config = ExpertIterationConfig
    config: ExpertIterationConfig
    parallel = True

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        if c.group_size < 2:
            raise ValueError(f"group_size={c.group_size}; the best of several needs 2 completions per prompt or more")
        if not 0 <= c.winners <= c.group_size:
            raise ValueError(f"winners={c.winners}; expected 0 (all above the mean) to group_size={c.group_size}")
        for name in ("epochs", "batch_size"):
            if getattr(c, name) < 1:
                raise ValueError(f"{name}={getattr(c, name)}; expected at least 1")

    def _needs_reference(self) -> bool:
        return False

    def winners(self, rollout: Rollout) -> list[int]:
        """The rows that are imitated, prompt by prompt, the best first; of equals the one that was dealt first."""
        c = self.config
        scores, valid = rollout.scores.tolist(), rollout.valid.tolist()
        chosen: list[int] = []
        for start in range(0, len(scores), c.group_size):
            rows = [row for row in range(start, start + c.group_size) if valid[row]]
            if not rows:
                continue
            mean = sum(scores[row] for row in rows) / len(rows)
            even = min(scores[row] for row in rows) == max(scores[row] for row in rows)
            distinct = {rollout.input_ids[row, : int(rollout.lengths[row])].cpu().numpy().tobytes(): row for row in reversed(rows)}
            above = [row for row in distinct.values() if (c.even_groups if even else scores[row] > mean)]
            above.sort(key=lambda row: (-scores[row], row))
            chosen += above[: c.winners or None]
        return chosen

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        c = self.config
        chosen = torch.tensor(self.winners(rollout), dtype=torch.int64)
        entropy = float(-masked_mean(rollout.logp, rollout.completion_mask))
        if not len(chosen):
            if not self.updates:  # later it means that there is nothing left to learn here
                warnings.warn(NO_SPREAD, RuntimeWarning, stacklevel=2)
            return {"winners": 0, "loss": 0.0, "entropy": entropy}
        batch = take(self.batch(rollout), chosen)
        steps = [part for _ in range(c.epochs) for part in torch.randperm(len(chosen), generator=self.generator).split(c.batch_size)]
        totals = {"loss": 0.0, "grad_norm": 0.0}
        for part in steps:
            totals["loss"] += self.backward(take(batch, part)) / len(steps)
            totals["grad_norm"] += self._step() / len(steps)
        won = rollout.scores[chosen.to(rollout.scores.device)]
        return {"winners": len(chosen), "winner_reward": float(won.mean()), "entropy": entropy, **totals}

    def backward(self, batch: Mapping[str, Tensor]) -> float:
        """Adds the gradient of the cross-entropy of one minibatch's answers to the parameters' ``.grad``, in micro-batches; the loss."""
        tokens, losses = int(batch["completion_mask"].sum()), []
        for cut in self.ranks.mine(self.cuts(batch)):
            rows = take(batch, cut)
            loss = sft_loss(self.forward(self.policy, rows, temperature=1.0).logp, rows["completion_mask"], tokens)
            loss.backward()
            losses.append(loss.detach()[None])
        return float(self.ranks.table(losses).sum())
