"""What REINFORCE, GRPO and PPO share: collecting whole episodes, the frozen reference model, log-probabilities by micro-batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tokengym.agents.alarms import answer_figures
from tokengym.agents.base import Agent
from tokengym.agents.batches import micro_batches, take
from tokengym.agents.parallel import join
from tokengym.agents.rollout import Rollout, RolloutEngine
from tokengym.agents.venv import check_groups

__all__ = ["NO_SPREAD", "OnlineAgent"]

NO_SPREAD = (
    "no completion of the first collection scored better than another of the same prompt, so that nothing was learned from it; "
    "if that goes on, begin with supervised fine-tuning (tokengym train ... --sft-budget N), or raise group_size"
)


class OnlineAgent(Agent):
    """An agent that learns from episodes its own policy plays. Subclasses write ``learn_from(rollout)``."""

    needs_values: bool = False  # whether the rollout records the critic's values

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        self.engine: Any = None
        # The policy as reinforcement learning finds it; without a KL term nobody asks for it, so it is not made.
        self.reference: Any = None
        self._collections = 0
        super().__init__(policy, env, config, seed, validation_env)
        c = self.config
        if c.temperature <= 0:
            raise ValueError(f"temperature={c.temperature}; sampling needs one above 0")
        if c.group_size < 1 or c.episodes_per_update % c.group_size:
            raise ValueError(f"group_size={c.group_size} does not divide episodes_per_update={c.episodes_per_update}")
        self.temperature = c.temperature
        self._start: dict[str, Tensor] = {}  # the trained weights as the reference has them, for checkpoints
        if self._needs_reference():
            self.reference = policy.reference()
            self._start = {name: x.detach().cpu().clone() for name, x in self._parameters().items()}

    def _needs_reference(self) -> bool:
        return bool(self.config.kl_beta > 0)

    def learn_from(self, rollout: Rollout) -> dict[str, float]:
        """Updates the policy with the episodes of one collection; figures for the log."""
        raise NotImplementedError

    def update(self) -> dict[str, float]:
        rollout = self.collect()
        stats = self.learn_from(rollout)
        valid = rollout.valid
        tokens = int(rollout.completion_mask.sum())
        return {
            "tokens": tokens,
            "reward": float(rollout.scores[valid].mean()) if bool(valid.any()) else 0.0,
            "valid": float(valid.float().mean()),
            "completion_tokens": tokens / len(rollout.scores),
            **answer_figures(rollout.infos),
            **stats,
        }

    def collect(self) -> Rollout:
        """The next ``config.episodes_per_update`` episodes, whole, as a :class:`~tokengym.agents.Rollout`."""
        return self.play(self.config.episodes_per_update, self.temperature)

    def play(self, episodes: int, temperature: float, deterministic: bool = False, first: int | None = None) -> Rollout:
        """The next ``episodes`` episodes, a multiple of ``config.group_size``, sampled at ``temperature``.

        Args:
            episodes: how many.
            temperature: divides the logits.
            deterministic: take the likeliest token instead of a sample.
            first: the ``deal_index`` of the first one; None: the episodes that come next.
        """
        if self.engine is None:
            self.engine = RolloutEngine(self.policy, self.venv, seed=self.seed, temperature=self.temperature, values=self.needs_values)
            self.engine.collections = self._collections
        self.engine.temperature = temperature
        venv = getattr(self.venv, "unwrapped", self.venv)
        before = getattr(venv, "reward_calls", None)
        rollout = join(self.engine.collect(episodes, deterministic, first=first), self.ranks)
        self._collections = self.engine.collections
        check_groups(rollout.infos, self.config.group_size)
        self._labels |= {int(info["index"]) for info in rollout.infos if "index" in info}
        if before is None:  # an environment that does not count them
            self._reward_calls += len(rollout.infos)
        else:
            self._reward_calls += int(self.ranks.total(torch.tensor([venv.reward_calls - before])))
        return rollout

    def set_env(self, env: Any) -> None:
        super().set_env(env)
        self.engine, self._collections = None, 0
        if self.reference is not None:
            self.reference.match(int(self.venv.single_action_space.n))

    def batch(self, rollout: Rollout) -> dict[str, Any]:
        """The rollout's tensors, with ``lengths`` (B,) in tokens and ``group`` (B,), the number of each row's prompt.

        ``allowed``: what the tokens were chosen from; only where the environment constrained them.

        Raises:
            ValueError: the tokens were sampled from a part of the distribution only.
        """
        if rollout.sampling is not None and rollout.sampling.cuts:
            raise ValueError(
                f"these episodes were sampled with {rollout.sampling}: their log-probabilities are not those of the distribution that "
                "chose the tokens, so that the gradient would be of something else. Cuts are for evaluation; collect without sampling=..."
            )
        return {
            "input_ids": rollout.input_ids,
            "attention_mask": rollout.attention_mask,
            "completion_mask": rollout.completion_mask,
            "logp": rollout.logp,
            "lengths": rollout.attention_mask.sum(dim=1),
            "group": torch.arange(len(rollout.infos), device=rollout.input_ids.device) // self.config.group_size,
            **({} if rollout.allowed is None else {"allowed": rollout.allowed}),
        }

    def cuts(self, batch: Mapping[str, Tensor]) -> list[Tensor]:
        """Rows of each micro-batch of a whole collection."""
        return micro_batches(batch["lengths"], self.config.micro_batch_tokens, batch["group"], self.ranks.count)

    def forward(
        self,
        model: Any,
        rows: Mapping[str, Any],
        with_values: bool = False,
        with_entropy: bool = False,
        temperature: float | None = None,
    ) -> Any:
        """``model``'s outputs on the agent tokens of a micro-batch; ``temperature`` is that of sampling where None."""
        return model(
            rows["input_ids"],
            rows["attention_mask"],
            temperature=self.temperature if temperature is None else temperature,
            with_values=with_values,
            with_entropy=with_entropy,
            mask=rows["completion_mask"],
            **({"allowed": rows["allowed"]} if "allowed" in rows else {}),
        )

    @torch.no_grad()
    def logp(self, model: Any, batch: Mapping[str, Tensor], cuts: list[Tensor] | None = None) -> Tensor:
        """(B, T) log-probabilities under ``model``, by micro-batch; ``cuts`` are those of the update where they must agree with it."""
        result = torch.zeros_like(batch["logp"])
        for cut in self.ranks.mine(self.cuts(batch) if cuts is None else cuts):
            rows = take(batch, cut)
            logp = self.forward(model, rows).logp
            result[cut.to(result.device), : logp.shape[1]] = logp
        return self.ranks.total(result)

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return {"collections": self._collections}, {f"start/{name}": x for name, x in self._start.items()}

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        self._collections = int(state["collections"])
        self._start = {name.removeprefix("start/"): x for name, x in tensors.items() if name.startswith("start/")}
        if self._start:
            now = {name: x.detach().clone() for name, x in self._parameters().items()}
            self._assign(self._start)
            self.reference = self.policy.reference()
            self._assign(now)
