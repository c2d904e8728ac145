"""Labels and written answers that are longer than the environment lets an answer be: which ones its token budget cuts off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["answer_budget", "cut_answers"]


def answer_budget(venv: Any) -> int:
    """Tokens of an answer (of several turns, of one), its end-of-sequence token included; 0 where the environment does not tell."""
    return int(getattr(getattr(venv, "engine", None), "max_new_tokens", 0))


def cut_answers(ids: NDArray[Any], mask: NDArray[Any], venv: Any) -> NDArray[np.bool_]:
    """Which rows hold an answer, or a turn of one, that fills the budget and does not end.

    Args:
        ids: (B, L) tokens, as ``venv.labelled`` and ``venv.answered`` give them.
        mask: (B, L) 1 on the tokens of the answer.
        venv: one of tokengym's vector environments, unwrapped; of others nothing is known, and nothing is cut.
    Returns:
        (B,) bool; False where the task constrains its answers, which then are complete without an end-of-sequence token.
    """
    budget = answer_budget(venv)
    if not budget or venv.engine.constraint is not None:
        return np.zeros(len(ids), dtype=np.bool_)
    agent = np.pad(mask.astype(np.bool_), ((0, 0), (0, 1)))  # (B, L + 1)
    places = np.arange(agent.shape[1])
    before = np.maximum.accumulate(np.where(agent, -1, places), axis=1)[:, :-1]  # the last place so far that is not the agent's
    last = agent[:, :-1] & ~agent[:, 1:]
    full = last & (places[:-1] - before >= budget)
    found: NDArray[np.bool_] = (full & (ids != venv.tokenizer.eos_token_id)).any(axis=1)
    return found
