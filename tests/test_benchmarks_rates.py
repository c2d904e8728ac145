"""Figures of timed runs."""

from __future__ import annotations

from tokengym.benchmarks.rates import Environment, Rate, environment


def test_a_rate_is_the_median_and_the_ends() -> None:
    assert Rate.of([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)


def test_the_environment_on_one_line() -> None:
    assert Environment(system={"cores": 2, "accelerator": None}, versions={"python": "3.11"}).line() == "cores 2, python 3.11"
    here = environment()
    assert here.system["cores"] >= 1 and {"python", "numpy", "rapidfuzz"} <= set(here.versions)
