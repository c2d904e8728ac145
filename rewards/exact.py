"""Exact match: 1 where the response is a reference, 0 elsewhere."""

from __future__ import annotations

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import squad_tokens

__all__ = ["Exact"]


class Exact(ReferenceReward):
    """1.0 where the response equals a reference after SQuAD's normalization (case, ASCII punctuation, articles, spaces), else 0.0.

    A reference of which normalization leaves nothing (the label "A", the answer "!") is compared by case-folded text instead, so that
    an empty response does not earn it.

    Range 0 to 1, higher is better, needs references. Source: SQuAD's exact match, arXiv:1606.05250.

    Args:
        normalize: False compares the texts as they are, but for white space at the ends.
        references: "max" asks for any of several references, "mean" gives the share of them that is met.
    Raises:
        ValueError: ``references`` is neither.
    """

    name = "exact"

    def __init__(self, normalize: bool = True, references: str = "max") -> None:
        super().__init__(references)
        self.normalize = normalize

    def compare(self, response: str, reference: str) -> float:
        if not self.normalize:
            return float(response.strip() == reference.strip())
        expected = squad_tokens(reference)
        if not expected:
            return float(response.strip().casefold() == reference.strip().casefold())
        return float(squad_tokens(response) == expected)
