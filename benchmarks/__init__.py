"""Runs, statistics, tables and the command line: what puts environments, agents and rewards together. Nothing imports this folder."""

from __future__ import annotations

from tokengym._registry import Registry
from tokengym.benchmarks.suites import Arena, Entrant, Suite

__all__ = ["SUITES", "Arena", "Entrant", "Suite"]

SUITES: Registry[Suite] = Registry(
    "suite",
    {
        "quick": "tokengym.benchmarks.quick:SUITE",
        "algorithms": "tokengym.benchmarks.algorithms:SUITE",
    },
)
