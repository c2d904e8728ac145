"""The quick suite: three tasks, three seeds, nine agents, ten minutes on two cores. Every option that decides its figures is here."""

from __future__ import annotations

from typing import Any

from tokengym.benchmarks.suites import Arena, Entrant, Suite, spaced_seeds

__all__ = ["SUITE"]

_LABELS = 384  # labelled training examples: what SFT imitates, and what RL's reward reads

# The training labels are the world's usual mixture of good and flawed ones; validation and test references are clean.
_ARENAS = (
    Arena(env="TextSumm-v0", train_kwargs={"size": _LABELS}),
    Arena(env="TextDialogue-v0", train_kwargs={"size": _LABELS}),
    Arena(env="TextQA-v0", train_kwargs={"size": _LABELS}),
)

_SFT: dict[str, Any] = {"learning_rate": 1e-3, "batch_size": 16}
_RL: dict[str, Any] = {"learning_rate": 2e-4, "episodes_per_update": 64}

_SFT_BUDGET = 20_000  # label tokens
_RL_BUDGET = 60_000  # environment steps

_ENTRANTS = (
    Entrant(name="random", kind="random"),
    Entrant(name="heuristic", kind="heuristic"),
    Entrant(name="zero-shot", kind="zero-shot"),
    Entrant(name="sft", kind="sft", config=_SFT, budget=_SFT_BUDGET),
    Entrant(
        name="sft-filtered",
        kind="sft",
        config={**_SFT, "keep": 0.5},
        budget=_SFT_BUDGET,
        note="imitates only the half of the labels that the reward scores best",
    ),
    Entrant(
        name="sft+reinforce", kind="reinforce", start="sft", config={**_RL, "baseline": "leave_one_out", "group_size": 4}, budget=_RL_BUDGET
    ),
    Entrant(name="sft+ppo", kind="ppo", start="sft", config=_RL, budget=_RL_BUDGET),
    Entrant(
        name="sft-clean",
        kind="sft",
        config=_SFT,
        budget=_SFT_BUDGET,
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
    seeds=spaced_seeds(3),
    entrants=_ENTRANTS,
    compared=("sft-filtered", "sft+reinforce", "sft+ppo"),
    min_minutes=10,
)
