"""The algorithms suite: every learner from the same SFT policy, with the same labels and as many episodes, on three tasks."""

from __future__ import annotations

from typing import Any

from tokengym.benchmarks.suites import Arena, Entrant, Suite, spaced_seeds

__all__ = ["SUITE"]

# The labels are the builtin world's usual mixtures of good and flawed ones. builtin:tiny has read both languages, but no questions with
# answers and no translations: those two get more labels, and TextTranslate-v0 the direction in which answers are short.
# The quick suite used test examples 0 to 399 and ten seeds; settings here were chosen on validation examples with seeds 0 and 1.
# TextQA-v0 once had 384 labels and 1,920 episodes, measured on examples 400 to 599, so those count as used.
_ARENAS = (
    Arena(env="TextSumm-v0", train_kwargs={"size": 384}, first=400),
    Arena(env="TextQA-v0", train_kwargs={"size": 2000}, first=600),
    Arena(env="TextTranslate-v0", kwargs={"pair": "zh-en"}, train_kwargs={"size": 2000}, first=400),
)

# Every trained agent keeps the weights that did best on the same 48 validation examples, greedily decoded.
_CHOSEN: dict[str, Any] = {"validation_episodes": 48}
_SFT: dict[str, Any] = {**_CHOSEN, "learning_rate": 1e-3, "batch_size": 16, "updates": 50, "validate_every": 25, "precision": "bfloat16"}
_EPISODES = 1920  # that every other agent plays: its reward calls
_MANY = {"learning_rate": 3e-4, "episodes_per_update": 256, "updates": 30, "validate_every": 5}
"""TextQA-v0: 7,680 episodes. From 384 labels SFT answers a quarter of the questions and RL, in small batches, learns to answer in whole
sentences first; from 2,000 labels and in large batches it goes up from the start."""


def _online(name: str, per_update: int = 64, **config: Any) -> Entrant:
    """A learner that starts from the SFT policy and plays ``_EPISODES`` episodes, ``per_update`` between two validations at most."""
    updates = _EPISODES // per_update
    return Entrant(
        name=f"sft+{name}",
        kind=name,
        start="sft",
        config={
            **_CHOSEN,
            "learning_rate": 2e-4,
            "group_size": 8,
            "episodes_per_update": per_update,
            "updates": updates,
            "validate_every": max(1, updates // 6),
            **config,
        },
        per_env={"TextQA-v0": {"config": _MANY}, "TextTranslate-v0": {"config": {"learning_rate": 1e-4}}},
    )


_LEARNERS = (
    _online("reinforce"),
    _online("ppo", lam=1.0, epochs=2),  # lam=1: the critic starts at zero and has thirty updates to learn in
    _online("grpo"),
    _online("soft_q", steps_per_update=1),  # thirty steps, as many as REINFORCE takes
    _online("expert_iteration", per_update=192),  # one winner of eight: as many to imitate as fill a step
    _online("dpo"),
)

SUITE = Suite(
    name="algorithms",
    title="Algorithms suite: every learner from one SFT policy, same labels, same number of episodes",
    model="builtin:tiny",
    arenas=_ARENAS,
    seeds=spaced_seeds(5, used=10),
    entrants=(
        Entrant(name="random", kind="random"),
        Entrant(name="heuristic", kind="heuristic"),
        Entrant(
            name="sft",
            kind="sft",
            config=_SFT,
            per_env={env: {"config": {"updates": 200, "validate_every": 100}} for env in ("TextQA-v0", "TextTranslate-v0")},
        ),
        *_LEARNERS,
        Entrant(name="oracle", kind="oracle", note="answers with the best known answer"),
    ),
    compared=tuple(entrant.name for entrant in _LEARNERS),
    min_minutes=25,
)
