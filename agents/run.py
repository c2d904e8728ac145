"""How long a training run is, in tokens or updates, and how much of it is done; as JSON-able values, since checkpoints keep them."""

from __future__ import annotations

__all__ = ["new_run", "run_share"]


def new_run(timesteps: int, updates: int, total_timesteps: int | None, planned_updates: int) -> dict[str, int]:
    """A run that begins now.

    Args:
        timesteps, updates: of the agent so far.
        total_timesteps: tokens of the run; None: updates alone bound it.
        planned_updates: updates of the run; 0: tokens alone bound it.
    Raises:
        ValueError: nothing bounds it, or less than one token.
    """
    if total_timesteps is not None and total_timesteps < 1:
        raise ValueError(f"total_timesteps={total_timesteps}; expected a number of tokens of at least 1")
    if total_timesteps is None and not planned_updates:
        raise ValueError("learn() does not know how long to train; give total_timesteps=... (tokens), or updates=... in the config")
    return {"tokens_from": timesteps, "tokens": total_timesteps or 0, "updates_from": updates, "updates": planned_updates}


def run_share(run: dict[str, int], timesteps: int, updates: int) -> float:
    """How much of the run is done, in [0, 1]; the nearer of its two ends counts."""
    by_tokens = (timesteps - run["tokens_from"]) / run["tokens"] if run["tokens"] else 0.0
    by_updates = (updates - run["updates_from"]) / run["updates"] if run["updates"] else 0.0
    return min(1.0, max(by_tokens, by_updates))
