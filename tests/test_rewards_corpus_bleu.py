"""Corpus BLEU by hand, and equal to sacrebleu."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
import sacrebleu

from tokengym.rewards import Sample, make_reward
from tokengym.rewards.corpus_bleu import CorpusBleu

WORDS = ["the", "The", "fire", "in", "Harwick", "12", "3.5", "3,500", "don't", "co-op", "é", "$5", "&amp;", "(x)", "end.", "🙂", "北京"]


def corpus(draw: random.Random, size: int, vocabulary: int) -> list[Sample]:
    def text() -> str:
        return " ".join(draw.choices(WORDS[:vocabulary], k=draw.randrange(0, 15)))

    return [Sample("", text(), (text(), text())) for _ in range(size)]


def test_by_hand() -> None:
    batch = [Sample("", "a b c d e", ("a b c d e",)), Sample("", "a b x d", ("a b c d",))]
    # words 8 of 9, pairs 4 + 1 of 4 + 3, triples 3 + 0 of 3 + 2, quadruples 2 + 0 of 2 + 1; equal lengths
    assert CorpusBleu().corpus(batch) == pytest.approx((8 / 9 * 5 / 7 * 3 / 5 * 2 / 3) ** (1 / 4))
    assert CorpusBleu().counts(batch).tolist() == [[5, 4, 3, 2, 5, 4, 3, 2, 5, 5], [3, 1, 0, 0, 4, 3, 2, 1, 4, 4]]


def test_is_not_the_mean_of_the_sentences() -> None:
    batch = [Sample("", "a b c d e", ("a b c d e",)), Sample("", "a b x d", ("a b c d",))]
    assert CorpusBleu()(batch).tolist() == make_reward("bleu")(batch).tolist()
    assert CorpusBleu().corpus(batch) != pytest.approx(float(CorpusBleu()(batch).mean()), abs=0.01)


def test_texts_shorter_than_four_words_are_worth_nothing() -> None:
    assert CorpusBleu().corpus([Sample("", "a b c", ("a b c",))]) == 0.0
    assert CorpusBleu().corpus([Sample("", "", ("a b c",))]) == 0.0
    assert CorpusBleu().corpus([Sample("", "a b c d", ("w x y z",))]) == 0.0


def test_a_sample_without_reference_is_left_out() -> None:
    full = Sample("", "a b c d e", ("a b c d x",))
    assert CorpusBleu().corpus([full, Sample("", "a")]) == CorpusBleu().corpus([full])
    assert math.isnan(CorpusBleu().corpus([Sample("", "a")]))


@pytest.mark.parametrize("tokenize", ["13a", "intl", "none", "char", "zh"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_equal_to_sacrebleu(tokenize: str, lowercase: bool) -> None:
    draw = random.Random(23)
    reward = CorpusBleu(tokenize, lowercase)
    for size, vocabulary in ((1, 3), (2, 17), (5, 17), (40, 17), (40, 4), (3, 9)) * 4:
        batch = corpus(draw, size, vocabulary)
        streams = [[sample.references[stream] for sample in batch] for stream in range(2)]
        expected = sacrebleu.corpus_bleu([s.response for s in batch], streams, tokenize=tokenize, lowercase=lowercase).score / 100
        assert reward.corpus(batch) == pytest.approx(expected, abs=1e-9)


def test_a_bootstrap_draws_rows_from_json() -> None:
    batch = corpus(random.Random(29), 12, 5)
    reward = CorpusBleu()
    counts = reward.stack(json.loads(json.dumps(reward.rows(batch))))
    drawn = [0, 0, 3, 7, 7, 7, 11]
    weights = np.bincount(drawn, minlength=12)
    assert reward.reduce(counts, np.stack([weights, np.ones(12)])).tolist() == pytest.approx(
        [reward.corpus([batch[row] for row in drawn]), reward.corpus(batch)]
    )


def test_one_text_as_references_is_refused() -> None:
    with pytest.raises(TypeError, match="references='abc' is a text"):
        CorpusBleu().corpus([Sample("", "abc", "abc")])  # type: ignore[arg-type]
