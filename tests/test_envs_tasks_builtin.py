"""The three builtin tasks: shares of flawed labels, clean held-out references, anchors in order, budgets that suffice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tokengym.envs.base import Example, Task
from tokengym.envs.dialogue import TextDialogue
from tokengym.envs.qa import TextQA
from tokengym.envs.summ import TextSumm
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.rewards import Sample, make_reward

TASKS: tuple[type[Task], ...] = (TextSumm, TextDialogue, TextQA)


def flawed(examples: Sequence[Example]) -> float:
    return float(np.mean([example.references[0] != example.meta["answer"] for example in examples]))


@pytest.mark.parametrize("kind", TASKS)
def test_label_noise_is_the_share_of_flawed_training_labels(kind: type[Task]) -> None:
    noise = kind.Options().label_noise  # type: ignore[attr-defined]
    assert abs(flawed(kind().builtin("train", 2000)) - noise) < 0.05  # a mix-up can hit two equal values
    clean = kind(kind.Options(label_noise=0.0))  # type: ignore[call-arg]
    assert flawed(clean.builtin("train", 300)) == 0.0
    assert flawed(kind().builtin("test", 300)) == flawed(kind().builtin("validation", 300)) == 0.0


@pytest.mark.parametrize("kind", TASKS)
def test_noise_changes_labels_only(kind: type[Task]) -> None:
    noisy, clean = kind().builtin("train", 50), kind(kind.Options(label_noise=0.0)).builtin("train", 50)  # type: ignore[call-arg]
    assert [e.prompt for e in noisy] == [e.prompt for e in clean]
    assert [e.meta for e in noisy] == [e.meta for e in clean]


@pytest.mark.parametrize("kind", TASKS)
def test_oracle_earns_the_most_and_the_heuristic_less(kind: type[Task]) -> None:
    task = kind()
    examples = task.builtin("test", 200)
    reward = make_reward(task.reward)

    def mean(answers: list[str]) -> float:
        prompts = ["".join(task.parts(example)[:3]) for example in examples]
        rows = [Sample(p, a, e.references, e.meta, True) for p, a, e in zip(prompts, answers, examples, strict=True)]
        return float(reward(rows).mean())

    oracle, heuristic = mean([task.oracle(e) for e in examples]), mean([task.heuristic(e) for e in examples])
    assert oracle == pytest.approx(1.0, abs=1e-6)
    assert 0.1 < heuristic < 0.95


@pytest.mark.parametrize("kind", TASKS)
def test_budgets_hold_nearly_all_prompts_and_all_labels(kind: type[Task]) -> None:
    task, tokenizer = kind(), load_tokenizer("builtin")
    examples = task.builtin("train", 400)
    prompts = [1 + len(tokenizer.encode("".join(task.parts(example)[:3]))) for example in examples]
    assert np.mean(np.array(prompts) <= task.max_prompt_tokens) > 0.98
    assert max(1 + len(tokenizer.encode(" " + example.references[0])) for example in examples) <= task.max_new_tokens


def test_splits_share_no_prompt_and_ids_are_unique() -> None:
    for kind in TASKS:
        rows = {split: kind().builtin(split, 300) for split in ("train", "validation", "test")}
        prompts = [e.prompt for examples in rows.values() for e in examples]
        assert len(set(prompts)) == len(prompts)
        assert len({e.id for examples in rows.values() for e in examples}) == 900


def test_chinese_prompts_are_chinese() -> None:
    for kind in (TextSumm, TextQA):
        task = kind(kind.Options(language="zh"))
        example = task.builtin("train", 1)[0]
        assert task.parts(example).tail.rstrip().endswith(("摘要:", "回答:"))
        assert any("\u4e00" <= letter <= "\u9fff" for letter in str(example.prompt))


def test_qa_heuristic_finds_the_kind_of_thing_that_was_asked_for() -> None:
    task = TextQA()
    example = Example("1", "A fire hit Marlow. About 40 people were hurt.", ("40",), {"question": "How many people were hurt in Marlow?"})
    assert task.heuristic(example) == "40"


def test_dialogue_heuristic_reads_the_line_about_the_item() -> None:
    task = TextDialogue()
    example = task.builtin("test", 5)[2]
    item = example.meta["facts"][0]
    assert item.lower() in task.heuristic(example).lower()
