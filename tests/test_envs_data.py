"""envs/data.py: what dataset= takes, and the fingerprint of what came."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.letters import WORDS, Say
from tokengym.envs import TASKS, Example, TextGenEnv, load_examples
from tokengym.envs.data import SIZES, data_fingerprint, default_reward, read_dataset, usual


@pytest.mark.parametrize("name", list(TASKS))
def test_builtin_sets_by_name(name: str) -> None:
    examples = load_examples(f"builtin:{name}", split="test")
    assert len(examples) == SIZES["test"]
    assert len(load_examples(f"builtin:{name}", split="train", size=5)) == 5
    assert examples[3] == load_examples(f"builtin:{name}", split="test")[3]


def test_examples_are_taken_as_they_are() -> None:
    assert load_examples(WORDS) is WORDS
    assert read_dataset(WORDS, Say(), "train", size=2) == WORDS[:2]


def test_paths_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps({"body": f"b{i}", "gold": "g"}) + "\n" for i in range(3)))
    assert [e.prompt for e in load_examples(str(path), split=None, columns={"prompt": "body", "references": "gold"})] == ["b0", "b1", "b2"]
    spec = {"path": str(path), "columns": {"prompt": "body"}, "split": "all"}
    assert len(read_dataset(spec, Say(), "test")) == 3
    assert len(load_examples(path, split="train", columns={"prompt": "body"})) == 3
    with pytest.raises(ValueError, match="'colums' is not a known key of dataset"):
        read_dataset({"path": str(path), "colums": {}}, Say(), "test")


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(
        ValueError, match=r"'aclsm' is not a known dataset of Say-v0. Did you mean 'aclsum'\? Known: aclsum, builtin. A path"
    ):
        read_dataset("aclsm", Say(), "test")
    with pytest.raises(ValueError, match="Did you mean 'aclsum'"):
        load_examples("aclsm")
    with pytest.raises(ValueError, match="'validate' is not a known split. Did you mean 'validation'"):
        read_dataset("builtin", Say(), "validate")
    with pytest.raises(ValueError, match="Did you mean 'TextSumm-v0'"):
        load_examples("builtin:TextSum-v0")
    with pytest.raises(ValueError, match="builtin:TextSumm-v0"):
        load_examples("builtin")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_examples("nowhere/rows.jsonl")
    with pytest.raises(TypeError, match="expected tokengym.envs.Example"):
        load_examples([{"prompt": "x"}])
    with pytest.raises(ValueError, match="holds no examples"):
        load_examples([])
    with pytest.raises(ValueError, match="size=0"):
        read_dataset("builtin", Say(), "train", 0)


def test_a_set_of_another_task_is_unknown() -> None:
    with pytest.raises(ValueError, match="'aclsum' is not a known dataset of TextQA-v0"):
        read_dataset("aclsum", TASKS["TextQA-v0"](), "test")


def test_fingerprint_reads_ids_and_texts_in_order() -> None:
    task = Say()
    print_ = data_fingerprint(WORDS, WORDS, task, "train")
    assert print_ == data_fingerprint(list(WORDS), list(WORDS), task, "test")  # the rows are the data
    changed = [*WORDS[:2], Example("w2", "say f", ("g",))]
    assert len({print_, data_fingerprint(changed, changed, task, "train"), data_fingerprint(WORDS[::-1], WORDS[::-1], task, "train")}) == 3


def test_builtin_fingerprint_reads_a_few_rows_only() -> None:
    class Counting(list[Example]):
        asked = 0

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            Counting.asked += 1
            return super().__getitem__(index)

    rows = Counting(Say().builtin("train", 5000))
    first = data_fingerprint("builtin", rows, Say(), "train")
    assert Counting.asked == 256
    assert first != data_fingerprint("builtin", rows, Say(), "test")
    assert first != data_fingerprint("builtin", rows[:4999], Say(), "train")


def summaries(folder: Path, **columns: list[str]) -> str:
    """A file of two documents with their summaries, and more columns."""
    path = folder / "d.jsonl"
    more: list[dict[str, Any]] = [{name: values for name, values in columns.items()}] * 2
    path.write_text("".join(json.dumps({"document": f"d{i}", "summary": "s"} | more[i]) + "\n" for i in range(2)))
    return str(path)


def test_rows_without_what_the_tasks_reward_needs_are_paid_by_rouge_l(tmp_path: Path) -> None:
    told = r"the reward is 'rouge_l': '0.6\*rouge_2 .*faithfulness' of TextSumm-v0 needs meta\['facts'\], and no row of dataset='.*d.jsonl'"
    with pytest.warns(UserWarning, match=told):
        env = TextGenEnv("TextSumm-v0", dataset=summaries(tmp_path))
    assert env.engine.reward.spec == "rouge_l"
    env.reset(seed=0)
    for token in env.encode_answer("s"):
        _, reward, _, _, info = env.step(token)
    assert reward == 1.0 and info["reward_valid"]
    named = TextGenEnv("TextSumm-v0", dataset=summaries(tmp_path), reward="faithfulness")  # as asked, without a word
    assert named.engine.reward.spec == "faithfulness"


def test_rows_with_what_the_tasks_reward_needs_keep_it(tmp_path: Path) -> None:
    task = TASKS["TextSumm-v0"]()
    path = summaries(tmp_path, facts=["d"])
    assert default_reward(path, task, read_dataset(path, task, "train")) == (task.reward, "")
    for dataset in ("builtin", {"path": "builtin"}):
        assert default_reward(dataset, task, WORDS) == (task.reward, "")


def test_rows_that_nothing_can_score_are_told() -> None:
    reward, why = default_reward(WORDS, Say(), [Example("a", "b")])
    assert reward == "exact" and "needs references" in why and "every episode earns 0.0" in why


def test_an_augmented_set_keeps_the_reward_of_the_set() -> None:
    task = TASKS["TextSumm-v0"]()
    assert usual({"path": "aclsum", "augment": "typo(0.05)"}, task) == usual("aclsum", task)


def test_a_path_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("datasets")

    def load_dataset(path: str, name: str | None, revision: str | None) -> None:
        raise ConnectionError("offline")

    library.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    with pytest.raises(FileNotFoundError, match="dataset='data/nofile': there is no such file or folder here, and as a hub id.*: offline"):
        load_examples("data/nofile")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match="dataset='data/nofile' is no file or folder here, so it is a hub id; .*pip install datasets"):
        load_examples("data/nofile")


@pytest.mark.parametrize(
    ("task", "key", "one", "other"),
    [
        ("TextQA-v0", "question", "How old is Ann?", "How old is Bob?"),
        ("TextCode-v0", "tests", ["assert f(1) == 2"], ["assert f(1) == 3"]),
        ("TextRank-v0", "relevance", [0, 1], [1, 0]),
        ("TextNER-v0", "entities", [["Rob", "PERSON"]], [["Rome", "PLACE"]]),
    ],
)
def test_fingerprint_reads_the_meta(task: str, key: str, one: Any, other: Any) -> None:
    rows = [[Example("0", "1. a\n2. b", (), {key: value})] for value in (one, other)]
    first, second = (data_fingerprint(each, each, TASKS[task](), "train") for each in rows)
    assert first != second


def test_fingerprint_of_odd_meta_is_the_same_in_every_process() -> None:
    class Odd:
        pass

    def marked(**meta: Any) -> str:
        rows = [Example("0", "a", (), meta)]
        return data_fingerprint(rows, rows, Say(), "train")

    assert marked(x=Odd()) == marked(x=Odd())  # the address of an object is no part of the data
    assert marked(x=np.array([1, 2])) == marked(x=[1, 2]) == marked(x=(1, 2)) != marked(x=[2, 1])
    assert marked(x={"a", "b", "c"}) == marked(x={"c", "b", "a"}) != marked(x={"a", "b"})
    assert marked(a=1, b={1: "x", "y": 2}) == marked(b={"y": 2, 1: "x"}, a=1)
    assert marked() == hashlib.sha256(b'["0", "a", []]').hexdigest()  # of a row without meta: id, prompt, references


def test_builtin_fingerprints_are_those_of_the_published_results() -> None:
    marks = {name: TextGenEnv(name, split="test").fingerprint()["data"] for name in ("TextSumm-v0", "TextQA-v0")}
    assert marks == {
        "TextSumm-v0": "6c969b5003c141cef2fe1c38e1e49f19edf5eb9419ba2eac75e83e2d5544540d",
        "TextQA-v0": "6805a37c94abe09bf6a7e190e3dd2cdf0b46093c9e84d005c7cce0a08f493b66",
    }
    pair = TextGenEnv("TextTranslate-v0", split="test", pair="zh-en", size=2000).fingerprint()["data"]
    assert pair == "be4ae579a600b7ec874c3b0965f28f6ce869e6ca3645d130843af9f95739c331"


def test_a_revision_above_1_of_the_builtin_texts_changes_their_fingerprint() -> None:
    class Revised(Say):
        revision = 2

    def mark(task: Say, dataset: Any) -> str:
        return data_fingerprint(dataset, task.builtin("train", 5), task, "train")

    assert mark(Say(), "builtin") != mark(Revised(), "builtin")
    assert mark(Say(), WORDS) == mark(Revised(), WORDS)  # rows of one's own are what they are
    revised = [TASKS[name]().revision for name in TASKS]
    assert sum(revised) == len(revised) + 1 and TASKS["TextCode-v0"]().revision == 2
    talk = TASKS["TextDialogue-v0"]
    assert (talk().revision, talk(talk.Options(turns=4)).revision) == (1, 2)  # type: ignore[call-arg]
