"""Token F1 as SQuAD defines it."""

from __future__ import annotations

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import reference_counts, shared_ngrams, squad_tokens

__all__ = ["TokenF1"]


class TokenF1(ReferenceReward):
    """Harmonic mean of the precision and the recall of the response's words, as a multiset, after SQuAD's normalization.

    Where the response or the reference has no word left, 1.0 if neither has any, else 0.0 (SQuAD 2.0's rule for abstaining).
    Chinese and Japanese by character.

    Range 0 to 1, higher is better, needs references. Source: arXiv:1606.05250, arXiv:1806.03822 and their official script.

    Args:
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``references`` is neither.
    """

    name = "token_f1"

    def compare(self, response: str, reference: str) -> float:
        given, expected = squad_tokens(response), squad_tokens(reference)
        if not given or not expected:
            return float(given == expected)
        common = shared_ngrams(given, reference_counts(expected, 1), 1)
        return 2.0 * common / (len(given) + len(expected))
