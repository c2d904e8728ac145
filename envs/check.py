"""check_text_env: the promises of a text environment, checked on one of yours; an error says which one is broken."""

from __future__ import annotations

from typing import Any

import gymnasium

from tokengym.envs.env import TextGenEnv
from tokengym.envs.promises import PROMISES, Checked

__all__ = ["check_text_env"]


def check_text_env(env: gymnasium.Env[Any, Any], *, examples: int = 40, steps: int = 120, seed: int = 0) -> None:
    """Checks an environment that a task of yours makes; returns nothing where every promise is kept.

    Args:
        env: from ``gymnasium.make``, or a :class:`tokengym.envs.TextGenEnv`. It is not touched; others like it are made.
        examples: how many examples are read, answered and scored.
        steps: how many steps rollouts have.
        seed: of what is drawn.
    Raises:
        TypeError: another environment.
        ValueError: a broken promise: which one, what was seen, and what to do.
    """
    inner = env.unwrapped
    if not isinstance(inner, TextGenEnv):
        raise TypeError(f"check_text_env checks a TextGenEnv, not {type(inner).__name__}; for others there is gymnasium's check_env")
    checked = Checked(inner, examples, steps, seed)
    for promise, check, remedy in PROMISES:
        try:
            check(checked)
        except Exception as error:
            raise ValueError(f"{inner.task.name} breaks a promise: {promise}. Seen: {error or type(error).__name__}. {remedy}") from error
