"""envs/classify.py: labels, flawed labels, anchors, budgets, constrained answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs import Example, load_tokenizer
from tokengym.envs.classify import KINDS, TextClassify
from tokengym.rewards import Sample, make_reward

CASES = list(product(KINDS, ("en", "zh")))


def task(**options: Any) -> TextClassify:
    return TextClassify(TextClassify.Options(**options))


def scores(of: TextClassify, examples: Sequence[Example], answers: list[str], reward: str = "accuracy") -> float:
    rows = [Sample("", a, e.references, e.meta, True) for e, a in zip(examples, answers, strict=True)]
    return float(make_reward(reward)(rows).mean())


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_the_label_is_one_of_the_labels_and_the_reference(kind: str, language: str) -> None:
    for example in task(kind=kind, language=language).builtin("validation", 100):
        assert example.meta["label"] in example.meta["labels"]
        assert example.references == (example.meta["label"],)


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_label_noise_is_the_share_of_flawed_training_labels(kind: str, language: str) -> None:
    noisy, clean = (task(kind=kind, language=language, **noise).builtin("train", 800)[:] for noise in ({}, {"label_noise": 0.0}))
    assert abs(np.mean([e.references[0] != e.meta["label"] for e in noisy]) - 0.3) < 0.05
    assert not any(e.references[0] != e.meta["label"] for e in clean)
    assert [(e.prompt, e.meta) for e in noisy] == [(e.prompt, e.meta) for e in clean]
    assert all(e.references[0] in e.meta["labels"] for e in noisy)


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_oracle_heuristic_and_any_one_label_in_order(kind: str, language: str) -> None:
    of = task(kind=kind, language=language)
    examples = of.builtin("validation", 200)[:]
    heuristic = scores(of, examples, [of.heuristic(e) for e in examples])
    constant = max(scores(of, examples, [label] * 200) for label in examples[0].meta["labels"])
    assert scores(of, examples, [of.oracle(e) for e in examples]) == 1.0
    assert constant + 0.1 < heuristic < 0.9
    assert scores(of, examples, [" ".join(e.meta["labels"]) for e in examples]) == 0.0  # naming all labels is naming none


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_budgets_hold_nearly_all_prompts_and_all_labels(kind: str, language: str) -> None:
    of, tokenizer = task(kind=kind, language=language), load_tokenizer("builtin")
    examples = of.builtin("train", 300)
    prompts = [1 + len(tokenizer.encode("".join(of.parts(example)[:3]))) for example in examples]
    assert np.mean(np.array(prompts) <= of.max_prompt_tokens) > 0.98
    assert max(1 + len(tokenizer.encode(" " + label)) for label in examples[0].meta["labels"]) <= of.max_new_tokens


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_splits_share_no_prompt_and_ids_are_unique(kind: str, language: str) -> None:
    of = task(kind=kind, language=language)
    examples = [e for split in ("train", "validation", "test") for e in of.builtin(split, 300)]
    assert len({e.prompt for e in examples}) == len({e.id for e in examples}) == 900


def test_heuristic_by_hand() -> None:
    topic, mood = task(), task(kind="sentiment")
    assert topic.heuristic(Example("1", "The coach praised the team after the match. The council met.")) == "sport"
    assert mood.heuristic(Example("2", "The food was bad. I would never eat there again.")) == "negative"
    assert mood.heuristic(Example("3", "The food was bad. I recommend it all the same.")) == "positive"
    assert mood.heuristic(Example("4", "The food was delicious.")) == "positive"
    assert mood.heuristic(Example("5", "The food was not delicious.")) == "negative"
    assert mood.heuristic(Example("6", "I paid 7 euros.")) == "neutral"


def test_prompts_end_with_the_question_and_chat_models_are_told_the_labels() -> None:
    example = Example("1", "A text.", ("b",), {"label": "b", "labels": ("a", "b")})
    assert task().parts(example).tail == "\nTopic:"
    assert task(kind="sentiment").parts(example).tail == "\nSentiment:"
    assert task(kind="sentiment", language="zh").parts(example).tail == "\n态度:"
    assert task().parts(example).instruction == "Answer with one of these words: a, b."


def test_pieces_are_the_labels_once_and_only_where_asked_for() -> None:
    example = Example("1", "A text.", ("b",), {"labels": ["a", "b"]})
    assert task().pieces(example, ()) is None
    assert task(constrained=True).pieces(example, ()) == ("a", "b")
    assert task(constrained=True).pieces(example, ("b",)) == ()
    assert task(constrained=True, kind="sentiment").pieces(Example("2", "A text."), ()) == ("positive", "negative", "neutral")


@pytest.mark.parametrize(("kind", "language"), CASES)
def test_masked_random_tokens_always_name_one_label(kind: str, language: str) -> None:
    env = gymnasium.make("TextClassify-v0", constrained=True, kind=kind, language=language, split="validation")
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(12):
        ended = False
        while not ended:
            action = int(rng.choice(np.flatnonzero(env.get_wrapper_attr("action_masks")())))
            _, reward, ended, _, info = env.step(action)
        assert info["stop_reason"] == "complete"
        assert info["response"] in env.unwrapped.example.meta["labels"]  # type: ignore[attr-defined]
        assert reward == float(info["response"] == env.unwrapped.example.meta["label"])  # type: ignore[attr-defined]
        assert set(info["metrics"]) == {"accuracy", "macro_f1"}
        env.reset()


def test_unknown_options_are_told() -> None:
    with pytest.raises(ValueError, match="Did you mean 'topic'"):
        task(kind="topics")
    with pytest.raises(ValueError, match="'fr'"):
        task(language="fr")


def table(folder: Path, labels: Sequence[str], head: str = "text,label") -> str:
    """A file of 40 rows; its labels come round and round."""
    path = folder / "d.csv"
    path.write_text(head + "\n" + "".join(f"film {i},{labels[i % len(labels)]}\n" for i in range(40)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_file_of_texts_and_labels_is_played_with_its_own_labels(tmp_path: Path, split: str, constrained: bool) -> None:
    env = gymnasium.make("TextClassify-v0", dataset=table(tmp_path, ["good", "bad"]), split=split, constrained=constrained)
    env.reset(seed=0)
    inner: Any = env.unwrapped
    assert inner.example.meta == {"label": inner.example.references[0], "labels": ("bad", "good")}
    assert inner.task.heuristic(inner.example) in ("bad", "good")
    for token in inner.encode_answer(inner.example.references[0]):
        _, reward, _, _, info = env.step(token)
    assert reward == 1.0 and info["reward_valid"] and set(info["metrics"]) == {"accuracy", "macro_f1"}
    if constrained:
        with pytest.raises(ValueError, match="'politics' is no complete answer"):
            inner.encode_answer("politics")


def test_labels_may_be_numbers_and_in_another_column(tmp_path: Path) -> None:
    asked = {"path": table(tmp_path, ["1", "0", "2"], "body,class"), "columns": {"prompt": "body", "label": "class"}}
    env: Any = gymnasium.make("TextClassify-v0", dataset=asked, constrained=True).unwrapped
    assert env.engine.examples[0].references == (env.engine.examples[0].meta["label"],)
    assert env.engine.examples[0].meta["labels"] == ("0", "1", "2")
    rows = [Example(str(i), "text", (), {"label": i}) for i in range(2)]
    assert [e.meta["label"] for e in task().prepared(rows, lambda: rows)] == ["0", "1"]


def test_labels_are_those_of_the_training_split_or_those_given() -> None:
    train, test = ([Example(f"{x}{i}", "text", (x,)) for i in range(2)] for x in ("a", "b"))
    with pytest.raises(ValueError, match=r"the label 'b' of example 'b0' is not among the labels a; pass all of them as labels=\[...\]"):
        task().prepared(test, lambda: train)
    assert [e.meta["labels"] for e in task(labels=["b", "a"]).prepared(test, lambda: train)] == [("b", "a")] * 2
    told = [Example("x", "text", ("c",), {"label": "c", "labels": ["c", "d"]})]
    assert task().prepared(told, lambda: train)[0] is told[0]  # rows that bring their labels are left as they are

    def missing() -> Sequence[Example]:
        raise FileNotFoundError("no file for split='train'")

    assert task().prepared(test, missing)[0].meta["labels"] == ("b",)
    unlabelled = [Example("y", "text")]
    assert list(task().prepared(unlabelled, lambda: unlabelled)) == unlabelled


def test_labels_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels='good,bad'; expected a list of texts, such as \['good', 'bad'\]"):
        task(labels="good,bad")
    with pytest.raises(ValueError, match="are for data of your own"):
        task(labels=["good"]).builtin("train", 1)
    rows = [Example("0", "t", ("Good",)), Example("1", "t", ("good",))]
    with pytest.raises(ValueError, match="two are one but for case"):
        task().prepared(rows, lambda: rows)
