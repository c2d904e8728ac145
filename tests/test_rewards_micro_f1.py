"""F1 from added-up counts, by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from tokengym.rewards import Sample
from tokengym.rewards.micro_f1 import MicroF1, hits_alarms_misses


class Letters(MicroF1):
    """The letters of the response against those of the prompt."""

    name = "letters"

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        return {"": hits_alarms_misses(Counter(sample.response), Counter(sample.prompt))}


def test_counts_are_those_of_multisets() -> None:
    assert hits_alarms_misses(Counter("aab"), Counter("abbc")) == (2, 1, 2)
    assert hits_alarms_misses(Counter(), Counter("a")) == (0, 0, 1)
    assert hits_alarms_misses(Counter("a"), Counter()) == (0, 1, 0)


def test_scores_and_the_corpus_by_hand() -> None:
    batch = [Sample("abbc", "aab"), Sample("", ""), Sample("ab", "ab"), Sample("a", "")]
    assert np.allclose(Letters().explain(batch).scores, [4 / 7, 1.0, 1.0, 0.0])
    assert Letters().corpus(batch) == 2 * 4 / (2 * 4 + 1 + 3)
    assert Letters().corpus(batch[1:2]) == 1.0
