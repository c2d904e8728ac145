"""TextEdit-v0: mistakes in, clean text out; copying pays next to nothing; flawed labels, budgets, anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tokengym.envs.base import Example
from tokengym.envs.edit import TextEdit
from tokengym.envs.env import TextGenEnv
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.rewards import Sample, make_reward

CASES = [("spelling", "en"), ("spelling", "zh"), ("grammar", "en"), ("grammar", "zh")]


def made(kind: str = "spelling", language: str = "en", label_noise: float = 0.1) -> TextEdit:
    return TextEdit(TextEdit.Options(kind=kind, language=language, label_noise=label_noise))


def mean(task: TextEdit, examples: Sequence[Example], answers: list[str]) -> float:
    rows = [Sample("", answer, e.references, e.meta) for answer, e in zip(answers, examples, strict=True)]
    return float(make_reward(task.reward)(rows).mean())


def test_the_row_of_the_docstring_is_a_row() -> None:
    row = made().builtin("test", 3)[2]
    assert row.prompt == "In 1989, an old quarry lead to a sinilar landslide in Lanay, with 61 peoplle injured."
    assert row.references == ("In 1989, an old quarry led to a similar landslide in Lanay, with 61 people injured.",)
    assert row.meta["source"] == row.prompt


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_every_text_has_a_mistake_and_no_other_text_of_any_split_is_the_same(kind: str, language: str) -> None:
    task = made(kind, language)
    rows = [example for split in ("train", "validation", "test") for example in task.builtin(split, 300)]
    assert all(example.prompt != example.meta["answer"] for example in rows)
    assert len({example.prompt for example in rows}) == len({example.id for example in rows}) == 900


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_anchors_stand_in_order_and_a_copy_earns_less_than_a_tenth(kind: str, language: str) -> None:
    task, tokenizer = made(kind, language), load_tokenizer("builtin")
    examples = task.builtin("validation", 200)
    assert mean(task, examples, [task.oracle(example) for example in examples]) == pytest.approx(1.0)
    heuristic, copy = (
        mean(task, examples, answers) for answers in ([task.heuristic(e) for e in examples], [str(e.prompt) for e in examples])
    )
    assert copy < 0.1 < 0.35 < heuristic < 0.85
    prompts = [1 + len(tokenizer.encode("".join(task.parts(example)[:3]))) for example in examples]
    assert np.mean(np.array(prompts) <= task.max_prompt_tokens) > 0.97
    assert max(1 + len(tokenizer.encode(" " + example.references[0])) for example in examples) <= task.max_new_tokens


def test_flawed_labels_keep_all_mistakes_but_one() -> None:
    noisy, clean = made(label_noise=0.5).builtin("train", 600), made(label_noise=0.0).builtin("train", 600)
    assert [example.prompt for example in noisy] == [example.prompt for example in clean]
    assert all(example.references == (example.meta["answer"],) for example in clean)
    flawed = [example for example in noisy if example.references[0] != example.meta["answer"]]
    assert 0.4 < len(flawed) / 600 < 0.56
    assert all(example.references[0] != example.prompt for example in flawed)
    assert all(e.references[0] == e.meta["answer"] for e in made(label_noise=0.5).builtin("test", 200))


def test_prompts_say_what_to_do_in_their_language() -> None:
    assert made().parts(Example("1", "x")).tail == "\nCorrected:"
    assert made(language="zh").parts(Example("1", "x")).tail == "\n改正:"


def test_an_unknown_kind_is_told() -> None:
    with pytest.raises(ValueError, match="gramar.*Did you mean 'grammar'"):
        made("gramar")


def test_rows_of_ones_own_are_scored_as_corrections_of_their_prompt() -> None:
    env = TextGenEnv("TextEdit-v0", dataset=[Example("a", "I has a dog.", ("I have a dog.",))])
    assert env.engine.examples[0].meta["source"] == "I has a dog." and env.engine.reward.spec == TextEdit.reward
    env.reset(seed=0)
    for token in env.encode_answer("I have a dog."):
        _, reward, _, _, info = env.step(token)
    assert reward == 1.0 and info["reward_valid"]
    told = [Example("b", "prompt", ("x",), {"source": "s"})]
    assert made().arranged(told) == told


@pytest.mark.parametrize("kind", ["spelling", "grammar"])
def test_chinese_sentences_have_no_space_between_them(kind: str) -> None:
    answers = [str(example.meta["answer"]) for example in made(kind, "zh").builtin("test", 300)]
    assert not [text for text in answers if "。 " in text]
    assert any(text.count("。") > 1 for text in answers)
    assert any(". " in str(example.meta["answer"]) for example in made(kind).builtin("test", 20))
