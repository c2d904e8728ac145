"""The quick suite: three tasks, five seeds, nine agents, ten minutes on two cores. Every option that decides its figures is here."""

from __future__ import annotations

from typing import Any

from tokengym.benchmarks.suites import Arena, Entrant, Suite, spaced_seeds

__all__ = ["SUITE"]

_LABELS = 384  # labelled training examples: what SFT imitates, and what RL's reward reads

# The training labels are the world's usual mixture of good and flawed ones; validation and test references are clean.
# The first 200 test examples and the first five seeds were used up while these settings were chosen: nothing is measured on them.
_ARENAS = (
    Arena(env="TextSumm-v0", train_kwargs={"size": _LABELS}, first=200),
    Arena(env="TextDialogue-v0", train_kwargs={"size": _LABELS}, first=200),
    Arena(env="TextQA-v0", train_kwargs={"size": _LABELS}, first=200),
)

# Every trained agent keeps the weights that did best on the same 48 validation examples, greedily decoded.
_SFT: dict[str, Any] = {
    "learning_rate": 1e-3,
    "batch_size": 16,
    "updates": 50,
    "validate_every": 25,
    "validation_episodes": 48,
    "precision": "bfloat16",
}
_REINFORCE: dict[str, Any] = {
    "learning_rate": 5e-4,
    "episodes_per_update": 64,
    "group_size": 4,
    "baseline": "leave_one_out",
    "updates": 15,
    "validate_every": 5,
    "validation_episodes": 48,
}
# lam=1: with a critic that starts at zero and ten updates to learn in, 0.95 per token would hide the score from early tokens.
_PPO: dict[str, Any] = {
    "learning_rate": 5e-4,
    "episodes_per_update": 64,
    "group_size": 4,
    "epochs": 2,
    "lam": 1.0,
    "updates": 10,
    "validate_every": 5,
    "validation_episodes": 48,
}

_ENTRANTS = (
    Entrant(name="random", kind="random"),
    Entrant(name="heuristic", kind="heuristic"),
    Entrant(name="zero-shot", kind="zero-shot"),
    Entrant(name="sft", kind="sft", config=_SFT),
    Entrant(
        name="sft-filtered",
        kind="sft",
        config={**_SFT, "keep": 0.5},
        note="imitates only the half of the labels that the reward scores best",
    ),
    Entrant(
        name="sft+reinforce", kind="reinforce", start="sft", config=_REINFORCE, note="reward calls: the task's reward on its own answers"
    ),
    Entrant(name="sft+ppo", kind="ppo", start="sft", config=_PPO),
    Entrant(
        name="sft-clean",
        kind="sft",
        config=_SFT,
        train_kwargs={"label_noise": 0.0},
        note="imitates clean references, which the others never see: a ceiling for imitation",
    ),
    Entrant(name="oracle", kind="oracle", note="answers with the best known answer"),
)

SUITE = Suite(
    name="quick",
    title="Quick suite: three text tasks, token-level agents from one pretrained model",
    model="builtin:tiny",
    arenas=_ARENAS,
    seeds=spaced_seeds(5, used=5),
    entrants=_ENTRANTS,
    compared=("sft-filtered", "sft+reinforce", "sft+ppo"),
    min_minutes=10,
)
