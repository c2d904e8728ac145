"""TextTranslate-v0: pairs, references, flawed labels, budgets, anchors, and what it says of pairs that it does not have."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs.base import Example
from tokengym.envs.gloss import gloss
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.envs.translate import BUILTIN_PAIRS, TextTranslate
from tokengym.rewards import Sample, make_reward


def made(pair: str = "en-zh", **options: float) -> TextTranslate:
    return TextTranslate(TextTranslate.Options(pair=pair, **options))


def test_the_row_of_the_docstring_is_a_row() -> None:
    row = made().builtin("test", 5)[4]
    assert row.prompt == "The flower show in Bridwood begins on Tuesday."
    assert row.references == ("布里德伍德的花展星期二开幕。", "星期二,花展在布里德伍德开幕。")
    assert made().parts(row)[:3] == ("English: ", row.prompt, "\nChinese:")
    assert made("zh-en").parts(made("zh-en").builtin("test", 1)[0]).tail == "\nEnglish:"


@pytest.mark.parametrize("pair", BUILTIN_PAIRS)
def test_splits_share_no_text_and_held_out_references_are_clean(pair: str) -> None:
    task = made(pair)
    rows = {split: task.builtin(split, 600) for split in ("train", "validation", "test")}
    prompts = [example.prompt for examples in rows.values() for example in examples]
    assert len(set(prompts)) == len(prompts)
    assert all(example.references[0] == example.meta["answer"] and len(example.references) > 1 for example in rows["test"])


def test_label_noise_is_the_share_of_flawed_labels_and_half_of_them_are_word_by_word() -> None:
    noisy, clean = made(label_noise=0.5).builtin("train", 1000), made(label_noise=0.0).builtin("train", 1000)
    assert [example.prompt for example in noisy] == [example.prompt for example in clean]
    flawed = [example for example in noisy if example.references[0] != example.meta["answer"]]
    assert 0.4 < len(flawed) / 1000 < 0.55
    assert 0.4 < np.mean([example.references == (gloss(str(example.prompt), "en"),) for example in flawed]) < 0.75


@pytest.mark.parametrize("pair", BUILTIN_PAIRS)
def test_anchors_stand_in_order_with_gaps_and_budgets_suffice(pair: str) -> None:
    task, tokenizer = made(pair), load_tokenizer("builtin")
    examples = task.builtin("validation", 200)

    def mean(answers: list[str]) -> float:
        return float(make_reward(task.reward)([Sample("", a, e.references, e.meta) for a, e in zip(answers, examples, strict=True)]).mean())

    assert mean([task.oracle(example) for example in examples]) == pytest.approx(1.0)
    assert 0.4 < mean([task.heuristic(example) for example in examples]) < 0.7
    assert mean([str(example.prompt) for example in examples]) < 0.1
    prompts = [1 + len(tokenizer.encode("".join(task.parts(example)[:3]))) for example in examples]
    answers = [1 + len(tokenizer.encode(" " + example.references[0])) for example in examples]
    assert np.mean(np.array(prompts) <= task.max_prompt_tokens) > 0.98
    assert max(answers) <= task.max_new_tokens


def test_pairs_that_are_not_there_are_told() -> None:
    with pytest.raises(ValueError, match="'en-xx'.*en, zh, de"):
        made("en-xx")
    with pytest.raises(ValueError, match="'en-en'"):
        made("en-en")
    with pytest.raises(ValueError, match="'en-de'.*en-zh, zh-en.*dataset='django-po'"):
        made("en-de").builtin("train", 1)


def test_other_languages_are_left_as_they_are_by_the_heuristic() -> None:
    assert made("en-de").heuristic(Example("1", "June")) == "June"


def test_the_environment_pays_the_answer_in_full() -> None:
    env = gymnasium.make("TextTranslate-v0", split="test", size=5, order="sequential")
    env.reset(seed=0)
    unwrapped = env.unwrapped
    ids = [*unwrapped.tokenizer.encode(" " + unwrapped.task.oracle(unwrapped.example)), unwrapped.tokenizer.eos_token_id]  # type: ignore[attr-defined]
    for token in ids:
        _, reward, terminated, _, info = env.step(token)
    assert terminated and reward == pytest.approx(1.0)
    assert info["metrics"] == {"bleu": pytest.approx(1.0), "chrf": pytest.approx(1.0), "ter": 0.0}


def test_a_row_s_pair_that_is_not_known_is_told_with_the_row() -> None:
    row = Example("7", "hi", ("ciao",), {"pair": "en-it"})
    for read in (made().parts, made().heuristic):
        with pytest.raises(
            ValueError, match=r"example '7': meta\['pair'\]='en-it'; expected two different languages of en, zh, de, fr, es, ja"
        ):
            read(row)
    assert made().parts(Example("7", "hi", ("hallo",), {"pair": "en-de"}))[:3] == ("English: ", "hi", "\nGerman:")
