"""Small things that the tests of policies and rollouts play with: models with random weights, and a vector env of token rows."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from transformers import AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, LlamaConfig, MistralConfig, Qwen3Config

WORDS = 61
SHAPES: dict[str, Any] = {
    "llama": lambda: LlamaConfig(
        vocab_size=WORDS, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=True,
    ),
    "gpt2": lambda: GPT2Config(vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4, n_positions=128, bos_token_id=1, eos_token_id=2),
    "qwen3": lambda: Qwen3Config(
        vocab_size=WORDS, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, max_position_embeddings=128, bos_token_id=1, eos_token_id=2,
    ),
}  # fmt: skip
SMALL: dict[str, Any] = {
    "vocab_size": WORDS, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 8, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
GEMMA = Gemma3TextConfig(**SMALL, num_hidden_layers=4, sliding_window=5, layer_types=["sliding_attention", "full_attention"] * 2)
MISTRAL = MistralConfig(**SMALL, num_hidden_layers=2, sliding_window=5)


def random_model(shape: Any = "llama", attention: str = "sdpa", seed: int = 0) -> Any:
    """A causal LM with weights large enough that its distributions are far from uniform."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = SHAPES[shape]() if isinstance(shape, str) else shape
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(6.0)
    return model


class TokenRows(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Prompts of random tokens; an answer ends at token 2 or after ``most`` tokens and scores its share of even tokens.

    After the agent's third token the other side may add a reply of two tokens (``reply=True``).
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    deal = "shared"

    def __init__(self, num_envs: int, most: int = 9, group_size: int = 1, reply: bool = False) -> None:
        self.num_envs, self.most, self.group_size, self.reply = num_envs, most, group_size, reply
        self.width = 12 + most + 2
        self.single_action_space = gymnasium.spaces.Discrete(WORDS)
        self.single_observation_space = gymnasium.spaces.Dict(
            {
                "input_ids": gymnasium.spaces.Box(0, WORDS - 1, (self.width,), np.int32),
                "attention_mask": gymnasium.spaces.MultiBinary(self.width),
                "completion_mask": gymnasium.spaces.MultiBinary(self.width),
            }
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.seed, self.next = 0, 0

    def prompt(self, deal_index: int) -> np.ndarray[Any, Any]:
        rng = np.random.default_rng([self.seed, deal_index // self.group_size])
        return rng.integers(3, WORDS, size=rng.integers(3, 12))

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            self.seed, self.next = int(seed), 0
        self.left = options["episodes"]
        shape = (self.num_envs, self.width)
        self.ids, self.mask, self.agent = np.zeros(shape, np.int32), np.zeros(shape, np.int8), np.zeros(shape, np.int8)
        self.active, self.spoken = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, int)
        self.deal_index = np.zeros(self.num_envs, int)
        for row in range(self.num_envs):
            self._deal(row)
        return self._obs(), {"deal_index": self.deal_index.copy(), "_deal_index": self.active.copy()}

    def _deal(self, row: int) -> None:
        self.ids[row], self.mask[row], self.agent[row], self.spoken[row] = 0, 0, 0, 0
        self.active[row] = self.left > 0
        if self.active[row]:
            prompt = self.prompt(self.next)
            self.ids[row, : len(prompt)], self.mask[row, : len(prompt)] = prompt, 1
            self.deal_index[row] = self.next
            self.left, self.next = self.left - 1, self.next + 1

    def _obs(self) -> dict[str, Any]:
        return {"input_ids": self.ids.copy(), "attention_mask": self.mask.copy(), "completion_mask": self.agent.copy()}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        rewards, done = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        score, index, even = np.zeros(self.num_envs), self.deal_index.copy(), np.zeros(self.num_envs)
        for row in np.flatnonzero(self.active).tolist():
            at = int(self.mask[row].sum())
            self.ids[row, at], self.mask[row, at], self.agent[row, at] = actions[row], 1, 1
            self.spoken[row] += 1
            if actions[row] == 2 or self.spoken[row] == self.most:
                said = self.ids[row][self.agent[row] == 1]
                score[row] = rewards[row] = even[row] = float(np.mean(said % 2 == 0))
                done[row] = True
                self._deal(row)
            elif self.reply and self.spoken[row] == 3:
                self.ids[row, at + 1 : at + 3], self.mask[row, at + 1 : at + 3] = (5, 7), 1
        final: dict[str, Any] = {"deal_index": index, "_deal_index": done, "metrics": {"even": even, "_even": done}, "_metrics": done}
        infos: dict[str, Any] = {"deal_index": self.deal_index.copy(), "_deal_index": done & self.active}
        if done.any():
            infos |= {"final_info": final, "_final_info": done}
        return self._obs(), rewards, done, np.zeros(self.num_envs, bool), infos
