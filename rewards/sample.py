"""What goes into a reward and what comes out: samples, scores, and the protocol between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["Explained", "Listed", "Reward", "Sample", "Scores", "Values", "checked"]

Scores: TypeAlias = npt.NDArray[np.float32]
Values: TypeAlias = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """One text to be scored.

    Attributes:
        prompt: what the agent was asked, as text.
        response: what it answered.
        references: accepted answers; empty where none is known.
        meta: what else is known about the example (facts, labels, ...).
        finished: False where the budget ran out before the agent ended its answer.
    """

    prompt: str
    response: str
    references: tuple[str, ...] = ()
    meta: Mapping[str, Any] = {}
    finished: bool = True


class Explained(NamedTuple):
    """Scores of a batch, and what they are made of.

    Attributes:
        scores: (B,) float64; 0.0 where not valid.
        components: weighted terms of the outermost sum, each (B,) float64; they add up to ``scores`` within 1e-6.
        valid: (B,) bool; False where a sample could not be scored, so that the learner masks it out.
    """

    scores: Values
    components: dict[str, Values]
    valid: npt.NDArray[np.bool_]


class Listed(NamedTuple):
    """The same as lists of (B,) Python numbers, which are cheaper than arrays where samples are few."""

    scores: list[float]
    components: dict[str, list[float]]
    valid: list[bool]


@runtime_checkable
class Reward(Protocol):
    """Anything that scores a batch: (B,) samples in, (B,) numbers out. A plain function will do."""

    def __call__(self, batch: Sequence[Sample], /) -> npt.NDArray[Any]: ...


def checked(scores: object, count: int, name: str) -> Values:
    """A fresh (count,) float64 array of ``scores``; a ValueError or a TypeError says what came instead."""
    try:
        values = np.array(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"reward {name!r} returned {_short(scores)} for {count} samples; expected {count} numbers ({error})") from error
    if values.shape != (count,):
        raise ValueError(f"reward {name!r} returned an array of shape {values.shape} for {count} samples; expected ({count},)")
    return values


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
