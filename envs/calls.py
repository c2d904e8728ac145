"""What callers hand to a vector environment, checked: actions, seeds, reset masks, numbers of episodes, the autoreset mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

from tokengym._registry import unknown
from tokengym.envs.rows import Rows
from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["check_episodes", "read_actions", "read_autoreset", "read_reset_mask", "read_seeds"]


def read_actions(actions: npt.NDArray[Any], rows: Rows, tokenizer: TextTokenizer) -> npt.NDArray[Any]:
    """(N,) token ids; 0 in rows that play nothing, whatever was given there.

    Raises:
        ValueError: another shape or dtype, or an id outside the action space.
    """
    num_envs = len(rows.active)
    if actions.shape != (num_envs,) or actions.dtype.kind not in "iu":
        raise ValueError(f"actions have shape {actions.shape} and dtype {actions.dtype}; expected ({num_envs},) whole numbers")
    if not rows.all_active:
        actions = np.where(rows.active, actions, 0)
    if np.maximum.reduce(actions.astype(np.uint64)) >= tokenizer.vocab_size:  # a negative id is a huge unsigned one
        wrong = int(np.flatnonzero((actions < 0) | (actions >= tokenizer.vocab_size))[0])
        known = f"expected 0 to {tokenizer.vocab_size - 1}"
        raise ValueError(f"action={actions[wrong]} in row {wrong} is no token of {tokenizer.name!r}; {known}")
    return actions


def read_autoreset(mode: str | AutoresetMode) -> AutoresetMode:
    """The mode that "SameStep", "NextStep" or "Disabled" names. Raises ValueError for another name."""
    known = [each.value for each in AutoresetMode]
    name = mode.value if isinstance(mode, AutoresetMode) else mode
    if name not in known:
        raise unknown("autoreset_mode", name, known)
    return AutoresetMode(name)


def read_seeds(seed: int | Sequence[int | None] | None, count: int, deal: str) -> list[int | None]:
    """One seed for each of ``count`` orders of examples. Raises ValueError for another number of seeds."""
    if seed is None:
        return [None] * count
    if isinstance(seed, int | np.integer):
        return [int(seed) + i for i in range(count)]
    if len(seed) != count:
        raise ValueError(f"{len(seed)} seeds for {count} order(s) of examples; with deal={deal!r} pass one int, or {count} seeds")
    return list(seed)


def read_reset_mask(mask: Any, num_envs: int, was_reset: bool) -> list[int]:
    """The rows to be reset, all of them for None.

    Raises:
        ValueError: another shape or dtype than (N,) bool, or no row at all.
        ResetNeeded: some rows only, although none was ever reset.
    """
    if mask is None:
        return list(range(num_envs))
    mask = np.asarray(mask)
    if mask.shape != (num_envs,) or mask.dtype != np.bool_ or not mask.any():
        raise ValueError(f"reset_mask has shape {mask.shape} and dtype {mask.dtype}; expected ({num_envs},) bool, not all False")
    if not was_reset and not mask.all():
        raise ResetNeeded("the first reset must be of all rows, without a reset_mask")
    rows: list[int] = np.flatnonzero(mask).tolist()
    return rows


def check_episodes(episodes: Any, first: Any, deal: str, everything: bool) -> None:
    """Raises ValueError unless exactly ``episodes`` can be dealt from place ``first`` on; ``everything``: all rows, no example picked."""
    if deal != "shared":
        raise ValueError(f"reset option episodes={episodes!r} wants one order for all rows: make_vec(..., deal='shared')")
    if isinstance(episodes, bool) or not isinstance(episodes, int | np.integer) or episodes < 1:
        raise ValueError(f"reset option episodes={episodes!r}; expected a whole number, 1 or more")
    if first is not None and (isinstance(first, bool) or not isinstance(first, int | np.integer) or first < 0):
        raise ValueError(f"reset option first={first!r}; expected a whole number, 0 or more")
    if not everything:
        raise ValueError("reset option episodes goes with neither reset_mask nor index nor sample_id")
