"""envs/rank.py, searches.py, tastes.py, aclsum_titles.py: lists, their grades, and orders."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from tokengym.envs import Example, load_examples
from tokengym.envs.rank import TextRank
from tokengym.envs.searches import numbered, order_of, search
from tokengym.envs.tastes import taste
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.rewards import Sample, make_reward

KINDS = [(kind, language) for kind in ("retrieval", "recommendation") for language in ("en", "zh")]
needs_package = pytest.mark.skipif(importlib.util.find_spec("aclsum") is None, reason="the package aclsum is not installed")


def task(**options: Any) -> TextRank:
    return TextRank(TextRank.Options(**options))


def mean(examples: Sequence[Example], answers: Sequence[str]) -> float:
    rows = [Sample(str(e.prompt), a, e.references, e.meta, True) for e, a in zip(examples, answers, strict=True)]
    return float(make_reward(TextRank.reward)(rows).mean())


def test_order_by_hand() -> None:
    assert order_of((0, 1, 3, 1)) == "3 2 4 1"
    assert numbered("Query: a", ["b", "c"]) == "Query: a\n1. b\n2. c"


def test_a_row() -> None:
    example = TextRank().builtin("train", 8)[7]
    lines = str(example.prompt).splitlines()
    assert lines[0] == "Query: ferry route, Sunvale, Saluna" and len(lines) == 6
    assert lines[4].endswith("Saluna and Sunvale are linked in 16 minutes by a new ferry route.")
    assert (example.references, example.meta["relevance"]) == (("4 1 3 5 2",), (1, 0, 1, 3, 1))


@pytest.mark.parametrize(("kind", "language"), KINDS)
def test_anchors_are_in_order_and_a_fixed_order_is_no_better_than_chance(kind: str, language: str) -> None:
    made = task(kind=kind, language=language)
    examples = made.builtin("validation", 200)
    rng = np.random.default_rng(0)
    oracle, ruled = mean(examples, [made.oracle(e) for e in examples]), mean(examples, [made.heuristic(e) for e in examples])
    fixed = mean(examples, ["1 2 3 4 5"] * 200)
    chance = mean(examples, [" ".join(map(str, rng.permutation(5) + 1)) for _ in range(200)])
    assert oracle == pytest.approx(1.0)
    assert 0.95 > ruled > max(fixed, chance) + 0.1
    assert abs(fixed - chance) < 0.08


@pytest.mark.parametrize(("kind", "language"), KINDS)
@pytest.mark.parametrize("candidates", [3, 5, 10])
def test_budgets_grow_with_the_list(kind: str, language: str, candidates: int) -> None:
    made, tokenizer = task(kind=kind, language=language, candidates=candidates), load_tokenizer("builtin")
    examples = made.builtin("train", 100)
    prompts = [1 + len(tokenizer.encode("".join(made.parts(e)[:3]))) for e in examples]
    assert np.mean(np.array(prompts) <= made.max_prompt_tokens) >= 0.95
    assert max(1 + len(tokenizer.encode(" " + e.references[0])) for e in examples) <= made.max_new_tokens
    assert all(len(e.meta["relevance"]) == candidates == len(e.references[0].split()) for e in examples)
    if candidates == 5 and language == "en":
        assert (made.max_prompt_tokens, made.max_new_tokens) == (TextRank.max_prompt_tokens, TextRank.max_new_tokens)


def test_a_search_is_graded_by_the_facts_that_are_a_report_s_own() -> None:
    for index in range(100):
        made = search("train", str(index), "en", 5)
        assert max(made.grades) == 3 and 0 <= min(made.grades) and len(made.documents) == 5
    # "Rudwell" and "63000" of a gang of the year before are not those of the report: grades 0 for the second and third one
    example = TextRank(TextRank.Options(label_noise=0.0)).builtin("train", 4)[3]
    assert str(example.prompt).startswith("Query: Rudwell paintings 63000\n")
    assert example.meta["relevance"] == (3, 0, 0, 2, 1)
    assert "The paintings worth 63000, for which three people were arrested, are on show in Rudwell again." in str(example.prompt)


def test_the_best_report_is_not_told_by_its_length() -> None:
    made = [search("train", str(index), "en", 5) for index in range(300)]
    shortest = [order_of([-len(text) for text in m.documents]) for m in made]
    longest = [order_of([len(text) for text in m.documents]) for m in made]
    best = [m.grades.index(3) + 1 for m in made]
    for guesses in (shortest, longest):
        assert np.mean([int(guess.split()[0]) == right for guess, right in zip(guesses, best, strict=True)]) < 0.4  # chance is 0.2


def test_a_taste_is_in_the_history() -> None:
    for language in ("en", "zh"):
        made = taste("train", "1", language, 6)
        assert sorted(made.grades) == [0, 0, 0, 1, 2, 3]
        assert len(made.query.splitlines()) == 4 and all(line.startswith("- ") for line in made.query.splitlines()[1:])
    with_all = [taste("test", str(index), "en", 3).grades for index in range(20)]
    assert {tuple(sorted(grades)) for grades in with_all} == {(1, 2, 3)}


@pytest.mark.parametrize("kind", ["retrieval", "recommendation"])
def test_splits_share_no_prompt_and_no_query(kind: str) -> None:
    rows = [e for split in ("train", "validation", "test") for e in task(kind=kind).builtin(split, 300)]
    assert len({e.id for e in rows}) == len({e.prompt for e in rows}) == 900
    queries = [{e.meta["query"] for e in task(kind=kind).builtin(split, 300)} for split in ("train", "validation", "test")]
    assert len(set.union(*queries)) == sum(map(len, queries))


def test_label_noise_is_the_share_of_flawed_orders() -> None:
    def flawed(examples: Sequence[Example]) -> float:
        return float(np.mean([e.references[0] != e.meta["answer"] for e in examples]))

    assert 0.2 < flawed(TextRank().builtin("train", 1000)) <= 0.33  # the order of shared words is sometimes right
    assert flawed(task(label_noise=0.0).builtin("train", 100)) == flawed(TextRank().builtin("validation", 100)) == 0.0


def test_heuristic_counts_shared_words() -> None:
    example = Example("1", "Query: fire in Marlow\n1. A flood in Marlow.\n2. Rain.\n3. The fire of Marlow in May.")
    assert TextRank().heuristic(example) == "3 1 2"  # 2 words, none, 3 words
    history = Example("1", "Liked:\n- sad, a romance\n- sad, at sea\n1. a diary at sea\n2. sad, in a village")
    assert TextRank().heuristic(history) == "1 2"  # a + at + sea = 3 over both lines, sad + a + sad = 3: equal, as they stand


def test_pieces_are_the_numbers_not_yet_said() -> None:
    example = TextRank().builtin("train", 1)[0]
    assert TextRank().pieces(example, ()) is None
    constrained = task(constrained=True)
    assert constrained.pieces(example, ()) == ["1", "2", "3", "4", "5"]
    assert constrained.pieces(example, ("4", "1")) == ["2", "3", "5"]
    assert constrained.pieces(example, ("4", "1", "2", "3", "5")) == []


def test_constrained_random_play_ends_with_a_permutation() -> None:
    env: Any = gymnasium.make("TextRank-v0", split="validation", constrained=True, candidates=12).unwrapped
    rng = np.random.default_rng(0)
    for seed in range(3):
        _, info = env.reset(seed=seed)
        terminated = False
        while not terminated:
            _, reward, terminated, _, info = env.step(rng.choice(np.flatnonzero(info["action_mask"] if not terminated else [1])))
        assert info["stop_reason"] == "complete"
        assert sorted(map(int, info["response"].split())) == list(range(1, 13))
        assert 0.0 <= reward <= 1.0 and set(info["metrics"]) == {"ndcg", "mrr"}


def test_wrong_options_say_what_is_right() -> None:
    with pytest.raises(ValueError, match="candidates=2; expected a whole number from 3 to 20"):
        task(candidates=2)
    with pytest.raises(ValueError, match="'retreival' is not a known kind. Did you mean 'retrieval'"):
        task(kind="retreival")
    with pytest.raises(ValueError, match="'de' is not a known language"):
        task(language="de")


def test_candidates_of_ones_own_are_shown_and_ranked() -> None:
    meta = {"candidates": ["A flood.", "A new ferry\nroute.", "A museum."], "relevance": [0, 2, 1]}
    (row,) = TextRank().arranged([Example("a", "ferry route", meta=meta)])
    assert row.prompt == "ferry route\n1. A flood.\n2. A new ferry route.\n3. A museum."
    assert (row.references, row.meta) == (("2 3 1",), meta)
    assert (TextRank().oracle(row), TextRank().heuristic(row)) == ("2 3 1", "2 1 3")
    assert task(constrained=True).pieces(row, ("2",)) == ["1", "3"]
    assert TextRank().arranged([row]) == [row]  # numbered already
    (odd,) = TextRank().arranged([Example("a", "q", meta={**meta, "relevance": ["good", "bad", "bad"]})])
    assert odd.references == ()  # no grades: the reward says so
    assert TextRank().arranged([Example("a", "q\n1. b\n2. c", ("2 1",))]) == [Example("a", "q\n1. b\n2. c", ("2 1",))]


def test_a_file_of_candidates_is_played_constrained(tmp_path: Path) -> None:
    rows = [{"prompt": f"ferry {i}", "candidates": ["A ferry.", "A flood.", "Rain."], "relevance": [1, 0, 2]} for i in range(4)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    env: Any = gymnasium.make("TextRank-v0", dataset={"path": str(tmp_path / "d.jsonl"), "split": "all"}, constrained=True).unwrapped
    _, info = env.reset(seed=0, options={"index": 2})
    assert env.tokenizer.decode(env.engine.book[2].ids).endswith("ferry 2\n1. A ferry.\n2. A flood.\n3. Rain.\nOrder:")
    for token in env.encode_answer("3 1 2"):
        _, reward, ended, _, info = env.step(token)
    assert ended and reward == 1.0 and info["stop_reason"] == "complete"


@pytest.mark.parametrize(
    ("prompt", "meta", "message"),
    [
        ("ferry route", {}, r"example 'a' has no candidates to rank; bring them as meta\['candidates'\]"),
        ("ferry route", {"candidates": []}, "no candidates to rank"),
        ("ferry route", {"candidates": "a b"}, r"meta\['candidates'\] is 'a b'; expected a list of texts"),
        ("ferry route", {"candidates": [{"text": "a"}]}, "expected a list of texts"),
        ("ferry route", {"candidates": ["a", " "]}, "2 candidates and 1 numbered lines.*candidates must not be empty"),
        ("q\n1. x", {"candidates": ["a", "b"]}, "2 candidates and 3 numbered lines.*a query must have no lines"),
        ("ferry route", {"candidates": ["a", "b"], "relevance": [1]}, r"2 candidates and 1 grades in meta\['relevance'\]"),
    ],
)
def test_rows_that_cannot_be_ranked_are_refused(prompt: str, meta: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextRank().arranged([Example("a", prompt, ("1",), meta)])


@needs_package
def test_aclsum_titles() -> None:
    examples = load_examples("aclsum-titles", split="test")
    assert len(examples) == len({e.id for e in examples}) == 300
    assert all(sorted(e.meta["relevance"]) == [0, 0, 0, 0, 1] for e in examples)
    first = examples[0]
    assert first.id == "E09-1056:challenge"
    lines = str(first.prompt).splitlines()
    assert lines[0].startswith("Paper: Improvements in Analogical Learning") and len(lines) == 6
    right = int(first.references[0].split()[0])
    assert lines[right].startswith(f"{right}. Existing machine translation systems do not manage domain-specific terms")
    assert mean(examples, [TextRank().oracle(e) for e in examples]) == 1.0
    assert mean(examples, [TextRank().heuristic(e) for e in examples]) > mean(examples, ["1 2 3 4 5"] * 300) + 0.2


@needs_package
def test_aclsum_titles_takes_the_task_s_candidates_and_fits() -> None:
    engine = gymnasium.make("TextRank-v0", dataset="aclsum-titles", split="validation").unwrapped.engine  # type: ignore[attr-defined]
    assert sum(engine.book[index].cut > 0 for index in range(150)) <= 7  # 5 in 100
    more = gymnasium.make("TextRank-v0", dataset="aclsum-titles", split="validation", candidates=8).unwrapped.engine  # type: ignore[attr-defined]
    assert len(more.examples[0].meta["relevance"]) == 8


@pytest.mark.parametrize(
    "prompt", ["q\n[1] a\n[2] b", "q\n1) a\n2) b", "Document 1: a\nDocument 2: b", "Rules:\n1. be nice\n2. be quick\n1. a\n2. b"]
)
def test_prompts_may_show_candidates_in_any_layout(prompt: str) -> None:
    row = Example("a", prompt, meta={"relevance": [0, 1]})
    assert TextRank().arranged([row]) == [Example("a", prompt, ("2 1",), row.meta)]
    with pytest.raises(ValueError, match="no candidates to rank|4 candidates and 2 grades"):
        task(constrained=True).arranged([row])


@pytest.mark.parametrize("prompt", ["q\n1. a  b \n2. c", "q\n1. a\n   b\n2. c", "q\n1. a b\n2. c\nBest first, please:"])
def test_white_space_and_wrapped_lines_do_not_hide_candidates(prompt: str) -> None:
    (row,) = task(constrained=True).arranged([Example("a", prompt, meta={"candidates": ["a b", "c"], "relevance": [0, 1]})])
    assert (row.prompt, row.references) == (prompt, ("2 1",))


def test_candidates_and_grades_may_be_arrays() -> None:
    (row,) = TextRank().arranged([Example("a", "q", meta={"candidates": np.array(["a", "b"]), "relevance": np.array([0, 1])})])
    assert (row.prompt, row.references) == ("q\n1. a\n2. b", ("2 1",))
