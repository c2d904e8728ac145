"""The meter: seconds pass, memory is seen."""

from __future__ import annotations

import time

import numpy as np

from tokengym.benchmarks.cost import Meter


def test_seconds_of_the_block() -> None:
    with Meter() as meter:
        time.sleep(0.02)
    found = meter.seconds
    assert 0.02 <= found < 5
    time.sleep(0.01)
    assert meter.seconds == found  # the clock has stopped


def test_peak_memory_sees_a_large_array() -> None:
    with Meter() as small:
        pass
    with Meter() as large:
        np.ones(40_000_000 // 8).sum()
    assert large.peak_bytes >= small.peak_bytes > 1_000_000
