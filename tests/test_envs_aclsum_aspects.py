"""envs/aclsum_aspects.py: sentences and their aspects, where the package is installed."""

from __future__ import annotations

import importlib.util
from collections import Counter

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.benchmarks.probe import findings
from tokengym.envs import check_text_env, load_examples, load_tokenizer
from tokengym.envs.classify import TextClassify

SPLITS = ("train", "validation", "test")
pytestmark = pytest.mark.skipif(importlib.util.find_spec("aclsum") is None, reason="the package aclsum is not installed")


@pytest.mark.parametrize(
    ("split", "labels"),
    [
        ("train", {"approach": 699, "challenge": 448, "outcome": 441}),
        ("validation", {"approach": 315, "challenge": 194, "outcome": 209}),
        ("test", {"approach": 573, "challenge": 409, "outcome": 409}),
    ],
)
def test_sizes_and_labels(split: str, labels: dict[str, int]) -> None:
    rows = load_examples("aclsum-aspects", split=split)
    assert Counter(row.references[0] for row in rows) == labels
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.references == (row.meta["label"],) and row.meta["label"] in row.meta["labels"] for row in rows)


def test_a_row() -> None:
    row = load_examples("aclsum-aspects", split="validation")[0]
    assert row.id == "2021.eacl-main.84:abstract:1" and row.references == ("challenge",)
    assert str(row.prompt).startswith(
        "However, the typical experimental setup for evaluating Named Entity Recognition (NER) systems is not"
    )
    parts = TextClassify().parts(row)
    assert parts.tail == "\nAspect:" and parts.instruction == "Answer with one of these words: challenge, approach, outcome."


def test_splits_share_no_sentence_and_no_paper() -> None:
    rows = {split: load_examples("aclsum-aspects", split=split) for split in SPLITS}
    for key in ("prompt", "paper"):
        found = [{row.prompt if key == "prompt" else row.meta[key] for row in rows[split]} for split in SPLITS]
        assert len(set.union(*found)) == sum(map(len, found))


def test_budgets_hold_nearly_all_prompts_and_all_labels() -> None:
    task, tokenizer = TextClassify(), load_tokenizer("builtin")
    rows = load_examples("aclsum-aspects", split="train")
    lengths = np.array([1 + len(tokenizer.encode("".join(task.parts(row)[:3]))) for row in rows])
    assert np.mean(lengths <= task.max_prompt_tokens) > 0.97
    assert max(1 + len(tokenizer.encode(" " + label)) for label in rows[0].meta["labels"]) <= task.max_new_tokens


def test_anchors_stand_in_order_and_the_most_frequent_label_earns_less_than_the_heuristic() -> None:
    found = {row.policy: row for row in findings("TextClassify-v0", dataset="aclsum-aspects", examples=700, cheats=()).rows}
    assert found["oracle"].reward.mean == 1.0
    assert found["oracle"].gain.low > 0 > found["random"].gain.high
    assert 315 / 718 + 0.1 < found["heuristic"].reward.mean < 0.8


def test_the_environment_keeps_its_promises_with_masks_too() -> None:
    for constrained in (False, True):
        check_text_env(gymnasium.make("TextClassify-v0", dataset="aclsum-aspects", split="test", size=8, constrained=constrained))
