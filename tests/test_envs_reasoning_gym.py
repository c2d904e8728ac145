"""envs/reasoning_gym.py: seeds that share nothing, splits that share nothing, budgets, parts of the family, and the whole in an env."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.benchmarks.data_show import survey
from tokengym.benchmarks.probe import findings
from tokengym.envs import DATASETS, Example, check_text_env, load_examples, load_tokenizer
from tokengym.envs.data import data_fingerprint, named_set, read_dataset, usual
from tokengym.envs.named import NamedSet
from tokengym.envs.qa import TextQA
from tokengym.envs.reasoning_gym import MIXTURE, ROOM, guess, load, seed_of
from tokengym.rewards import Sample, make_reward

needs_package = pytest.mark.skipif(importlib.util.find_spec("reasoning_gym") is None, reason="the package reasoning-gym is not installed")
SPLITS = ("train", "validation", "test")


def test_every_question_has_a_seed_of_its_own() -> None:
    seeds = [seed_of("gcd", split, index) for split in SPLITS for index in range(3000)]
    assert len(set(seeds)) == 9000 and 0 <= min(seeds) and max(seeds) < 2**32
    gaps = np.diff(np.sort(np.array(seeds)))
    assert gaps.max() < 2**32 / 9000 * 20 and abs(np.corrcoef(seeds[:-1], seeds[1:])[0, 1]) < 0.05  # spread evenly, neighbours or not
    assert seed_of("gcd", "train", 3) == seed_of("gcd", "train", 3, 0) not in (seed_of("lcm", "train", 3), seed_of("gcd", "train", 3, 1))


@needs_package
def test_neighbouring_examples_share_no_question_where_the_package_itself_shares_all_but_one() -> None:
    from reasoning_gym.factory import create_dataset

    theirs = [[row["question"] for row in create_dataset("chain_sum", seed=seed, size=50)] for seed in (0, 1)]
    assert theirs[0][1:] == theirs[1][:-1]
    rows = load("train", 400, ("chain_sum",))
    questions = [rows[i].prompt for i in range(400)]
    assert len(set(questions)) >= 395  # of sums of two digits there are few


@needs_package
@pytest.mark.parametrize("name", ["products", "coin_flip", "syllogism", "leg_counting"])
def test_splits_share_no_question_however_few_there_are(name: str) -> None:
    asked = {split: {e.prompt for e in load(split, 200, (name,))} for split in SPLITS}
    assert sum(map(len, asked.values())) == len(set.union(*asked.values()))
    assert min(map(len, asked.values())) > 10


@needs_package
def test_the_mixture_deals_its_data_sets_in_turn() -> None:
    rows = load("test", 2 * len(MIXTURE))
    assert [rows[i].meta["reasoning_gym"]["dataset"] for i in range(len(rows))] == [*MIXTURE, *MIXTURE]
    assert len({row.id for row in rows}) == len(rows)
    alone = load("test", 2, ("chain_sum",))
    assert [rows[MIXTURE.index("chain_sum")], rows[len(MIXTURE) + MIXTURE.index("chain_sum")]] == alone[:]
    json.dumps([dict(row.meta) for row in rows])
    assert [len(load_examples("reasoning-gym", split=split)) for split in SPLITS] == [20_000, 1_000, 1_000]
    assert len(read_dataset("reasoning-gym:gcd", TextQA(), "test", 5_000)) == 5_000  # as many as asked for


@needs_package
def test_answers_are_right_and_budgets_hold_them() -> None:
    tokenizer, task, reward = load_tokenizer("builtin"), TextQA(), make_reward("reasoning_gym")
    rows = load("train", 10 * len(MIXTURE))[:]
    scored = reward([Sample("", task.oracle(e), e.references, e.meta) for e in rows])
    assert scored.tolist() == [1.0] * len(rows)
    default = usual("reasoning-gym", task)
    prompts = np.array([1 + len(tokenizer.encode("".join(task.parts(e)[:3]))) for e in rows])
    answers = np.array([1 + len(tokenizer.encode(" " + e.references[0])) for e in rows])
    assert np.mean(prompts <= default.max_prompt_tokens) > 0.98 and np.mean(answers <= default.max_new_tokens) > 0.98


@needs_package
@pytest.mark.parametrize("name", ["acre", "mini_sudoku", "word_sorting", "gsm_symbolic", "number_sorting"])
def test_a_part_of_the_family_has_its_own_budgets(name: str) -> None:
    task, tokenizer = TextQA(), load_tokenizer("builtin")
    reward, prompt, answer = usual(f"reasoning-gym:{name}", task)
    assert (reward, (prompt, answer)) == ("reasoning_gym", ROOM[name])
    rows = read_dataset(f"reasoning-gym:{name}", task, "validation", 60)
    fits = [
        1 + len(tokenizer.encode("".join(task.parts(e)[:3]))) <= prompt and 1 + len(tokenizer.encode(" " + e.references[0])) <= answer
        for e in rows
    ]
    assert np.mean(fits) >= 0.95


@needs_package
def test_anchors_stand_in_order() -> None:
    found = findings("TextQA-v0", dataset="reasoning-gym", examples=144)
    rows = {row.policy: row for row in found.rows}
    assert rows["oracle"].reward.mean == 1.0 and rows["oracle"].invalid == rows["heuristic"].invalid == 0
    assert rows["oracle"].gain.low > 0 > rows["random"].gain.high
    assert not [warning for warning in found.warnings if "a learner can find this" in warning]


@needs_package
def test_the_environment_keeps_its_promises() -> None:
    check_text_env(gymnasium.make("TextQA-v0", dataset="reasoning-gym:chain_sum", split="test", size=8))


@needs_package
def test_data_sets_without_an_answer_have_no_reference() -> None:
    row = read_dataset("reasoning-gym:graph_color", TextQA(), "test", 3)[0]
    assert row.references == () and set(row.meta) == {"reasoning_gym"}


@needs_package
def test_what_the_set_says_of_itself_and_what_is_shown_of_it() -> None:
    found = survey("reasoning-gym:time_intervals", split="test")
    assert found.task is not None and found.task.name == "TextQA-v0" and found.about is not None
    assert (found.about.licence, found.about.package, dict(found.sizes)["train"]) == ("Apache-2.0", "reasoning-gym", 20_000)
    assert found.scored == found.labelled == 1000 and all(lengths.fits > 0.95 for lengths in found.lengths)


@needs_package
def test_the_fingerprint_reads_a_few_questions_only() -> None:
    task = TextQA()
    prints = [
        data_fingerprint(name, read_dataset(name, task, split, size), task, split)
        for name, split, size in (
            ("reasoning-gym:gcd", "train", None),
            ("reasoning-gym:gcd", "train", None),
            ("reasoning-gym:gcd", "train", 300),
            ("reasoning-gym:gcd", "test", None),
            ("reasoning-gym:lcm", "train", None),
        )
    ]
    assert prints[0] == prints[1] and len(set(prints)) == 4


@needs_package
def test_an_unknown_part_gets_a_hint() -> None:
    with pytest.raises(ValueError, match=r"'gdc' is not a known dataset of reasoning-gym. Did you mean 'gcd'\?"):
        read_dataset("reasoning-gym:gdc", TextQA(), "test")
    with pytest.raises(ValueError, match="'countryinfo:x' is not a known dataset"):
        read_dataset("countryinfo:x", TextQA(), "test")
    assert named_set("reasoning-gym:gcd", TextQA()) is not None and named_set("nothing:gcd") is None


def test_the_family_is_a_row_like_any_other() -> None:
    row = DATASETS["reasoning-gym"]
    assert isinstance(row, NamedSet) and row.endless and row.part is not None and set(MIXTURE) <= set(ROOM)
    assert all(ROOM[name][0] <= 320 and ROOM[name][1] <= 32 for name in MIXTURE)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)
    with pytest.raises(ImportError, match=r"pip install 'tokengym\[reasoning\]'"):
        load_examples("reasoning-gym", split="test")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("State the final answer: 859 + 467 - 914 =", "412"),
        ("Calculate 4 * (3 - 5) / 16.", "-0.5"),
        ("What is 2.5 * 4?", "10"),
        ("Calculate -3 * 2.", "-6"),
        ("1 / 0 makes 7", "7"),
        ("Does it follow that no tigers are birds? (Answer Yes or No)", "No"),
        ("Return True if they are alike, and False otherwise.", "False"),
        ("There are 3 cats and 41 dogs.", "41"),
        ("Who knows?", "knows?"),
    ],
)
def test_guesses_by_hand(question: str, answer: str) -> None:
    assert guess(question) == answer
    assert TextQA().heuristic(Example("1", question, (), {"reasoning_gym": {}})) == answer


@needs_package
def test_the_mixture_is_the_same_in_every_process() -> None:
    """Some data sets of the package depend on the hashes of texts, which Python draws anew for each process."""
    code = (
        "import json; from tokengym.envs.reasoning_gym import MIXTURE, load; rows = load('train', 8 * len(MIXTURE)); "
        "print(json.dumps([(row.id, row.prompt, row.references) for row in rows]))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    first, second = (json.loads(text) for text in told)
    assert len(first) == 8 * len(MIXTURE)
    assert {one[0].split("-")[0] for one, other in zip(first, second, strict=True) if one != other} == set()
