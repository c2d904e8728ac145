"""envs/base.py: examples and tasks that are not written as they must be say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import pytest

import tokengym
from tests.letters import LETTERS, WORDS, Say
from tokengym.envs import TASKS, Example, Parts, Task, TextGenEnv


class Bare(Task):
    """Only what every task must set."""

    name = "Bare-v0"
    reward = "exact"
    max_prompt_tokens = 16
    max_new_tokens = 4

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return WORDS

    def parts(self, example: Example) -> Parts:
        return Parts("", str(example.prompt), ":")


def test_references_that_are_one_text_are_refused() -> None:
    with pytest.raises(TypeError, match=r"example 'a': references='cat' is a text; expected a tuple of texts: \('cat',\)"):
        Example("a", "which animal", references="cat")  # type: ignore[arg-type]


def test_a_task_without_metrics_measures_none() -> None:
    assert TextGenEnv(Bare, tokenizer=LETTERS).engine.metrics == []


def test_a_task_that_lacks_an_attribute_is_refused_when_it_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unbounded(Task):
        name = "Unbounded-v0"
        reward = "exact"

    missing = "the task Unbounded has no max_prompt_tokens, max_new_tokens; set each in the class"
    with pytest.raises(ValueError, match=missing):
        tokengym.register_task("Unbounded-v0", Unbounded)
    assert "Unbounded-v0" not in TASKS and "Unbounded-v0" not in gymnasium.registry
    with pytest.raises(ValueError, match=missing):
        TextGenEnv(Unbounded)


def test_what_parts_and_builtin_give_is_checked() -> None:
    class Texts(Say):
        def parts(self, example: Example) -> Any:
            return str(example.prompt)

    class Rows(Say):
        def builtin(self, split: str, size: int) -> Any:
            return [("a", "b")]

    class Stream(Say):
        def builtin(self, split: str, size: int) -> Any:
            return iter(WORDS)

    with pytest.raises(TypeError, match=r"Say-v0.parts\(\) gives a str for example 'w0'; expected Parts\(head, body, tail\)"):
        TextGenEnv(Texts, dataset=WORDS, tokenizer=LETTERS, order="sequential").reset(seed=0)
    with pytest.raises(TypeError, match=r"Say-v0.builtin\(\) holds tuple objects; expected tokengym.envs.Example"):
        TextGenEnv(Rows, tokenizer=LETTERS)
    with pytest.raises(TypeError, match=r"Say-v0.builtin\(\) gives a list_iterator; expected a sequence of Examples"):
        TextGenEnv(Stream, tokenizer=LETTERS)
