"""What a composition of rewards has from its parts: range, needs, cost."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["COSTS", "corners", "dearest", "needed"]

COSTS = ("lexical", "process", "neural", "remote")
"""What a score costs, cheapest first: "lexical": microseconds, by looking at the texts; "process": a child process for each sample;
"neural": a pass of a neural network, milliseconds; "remote": a service outside, seconds and perhaps money. A composition costs what its
dearest part costs."""


def corners(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """The lowest and the highest product of two numbers, each anywhere in its range; 0 times infinity is 0."""
    products = [one * other if one and other else 0.0 for one in first for other in second]
    return (min(products), max(products))


def needed(needs: Sequence[str]) -> str:
    """The ``needs`` of all parts, each once."""
    return ", ".join(dict.fromkeys(part for several in needs for part in several.split(", ") if part))


def dearest(costs: Sequence[str]) -> str:
    """The ``cost`` of the dearest part."""
    return max(costs, key=COSTS.index)
