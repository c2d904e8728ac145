"""envs/ner.py and its rules: exact truth, flawed labels, anchors, budgets."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs import Example, bio_tags, load_tokenizer
from tokengym.envs.mentions import TYPES
from tokengym.envs.ner import TextNER
from tokengym.envs.ner_rules import guessed
from tokengym.rewards import Sample, make_reward

LANGUAGES = ("en", "zh")


def task(language: str = "en", noise: float = 0.3) -> TextNER:
    return TextNER(TextNER.Options(language=language, label_noise=noise))


@pytest.mark.parametrize("language", LANGUAGES)
def test_tags_words_entities_and_the_answer_say_the_same(language: str) -> None:
    examples = task(language).builtin("test", 400)[:]
    for example in examples:
        assert tuple(bio_tags(example.meta["words"], example.meta["answer"])) == example.meta["tags"]
        assert len(example.meta["words"]) == len(example.meta["tags"])
        assert example.references == (example.meta["answer"],)
    assert sum(example.meta["answer"] == "none" for example in examples) == 20
    listed, tagged = make_reward("entity_f1"), make_reward("entity_f1(format='bio')")
    rows = [Sample("", e.meta["answer"], e.references, e.meta, True) for e in examples]
    assert listed(rows).tolist() == [1.0] * 400
    assert tagged([row._replace(response=" ".join(row.meta["tags"])) for row in rows]).tolist() == [1.0] * 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_label_noise_is_the_share_of_flawed_training_labels(language: str) -> None:
    noisy, clean = task(language).builtin("train", 1000)[:], task(language, 0.0).builtin("train", 1000)[:]
    flawed = [e for e in noisy if e.references[0] != e.meta["answer"]]
    assert abs(len(flawed) / 950 - 0.3) < 0.05  # of the texts that name anything
    assert [(e.prompt, e.meta) for e in noisy] == [(e.prompt, e.meta) for e in clean]
    assert all(e.references[0] == e.meta["answer"] for e in clean)
    shorter = [e for e in flawed if len(e.references[0].split("; ")) < len(e.meta["entities"])]
    assert 0.35 < len(shorter) / len(flawed) < 0.65
    reward = make_reward("entity_f1")
    assert reward([Sample("", e.references[0], (), e.meta, True) for e in flawed]).max() < 1.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_oracle_earns_all_and_the_heuristic_much(language: str) -> None:
    of = task(language)
    examples = of.builtin("validation", 200)[:]
    reward = make_reward(of.reward)
    means = [
        reward([Sample("", a, e.references, e.meta, True) for e in examples for a in (said(e),)]).mean()
        for said in (of.oracle, of.heuristic)
    ]
    assert means[0] == 1.0
    assert 0.5 < means[1] < 0.9


@pytest.mark.parametrize("language", LANGUAGES)
def test_budgets_hold_nearly_all_prompts_and_answers(language: str) -> None:
    of, tokenizer = task(language), load_tokenizer("builtin")
    examples = of.builtin("train", 400)[:]
    prompts = np.array([1 + len(tokenizer.encode("".join(of.parts(e)[:3]))) for e in examples])
    answers = np.array([1 + len(tokenizer.encode(" " + e.meta["answer"])) for e in examples])
    assert (prompts <= of.max_prompt_tokens).mean() > 0.98
    assert (answers <= of.max_new_tokens).mean() > 0.98


@pytest.mark.parametrize("language", LANGUAGES)
def test_splits_share_no_prompt_and_ids_are_unique(language: str) -> None:
    examples = [e for split in ("train", "validation", "test") for e in task(language).builtin(split, 400)]
    assert len({e.prompt for e in examples}) == len({e.id for e in examples}) == 1200


def test_rules_by_hand() -> None:
    text = "Mayor Silva met Ana Kovler in Harwick on 3 May 2019 at 9:30. Harwick Bank paid $4.5 million for seven buses near Lake Torwick."
    assert guessed(text) == [
        ("Silva", "PERSON"), ("Ana Kovler", "PERSON"), ("Harwick", "PLACE"), ("3 May 2019", "DATE"), ("9:30", "TIME"),
        ("Harwick Bank", "ORG"), ("$4.5 million", "MONEY"), ("seven", "NUMBER"), ("Lake Torwick", "PLACE"),
    ]  # fmt: skip
    assert guessed("On Monday, Officials in Oakton left.") == [("Monday", "DATE"), ("Oakton", "PLACE")]
    assert guessed("2019年3月,王小明在北河镇花45万元。", "zh") == [
        ("2019年3月", "DATE"), ("王小明", "PERSON"), ("北河镇", "PLACE"), ("45万元", "MONEY"),
    ]  # fmt: skip
    assert task().heuristic(Example("1", "a dog barked.")) == "none"


def test_prompts_and_what_chat_models_are_told() -> None:
    parts = task().parts(Example("1", "Ana left."))
    assert parts[:3] == ("", "Ana left.", "\nEntities:")
    assert all(kind in parts.instruction for kind in TYPES)
    assert task("zh").parts(Example("1", "王小明走了。")).tail == "\n实体:"


def test_oracle_of_examples_from_elsewhere() -> None:
    assert task().oracle(Example("1", "Ana left.", meta={"entities": [["Ana", "PERSON"]]})) == "Ana (PERSON)"
    assert task().oracle(Example("1", "Ana left.", ("Ana (PERSON)",))) == "Ana (PERSON)"


def test_an_episode_pays_for_the_right_list() -> None:
    env = gymnasium.make("TextNER-v0", split="validation")
    env.reset(seed=0, options={"index": 3})
    engine = env.unwrapped
    answer = " " + engine.example.meta["answer"]  # type: ignore[attr-defined]
    for token in [*engine.tokenizer.encode(answer), engine.tokenizer.eos_token_id]:  # type: ignore[attr-defined]
        _, reward, ended, _, info = env.step(token)
    assert ended
    assert reward == 1.0
    assert info["metrics"] == {"entity_f1": 1.0, "exact": 1.0}


def test_unknown_languages_are_told() -> None:
    with pytest.raises(ValueError, match="'fr'"):
        task("fr")
