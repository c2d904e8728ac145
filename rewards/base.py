"""What a reward is, how rewards add up, and how anything callable becomes one."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["COSTS", "BaseReward", "Custom", "Explained", "Reward", "Sample", "Scores", "Sum", "Values", "as_reward", "explain", "literal"]

COSTS = ("lexical", "process", "neural", "remote")
"""What a score costs, cheapest first: "lexical": microseconds, by looking at the texts; "process": a child process for each sample;
"neural": a pass of a neural network, milliseconds; "remote": a service outside, seconds and perhaps money. A composition costs what its
dearest part costs."""

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


@runtime_checkable
class Reward(Protocol):
    """Anything that scores a batch: (B,) samples in, (B,) numbers out. A plain function will do."""

    def __call__(self, batch: Sequence[Sample], /) -> npt.NDArray[Any]: ...


class BaseReward:
    """The base of the rewards here: write ``score``; the rest (calling, explaining, adding, the specification) follows.

    A subclass keeps each argument of its constructor in an attribute of the same name, so that ``spec`` can be written from them.

    Attributes:
        name: how tables and components call it.
        range: lowest and highest possible score.
        higher_is_better: False for an error rate or a distance.
        needs: what a sample must carry to be scored ("references", "meta['facts']"), or "".
        cost: what a score costs, one of ``COSTS``.
    """

    name: str
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    needs: str = ""
    cost: str = "lexical"
    __array_ufunc__: ClassVar[None] = None  # lets np.float64(0.5) * reward reach __rmul__

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[Any]:
        """(B,) numbers; NaN marks a sample that cannot be scored (no reference, no facts, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define score(batch)")

    def explain(self, batch: Sequence[Sample]) -> Explained:
        """Scores, components and validity of a batch.

        Raises:
            ValueError: ``score`` returned anything but one number per sample.
        """
        scores = _checked(self.score(batch), len(batch), self.name)
        valid = np.isfinite(scores)
        if not valid.all():
            scores[~valid] = 0.0
        return Explained(scores, {self.name: scores.copy()}, valid)

    def __call__(self, batch: Sequence[Sample], /) -> Scores:
        """(B,) float32 scores; 0.0 where a sample could not be scored."""
        return self.explain(batch).scores.astype(np.float32)

    @property
    def spec(self) -> str:
        """The text from which :func:`tokengym.rewards.make_reward` builds the same reward."""
        return self.name + _written(self)

    def __repr__(self) -> str:
        return f"<reward {self.spec}>"

    def __mul__(self, weight: float) -> Sum:
        if isinstance(weight, BaseReward):
            raise TypeError(f"a reward is multiplied by a number, not by another reward: ({self.spec}) * ({weight.spec})")
        if not isinstance(weight, Real) or isinstance(weight, bool):
            return NotImplemented
        return Sum(((float(weight), self),))

    __rmul__ = __mul__

    def __neg__(self) -> Sum:
        return self * -1.0

    def __add__(self, other: Reward) -> Sum:
        if not callable(other):
            return NotImplemented
        return Sum(((1.0, self), (1.0, as_reward(other))))

    def __radd__(self, other: Reward | int) -> Sum:
        if other == 0:  # so that the builtin sum() works
            return self * 1.0
        return as_reward(other) + self if callable(other) else NotImplemented

    def __sub__(self, other: Reward) -> Sum:
        return self + -as_reward(other) if callable(other) else NotImplemented

    def __rsub__(self, other: Reward) -> Sum:
        return as_reward(other) - self if callable(other) else NotImplemented


class Sum(BaseReward):
    """A weighted sum; each term is one component. Sums within sums are flattened, their weights multiplied.

    A sample is valid where it is valid for every term. ``higher_is_better`` holds by construction: weights carry the signs.

    Args:
        terms: pairs of weight and reward.
    Raises:
        ValueError: there is no term, or a weight is not finite.
    """

    def __init__(self, terms: Sequence[tuple[float, BaseReward]]) -> None:
        flat: list[tuple[float, BaseReward]] = []
        for weight, reward in terms:
            inner: tuple[tuple[float, BaseReward], ...] = reward.terms if isinstance(reward, Sum) else ((1.0, reward),)
            flat.extend((weight * factor, term) for factor, term in inner)
        if not flat:
            raise ValueError("a sum of rewards needs at least one term")
        for weight, term in flat:
            if not math.isfinite(weight):
                raise ValueError(f"weight {weight} of {term.spec} is not a finite number")
        self.terms: tuple[tuple[float, BaseReward], ...] = tuple(flat)
        keys: list[str] = []
        for _, term in flat:
            again = sum(key == term.name or key.startswith(f"{term.name}#") for key in keys)
            keys.append(f"{term.name}#{again + 1}" if again else term.name)  # a name that comes twice: rouge_l, rouge_l#2
        self.keys = tuple(keys)
        ends = [sorted((weight * term.range[0], weight * term.range[1])) for weight, term in flat]
        self.range = (sum(low for low, _ in ends), sum(high for _, high in ends))
        self.needs = ", ".join(dict.fromkeys(term.needs for _, term in flat if term.needs))
        self.name = self.spec

    @property
    def spec(self) -> str:
        parts: list[str] = []
        for weight, term in self.terms:
            size = abs(weight)
            sign = "-" if math.copysign(1.0, weight) < 0 else "+"
            text = term.spec if size == 1.0 else f"{size!r}*{term.spec}"
            parts.append(f"{sign} {text}" if parts else ("-" + text if sign == "-" else text))
        return " ".join(parts)

    def explain(self, batch: Sequence[Sample]) -> Explained:
        components: dict[str, Values] = {}
        total = np.zeros(len(batch))
        valid = np.ones(len(batch), dtype=np.bool_)
        for key, (weight, term) in zip(self.keys, self.terms, strict=True):
            part = term.explain(batch)
            components[key] = weight * part.scores
            total += components[key]
            valid &= part.valid
        if not valid.all():
            for values in (total, *components.values()):
                values[~valid] = 0.0
        return Explained(total, components, valid)

    def score(self, batch: Sequence[Sample]) -> Values:
        explained = self.explain(batch)
        return np.where(explained.valid, explained.scores, np.nan)


class Custom(BaseReward):
    """A function or an object from outside, dressed as a reward.

    Args:
        function: takes a batch and returns one number per sample; its ``name``, ``range``, ``higher_is_better``, ``needs``,
            ``spec`` and ``explain`` are used where it has them. NaN and infinity mark samples as not valid.
        name: overrides the name.
        spec: overrides the specification. Without one it is "module:name", which tells rewards apart but which
            ``make_reward`` cannot build: register the reward under a name for that.
    """

    def __init__(self, function: Reward, name: str | None = None, spec: str | None = None) -> None:
        self.function = function
        kind: Any = function if hasattr(function, "__qualname__") else type(function)
        own = getattr(function, "name", None)
        self.name = name or (own if isinstance(own, str) and own else kind.__name__.strip("<>").lower())
        written = getattr(function, "spec", None)
        self._spec = spec or (written if isinstance(written, str) and written else f"{kind.__module__}:{kind.__qualname__}")
        low, high = getattr(function, "range", (-math.inf, math.inf))
        self.range = (float(low), float(high))
        self.higher_is_better = bool(getattr(function, "higher_is_better", True))
        self.needs = str(getattr(function, "needs", ""))

    @property
    def spec(self) -> str:
        return self._spec

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[Any]:
        return self.function(batch)

    def explain(self, batch: Sequence[Sample]) -> Explained:
        own = getattr(self.function, "explain", None)
        if own is None:
            return super().explain(batch)
        scores, components, valid = own(batch)
        scores = _checked(scores, len(batch), self.name)
        parts = {str(key): _checked(part, len(batch), f"{self.name}, component {key!r}") for key, part in components.items()}
        valid = np.asarray(valid, dtype=np.bool_) & np.isfinite(scores)
        for values in (scores, *parts.values()):
            values[~valid] = 0.0
        return Explained(scores, parts, valid)


def as_reward(reward: Reward) -> BaseReward:
    """``reward`` itself where it extends :class:`BaseReward`, otherwise a :class:`Custom` around it.

    Raises:
        TypeError: ``reward`` is a class or cannot be called.
    """
    if isinstance(reward, BaseReward):
        return reward
    if isinstance(reward, type):
        raise TypeError(f"{reward.__name__} is a class; pass an instance: {reward.__name__}()")
    if not callable(reward):
        raise TypeError(f"{reward!r} is not a reward: expected a specification such as 'rouge_l', a reward, or a function over a batch")
    return Custom(reward)


def explain(reward: Reward, batch: Sequence[Sample]) -> Explained:
    """Scores, components and validity by any reward: its own ``explain`` where it has one, else its scores as one component."""
    return as_reward(reward).explain(batch)


def literal(value: object) -> str:
    """``value`` as the grammar writes it: a number, a quoted text, True, False or None.

    Raises:
        TypeError: ``value`` is of another kind, or not finite.
    """
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    raise TypeError(f"{value!r} cannot stand in a specification: expected a finite number, a text, True, False or None")


def _written(reward: BaseReward) -> str:
    """The arguments that differ from their defaults, as "(goal=10)"; "" where none does."""
    changed: list[str] = []
    for key, parameter in inspect.signature(type(reward)).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = getattr(reward, key)
        if parameter.default is parameter.empty or value != parameter.default:
            changed.append(f"{key}={literal(value)}")
    return f"({', '.join(changed)})" if changed else ""


def _checked(scores: object, count: int, name: str) -> Values:
    """A fresh (count,) float64 array of ``scores``, or a ValueError that says what came instead."""
    values = np.array(scores, dtype=np.float64)
    if values.shape != (count,):
        raise ValueError(f"reward {name!r} returned an array of shape {values.shape} for {count} samples; expected ({count},)")
    return values
