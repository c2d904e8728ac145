"""Intervals, differences and verdicts for scores in which seeds are crossed with examples (every seed sees the same ones)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

__all__ = [
    "GAIN",
    "SMALLEST_GAP",
    "Difference",
    "Estimate",
    "bootstrap",
    "collapsed_seeds",
    "difference",
    "estimate",
    "holm",
    "iqm",
    "is_above",
    "normalize",
    "over_examples",
    "verdict",
]

Matrix = NDArray[np.float64]

GAIN = 0.02  # the least gain that counts as "above", in the reward's unit
SMALLEST_GAP = 0.05  # between the anchors; dividing by less blows noise up
LEVEL = 0.95  # coverage of every interval here


class Estimate(NamedTuple):
    """A mean with its 95% interval.

    Attributes:
        mean, low, high: in the unit of the scores. One seed says nothing about how seeds vary, and one example nothing about examples:
            ``low`` and ``high`` are NaN then.
        df: Satterthwaite degrees of freedom; infinite where nothing varies.
        seeds, examples: S and N.
    """

    mean: float
    low: float
    high: float
    df: float
    seeds: int
    examples: int

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


class Difference(NamedTuple):
    """How far one agent's mean lies above another's, with its 95% interval and two-sided p-value (unadjusted)."""

    gain: float
    low: float
    high: float
    df: float
    p: float


def _matrix(scores: ArrayLike) -> Matrix:
    matrix = np.asarray(scores, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"scores have shape {matrix.shape}; expected (seeds, examples), both at least 1")
    if not np.isfinite(matrix).all():
        raise ValueError(
            f"{int((~np.isfinite(matrix)).sum())} of {matrix.size} scores are not finite; give unscored examples 0.0 or leave them out"
        )
    return matrix


def _variance_of_mean(values: Matrix) -> float:
    """Variance of the mean of ``values``: their unbiased variance over their number; 0 for a single value."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _half_width(parts: Sequence[tuple[float, int]]) -> tuple[float, float, float]:
    """Half width, degrees of freedom and standard error from (variance, count it was estimated from) terms."""
    total = sum(v for v, _ in parts)
    if total <= 0:
        return 0.0, math.inf, 0.0
    df = total**2 / sum(v**2 / (count - 1) for v, count in parts if v > 0)
    error = math.sqrt(total)
    return float(scipy_stats.t.ppf((1 + LEVEL) / 2, df)) * error, df, error


def estimate(scores: ArrayLike) -> Estimate:
    """Mean and 95% interval of scores that cross S seeds with the same N examples.

    Mean +- t(0.975, df) * sqrt(vs + ve), vs = variance of the seed means / S, ve = variance of the example means / N.

    Args:
        scores: (S, N), row s holding the scores of seed s on examples 0..N-1.
    Returns:
        The estimate. With one seed, or one example, the bounds are NaN.
    Raises:
        ValueError: not a finite matrix.
    Source: Satterthwaite (1946); crossed random effects as in Baayen, Davidson and Bates (2008).
    """
    matrix = _matrix(scores)
    seeds, examples = matrix.shape
    mean = float(matrix.mean())
    if min(seeds, examples) < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, seeds, examples)
    half, df, _ = _half_width([(_variance_of_mean(matrix.mean(axis=1)), seeds), (_variance_of_mean(matrix.mean(axis=0)), examples)])
    return Estimate(mean, mean - half, mean + half, df, seeds, examples)


def over_examples(scores: ArrayLike) -> Estimate:
    """Mean and 95% t interval of scores of examples, nothing being trained or drawn: mean +- t(0.975, N - 1) * sqrt(variance / N).

    Args:
        scores: (N,), one per example; of a difference between two policies, the differences on the same examples.
    Returns:
        The estimate; ``low`` and ``high`` are NaN for a single example.
    Raises:
        ValueError: no score, or one that is not finite.
    """
    values = _matrix(np.asarray(scores, dtype=np.float64)[np.newaxis])[0]
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, 1, len(values))
    half, df, _ = _half_width([(_variance_of_mean(values), len(values))])
    return Estimate(mean, mean - half, mean + half, df, 1, len(values))


def difference(a: ArrayLike, b: ArrayLike) -> Difference:
    """Mean of ``a`` minus mean of ``b``, both on the same N examples.

    v = va + vb + vd: the seed terms of either agent, and the variance of the per-example mean differences / N.

    Args:
        a: (Sa, N) scores.
        b: (Sb, N) scores; column n is the same example as in ``a``.
    Returns:
        The difference. With a single seed on a side, or a single example, the bounds and p are NaN.
    Raises:
        ValueError: different numbers of examples, or not finite.
    """
    left, right = _matrix(a), _matrix(b)
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"{left.shape[1]} examples against {right.shape[1]}; a difference needs the same examples on both sides")
    gain = float(left.mean() - right.mean())
    if min(len(left), *right.shape) < 2:
        return Difference(gain, math.nan, math.nan, math.nan, math.nan)
    half, df, error = _half_width(
        [
            (_variance_of_mean(left.mean(axis=1)), len(left)),
            (_variance_of_mean(right.mean(axis=1)), len(right)),
            (_variance_of_mean(left.mean(axis=0) - right.mean(axis=0)), left.shape[1]),
        ]
    )
    if error == 0:
        return Difference(gain, gain, gain, df, 1.0 if gain == 0 else 0.0)
    p = 2 * float(scipy_stats.t.sf(abs(gain) / error, df))
    return Difference(gain, gain - half, gain + half, df, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given; NaN stays NaN and is not counted as a comparison.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    worst = 0.0
    for rank, (p, i) in enumerate(order):
        worst = max(worst, min(1.0, p * (len(order) - rank)))
        adjusted[i] = worst
    return adjusted


def is_above(diff: Difference) -> bool:
    """True when the interval of the difference lies above 0 and the gain is at least ``GAIN``."""
    return diff.low > 0 and diff.gain >= GAIN


def verdict(diff: Difference, adjusted_p: float) -> str:
    """One phrase for a comparison.

    Args:
        diff: the difference.
        adjusted_p: its p-value after :func:`holm`.
    Returns:
        "above" / "below" (interval clear of 0, at least ``GAIN`` away, significant after Holm), "slightly above" / "slightly below"
        (significant, but by less than ``GAIN``), "tie" (not significant after Holm; "tie (above before Holm)" where the plain
        interval alone would have said above), or "unknown" (a single seed or example).
    """
    if math.isnan(adjusted_p):
        return "unknown"
    if adjusted_p >= 1 - LEVEL:
        return "tie (above before Holm)" if is_above(diff) else "tie"
    side = "above" if diff.gain > 0 else "below"
    return side if abs(diff.gain) >= GAIN else f"slightly {side}"


def normalize(score: float, worst: float, best: float) -> float:
    """``score`` on the scale on which the random agent has 0 and the oracle 1; more than 1 is possible.

    Raises:
        ValueError: the anchors are less than ``SMALLEST_GAP`` apart.
    """
    if not best - worst >= SMALLEST_GAP:
        raise ValueError(
            f"the anchors random={worst:.3f} and oracle={best:.3f} are less than {SMALLEST_GAP} apart, "
            "so a normalized score would be noise; report the plain score"
        )
    return (score - worst) / (best - worst)


def collapsed_seeds(scores: ArrayLike, start: float, worst: float) -> list[int]:
    """Rows (seeds) whose mean lost more than half of what training started from.

    Args:
        scores: (S, N) scores after training.
        start: mean score of the agent that training started from.
        worst: mean score of the random agent.
    Returns:
        Row numbers with a mean below ``worst + (start - worst) / 2``; none where the start is not ``SMALLEST_GAP`` above random.
    """
    if start - worst < SMALLEST_GAP:
        return []
    floor = worst + (start - worst) / 2
    return [row for row, mean in enumerate(_matrix(scores).mean(axis=1)) if mean < floor]


def iqm(seed_means: ArrayLike) -> float:
    """Mean of the middle half of the seeds.

    Args:
        seed_means: (S,), one score per seed, S >= 5.
    Raises:
        ValueError: fewer than 5 seeds; the middle half of 3 is one run.
    Source: Agarwal et al. (2021), arXiv:2108.13264.
    """
    means = np.asarray(seed_means, dtype=np.float64)
    if means.ndim != 1 or len(means) < 5:
        raise ValueError(f"an interquartile mean needs 5 seeds or more, one score each; got shape {means.shape}")
    cut = len(means) // 4
    return float(np.sort(means)[cut : len(means) - cut].mean())


def bootstrap(
    scores: ArrayLike,
    statistic: Callable[[Matrix], float],
    rng: np.random.Generator,
    repeats: int = 2000,
) -> tuple[float, float]:
    """95% percentile interval of a statistic that has no formula (IQM, ratios, corpus metrics).

    Seeds are resampled, and examples are resampled once per repeat and shared by all seeds.

    Args:
        scores: (S, N).
        statistic: from an (S, N) matrix to a number.
        rng: source of the resampling.
        repeats: bootstrap samples.
    Returns:
        The lower and the upper bound.
    """
    matrix = _matrix(scores)
    seeds, examples = matrix.shape
    values = [statistic(matrix[np.ix_(rng.integers(seeds, size=seeds), rng.integers(examples, size=examples))]) for _ in range(repeats)]
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
