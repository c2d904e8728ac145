"""Pretrains ``builtin:tiny`` on unlabelled text of the builtin world and writes it to tokengym/builtin.

    python scripts/pretrain_tiny.py [--steps N] [--folder F]

Next-token prediction, AdamW, warm-up and cosine decay, bfloat16 matrix products over float32 weights. It begins with a
drill: sequences of random tokens that repeat, from which a model learns within about 500 updates to look back and copy (induction
heads, arXiv:2209.11895); on the world's text alone 9 million tokens were not enough for that. What was run (tokens,
seconds, hardware, loss) is written to training.json beside the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).parent))
from corpus import documents

HELD_OUT = 10_000_000  # documents from here on are never trained on; their loss is what training.json reports


def rows_of(tokenizer: Tokenizer, start: int, count: int, length: int) -> np.ndarray:
    """``count`` sequences (count, length + 1): each begins with a document of its own, and the next one fills what room is left."""
    ids = [[1, *encoding.ids, 2] for encoding in tokenizer.encode_batch(list(documents(start, count + 1)))]
    rows = np.zeros((count, length + 1), dtype=np.int64)
    for row in range(count):
        filled = (ids[row] + ids[row + 1] + ids[row])[: length + 1]
        rows[row, : len(filled)] = filled
    return rows


def drill_rows(generator: torch.Generator, entries: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Random tokens in which each row repeats a stretch of its own length, and a mask of the tokens that can be known.

    Tokens have frequencies like words (1 / rank, ranks drawn once): the common ones teach looking back, the rare ones join in;
    with equal frequencies 1,200 updates did not suffice (after arXiv:2205.05055). Stretches have 3 to 12 tokens in the first
    half of the drill, ``share`` below 0.5, and then more and more, up to 40. (64, 32 to 116) tokens.
    """
    longest = 12 + round(28 * max(0.0, 2 * share - 1))
    length = 3 * longest - 4
    ranks = 4 + torch.randperm(entries - 4, generator=torch.Generator().manual_seed(1))
    frequency = 1 / (torch.arange(entries - 4) + 3.0)
    period = torch.randint(3, longest + 1, (64, 1), generator=generator)
    stretch = ranks[torch.multinomial(frequency, 64 * longest, replacement=True, generator=generator)].view(64, longest)
    place = torch.arange(length + 1)[None]  # (1, length + 1)
    return stretch.gather(1, place % period), place[:, 1:] > period


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drill", type=int, default=1000, help="updates of the drill")
    parser.add_argument("--steps", type=int, default=4200, help="updates on text")
    parser.add_argument("--batch", type=int, default=18, help="sequences per update")
    parser.add_argument("--length", type=int, default=224, help="tokens per sequence")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--inner", type=int, default=448)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "tokengym" / "builtin")
    options = parser.parse_args()

    torch.manual_seed(0)
    tokenizer = Tokenizer.from_file(str(Path(__file__).parents[1] / "tokengym" / "builtin" / "tokenizer.json"))
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=options.hidden,
        intermediate_size=options.inner,
        num_hidden_layers=options.layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        attention_dropout=0.0,
        use_cache=True,
    )
    model = LlamaForCausalLM._from_config(config, attn_implementation="eager")  # twice as fast as sdpa backwards on a CPU at this size
    size = sum(p.numel() for p in model.parameters())
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=options.rate, betas=(0.9, 0.98), fused=True
    )
    held = rows_of(tokenizer, HELD_OUT, 64, options.length)
    print(
        f"{size:,} parameters, {options.steps * options.batch * options.length / 1e6:.1f} million tokens,"
        f" {torch.get_num_threads()} threads",
        flush=True,
    )

    def loss_of(ids: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        each = torch.nn.functional.cross_entropy(logits.float().reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), reduction="none")
        return each.mean() if known is None else each[known.reshape(-1)].mean()

    def save(step: int, loss: float, seconds: float) -> None:
        model.save_pretrained(options.folder)
        facts = {
            "parameters": size,
            "steps": step,
            "tokens": step * options.batch * options.length,
            "batch": options.batch,
            "length": options.length,
            "rate": options.rate,
            "drill_steps": options.drill,
            "seconds": round(seconds),
            "held_out_loss_nats_per_token": round(loss, 4),
            "torch": torch.__version__,
            "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, bfloat16 autocast",
            "data": "scripts/corpus.py, train split, unlabelled",
        }
        (options.folder / "training.json").write_text(json.dumps(facts, indent=1) + "\n")

    began = time.time()
    generator = torch.Generator().manual_seed(0)
    for step in range(1, options.drill + 1):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, step / 100)
        loss = loss_of(*drill_rows(generator, config.vocab_size, step / options.drill))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"drill {step} loss {loss.item():.3f} {time.time() - began:.0f} s", flush=True)
    optimizer.state.clear()

    start, buffer, running = 0, np.zeros((0, options.length + 1), dtype=np.int64), 0.0
    for step in range(1, options.steps + 1):
        if len(buffer) < options.batch:
            buffer, start = rows_of(tokenizer, start, 64 * options.batch, options.length), start + 64 * options.batch
        rows, buffer = buffer[: options.batch], buffer[options.batch :]
        warm, done = min(1.0, step / 200), step / options.steps
        for group in optimizer.param_groups:
            group["lr"] = options.rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))
        loss = loss_of(torch.from_numpy(rows))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = loss.item() if step == 1 else 0.95 * running + 0.05 * loss.item()
        if step % 100 == 0:
            seconds = time.time() - began
            print(
                f"step {step} loss {running:.3f} {step * options.batch * options.length / seconds:,.0f} tokens/s {seconds:.0f} s",
                flush=True,
            )
        if step % 400 == 0 or step == options.steps:
            with torch.no_grad():
                loss_held = loss_of(torch.from_numpy(held)).item()
            print(f"step {step} held-out loss {loss_held:.4f}", flush=True)
            save(step, loss_held, time.time() - began)


if __name__ == "__main__":
    main()
