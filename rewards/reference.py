"""The base of rewards that hold a response against references: one by one, then the best match or the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tokengym.rewards.base import Sample
from tokengym.rewards.one_by_one import OneByOne

__all__ = ["POOLS", "ReferenceReward"]

POOLS = ("max", "mean")


class ReferenceReward(OneByOne):
    """Write ``compare``; a sample scores the best match over its references, or their mean, and is not valid without any.

    A subclass without a constructor of its own takes ``references`` along: ``RougeL(references="mean")``, in the grammar
    ``rouge_l(references='mean')``. One with its own constructor adds the argument and hands it on::

        def __init__(self, normalize: bool = True, references: str = "max") -> None:
            super().__init__(references)
            self.normalize = normalize

    One that scores whole batches writes ``score`` instead and gives each sample's matches to :meth:`pool`.

    Args:
        references: "max" takes the best match (the lowest number where ``higher_is_better`` is False), "mean" the mean over all references.
    Raises:
        ValueError: ``references`` is neither.
    """

    needs = "references"
    references: str = "max"

    def __init__(self, references: str = "max") -> None:
        if references not in POOLS:
            raise ValueError(f"references={references!r}; expected 'max' (the best match) or 'mean' (over all references)")
        self.references = references

    def compare(self, response: str, reference: str) -> float:
        """The score of one response against one reference; NaN where the two cannot be compared, which leaves that reference out."""
        raise NotImplementedError(f"{type(self).__name__} must define compare(response, reference)")

    def _written_as(self, kind: type[ReferenceReward]) -> bool:
        """Whether ``compare`` and ``rate`` are still those of ``kind``; where a subclass writes its own, no shortcut may score a batch."""
        return type(self).compare is kind.compare and type(self).rate is kind.rate

    def pool(self, matches: Sequence[float]) -> float:
        """One number from the scores against each reference, in any order; NaN where there is none."""
        found = [match for match in matches if match == match]
        if not found:
            return math.nan
        if self.references == "mean":
            return math.fsum(found) / len(found)  # fsum: the order of the references must not show
        return max(found) if self.higher_is_better else min(found)

    def rate(self, sample: Sample) -> float:
        """The best or the mean match of a sample, NaN where it has no reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        _, response, references, _, _ = sample
        if isinstance(references, str):
            raise TypeError(f"references={references!r} is a text; expected a tuple of texts: ({references!r},)")
        if len(references) == 1:
            return self.compare(response, references[0])
        return self.pool([self.compare(response, reference) for reference in references])
