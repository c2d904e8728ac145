"""The algorithms suite: every learner from the same SFT policy, with the same labels and as many episodes, on three tasks."""

from __future__ import annotations

from typing import Any

from tokengym.benchmarks.suites import Arena, Entrant, Suite, spaced_seeds

__all__ = ["SUITE"]

# The labels are the builtin world's usual mixtures of good and flawed ones. builtin:tiny has read both languages, but no translations:
# TextTranslate-v0 gets more labels, and the direction in which answers are short.
# The quick suite used test examples 0 to 399 and ten seeds; settings here were chosen on validation examples with seed 0.
_ARENAS = (
    Arena(env="TextSumm-v0", train_kwargs={"size": 384}, first=400),
    Arena(env="TextQA-v0", train_kwargs={"size": 384}, first=400),
    Arena(env="TextTranslate-v0", kwargs={"pair": "zh-en"}, train_kwargs={"size": 2000}, first=400),
)

# Every trained agent keeps the weights that did best on the same 48 validation examples, greedily decoded.
_CHOSEN: dict[str, Any] = {"validation_episodes": 48}
_SFT: dict[str, Any] = {**_CHOSEN, "learning_rate": 1e-3, "batch_size": 16, "updates": 50, "validate_every": 25, "precision": "bfloat16"}
_EPISODES = 1920  # that every other agent plays: its reward calls


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
        # Their SFT policies are nearer to their best, and a larger step throws them off.
        per_env={env: {"config": {"learning_rate": 1e-4}} for env in ("TextQA-v0", "TextTranslate-v0")},
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
            per_env={"TextTranslate-v0": {"config": {"updates": 200, "validate_every": 100}}},
        ),
        *_LEARNERS,
        Entrant(name="oracle", kind="oracle", note="answers with the best known answer"),
    ),
    compared=tuple(entrant.name for entrant in _LEARNERS),
    min_minutes=25,
)
