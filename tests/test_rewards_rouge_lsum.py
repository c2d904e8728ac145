"""ROUGE-Lsum by hand. (Its equality with rouge-score is tested with its siblings', in test_rewards_rouge.py.)"""

from __future__ import annotations

import random

import pytest
from rouge_score import rouge_scorer

from tokengym.rewards import Sample
from tokengym.rewards.rouge_lsum import RougeLsum


def lsum(response: str, reference: str, split: str = "newline") -> float:
    return float(RougeLsum(split=split).explain([Sample("", response, (reference,))]).scores[0])


def test_by_hand() -> None:
    # The example of Lin 2004, section 3.2: the union of "w1 w2" and "w1 w3 w5" has 4 of the reference's 5 words.
    assert lsum("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5") == pytest.approx(2 * 4 / (10 + 5))
    assert lsum("c d\na b", "a b\nc d") == 1.0  # sentences may change places
    assert lsum("b a", "a b") == 0.5  # words may not
    assert lsum("a x\na y", "a") == pytest.approx(2 * 1 / (4 + 1))
    assert lsum("a", "a x\na y") == pytest.approx(2 * 1 / (1 + 4))  # one "a" pays for one


def test_a_blank_line_is_no_sentence() -> None:
    assert lsum("\n\na b\n\n", "a b") == 1.0
    assert lsum("\n", "a") == lsum("a", "\n") == 0.0


def test_sentences_are_cut_at_full_stops_if_asked() -> None:
    reference = "Dr. A. Silva came. He left."
    assert lsum("He left. Dr. A. Silva came.", reference) == pytest.approx(2 * 4 / 12)  # as one line, the order counts
    assert lsum("He left. Dr. A. Silva came.", reference, split="sentences") == 1.0
    assert lsum("他走了。王先生来了。", "王先生来了。他走了。", split="sentences") == 1.0
    assert lsum("他走了。王先生来了。", "王先生来了。他走了。") < 1.0
    assert lsum("A. Silva\nDr. Silva", "Silva A. Silva Dr.", split="sentences") == lsum("A. Silva\nDr. Silva", "Silva A. Silva Dr.")


def test_the_same_subsequence_as_rouge_score_where_there_are_several() -> None:
    scorer = rouge_scorer.RougeScorer(["rougeLsum"])
    draw = random.Random(1)
    for _ in range(3000):
        alphabet = "abcdefgh"[: draw.randrange(1, 9)]
        response, reference = ("".join(draw.choice(alphabet) + draw.choice("   \n") for _ in range(draw.randrange(25))) for _ in range(2))
        assert lsum(response, reference) == pytest.approx(scorer.score(reference, response)["rougeLsum"].fmeasure, abs=1e-9)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="split='paragraph'; expected 'newline'"):
        RougeLsum(split="paragraph")
    assert RougeLsum(split="sentences", stem=True).spec == "rouge_lsum(split='sentences', stem=True)"
