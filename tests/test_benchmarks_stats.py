"""The statistics: numbers worked by hand, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tokengym.benchmarks import stats


def test_estimate_by_hand() -> None:
    # Seed means 0.5 and 0.7: variance 0.02, vs = 0.01. Example means 0.5, 0.6, 0.7: variance 0.01, ve = 0.01 / 3.
    scores = [[0.4, 0.5, 0.6], [0.6, 0.7, 0.8]]
    found = stats.estimate(scores)
    v = 0.01 + 0.01 / 3
    df = v**2 / (0.01**2 / 1 + (0.01 / 3) ** 2 / 2)
    assert found.mean == pytest.approx(0.6)
    assert found.df == pytest.approx(df)
    assert found.half == pytest.approx(scipy_stats.t.ppf(0.975, df) * math.sqrt(v))
    assert (found.seeds, found.examples) == (2, 3)


def test_estimate_of_a_constant_has_no_width() -> None:
    found = stats.estimate(np.ones((3, 4)))
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)


def test_one_seed_has_no_interval() -> None:
    assert math.isnan(stats.estimate([[0.1, 0.2]]).low)
    assert stats.verdict(stats.difference([[0.9, 0.8]], [[0.1, 0.2]]), math.nan) == "unknown"


@pytest.mark.parametrize("bad", [[0.1, 0.2], np.zeros((0, 3)), [[math.nan, 1.0]]])
def test_estimate_refuses(bad: object) -> None:
    with pytest.raises(ValueError, match="expected|not finite"):
        stats.estimate(bad)  # type: ignore[arg-type]


def test_difference_by_hand() -> None:
    a = [[0.8, 1.0], [0.6, 0.8]]  # seed means 0.9, 0.7: va = 0.02 / 2
    b = [[0.5, 0.5], [0.5, 0.5]]  # vb = 0
    found = stats.difference(a, b)  # per-example differences 0.2, 0.4: vd = 0.02 / 2
    assert found.gain == pytest.approx(0.3)
    assert found.df == pytest.approx(0.02**2 / (0.01**2 + 0.01**2))
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(0.3 / math.sqrt(0.02), 2))
    assert found.high - found.gain == pytest.approx(scipy_stats.t.ppf(0.975, 2) * math.sqrt(0.02))
    with pytest.raises(ValueError, match="2 examples against 3"):
        stats.difference(a, np.zeros((2, 3)))


def test_difference_without_any_variance() -> None:
    assert stats.difference(np.ones((2, 3)), np.ones((2, 3))).p == 1.0
    assert stats.difference(np.ones((2, 3)), np.zeros((2, 3))).p == 0.0


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1 = 0.03, 0.06, 0.04, made monotone: 0.03, 0.06, 0.06.
    assert stats.holm([0.04, 0.01, math.nan, 0.03])[:2] == pytest.approx([0.06, 0.03])
    assert stats.holm([0.04, 0.01, math.nan, 0.03])[3] == pytest.approx(0.06)
    assert math.isnan(stats.holm([0.04, math.nan])[1])


def test_verdicts() -> None:
    clear = stats.Difference(0.10, 0.05, 0.15, 5.0, 0.001)
    assert stats.is_above(clear) and stats.verdict(clear, 0.002) == "above"
    assert stats.verdict(clear, 0.06) == "tie (above before Holm)"
    small = stats.Difference(0.01, 0.005, 0.015, 5.0, 0.001)
    assert not stats.is_above(small) and stats.verdict(small, 0.002) == "slightly above"
    assert stats.verdict(stats.Difference(-0.10, -0.15, -0.05, 5.0, 0.001), 0.001) == "below"
    assert stats.verdict(stats.Difference(0.10, -0.01, 0.21, 5.0, 0.06), 0.06) == "tie"


def test_normalize_by_hand() -> None:
    assert stats.normalize(0.5, worst=0.1, best=0.9) == pytest.approx(0.5)
    assert stats.normalize(1.1, worst=0.0, best=1.0) == pytest.approx(1.1)
    with pytest.raises(ValueError, match="less than 0.05 apart"):
        stats.normalize(0.5, worst=0.50, best=0.54)


def test_collapsed_seeds_by_hand() -> None:
    scores = [[0.9, 0.9], [0.3, 0.3], [0.5, 0.5]]
    assert stats.collapsed_seeds(scores, start=0.8, worst=0.0) == [1]  # the floor is 0.4
    assert stats.collapsed_seeds(scores, start=0.01, worst=0.0) == []


def test_iqm_by_hand() -> None:
    assert stats.iqm([0.0, 0.2, 0.4, 0.6, 5.0]) == pytest.approx(0.4)  # one of five is cut on either side
    with pytest.raises(ValueError, match="5 seeds"):
        stats.iqm([0.1, 0.2, 0.3])


def test_bootstrap_resamples_examples_once_for_all_seeds() -> None:
    scores = np.tile([[0.0, 1.0]], (4, 1))  # all seeds agree, so a shared draw can only give means 0, 0.5, 1
    seen: set[float] = set()

    def mean(matrix: np.ndarray) -> float:
        seen.add(float(matrix.mean()))
        return float(matrix.mean())

    assert stats.bootstrap(scores, mean, np.random.default_rng(0), repeats=200) == (0.0, 1.0)
    assert seen == {0.0, 0.5, 1.0}


@pytest.mark.parametrize("seeds", [3, 5])
def test_interval_covers_the_truth(seeds: int) -> None:
    """Crossed effects of seeds (0.05), examples (0.2) and their meeting (0.2): the truth 0 lies inside about 95 times in 100."""
    rng = np.random.default_rng(seeds)
    inside, repeats = 0, 600
    for _ in range(repeats):
        scores = 0.05 * rng.normal(size=(seeds, 1)) + 0.2 * rng.normal(size=(1, 100)) + 0.2 * rng.normal(size=(seeds, 100))
        found = stats.estimate(scores)
        inside += found.low < 0 < found.high
    assert 0.92 <= inside / repeats <= 0.995


def test_over_examples_by_hand() -> None:
    found = stats.over_examples([0.2, 0.4, 0.9])  # mean 0.5, variance 0.13
    half = scipy_stats.t.ppf(0.975, 2) * math.sqrt(0.13 / 3)
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))
    assert (found.df, found.seeds, found.examples) == (2, 1, 3)
    assert stats.over_examples([0.5, 0.5])[:3] == (0.5, 0.5, 0.5)
    assert stats.over_examples([0.5]).mean == 0.5 and math.isnan(stats.over_examples([0.5]).low)
    with pytest.raises(ValueError, match="expected"):
        stats.over_examples([])


def test_one_example_has_no_interval() -> None:
    found = stats.estimate([[0.5], [0.7]])
    assert found.mean == pytest.approx(0.6) and math.isnan(found.low) and math.isnan(found.high)
    gain = stats.difference([[0.5], [0.7]], [[0.1], [0.1]])
    assert gain.gain == pytest.approx(0.5) and math.isnan(gain.p) and stats.verdict(gain, stats.holm([gain.p])[0]) == "unknown"
