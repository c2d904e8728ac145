"""What the rollout engine is held against: the same answers by model.generate, and what a GPU's memory allows at best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

__all__ = ["Replay", "copy_speed", "decoding_limit", "generate"]

_COPIED, _COPIES = 2**29, 20  # bytes, times


class Replay(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Deals given prompts in their order and ends each answer at a given length, whatever is said; rewards are 0.

    Args:
        prompts: token ids, one list per episode.
        lengths: tokens of each answer.
        actions: how many tokens there are to choose from.
        num_envs: rows.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    deal = "shared"

    def __init__(self, prompts: Sequence[Sequence[int]], lengths: Sequence[int], actions: int, num_envs: int) -> None:
        self.prompts = [np.asarray(prompt, dtype=np.int32) for prompt in prompts]
        self.lengths = np.asarray(lengths)
        self.num_envs = num_envs
        width = max(len(prompt) + length for prompt, length in zip(prompts, lengths, strict=True))
        self.single_action_space = gymnasium.spaces.Discrete(actions)
        names = ("attention_mask", "completion_mask")
        self.single_observation_space = gymnasium.spaces.Dict(
            {
                "input_ids": gymnasium.spaces.Box(0, actions - 1, (width,), np.int32),
                **{name: gymnasium.spaces.MultiBinary(width) for name in names},
            }
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._obs = {name: np.zeros((num_envs, width), np.int32 if name == "input_ids" else np.int8) for name in ("input_ids", *names)}
        self._at, self._left = np.zeros(num_envs, int), np.zeros(num_envs, int)
        self.active = np.zeros(num_envs, dtype=bool)
        self.deal_index = np.zeros(num_envs, dtype=int)
        self._next = 0

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Starts again with the first prompt; all of them are dealt, whatever ``options`` say."""
        self._next = 0
        for row in range(self.num_envs):
            self._deal(row)
        return self._copy(), {"deal_index": self.deal_index.copy()}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        rows = np.flatnonzero(self.active)
        at = self._at[rows]
        self._obs["input_ids"][rows, at] = actions[rows]
        self._obs["attention_mask"][rows, at] = self._obs["completion_mask"][rows, at] = 1
        self._at[rows] += 1
        self._left[rows] -= 1
        done = self.active & (self._left == 0)
        infos: dict[str, Any] = {}
        if done.any():
            infos["final_info"] = {"deal_index": self.deal_index.copy()}
            for row in np.flatnonzero(done):
                self._deal(int(row))
            infos["deal_index"] = self.deal_index.copy()
        return self._copy(), np.zeros(self.num_envs), done, np.zeros(self.num_envs, dtype=bool), infos

    def _deal(self, row: int) -> None:
        for column in self._obs.values():
            column[row] = 0
        self.active[row] = self._next < len(self.prompts)
        if self.active[row]:
            prompt = self.prompts[self._next]
            self._obs["input_ids"][row, : len(prompt)], self._obs["attention_mask"][row, : len(prompt)] = prompt, 1
            self._at[row], self._left[row], self.deal_index[row] = len(prompt), self.lengths[self._next], self._next
            self._next += 1

    def _copy(self) -> dict[str, NDArray[Any]]:
        return {name: column.copy() for name, column in self._obs.items()}


def generate(model: Any, prompts: Sequence[Sequence[int]], lengths: Sequence[int], batch: int, cache: str | None = None) -> list[list[int]]:
    """Answers of exactly ``lengths`` tokens by ``model.generate``, a batch of left-padded prompts at a time, sampled at temperature 1.

    Args:
        model: a transformers causal LM.
        prompts: token ids.
        lengths: tokens of each answer; a batch goes on until its longest one has them.
        batch: prompts at a time.
        cache: its ``cache_implementation``: "static" has transformers compile the decoding step on a GPU; None: its default.
    """
    import torch
    from transformers import StoppingCriteria

    class Budgets(StoppingCriteria):
        """Ends each row at its own length."""

        def __init__(self, ends: torch.Tensor) -> None:
            self.ends = ends

        def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            done: torch.Tensor = input_ids.shape[1] >= self.ends
            return done

    answers: list[list[int]] = []
    for start in range(0, len(prompts), batch):
        rows = slice(start, start + batch)
        width = max(map(len, prompts[rows]))
        ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts[rows]])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts[rows]])
        budget = torch.tensor(lengths[rows])
        out = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            eos_token_id=None,
            pad_token_id=0,
            max_new_tokens=int(budget.max()),
            stopping_criteria=[Budgets((width + budget).to(model.device))],
            use_cache=True,
            **({} if cache is None else {"cache_implementation": cache}),
        )
        answers += [row[:length] for row, length in zip(out[:, width:].tolist(), budget.tolist(), strict=True)]
    return answers


def copy_speed(device: Any) -> float:
    """Bytes per second that a GPU's memory reads and writes when it copies: the best of a few copies of half a gigabyte."""
    import torch

    source = torch.zeros(_COPIED, dtype=torch.uint8, device=device)
    target, best = torch.empty_like(source), 0.0
    for _ in range(_COPIES):
        _wait(device)
        start = time.perf_counter()
        target.copy_(source)
        _wait(device)
        best = max(best, 2 * _COPIED / (time.perf_counter() - start))
    return best


def decoding_limit(model: Any, rows: int, context: float, speed: float) -> float:
    """Tokens per second at which decoding reads nothing but what it must: all weights and the cached keys and values, once per step.

    Args:
        model: a transformers causal LM; of input embeddings that are not also the output layer only single rows are read.
        rows: that are decoded side by side.
        context: tokens that each attends to, in the mean.
        speed: bytes per second.
    Source: Pope et al. 2022, "Efficiently Scaling Transformer Inference" (arXiv:2211.05102), section 2.
    """
    config = model.config.get_text_config()
    size = next(model.parameters()).element_size()
    words, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    weights = sum(x.numel() * x.element_size() for x in model.parameters())  # a tied tensor counts once
    if words.data_ptr() != head.data_ptr():
        weights -= words.numel() * words.element_size()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cached = 2 * config.num_hidden_layers * heads * width * size  # of a token
    return float(rows * speed / (weights + rows * context * cached))


def _wait(device: Any) -> None:
    import torch

    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
