"""A model folder for tests: the builtin tokenizer and a Llama of random weights, small enough to train in a second."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tokengym._models import model_folder
from tokengym.envs import load_tokenizer


def save_tiny_model(folder: Path) -> str:
    """Writes the model into ``folder`` and returns its path, a name for ``--model``."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=load_tokenizer("builtin").vocab_size,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
        LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(Path(model_folder("builtin")) / name, folder / name)
    return str(folder)
