"""The base of rewards, how they add up and multiply, and how anything callable becomes one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from operator import add, and_
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

from tokengym.rewards.parts import COSTS, corners, dearest, needed
from tokengym.rewards.sample import Explained, Listed, Reward, Sample, Scores, Values, answered, check_batch, checked
from tokengym.rewards.written import ClassName, arguments_of, literal, place_of

__all__ = [
    "BaseReward",
    "Custom",
    "Explained",
    "Product",
    "Reward",
    "Sample",
    "Scores",
    "Sum",
    "Values",
    "as_reward",
    "explain",
    "literal",
]


class BaseReward:
    """The base of the rewards here: write ``score``; the rest (calling, explaining, adding, the specification) follows.

    A subclass keeps each argument of its constructor in an attribute of the same name, so that ``spec`` can be written from them.

    Attributes:
        name: how tables and components call it; the class's name in lower case where it has none.
        range: lowest and highest possible score.
        higher_is_better: False for an error rate or a distance.
        needs: what a sample must carry to be scored ("references", "meta['facts']"), or "".
        cost: what a score costs, one of ``tokengym.rewards.parts.COSTS``.
    """

    name: str = ClassName()  # type: ignore[assignment]
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    needs: str = ""
    cost: str = "lexical"
    _alias: str = ""  # what a specification calls it, where that is neither its name nor the place of its class
    _ready: bool = False  # the alias leads to this very object, not to its class: no arguments follow
    __array_ufunc__: ClassVar[None] = None  # lets np.float64(0.5) * reward reach __rmul__

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[Any]:
        """(B,) numbers; NaN marks a sample that cannot be scored (no reference, no facts, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define score(batch)")

    def explain(self, batch: Sequence[Sample]) -> Explained:
        """Scores, components and validity of a batch.

        Raises:
            ValueError: ``score`` returned anything but one number per sample.
        """
        scores = checked(self.score(batch), len(batch), self.name)
        valid = np.isfinite(scores)
        if np.count_nonzero(valid) < len(valid):  # which costs a third of valid.all()
            scores[~valid] = 0.0
        return Explained(scores, {self.name: scores.copy()}, valid)

    def listed(self, batch: Sequence[Sample]) -> Listed:
        """What :meth:`explain` gives, number for number, as lists: where samples are few, as at the end of an episode."""
        scores, components, valid = self.explain(batch)
        return Listed(scores.tolist(), {name: part.tolist() for name, part in components.items()}, valid.tolist())

    def __init_subclass__(cls, **keywords: Any) -> None:
        """A class that scores in another way than its base no longer lists as the base does, whichever of its bases says how."""
        super().__init_subclass__(**keywords)
        first = next(kind for kind in cls.__mro__ if not vars(kind).keys().isdisjoint(("listed", "score", "explain")))
        if "listed" not in vars(first):
            cls.listed = BaseReward.listed  # type: ignore[method-assign]

    def __call__(self, batch: Sequence[Sample], /) -> Scores:
        """(B,) float32 scores; 0.0 where a sample could not be scored.

        Raises:
            TypeError: the batch is no list of samples.
        """
        try:
            return self.explain(batch).scores.astype(np.float32)
        except Exception as error:
            check_batch(batch, error)
            raise

    @property
    def spec(self) -> str:
        """The text from which :func:`tokengym.rewards.make_reward` builds the same reward.

        A reward of this package is written by its name, one from outside by the name it is registered under, or else as
        "module:Class". A "?" stands for an argument that cannot be written (no attribute of its name, or no literal).
        """
        if self._ready:
            return self._alias
        if self._alias or type(self).__module__.startswith("tokengym."):
            return (self._alias or self.name) + arguments_of(self)
        return place_of(self)

    def __repr__(self) -> str:
        return f"<reward {self.spec}>"

    @overload
    def __mul__(self, other: float) -> Sum: ...
    @overload
    def __mul__(self, other: Reward) -> BaseReward: ...
    def __mul__(self, other: float | Reward) -> BaseReward:
        if isinstance(other, Real) and not isinstance(other, bool):
            return Sum(((float(other), self),))
        return _multiplied(self, as_reward(other)) if callable(other) else NotImplemented

    @overload
    def __rmul__(self, other: float) -> Sum: ...
    @overload
    def __rmul__(self, other: Reward) -> BaseReward: ...
    def __rmul__(self, other: float | Reward) -> BaseReward:
        return _multiplied(as_reward(other), self) if callable(other) else self * other

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
        ends = [corners((weight, weight), term.range) for weight, term in flat]
        self.range = (sum(low for low, _ in ends), sum(high for _, high in ends))
        self.needs = needed([term.needs for _, term in flat])
        self.cost = dearest([term.cost for _, term in flat])
        self.name = self.spec

    @property
    def spec(self) -> str:
        parts: list[str] = []
        if len(self.terms) == 1 and self.terms[0][0] == 1.0 and not self.terms[0][1].higher_is_better:
            return f"1.0*{self.terms[0][1].spec}"  # without the weight it would read as the term itself, of which less is better
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
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not valid
                components[key] = weight * part.scores
                total += components[key]
            valid &= part.valid
        valid &= np.isfinite(total)
        if not valid.all():
            for values in (total, *components.values()):
                values[~valid] = 0.0
        return Explained(total, components, valid)

    def listed(self, batch: Sequence[Sample]) -> Listed:
        totals, valid, components = [0.0] * len(batch), [True] * len(batch), {}
        for key, (weight, term) in zip(self.keys, self.terms, strict=True):
            scores, _, known = term.listed(batch)
            part = components[key] = [weight * score for score in scores]
            totals = list(map(add, totals, part))
            valid = list(map(and_, valid, known))
        valid = list(map(and_, valid, map(math.isfinite, totals)))
        if not all(valid):
            for values in (totals, *components.values()):
                values[:] = [value if ok else 0.0 for value, ok in zip(values, valid, strict=True)]
        return Listed(totals, components, valid)

    def score(self, batch: Sequence[Sample]) -> Values:
        explained = self.explain(batch)
        return np.where(explained.valid, explained.scores, np.nan)


class Product(BaseReward):
    """Rewards multiplied with each other, as ``exact * rouge_l``: one component, whose factors are not shown. Made by ``*``.

    Products within products are flattened; weights stand outside (``0.5 * Exact() * RougeL()`` is a sum of one term). A sample is
    valid where it is valid for every factor. The range spans the products of the factors' ends. ``higher_is_better`` is False only
    where it is so for every factor: a product of error rates is an error rate; in any other mixture the product is what is maximized.

    Args:
        factors: the rewards, in the order in which they are multiplied.
    Raises:
        ValueError: there are fewer than two factors.
    """

    def __init__(self, factors: Sequence[BaseReward]) -> None:
        flat = [part for factor in factors for part in (factor.factors if isinstance(factor, Product) else (factor,))]
        if len(flat) < 2:
            raise ValueError(f"a product of rewards needs at least two factors, got {len(flat)}")
        self.factors: tuple[BaseReward, ...] = tuple(flat)
        self.range = (1.0, 1.0)
        for factor in flat:
            self.range = corners(self.range, factor.range)
        self.higher_is_better = any(factor.higher_is_better for factor in flat)
        self.needs = needed([factor.needs for factor in flat])
        self.cost = dearest([factor.cost for factor in flat])
        self.name = self.spec

    @property
    def spec(self) -> str:
        return "*".join(f"({factor.spec})" if isinstance(factor, Sum) else factor.spec for factor in self.factors)

    def score(self, batch: Sequence[Sample]) -> Values:
        total = np.ones(len(batch))
        for factor in self.factors:
            scores, _, valid = factor.explain(batch)
            with np.errstate(over="ignore", invalid="ignore"):
                total *= np.where(valid, scores, np.nan)
        return total


class Custom(BaseReward):
    """A function or an object from outside, dressed as a reward.

    Args:
        function: takes a batch and returns one number per sample; its ``name``, ``range``, ``higher_is_better``, ``needs``,
            ``cost``, ``spec`` and ``explain`` are used where it has them. NaN and infinity mark samples as not valid.
        name: overrides the name.
        spec: overrides the specification. Without one it is "module:name", with the arguments of an object's class; ``make_reward``
            builds the reward from that wherever the module can be imported.
    """

    def __init__(self, function: Reward, name: str | None = None, spec: str | None = None) -> None:
        self.function = function
        kind: Any = function if hasattr(function, "__qualname__") else type(function)
        own = getattr(function, "name", None)
        self.name = name or (own if isinstance(own, str) and own else kind.__name__.strip("<>").lower())
        written = getattr(function, "spec", None)
        self._spec = spec or (written if isinstance(written, str) and written else place_of(function))
        low, high = getattr(function, "range", (-math.inf, math.inf))
        self.range = (float(low), float(high))
        self.higher_is_better = bool(getattr(function, "higher_is_better", True))
        self.needs = str(getattr(function, "needs", ""))
        cost = getattr(function, "cost", "")
        self.cost = cost if isinstance(cost, str) and cost in COSTS else "lexical"

    @property
    def spec(self) -> str:
        return self._spec

    def score(self, batch: Sequence[Sample]) -> npt.NDArray[Any]:
        if not hasattr(self.function, "explain"):
            scores: npt.NDArray[Any] = answered(self.function, batch, self.name)
            return scores
        explained = self.explain(batch)
        return np.where(explained.valid, explained.scores, np.nan)

    def explain(self, batch: Sequence[Sample]) -> Explained:
        own = getattr(self.function, "explain", None)
        if own is None:
            return super().explain(batch)
        scores, components, valid = answered(own, batch, self.name)
        scores = checked(scores, len(batch), self.name)
        parts = {str(key): checked(part, len(batch), f"{self.name}, component {key!r}") for key, part in components.items()}
        parts = parts or {self.name: scores.copy()}
        valid = (checked(valid, len(batch), f"{self.name}, valid") > 0) & np.isfinite([scores, *parts.values()]).all(axis=0)
        for values in (scores, *parts.values()):
            values[~valid] = 0.0
        if (np.abs(np.sum([*parts.values()], axis=0) - scores) > 1e-6 * np.maximum(1.0, np.abs(scores))).any():
            raise ValueError(f"the components of reward {self.name!r} ({', '.join(parts)}) do not add up to its scores within 1e-6")
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


def _multiplied(first: BaseReward, second: BaseReward) -> BaseReward:
    """The product, with the weights of weighted factors outside: (0.5*a) * b is 0.5 * (a*b)."""
    weight = 1.0
    factors: list[BaseReward] = []
    for reward in (first, second):
        if isinstance(reward, Sum) and len(reward.terms) == 1:
            weight *= reward.terms[0][0]
            reward = reward.terms[0][1]
        factors.append(reward)
    product = Product(factors)
    return product if weight == 1.0 else Sum(((weight, product),))
