"""Plays a vector environment with a policy: whole episodes, token by token, over the slot cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokengym.agents.allowed import Allowed, AllowedLists, forbid
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.sampling import Sampling, noise_key, pick, uniforms

__all__ = ["Rollout", "RolloutEngine"]


@dataclass(frozen=True, eq=False)
class Rollout:
    """Whole episodes in the order in which they were dealt, so that members of a group stand together; tensors on the policy's device.

    Attributes:
        input_ids: (B, T) int64 tokens, right-padded with 0.
        attention_mask: (B, T) int64, 1 on tokens.
        completion_mask: (B, T) int64, 1 on the agent's tokens.
        logp: (B, T) float32, what the policy gave to each of the agent's tokens; 0 elsewhere.
        values: (B, T) float32, the value before each of the agent's tokens; 0 elsewhere, and everywhere if values were not asked for.
        rewards: (B, T) float32, on the agent's tokens; with terminal rewards the score on the last one.
        infos: what the environment said at each episode's end, one flat dict per episode.
        allowed: what each of the agent's tokens was chosen from, where the environment constrained it; None where it never did.
        sampling: the cut that the tokens were sampled with; ``logp`` is that of the whole distribution all the same.
    """

    input_ids: Tensor
    attention_mask: Tensor
    completion_mask: Tensor
    logp: Tensor
    values: Tensor
    rewards: Tensor
    infos: list[dict[str, Any]]
    allowed: Allowed | None = None
    sampling: Sampling | None = None

    @property
    def scores(self) -> Tensor:
        """(B,) float32: the sum of each episode's rewards."""
        return self.rewards.sum(1)

    @property
    def lengths(self) -> Tensor:
        """(B,) int64: tokens of each episode, the prompt's included."""
        return self.attention_mask.sum(1)

    @property
    def valid(self) -> Tensor:
        """(B,) bool: whether the episode could be scored."""
        return torch.tensor([bool(info.get("reward_valid", True)) for info in self.infos], device=self.rewards.device)


class RolloutEngine:
    """Collects episodes. A row whose episode ends takes the next prompt at once, and only that row is prefilled.

    A collection is the next N episodes *dealt*, each played to its end: taking the first N that finish would favour short ones.
    Each choice is drawn from a hash of (seed, collection, episode, token), so results do not depend on which row played what.

    Args:
        policy: who plays.
        venv: a vector env with our observation keys, ``deal="shared"`` and ``autoreset_mode="SameStep"``.
        seed: of the order of prompts (in the first collection's reset) and of the choices; at least 0.
        temperature: divides the logits; recorded log-probabilities are those of the divided ones.
        values: also record the value head's values.

    Attributes:
        collections: how many were made. Set it to go on where another engine stopped (the environment's state must match).
    """

    def __init__(self, policy: CausalLMPolicy, venv: Any, seed: int = 0, temperature: float = 1.0, values: bool = True) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature={temperature}; it must be above 0 (for greedy episodes: collect(..., deterministic=True))")
        inner = getattr(venv, "unwrapped", venv)
        if getattr(inner, "deal", None) != "shared":
            raise ValueError(
                f"the vector env deals {getattr(inner, 'deal', 'nothing that is known')!r}; a collection of exactly N episodes needs "
                "gymnasium.make_vec(id, num_envs=64, deal='shared')"
            )
        mode = getattr(venv, "metadata", {}).get("autoreset_mode", "SameStep")
        if getattr(mode, "value", mode) != "SameStep":
            raise ValueError(f"the vector env's autoreset_mode is {getattr(mode, 'value', mode)!r}; the engine needs 'SameStep'")
        policy.match(int(venv.single_action_space.n))
        self.policy, self.venv, self.seed, self.temperature, self.values = policy, venv, seed, temperature, values
        self.collections = 0
        self._inner = inner
        self._decoder = policy.decoder(*venv.observation_space["input_ids"].shape)
        self._played = 0  # collections of this engine; the weights may have changed between them

    @property
    def recorded(self) -> bool:
        """Whether the decoder holds recordings (on CUDA), which another engine would have to make anew."""
        return bool(getattr(self._decoder, "recorded", False))

    @torch.inference_mode()
    def collect(self, episodes: int, deterministic: bool = False, sampling: Sampling | None = None, first: int | None = None) -> Rollout:
        """Plays the next ``episodes`` episodes. Where the environment gives ``infos["action_mask"]``, only what it allows is chosen.

        Args:
            episodes: how many; at least 1.
            deterministic: take the likeliest token instead of a sample.
            sampling: which tokens a sample is drawn from; for evaluation only, training refuses such a rollout. None: all.
            first: the place in the order at which dealing begins, an episode's ``deal_index``; None: where it stopped.
        Raises:
            ValueError: fewer than one episode, or an action mask that allows nothing.
        """
        if episodes < 1:
            raise ValueError(f"episodes={episodes}; a collection has at least 1")
        place = {} if first is None else {"first": first}
        obs, infos = self.venv.reset(seed=None if self.collections else self.seed, options={"episodes": episodes, **place})
        play = _Play(noise_key(self.seed, self.collections), self.venv.num_envs)
        self.collections += 1
        self._played += 1
        active = np.array(self._inner.active, dtype=bool)
        play.deal(np.flatnonzero(active), infos)
        while active.any():
            rows = np.flatnonzero(active)
            ids, lengths = obs["input_ids"], obs["attention_mask"].sum(1, dtype=np.int64)
            # Before the model runs: a copy to a GPU waits for all that it was given to do.
            noise = None if deterministic else torch.from_numpy(play.noise(rows)).to(self.policy.device)
            hidden = self._decoder.advance(ids, lengths, rows, version=self._played)
            logits = self.policy.logits(hidden).float()  # (R, V)
            if self.temperature != 1.0:
                logits = logits / self.temperature
            masks = _masks(infos, rows)
            if masks is not None:
                logits = forbid(logits, masks)
            logp = torch.log_softmax(logits, dim=-1)
            if noise is None:
                chosen = logp.argmax(-1)
            else:
                cut = logp if sampling is None else sampling.cut(logp)
                chosen = pick(cut, noise)
            actions = np.zeros(self.venv.num_envs, dtype=np.int64)
            actions[rows] = chosen.cpu().numpy()
            before = obs
            obs, rewards, terminated, truncated, infos = self.venv.step(actions)
            values = self.policy.values(hidden) if self.values else None
            play.record(rows, lengths, actions, logp.gather(1, chosen[:, None])[:, 0], values, rewards, masks)
            ended = np.flatnonzero((terminated | truncated) & active)
            if len(ended):
                play.finish(ended, before, lengths, infos.get("final_info", {}))
                active = np.array(self._inner.active, dtype=bool)
                play.deal(ended[active[ended]], infos)
        return play.rollout(self.policy.device, sampling)


class _Play:
    """The record of one collection; episodes are numbered as they start, and sorted by ``deal_index`` at the end."""

    def __init__(self, key: NDArray[np.uint64], rows: int) -> None:
        self.key = key
        self.number = np.zeros(rows, dtype=np.int64)  # (N,) the episode that each row plays
        self.spoken = np.zeros(rows, dtype=np.int64)  # (N,) tokens that the agent said in it
        self.dealt: list[int] = []  # deal_index, by episode
        self.ends: dict[int, tuple[NDArray[np.int64], NDArray[np.int64], dict[str, Any]]] = {}  # tokens, completion mask, info
        self.steps: list[tuple[NDArray[np.int64], NDArray[np.int64], Tensor, Tensor | None, NDArray[np.float32]]] = []
        self.lists = AllowedLists()
        self.chosen_from: list[NDArray[np.int64]] = []  # numbers of lists, step by step

    def deal(self, rows: NDArray[np.int64], infos: dict[str, Any]) -> None:
        self.number[rows] = np.arange(len(self.dealt), len(self.dealt) + len(rows))
        self.spoken[rows] = 0
        indices = infos["deal_index"][rows] if "deal_index" in infos else self.number[rows]
        self.dealt.extend(int(index) for index in indices)

    def noise(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return uniforms(self.key, np.array(self.dealt)[self.number[rows]], self.spoken[rows])

    def record(
        self,
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
        actions: Any,
        logp: Tensor,
        values: Tensor | None,
        rewards: Any,
        masks: NDArray[Any] | None,
    ) -> None:
        self.spoken[rows] += 1
        self.steps.append((self.number[rows], lengths[rows], logp, values, np.asarray(rewards, dtype=np.float32)[rows]))
        self.chosen_from.append(np.full(len(rows), -1, dtype=np.int64) if masks is None else self.lists.add(masks))
        self.actions = actions

    def finish(self, rows: NDArray[np.int64], before: Any, lengths: NDArray[np.int64], final: dict[str, Any]) -> None:
        """Keeps the ended rows' tokens: those before the last action, and that action."""
        for row in rows:
            length = int(lengths[row])
            tokens = np.append(before["input_ids"][row, :length].astype(np.int64), self.actions[row])
            agent = np.append(before["completion_mask"][row, :length].astype(np.int64), 1)
            self.ends[int(self.number[row])] = tokens, agent, _row(final, int(row))

    def rollout(self, device: torch.device, sampling: Sampling | None) -> Rollout:
        order = sorted(self.ends, key=lambda number: self.dealt[number])
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        width = max(len(self.ends[number][0]) for number in order)
        ids, real, agent = (np.zeros((len(order), width), dtype=np.int64) for _ in range(3))
        for i, number in enumerate(order):
            tokens, mask, _ = self.ends[number]
            ids[i, : len(tokens)], agent[i, : len(tokens)], real[i, : len(tokens)] = tokens, mask, 1
        row = torch.from_numpy(place[np.concatenate([step[0] for step in self.steps])]).to(device)
        column = torch.from_numpy(np.concatenate([step[1] for step in self.steps])).to(device)

        def spread(numbers: Tensor) -> Tensor:
            return torch.zeros(len(order), width, device=device).index_put_((row, column), numbers.float())

        values = [step[3] for step in self.steps if step[3] is not None]
        parts: tuple[Tensor, ...] = (
            torch.from_numpy(ids).to(device),
            torch.from_numpy(real).to(device),
            torch.from_numpy(agent).to(device),
            spread(torch.cat([step[2] for step in self.steps])),
            spread(torch.cat(values)) if values else torch.zeros(len(order), width, device=device),
            spread(torch.from_numpy(np.concatenate([step[4] for step in self.steps])).to(device)),
        )
        with torch.inference_mode(False):  # the update pass may save these for its backward, which inference tensors refuse
            tokens_, real_, agent_, logp, worth, rewards = (part.clone() for part in parts)
            allowed = None
            if len(self.lists):
                index = torch.full(ids.shape, -1, device=device)
                index[row.clone(), column.clone()] = torch.from_numpy(np.concatenate(self.chosen_from)).to(device)
                allowed = self.lists.allowed(index)
        return Rollout(tokens_, real_, agent_, logp, worth, rewards, [self.ends[number][2] for number in order], allowed, sampling)


def _masks(infos: dict[str, Any], rows: NDArray[np.int64]) -> NDArray[Any] | None:
    """(R, V) action masks of ``rows``, ones where a row has none; None where no row has one."""
    if "action_mask" not in infos:
        return None
    masks: NDArray[Any] = np.asarray(infos["action_mask"])[rows]
    having = infos.get("_action_mask")
    return masks if having is None or having[rows].all() else np.where(having[rows, None], masks, 1)


def _row(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """One row of a vector env's infos, as a flat dict of Python values; without masks, which are as wide as the vocabulary."""
    found: dict[str, Any] = {}
    for key, column in infos.items():
        if key == "action_mask" or key.startswith("_") or not infos.get(f"_{key}", np.ones(row + 1, dtype=bool))[row]:
            continue
        if isinstance(column, dict):
            found[key] = _row(column, row)
        else:
            found[key] = column[row].item() if isinstance(column[row], np.generic) else column[row]
    return found
