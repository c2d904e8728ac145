"""Made-up results for the tests of summaries, tables and pictures: known means, three seeds, two environments."""

from __future__ import annotations

from typing import Any

import numpy as np

MEANS = {"random": 0.0, "zero-shot": 0.2, "sft": 0.6, "sft+ppo": 0.8, "sft-clean": 0.9, "oracle": 1.0}
ENVS = ("TextQA-v0", "TextSumm-v0")
SEEDS = (1000, 2000, 3000)
EXAMPLES = 8
_WAVE = np.array([-0.04, 0.04] * (EXAMPLES // 2))  # examples differ by this much


def result_rows(seeds: tuple[int, ...] = SEEDS, envs: tuple[str, ...] = ENVS) -> list[dict[str, Any]]:
    """One finished record per environment, agent and seed; each agent's mean reward is ``MEANS``, the seeds differ by 0.01."""
    rows = []
    for env in envs:
        for agent, mean in MEANS.items():
            for number, seed in enumerate(seeds):
                rows.append(_row(env, agent, seed, mean, 0.01 * (number - (len(seeds) - 1) / 2)))
    return rows


def _row(env: str, agent: str, seed: int, mean: float, shift: float) -> dict[str, Any]:
    fixed = agent in ("random", "oracle")
    reward = np.full(EXAMPLES, mean) if fixed else mean + shift + _WAVE
    trained = "+" in agent
    steps = list(range(0, 5000, 1000))
    training: dict[str, Any] = {}
    if trained:
        climb = [0.6 + 0.05 * i for i in range(len(steps))]
        training = {"start_tokens": [500], "reward_tokens": steps, "reward": climb, "validation_tokens": steps, "validation": climb}
    start = "sft" if trained else "zero-shot" if agent.startswith("sft") else None
    return {
        "schema": 1,
        "suite": {"name": "made-up", "title": "Made-up suite", "baseline": "sft", "compared": ["sft+ppo"]},
        "env": {"id": env, "kwargs": {}, "fingerprint": f"env {env}"},
        "data": {"name": "builtin", "split": "test", "n": 1000, "sha256": f"data {env}"},
        "tokenizer": {"name": "builtin", "fingerprint": "tokenizer"},
        "reward": {"spec": "token_f1", "fingerprint": "reward"},
        "agent": {"name": agent, "kind": agent, "config": {}, "budget": 0, "start": start, "train_kwargs": {}, "note": ""},
        "model": {"name": None if fixed else "builtin:tiny"},
        "seed": seed,
        "status": "done",
        "error": None,
        "eval": {
            "n": EXAMPLES,
            "deterministic": True,
            "reward": [round(float(r), 6) for r in reward],
            "metrics": {"exact": [round(float(r) / 2, 6) for r in reward], "faithfulness": [None] * EXAMPLES},
            "responses": ["an answer"] * EXAMPLES,
            "sample_ids": [str(i) for i in range(EXAMPLES)],
            "stop_reasons": ["eos"] * EXAMPLES,
            "invalid": 0,
            "normalized": None,
        },
        "used": {"labels": 384 if trained else 0, "reward_calls": 1234 if trained else 0},
        "cost": {"train_tokens": 20500 if trained else 0, "eval_tokens": 80, "train_s": 9.0, "wall_s": 10.5, "peak_memory_bytes": 7e8},
        "training": training,
        "system": {"processor": "made-up", "cores": 2, "threads": 1, "accelerator": None, "platform": "Linux"},
        "versions": {"python": "3.11.9"},
        "code": {"commit": "0123456789abcdef", "dirty": False},
    }


def failed(row: dict[str, Any], why: str = "ValueError: no luck") -> dict[str, Any]:
    """The record of an agent that failed."""
    return {**row, "status": "failed", "error": why, "eval": None}
