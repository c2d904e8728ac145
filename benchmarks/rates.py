"""Figures of timed runs: a median with its ends, and what they were measured on."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from tokengym.benchmarks.records import system, versions

__all__ = ["Environment", "Rate", "environment"]

_ALSO = ("rouge-score", "rapidfuzz", "sacrebleu")  # packages that decide how fast rewards are


class Rate(NamedTuple):
    """Numbers of several rounds: texts or steps per second, or ratios."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Rate:
        """The rate of one value per round."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Hardware and versions, as records have them."""

    system: dict[str, Any]
    versions: dict[str, str]

    def line(self) -> str:
        """All of it on one line."""
        return ", ".join(f"{name} {value}" for name, value in (*self.system.items(), *self.versions.items()) if value is not None)


def environment() -> Environment:
    """What this process runs on."""
    known = dict(versions())
    for package in _ALSO:
        try:
            known[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return Environment(system=system(), versions=known)
