"""envs/retrieval.py, and TextQA-v0 with a retriever: what is found, what is shown, what is shared, what is refused."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.benchmarks.probe import findings
from tokengym.envs import Example, check_text_env, load_tokenizer
from tokengym.envs.data import data_fingerprint, read_dataset, usual
from tokengym.envs.qa import TextQA
from tokengym.envs.retrieval import Collection, RetrievalHit, searched, terms
from tokengym.rewards import Sample, make_reward

needs_bm25 = pytest.mark.skipif(importlib.util.find_spec("bm25s") is None, reason="the package bm25s is not installed")
SPLITS = ("train", "validation", "test")
CATS = ("Cats sleep all day.", "Dogs bark at cats and dogs.", "A fire hit Marlow.", "The fire brigade of Marlow owns two dogs.")


def task(**options: Any) -> TextQA:
    return TextQA(TextQA.Options(**{"retriever": "bm25", **options}))


def bm25(query: str, passages: tuple[str, ...], k1: float = 1.5, b: float = 0.75) -> list[float]:
    """Lucene's BM25, written out."""
    texts = [terms(passage) for passage in passages]
    mean = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for term in terms(query):
            having = sum(term in other for other in texts)
            idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            count = text.count(term)
            score += idf * count / (count + k1 * (1 - b + b * len(text) / mean))
        scores.append(score)
    return scores


def test_terms_are_words_and_of_chinese_characters_and_pairs() -> None:
    assert terms("The 40 Café-Owners_said!") == ["the", "40", "café", "owners", "said"]
    assert terms("安北谷2人") == ["安", "北", "谷", "安北", "北谷", "2", "人"]


@needs_bm25
@pytest.mark.parametrize("query", ["Which dogs bark?", "a fire in Marlow", "cats", "Marlow Marlow dogs"])
def test_the_order_is_bm25s(query: str) -> None:
    scores = bm25(query, CATS)
    assert Collection(CATS).search(query) == sorted(range(4), key=lambda place: -scores[place])


@needs_bm25
def test_equal_passages_stand_as_they_came_and_the_same_text_once() -> None:
    assert Collection(CATS).search("nothing that is known") == Collection(CATS).search("?!") == [0, 1, 2, 3]
    twice = Collection((*CATS, CATS[0]))
    assert twice.passages == CATS and twice.place(CATS[2]) == 2 and twice.place("else") is None


@needs_bm25
def test_an_index_is_built_once_for_the_same_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    import bm25s

    built: list[int] = []
    index = bm25s.BM25.index

    def counted(self: Any, corpus: Any, **keywords: Any) -> None:
        built.append(len(corpus))
        index(self, corpus, **keywords)

    monkeypatch.setattr(bm25s.BM25, "index", counted)
    envs = [gymnasium.make("TextQA-v0", retriever="bm25", collection=40, split="test", size=30) for _ in range(3)]
    rows = gymnasium.make_vec("TextQA-v0", num_envs=8, retriever="bm25", collection=40, documents=2, split="test", size=30)
    assert built == []  # nobody has asked yet for more than the length
    for env in envs:
        env.reset(seed=0)
    rows.reset(seed=0)
    assert built == [40]


@needs_bm25
@pytest.mark.parametrize("language", ["en", "zh"])
def test_builtin_rows_show_what_was_found(language: str) -> None:
    of = task(language=language, collection=200, documents=4)
    rows = of.builtin("validation", 60)
    plain = TextQA(TextQA.Options(language=language)).builtin("validation", 200)
    hits = 0
    for index in range(60):
        row, own = rows[index], plain[index]
        assert row.meta["passage"] == own.prompt and row.references == own.references and row.id == own.id
        shown = str(row.prompt).split("\n")
        assert [line.partition(" ")[0] for line in shown] == ["[1]", "[2]", "[3]", "[4]"]
        assert [line.partition(" ")[2] for line in shown] == [plain[place].prompt for place in row.meta["retrieved"]]
        assert row.meta["hit"] == (index in row.meta["retrieved"]) == (row.meta["rank"] <= 4)
        assert row.meta["question"].endswith(own.meta["question"]) and own.meta["answer"] not in row.meta["question"][:-1]
        assert of.oracle(row) == own.meta["answer"]
        assert row.meta["answer_shown"] >= (row.meta["hit"] and own.meta["answer"] in str(own.prompt))
        hits += row.meta["hit"]
        json.dumps(row.meta)
    assert 36 < hits < 60  # searching is worth it, and not always right


@needs_bm25
def test_a_question_is_searched_for_among_the_same_passages_whatever_the_size() -> None:
    of = task(collection=50)
    few, many = of.builtin("test", 20), of.builtin("test", 120)
    assert [few[i] for i in range(20)] == [many[i] for i in range(20)]
    assert len(of.builtin("test", 120)[:5]) == 5 and many[110:][2] == many[112] == many[100:][5:][7]
    with pytest.raises(IndexError):
        many[120]
    own = {of.builtin(split, 1)[0].meta["passage"] for split in SPLITS}
    assert len(own) == 3
    passages = [
        {line for i in range(40) for line in str(task(collection=50, documents=50).builtin(split, 40)[i].prompt).split("\n")}
        for split in SPLITS
    ]
    told = [{line.partition(" ")[2] for line in lines} for lines in passages]
    assert len(set.union(*told)) == sum(map(len, told)) == 150  # splits share no passage


@needs_bm25
@pytest.mark.parametrize(
    ("language", "documents", "dataset"), [("en", 1, "builtin"), ("en", 3, "builtin"), ("zh", 3, "builtin"), ("en", 5, "countryinfo")]
)
def test_budgets_hold_nearly_all_prompts(language: str, documents: int, dataset: str) -> None:
    if dataset == "countryinfo" and importlib.util.find_spec("countryinfo") is None:
        pytest.skip("the package countryinfo is not installed")
    of, tokenizer = task(language=language, documents=documents), load_tokenizer("builtin")
    rows = read_dataset(dataset, of, "train", 200)
    lengths = np.array([1 + len(tokenizer.encode("".join(of.parts(rows[i])[:3]))) for i in range(200)])
    assert np.mean(lengths <= usual(dataset, of).max_prompt_tokens) >= 0.95


@needs_bm25
@pytest.mark.parametrize("language", ["en", "zh"])
def test_anchors_stand_in_order(language: str) -> None:
    found = {row.policy: row for row in findings("TextQA-v0", examples=100, cheats=(), retriever="bm25", language=language).rows}
    assert found["oracle"].reward.mean == pytest.approx(1.0, abs=1e-6)
    assert found["oracle"].gain.low > 0 > found["random"].gain.high  # both against the heuristic


@needs_bm25
def test_the_environment_passes_its_check_and_reports_hits() -> None:
    env = gymnasium.make("TextQA-v0", retriever="bm25", split="test", size=8, collection=60)
    check_text_env(env)
    env.reset(seed=0, options={"index": 1})
    example = env.unwrapped.example  # type: ignore[attr-defined]
    *_, info = env.step(int(env.get_wrapper_attr("tokenizer").eos_token_id))
    assert info["metrics"]["retrieval_hit"] == float(example.meta["hit"])
    assert set(info["metrics"]) == {"exact", "token_f1", "retrieval_hit"}


@needs_bm25
def test_the_metric_by_hand() -> None:
    metric = make_reward("tokengym.envs.retrieval:RetrievalHit")
    found = metric.explain([Sample("", "a", meta={"hit": True}), Sample("", "a", meta={"hit": False}), Sample("", "a")])
    assert found.scores.tolist() == [1.0, 0.0, 0.0] and found.valid.tolist() == [True, True, False]
    assert isinstance(metric, RetrievalHit)


@needs_bm25
def test_files_are_searched_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"id": "a", "context": CATS[2], "question": "What hit Marlow?", "answer": "a fire"},
        {"id": "b", "context": CATS[1], "question": "Who barks?", "answer": "dogs", "documents": [CATS[0], CATS[3]]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    of = task(documents=2)
    first, second = read_dataset({"path": str(path), "split": "all"}, of, "train")
    assert first.prompt == f"[1] {CATS[2]}\n[2] {CATS[3]}" and first.meta["hit"] and first.meta["answer_shown"]
    assert first.references == ("a fire",) and "documents" not in second.meta
    env = gymnasium.make("TextQA-v0", retriever="bm25", documents=4, dataset={"path": str(path), "split": "all"}, order="sequential")
    env.reset(seed=0)
    assert env.unwrapped.example.meta["rank"] == 1  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="documents=5, and the data set has 4 different passages"):
        read_dataset({"path": str(path), "split": "all"}, task(documents=5), "train")[0]


@needs_bm25
def test_a_question_without_a_passage_of_its_own_has_no_hit() -> None:
    rows = searched([Example("1", "Who owns dogs?", ("the fire brigade",), {"documents": list(CATS)})], 1)
    assert rows[0].prompt == f"[1] {CATS[3]}" and rows[0].meta["question"] == "Who owns dogs?"
    assert "hit" not in rows[0].meta and rows[0].meta["answer_shown"]


def test_what_cannot_be_searched_is_told() -> None:
    with pytest.raises(ValueError, match="there is nothing to search"):
        searched([Example("1", "text")], 1)
    with pytest.raises(ValueError, match=r"meta\['documents'\] is 'one'; expected a list of texts"):
        searched([Example("1", "text", (), {"documents": "one"})], 1)
    with pytest.raises(ValueError, match="is a conversation"):
        searched([Example("1", (), (), {"question": "?"})], 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retriever": "bm52"}, "Did you mean 'bm25'"),
        ({"documents": 0}, "documents=0; expected a whole number, 1 or more"),
        ({"collection": 2.5}, "collection=2.5; expected a whole number"),
        ({"retriever": "none", "documents": 5}, "add retriever='bm25'"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task(**options)


def test_more_passages_than_there_are_cannot_be_shown() -> None:
    with pytest.raises(ValueError, match="documents=9 of collection=5 passages cannot be shown"):
        task(documents=9, collection=5).builtin("test", 10)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(ImportError, match=r"pip install 'tokengym\[retrieval\]'"):
        Collection(("a text that no other test indexes",)).search("text")


def test_without_a_retriever_everything_is_as_it_was() -> None:
    of = TextQA()
    rows = of.builtin("train", 2000)
    assert data_fingerprint("builtin", rows, of, "train") == "e994ac04b4656209a157c7b45a159499a87bc43504d561af9eab89b6a2350aa1"
    assert of.metrics == ("exact", "token_f1") and usual("builtin", of).max_prompt_tokens == 176
    assert usual("builtin", task()).max_prompt_tokens == 457
