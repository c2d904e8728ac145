"""envs/named.py and the sets that need nothing but their package: sizes, rows, splits that share nothing, defaults that fit."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.letters import WORDS, Say
from tokengym.benchmarks.probe import findings
from tokengym.envs import DATASETS, TASKS, Example, Turn, load_examples
from tokengym.envs.data import data_fingerprint, named_set, read_dataset, sets_of, usual
from tokengym.envs.named import NamedSet, package_folder, split_of
from tokengym.envs.tokenizer import load_tokenizer

SPLITS = ("train", "validation", "test")
SETS = {
    "aclsum": ("aclsum", {"train": 300, "validation": 150, "test": 300}),
    "chatterbot": ("chatterbot_corpus", {"train": 825, "validation": 105, "test": 99}),
    "chatterbot-zh": ("chatterbot_corpus", {"train": 367, "validation": 36, "test": 50}),
    "chitchat": ("chitchat_dataset", {"train": 88_030, "validation": 12_663, "test": 11_674}),
    "countryinfo": ("countryinfo", {"train": 1_467, "validation": 202, "test": 235}),
}


def needs(name: str) -> None:
    module = SETS[name][0]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"the package {module} is not installed")


def some(name: str, split: str) -> list[Example]:
    """About 300 examples, evenly spaced."""
    rows = load_examples(name, split=split)
    return [rows[i] for i in range(0, len(rows), max(1, len(rows) // 300))]


@pytest.mark.parametrize("name", [name for name, row in DATASETS.items() if isinstance(row, NamedSet)])
def test_every_named_set_says_what_it_is(name: str) -> None:
    row = DATASETS[name]
    assert isinstance(row, NamedSet) and row.licence and row.source and row.package
    assert row.tasks and all(name in sets_of(TASKS[env]) for env in row.tasks)


@pytest.mark.parametrize("name", SETS)
def test_sizes_ids_and_references(name: str) -> None:
    needs(name)
    ids: list[str] = []
    for split, size in SETS[name][1].items():
        assert len(load_examples(name, split=split)) == size
        rows = some(name, split)
        assert all(row.references and all(row.references) and row.prompt for row in rows)
        ids += [row.id for row in rows]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", SETS)
def test_a_set_plays_with_what_it_brings(name: str) -> None:
    needs(name)
    row = DATASETS[name]
    assert isinstance(row, NamedSet)
    for env in row.tasks:
        found = {each.policy: each for each in findings(env, dataset=name, examples=30).rows}
        assert found["oracle"].invalid == found["heuristic"].invalid == 0
        assert found["oracle"].reward.mean > found["heuristic"].reward.mean > found["random"].reward.mean
        assert found["oracle"].reward.mean > 0.9


@pytest.mark.parametrize("name", SETS)
def test_budgets_hold_nearly_all_prompts_and_answers(name: str) -> None:
    needs(name)
    tokenizer, rows = load_tokenizer("builtin"), some(name, "train")
    row = DATASETS[name]
    assert isinstance(row, NamedSet)
    task = TASKS[row.tasks[0]]()
    prompts = [1 + len(tokenizer.encode("".join(task.parts(example)[:3]))) for example in rows]
    answers = [1 + len(tokenizer.encode(" " + example.references[0])) for example in rows]
    default = usual(name, task)
    assert np.mean(np.array(prompts) <= default.max_prompt_tokens) >= 0.95
    assert np.mean(np.array(answers) <= default.max_new_tokens) >= 0.95


@pytest.mark.parametrize("name", ["chatterbot", "chatterbot-zh", "countryinfo"])
def test_splits_share_no_prompt(name: str) -> None:
    needs(name)
    prompts = [(e.prompt, e.meta.get("question")) for split in SPLITS for e in load_examples(name, split=split)]
    assert len(set(prompts)) == len(prompts)


def test_chitchat_conversations_stay_together() -> None:
    needs("chitchat")
    talks = [{row.id.partition(":")[0] for row in some("chitchat", split)} for split in SPLITS]
    assert len(set.union(*talks)) == sum(map(len, talks))
    prompts = [{str(tuple(map(tuple, row.prompt))) for row in load_examples("chitchat", split=split)} for split in SPLITS]
    assert len(set.union(*prompts)) == sum(map(len, prompts))


def test_chitchat_row() -> None:
    needs("chitchat")
    rows = load_examples("chitchat", split="test")
    row = next(row for row in (rows[i] for i in range(len(rows))) if row.id == "27d1f0b9-d85d-4663-ad6b-1a824d7baab0:6")
    assert row.prompt[-2:] == (
        Turn("assistant", "wow impressive! what year are you in?"),
        Turn("user", "First year I was so excited when I got accepted too"),
    )
    assert row.references == ("what are you majoring in?",)
    parts = TASKS["TextDialogue-v0"]().parts(row)
    assert parts.tail == "B:" and parts.body.endswith("A: First year I was so excited when I got accepted too\n")


def test_chatterbot_row_in_chinese_with_all_its_answers() -> None:
    needs("chatterbot-zh")
    row = next(row for row in load_examples("chatterbot-zh", split="test") if row.id == "zh:ai:1219997dab86")
    assert (row.prompt, row.references) == ((Turn("user", "你的工作是什么"),), ("陪聊。",))
    assert "".join(TASKS["TextDialogue-v0"]().parts(row)[:3]) == "甲: 你的工作是什么\n乙:"
    market = next(row for row in load_examples("chatterbot", split="test") if row.prompt == (Turn("user", "what is the stock market"),))
    assert market.references == ("Trading shares.", "trading in volume.", "buy low and sell high.")


def test_countryinfo_tells_two_countries_of_one_split() -> None:
    needs("countryinfo")
    row = load_examples("countryinfo", split="test")[0]
    assert row.id == "ASM:capital" and row.references == ("Pago Pago",)
    assert row.meta["question"] == "What is the capital of American Samoa?"
    assert str(row.prompt).startswith("Pago Pago is the capital of American Samoa. American Samoa has 55519 inhabitants.")
    for split in SPLITS:
        for each in load_examples("countryinfo", split=split):
            assert each.references[0] in str(each.prompt) and each.meta["country"] in str(each.prompt)
    told = [{name for e in load_examples("countryinfo", split=split) for name in (e.meta["country"], e.meta["beside"])} for split in SPLITS]
    assert len(set.union(*told)) == sum(map(len, told)) > 240


def test_same_call_same_fingerprint() -> None:
    needs("countryinfo")
    task = TASKS["TextQA-v0"]()
    prints = [
        data_fingerprint("countryinfo", read_dataset("countryinfo", task, split), task, split) for split in ("train", "train", "test")
    ]
    assert prints[0] == prints[1] != prints[2]


def test_splits_by_hash_are_stable_and_eight_one_one() -> None:
    assert [split_of(key) for key in ("a", "b", "FRA", "ASM")] == ["validation", "train", "train", "test"]
    shares = [split_of(str(i)) for i in range(5000)]
    assert [round(shares.count(split) / 5000, 1) for split in SPLITS] == [0.8, 0.1, 0.1]


def test_one_row_adds_a_set_and_its_loader_gets_the_options_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Options:
        shout: bool = False
        other: int = 0

    def load(split: str, shout: bool = False) -> Sequence[Example]:
        return [Example(f"{split}0", "SAY A" if shout else "say a", ("a",))]

    row = NamedSet(tasks=("Say-v0",), load=load, package="p", licence="MIT", source="s", reward="rouge_l", max_new_tokens=9)
    monkeypatch.setitem(DATASETS._rows, "shouts", row)
    assert sets_of(Say) == ("aclsum", "shouts") and named_set("shouts", Say) is row
    assert read_dataset("shouts", Say(Options(shout=True)), "test") == [Example("test0", "SAY A", ("a",))]
    assert load_examples("shouts", split="test")[0].prompt == "say a"
    assert usual("shouts", Say) == ("rouge_l", Say.max_prompt_tokens, 9)
    assert usual("builtin", Say) == usual(WORDS, Say) == (Say.reward, Say.max_prompt_tokens, Say.max_new_tokens)
    assert named_set("shouts", TASKS["TextQA-v0"]) is None


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"dataset='chitchat' ships in the package chitchat-dataset: pip install 'tokengym\[data\]'"):
        load_examples("chitchat", split="test")
    with pytest.raises(ImportError, match="chatterbot-corpus"):
        package_folder("chatterbot_corpus", "chatterbot", "chatterbot-corpus")
