"""TextComplete-v0: rows, flawed labels, budgets and anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tokengym.envs.base import Example
from tokengym.envs.complete import TextComplete
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.rewards import Sample, make_reward

CASES = [("en", ""), ("zh", ""), ("en", "positive"), ("zh", "negative")]


def made(language: str = "en", tone: str = "", label_noise: float = 0.3) -> TextComplete:
    return TextComplete(TextComplete.Options(language=language, tone=tone, label_noise=label_noise))


def mean(task: TextComplete, examples: Sequence[Example], answers: list[str]) -> float:
    prompts = ["".join(task.parts(example)[:3]) for example in examples]
    rows = [Sample(p, answer, e.references, e.meta) for p, answer, e in zip(prompts, answers, examples, strict=True)]
    return float(make_reward(task.reward)(rows).mean())


def test_the_row_of_the_docstring_is_a_row() -> None:
    row = made().builtin("test", 12)[11]
    assert row.prompt == (
        "Notes: people injured: 69; cause: a leaking tank\nReport: A blast struck Birkovo on Tuesday, and help is on its way. "
        "In 1980, a welding spark led to a similar blast in Pendon, with 23 people injured."
    )
    assert row.references[0] == "Doctors reported that 69 people were injured. The cause was a leaking tank, according to investigators."
    assert row.meta["facts"] == ("69", "a leaking tank")
    assert made().heuristic(row) == "69 people injured. The cause was a leaking tank."


@pytest.mark.parametrize(("language", "tone"), CASES)
def test_splits_share_no_page(language: str, tone: str) -> None:
    task = made(language, tone)
    rows = [example for split in ("train", "validation", "test") for example in task.builtin(split, 300)]
    assert len({example.prompt for example in rows}) == len({example.id for example in rows}) == 900
    assert all(example.references[0] == example.meta["answer"] for example in task.builtin("test", 100))


@pytest.mark.parametrize(("language", "tone"), CASES)
def test_anchors_stand_in_order_and_budgets_suffice(language: str, tone: str) -> None:
    task, tokenizer = made(language, tone), load_tokenizer("builtin")
    examples = task.builtin("validation", 200)
    assert mean(task, examples, [task.oracle(example) for example in examples]) > 0.99  # a name told twice costs a little
    heuristic, copy = (
        mean(task, examples, answers) for answers in ([task.heuristic(e) for e in examples], [str(e.prompt) for e in examples])
    )
    assert copy + 0.03 < heuristic < 0.6
    prompts = [1 + len(tokenizer.encode("".join(task.parts(example)[:3]))) for example in examples]
    answers = [1 + len(tokenizer.encode(" " + reference)) for example in examples for reference in example.references]
    assert np.mean(np.array(prompts) <= task.max_prompt_tokens) > 0.98
    assert np.mean(np.array(answers) <= task.max_new_tokens) > 0.98


def test_label_noise_is_the_share_of_flawed_labels() -> None:
    noisy, clean = made(label_noise=0.5).builtin("train", 800), made(label_noise=0.0).builtin("train", 800)
    assert [example.prompt for example in noisy] == [example.prompt for example in clean]
    flawed = [example for example in noisy if example.references[0] != example.meta["answer"]]
    assert 0.42 < len(flawed) / 800 < 0.56
    again = [example for example in flawed if example.references == (example.meta["opening"],)]
    assert 0.1 < len(again) / len(flawed) < 0.4
    assert all(example.references[0] == example.meta["answer"] for example in clean)


def test_a_text_without_notes_gets_its_last_sentence_from_the_heuristic() -> None:
    assert made().heuristic(Example("1", "It rained. The sun came out.")) == "The sun came out."


def test_an_unknown_tone_is_told() -> None:
    with pytest.raises(ValueError, match="positiv.*Did you mean 'positive'"):
        made(tone="positiv")
