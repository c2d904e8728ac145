"""A task so small that an agent learns it in seconds: say the prompt's letter, then stop. And a tiny policy to learn it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig

from tokengym.agents.policy import CausalLMPolicy
from tokengym.envs import Example, Parts, Task, TextGenVectorEnv, TextTokenizer
from tokengym.rewards import Sample

LETTERS = "abcdefgh"


def _backend() -> Tokenizer:
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<bos>", "<eos>", *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<pad>", "<bos>", "<eos>"])
    return tokenizer


TOKENIZER = TextTokenizer(_backend(), name="eleven words")
EXAMPLES = [Example(id=letter, prompt=letter, references=(letter,)) for letter in LETTERS]


def first_letter(batch: Sequence[Sample]) -> list[float]:
    """Half for the right first letter, half for stopping after it; NaN (not to be scored) where the reference is "?"."""
    return [
        float("nan") if s.references[0] == "?" else 0.5 * (s.response[:1] == s.references[0]) + 0.5 * (s.response == s.references[0])
        for s in batch
    ]


class Echo(Task):
    """Say the letter."""

    name = "Echo-v0"
    reward = "exact"
    metrics = ("exact",)
    max_prompt_tokens = 4
    max_new_tokens = 3

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return EXAMPLES

    def parts(self, example: Example) -> Parts:
        return Parts("", str(example.prompt), "")

    def heuristic(self, example: Example) -> str:
        return "a"


def echo_venv(num_envs: int = 16, **keywords: Any) -> TextGenVectorEnv:
    """The eight letters, in a random order."""
    defaults: dict[str, Any] = {"deal": "shared", "dataset": EXAMPLES, "tokenizer": TOKENIZER, "reward": first_letter, "metrics": False}
    return TextGenVectorEnv(num_envs, Echo(), **{**defaults, **keywords})


def echo_policy(seed: int = 0) -> CausalLMPolicy:
    """A two-layer Llama over the eleven words."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=11, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
            max_position_embeddings=32, bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False, initializer_range=0.15,
        )  # fmt: skip
        model = AutoModelForCausalLM.from_config(config)
        policy = CausalLMPolicy(model, name="tiny")
    policy.tokenizer_fingerprint = TOKENIZER.fingerprint
    return policy
