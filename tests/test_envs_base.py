"""envs/base.py: examples and tasks that are not written as they must be say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import pytest

import tokengym
from tests.letters import LETTERS, WORDS, Say
from tokengym.envs import TASKS, Example, Parts, Task, TextGenEnv, Turn
from tokengym.envs.dialogue import TextDialogue


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


def test_the_text_of_a_prompt_is_the_user_s() -> None:
    user, system = Turn("user", "What is 2+2?"), Turn("system", "Answer with a number.")
    assert Example("a", "text").text == "text"
    assert Example("a", (user,)).text == "What is 2+2?"
    assert Example("a", (system, user)).text == "Answer with a number.\n\nWhat is 2+2?"
    for turns in ((user, Turn("assistant", "4"), user), (user, Turn("assistant", "4")), (system,), (user, system), ()):
        with pytest.raises(ValueError, match=r"the prompt of example 'a' is a conversation .* are for TextDialogue-v0"):
            _ = Example("a", turns).text


@pytest.mark.parametrize("name", TASKS)
def test_every_task_plays_a_lone_user_turn_as_its_text(name: str) -> None:
    """Rows as the trainers of chat models have them are no other prompts than the same texts."""
    text = "Add 1.\n1. Rain.\n2. Snow."  # with candidates, for rankings
    rows = [Example("a", text, ("x",)), Example("a", (Turn("user", text),), ("x",))]
    task = TASKS.find(name)()
    plain, turn = task.prepared(rows, lambda: rows)
    assert task.parts(turn) == task.parts(plain) and text in "".join(task.parts(turn)[:3])
    assert task.heuristic(turn) == task.heuristic(plain) and turn.meta == plain.meta
    talk = Example("a", (Turn("user", text), Turn("assistant", "4"), Turn("user", text)), ("x",))
    if name == "TextDialogue-v0":
        assert task.parts(talk).body.count(text) == 2
    else:
        with pytest.raises(ValueError, match=r"example 'a' is a conversation \(user, assistant, user\).* are for TextDialogue-v0"):
            task.parts(task.prepared([talk], lambda: [talk])[0])


def test_a_role_that_nobody_has_is_told() -> None:
    with pytest.raises(
        ValueError, match="'tool' is not a known role of a turn in the prompt of example 'a'. Known: assistant, system, user"
    ):
        TextDialogue().parts(Example("a", (Turn("user", "hi"), Turn("tool", "3"))))


@pytest.mark.parametrize("name", TASKS)
def test_the_best_answer_is_the_known_one_or_the_first_reference_or_an_error(name: str) -> None:
    task = TASKS.find(name)()
    assert task.oracle(Example("a", "x", (), {"answer": "51"})) == "51"
    assert task.oracle(Example("a", "x", ("b", "c"), {"answer": 51})) == "51"
    assert task.oracle(Example("a", "x", ("b", "c"))) == "b"
    assert task.oracle(Example("a", "x", ("b", "c"), {"answer": None})) == "b"
    with pytest.raises(ValueError, match=r"example 'a' has neither references nor meta\['answer'\].*'columns': \{'references': NAME\}"):
        task.oracle(Example("a", "x", (), {"tests": ["assert f(1) == 2"], "label": None}))


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


def test_an_answer_that_is_a_list_or_a_mapping_is_no_best_answer() -> None:
    example = Example("a", "2+2?", meta={"answer": {"value": "4"}})
    with pytest.raises(ValueError, match="no best answer is known"):
        TASKS["TextSumm-v0"]().oracle(example)
    assert TASKS["TextSumm-v0"]().oracle(Example("a", "2+2?", ("4",), example.meta)) == "4"
