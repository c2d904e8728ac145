"""GLEU, the sentence score of Google's translation system: the smaller of n-gram precision and recall."""

from __future__ import annotations

from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.tokens import reference_counts, shared_ngrams, word_tokens

__all__ = ["Gleu"]

_ORDERS = (1, 2, 3, 4)


class Gleu(ReferenceReward):
    """GLEU: shared runs of one to four tokens, divided by the number of such runs in the longer text; 0.0 where either text is empty.

    Tokens are runs of letters and digits, single marks, and Chinese and Japanese characters. On the same tokens equal to
    ``nltk.translate.gleu_score.sentence_gleu``. Symmetric in response and reference; the order of words counts, and so does case.

    Range 0 to 1, higher is better, needs references. Source: Wu et al. 2016, section 6, arXiv:1609.08144.

    Args:
        lowercase: compares without case.
        references: "max" takes the best over several references, "mean" the mean.
    Raises:
        ValueError: ``references`` is neither.
    """

    name = "gleu"

    def __init__(self, lowercase: bool = False, references: str = "max") -> None:
        super().__init__(references)
        self.lowercase = lowercase

    def compare(self, response: str, reference: str) -> float:
        if self.lowercase:
            response, reference = response.lower(), reference.lower()
        given, expected = word_tokens(response), word_tokens(reference)
        longer = max(len(given), len(expected))
        total = sum(max(longer - n + 1, 0) for n in _ORDERS)
        if not total:
            return 0.0
        common = sum(shared_ngrams(given, reference_counts(expected, n), n) for n in _ORDERS)
        return common / total
