"""What goes into a reward and what comes out: samples, scores, and the protocol between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["Explained", "Listed", "Reward", "Sample", "Scores", "Values", "answered", "check_batch", "checked"]

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


def answered(function: Callable[[Sequence[Sample]], Any], batch: Sequence[Sample], name: str) -> Any:
    """``function(batch)``; whatever it raises comes as a ValueError that names the reward."""
    try:
        return function(batch)
    except Exception as error:
        raise ValueError(
            f"reward {name!r} raised {type(error).__name__} ({error}) on a batch of {len(batch)} samples; "
            "a reward takes a list of Samples and returns one number for each"
        ) from error


def check_batch(batch: object, error: Exception) -> None:
    """Raises TypeError, from ``error``, where a batch that could not be scored is no list of samples, or a sample is none."""
    if isinstance(batch, Sample) or not isinstance(batch, Sequence):
        raise TypeError(f"a reward takes a list of Samples, not {_short(batch)}") from error
    for row, sample in enumerate(batch):
        if not all(hasattr(sample, name) for name in Sample._fields):
            hint = "a reward takes Samples: Sample(prompt, response, references=('...',), meta={})"
            raise TypeError(f"sample {row} of the batch is {_short(sample)}; {hint}") from error
        for name in ("prompt", "response"):
            if not isinstance(getattr(sample, name), str):
                raise TypeError(f"sample {row} of the batch has {name}={_short(getattr(sample, name))}; expected a text") from error
        known = sample.references
        if isinstance(known, str):
            told = f"references={known!r} is a text; expected a tuple of texts: ({known!r},)"
            raise TypeError(f"sample {row} of the batch: {told}") from error
        if not isinstance(known, Sequence) or not all(isinstance(each, str) for each in known):
            raise TypeError(f"sample {row} of the batch has references={_short(known)}; expected a tuple of texts") from error
        if not isinstance(sample.meta, Mapping):
            raise TypeError(f"sample {row} of the batch has meta={_short(sample.meta)}; expected a mapping") from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
