"""Corpus BLEU: counts for each text and a pure reduction, equal to sacrebleu's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tokengym.rewards.base import Sample, Values
from tokengym.rewards.bleu import Bleu, bleu_counts
from tokengym.rewards.counts import CountReward

__all__ = ["CorpusBleu"]

_ORDERS = 4


class CorpusBleu(CountReward):
    """BLEU of all texts together: ``corpus(batch)`` is ``sacrebleu.corpus_bleu(...).score / 100`` with exponential smoothing.

    As a reward, a sample scores its sentence BLEU (:class:`tokengym.rewards.bleu.Bleu`), whose mean is not this number.
    0.0 where no text is as long as four words, as in sacrebleu.

    Range 0 to 1, higher is better, needs references. Source: Papineni et al. 2002; Post 2018, arXiv:1804.08771 (sacrebleu 2).

    Args:
        tokenize: as in :class:`tokengym.rewards.bleu.Bleu`; "auto" chooses for each sample by its references.
        lowercase: compares without case.
    Raises:
        ValueError: ``tokenize`` is no tokenizer.
    """

    name = "corpus_bleu"
    needs = "references"
    fields = (*(f"correct_{n}" for n in range(1, 5)), *(f"total_{n}" for n in range(1, 5)), "size", "expected")

    def __init__(self, tokenize: str = "auto", lowercase: bool = False) -> None:
        self._sentence = Bleu(tokenize, lowercase)
        self.tokenize = tokenize
        self.lowercase = lowercase

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        """Matches and totals of the four orders, words of the response, words of the nearest reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        references = sample.references
        if isinstance(references, str):
            raise TypeError(f"references={references!r} is a text; expected a tuple of texts: ({references!r},)")
        if not references:
            return None
        correct, total, size, expected = bleu_counts(sample.response, tuple(references), self.tokenize, self.lowercase)
        return {"": (*correct, *total, size, expected)}

    def from_totals(self, totals: Values) -> npt.NDArray[np.float64]:
        counted = totals.sum(axis=-2)  # (..., F)
        correct, total = counted[..., :_ORDERS], counted[..., _ORDERS : 2 * _ORDERS]  # (..., 4)
        size, expected = counted[..., -2], counted[..., -1]  # (...)
        halvings = np.cumsum(correct == 0, axis=-1)  # each order without a match counts half as much as the one before
        precision = np.where(correct > 0, correct, 0.5**halvings) / np.maximum(total, 1)
        some = (correct[..., 0] > 0) & (total > 0).all(axis=-1)  # (...)
        brevity = np.minimum(0.0, 1.0 - expected / np.maximum(size, 1))
        return np.where(some, np.exp(brevity + np.log(precision).mean(axis=-1)), 0.0)

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) sentence BLEU, NaN where a sample has no reference."""
        return self._sentence.score(batch)
