"""Direct preference optimization: a logistic loss on pairs of answers, sampled and ranked by the reward, or written down by somebody."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.batches import micro_batches, take
from tokengym.agents.config import AgentConfig
from tokengym.agents.losses import masked_mean
from tokengym.agents.online import NO_SPREAD, OnlineAgent
from tokengym.agents.pairs import Pair, distinct_pairs, pair_rows, pairs_of_examples, read_pairs
from tokengym.agents.preference import best_and_worst, dpo_loss
from tokengym.agents.rollout import Rollout

__all__ = ["DPO", "DPOConfig"]


@dataclass(frozen=True, kw_only=True)
class DPOConfig(AgentConfig):
    """Options of :class:`DPO`."""

    pairs: str = "policy"  # where they come from. "policy": of the policy's answers to a prompt the one that the environment's reward
    # likes best, and the one it likes least; "dataset": "chosen" and "rejected" of the environment's own examples (columns of its
    # dataset); else a JSONL file with "chosen", "rejected" and one of "prompt", "index", "sample_id"
    beta: float = 0.1  # implicit reward per nat of log(policy / reference); large: the policy stays near the reference
    label_smoothing: float = 0.0  # chance that a pair is the wrong way round, below 0.5
    batch_size: int = 16  # pairs of an optimizer step
    group_size: int = 4  # completions per prompt, of which two make a pair; with pairs="policy", as the four that follow
    episodes_per_update: int = 64  # episodes of one collection; a multiple of group_size
    margin: float = 0.0  # the chosen answer scores higher than the rejected one by more than this, in units of the reward
    epochs: int = 1  # passes over the pairs of one collection
    temperature: float = 1.0  # divides the logits in sampling; the loss is at 1


class DPO(OnlineAgent):
    """Direct preference optimization (arXiv:2305.18290); sampled pairs make it the iterated, online kind.

    The implicit reward of an answer is beta times the log-ratio of its whole probability, summed over its tokens, under the policy
    and under the reference, the policy that training starts from, which stays as it is.
    """

    name = "dpo"
    Config = DPOConfig
    config: DPOConfig
    parallel = True

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        self._written: list[Pair] | None = None  # the pairs that are not sampled
        self._distinct: list[int] = []  # places of those that can teach
        self._left: list[int] = []  # those of this pass that were not yet drawn
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        if not c.beta > 0:
            raise ValueError(f"beta={c.beta}; expected a number above 0 (0.1 is usual)")
        if not 0 <= c.label_smoothing < 0.5:
            raise ValueError(f"label_smoothing={c.label_smoothing}; expected 0 up to, but not, 0.5, where a pair says nothing")
        if not c.margin >= 0:
            raise ValueError(f"margin={c.margin}; expected 0 or more")
        if c.pairs == "policy" and c.group_size < 2:
            raise ValueError(f"group_size={c.group_size}; a pair takes 2 completions of a prompt or more")
        for name in ("batch_size", "epochs"):
            if getattr(c, name) < 1:
                raise ValueError(f"{name}={getattr(c, name)}; expected at least 1")

    def _needs_reference(self) -> bool:
        return True

    def set_env(self, env: Any) -> None:
        super().set_env(env)
        self._written, self._left = None, []

    def update(self) -> dict[str, float]:
        if self.config.pairs == "policy":
            return super().update()
        batch = self.draw()
        batch["ref"] = self.answer_logp(self.reference, batch)
        stats = self.backward(batch)
        return {"tokens": int(batch["completion_mask"].sum()), **stats, "grad_norm": self._step()}

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        c = self.config
        stats = {"entropy": float(-masked_mean(rollout.logp, rollout.completion_mask))}
        chosen, rejected = best_and_worst(rollout.scores, c.group_size, rollout.valid, c.margin)
        if not len(chosen):
            if not self.updates:  # later it means that there is nothing left to learn here
                warnings.warn(NO_SPREAD, RuntimeWarning, stacklevel=2)
            return {**stats, "pairs": 0, "loss": 0.0}
        batch = take(self.batch(rollout), torch.cat([chosen, rejected]))
        batch["ref"] = self.answer_logp(self.reference, batch)
        gap = float((rollout.scores[chosen] - rollout.scores[rejected]).mean())
        parts = [part for _ in range(c.epochs) for part in torch.randperm(len(chosen), generator=self.generator).split(c.batch_size)]
        totals: dict[str, float] = {}
        for part in parts:
            found = {**self.backward(take(batch, torch.cat([part, part + len(chosen)]))), "grad_norm": self._step()}
            totals = {name: totals.get(name, 0.0) + value / len(parts) for name, value in found.items()}
        return {**stats, "pairs": len(chosen), "score_gap": gap, **totals}

    def backward(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        """Adds the gradient of the loss on one minibatch to the parameters' ``.grad``, pair by pair in micro-batches.

        Args:
            batch: 2P rows, first the chosen answers, then the rejected ones; ``ref`` (2P,) log-probabilities under the reference.
        """
        c = self.config
        pairs = len(batch["lengths"]) // 2
        found = []
        for cut in self.ranks.mine(self.pair_cuts(batch)):
            rows = take(batch, cut)
            logp = self.whole_logp(self.policy, rows)
            (chosen, rejected), (ref_chosen, ref_rejected) = logp.chunk(2), rows["ref"].chunk(2)
            loss, margins = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, pairs, c.beta, c.label_smoothing)
            loss.backward()
            likes = c.beta * (chosen - ref_chosen).detach().sum() / pairs
            found.append(torch.stack([loss.detach(), (margins > 0).sum() / pairs, margins.sum() / pairs, likes]))
        loss_, accuracy, margin, likes_ = self.ranks.table(found).sum(dim=0).tolist()
        return {"loss": loss_, "accuracy": accuracy, "margin": margin, "chosen_reward": likes_, "rejected_reward": likes_ - margin}

    def whole_logp(self, model: Any, rows: Mapping[str, Tensor]) -> Tensor:
        """(R,) log-probabilities, float64, of the answers of a micro-batch: sums over their tokens, which may be large numbers."""
        logp: Tensor = self.forward(model, rows, temperature=1.0).logp
        return (logp * rows["completion_mask"]).double().sum(dim=1)

    @torch.no_grad()
    def answer_logp(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """(2P,) :meth:`whole_logp` of all answers of a batch, without gradient."""
        device = batch["lengths"].device
        result = torch.zeros(len(batch["lengths"]), dtype=torch.float64, device=device)
        for cut in self.ranks.mine(self.pair_cuts(batch)):
            rows = take(batch, cut)
            result[cut.to(device)] = self.whole_logp(model, rows)
        return self.ranks.total(result)

    def pair_cuts(self, batch: Mapping[str, Tensor]) -> list[Tensor]:
        """Rows of each micro-batch: some chosen answers, and then their rejected ones."""
        pairs = len(batch["lengths"]) // 2
        longest = torch.maximum(*batch["lengths"].chunk(2))
        return [
            torch.cat([cut, cut + pairs])
            for cut in micro_batches(longest, max(1, self.config.micro_batch_tokens // 2), parts=self.ranks.count)
        ]

    def written(self) -> list[Pair]:
        """The pairs of the file, or of the data set."""
        if self._written is None:
            venv = getattr(self.venv, "unwrapped", self.venv)
            if not hasattr(venv, "answered"):
                raise ValueError(f"{type(venv).__name__} cannot encode answers; pairs={self.config.pairs!r} needs tokengym's vector envs")
            pairs = pairs_of_examples(venv) if self.config.pairs == "dataset" else read_pairs(self.config.pairs, venv)
            self._distinct, self._written = distinct_pairs(pairs, venv), pairs
        return self._written

    def draw(self) -> dict[str, Tensor]:
        """The next batch of written pairs, without replacement within a pass."""
        pairs, drawn = self.written(), list[int]()
        while len(drawn) < self.config.batch_size:
            if not self._left:
                order = torch.randperm(len(self._distinct), generator=self.generator)
                self._left = [self._distinct[i] for i in order.tolist()]
            room = self.config.batch_size - len(drawn)
            drawn, self._left = drawn + self._left[:room], self._left[room:]
        self._labels |= set(drawn)
        return pair_rows([pairs[i] for i in drawn], getattr(self.venv, "unwrapped", self.venv), self.policy.device)

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        state, tensors = super()._extra_state()
        return {**state, "left": self._left}, tensors

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super()._restore_extra(state, tensors)
        self._left = list(state["left"])
