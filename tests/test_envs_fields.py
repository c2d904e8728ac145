"""envs/fields.py: what a column may hold as a prompt, a conversation, or references, and how the rest is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs import Turn
from tokengym.envs.fields import parse_json, prompt_of, read_json, references_of, value_at
from tokengym.envs.files import read_path, to_examples


@pytest.mark.parametrize(
    ("value", "references"),
    [
        ({"text": ["Paris", "Paris city"], "answer_start": [0, 0]}, ("Paris", "Paris city")),  # SQuAD
        ({"text": [], "answer_start": []}, ()),  # a question of SQuAD 2 that has no answer
        ({"text": "Paris"}, ("Paris",)),
        ([{"text": "a", "start": 0}, {"text": "b", "start": 3}], ("a", "b")),
        (["a", None, 3], ("a", "3")),
        ([None], ()),
        (None, ()),
        ("", ()),
        ("a", ("a",)),
    ],
)
def test_references(value: Any, references: tuple[str, ...]) -> None:
    assert references_of(value, "answers", "x, row 0") == references


def test_references_that_hold_no_text_name_the_remedy() -> None:
    told = r"x, row 3: column 'answer' is a mapping with value, aliases; .* columns=\{'references': 'answer.value'\}"
    with pytest.raises(ValueError, match=told):
        references_of({"value": "4", "aliases": ["four"]}, "answer", "x, row 3")
    with pytest.raises(ValueError, match=r"x, row 3: column 'answer' has \['a'\] in a list; expected a text, or a list of texts"):
        references_of([["a"]], "answer", "x, row 3")
    row = {"q": "2+2?", "answer": {"value": "4", "aliases": ["four"]}}
    assert to_examples([row], "x", {"prompt": "q", "references": "answer.value"})[0].references == ("4",)  # the remedy is one


def test_a_prompt_in_a_mapping_is_its_text() -> None:
    assert prompt_of({"text": "Rain fell.", "n": 2}, "document", "x, row 0") == "Rain fell."
    assert prompt_of(7, "document", "x, row 0") == "7"
    with pytest.raises(ValueError, match=r"x, row 0: column 'translation' is a mapping with en, zh.*\{'prompt': 'translation.en'\}"):
        prompt_of({"en": "hi", "zh": "你好"}, "translation", "x, row 0")


def test_a_conversation_is_turns_or_pairs() -> None:
    parts = [{"type": "text", "text": "Hi."}, {"type": "text", "text": "Are you there?"}]
    said = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": parts}, ("assistant", "Yes.")]
    assert prompt_of(said, "messages", "x, row 0") == (
        Turn("system", "Be kind."),
        Turn("user", "Hi.\nAre you there?"),
        Turn("assistant", "Yes."),
    )


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (
            [("user", "hi"), {"role": "tool", "content": "3"}],
            r"'tool' is not a known role \(x, row 2, turn 1\).*Known: assistant, system, user",
        ),
        ([{"role": "human", "content": "hi"}], r"'human' is not a known role \(x, row 2, turn 0\)"),
        ([{"role": "assistant", "content": None}], r"x, row 2, turn 0 \(assistant\): the content None is no text"),
        ([{"role": "user", "content": [{"type": "image"}]}], r"turn 0 \(user\): the content \[\{'type': 'image'\}\] is no text"),
        ([{"role": "user", "content": []}], r"turn 0 \(user\): the content \[\] is no text"),
        ([{"role": "user"}], "x, row 2: the prompt .* is no conversation; expected turns with 'role' and 'content'"),
        (["ab", "cd"], "x, row 2: the prompt .* is no conversation"),
        ([["user", "hi", "?"]], "x, row 2: the prompt .* is no conversation"),
        ([], "x, row 2: the conversation in column 'messages' has no turns"),
    ],
)
def test_a_turn_that_cannot_be_played_is_refused_where_it_is_read(turns: list[Any], message: str) -> None:
    rows: list[dict[str, Any]] = [{"messages": "hi"}, {"messages": [("user", "hi")]}, {"messages": turns}]
    with pytest.raises(ValueError, match=message):
        to_examples(rows, "x")


def test_half_a_character_becomes_the_replacement_character(tmp_path: Path) -> None:
    assert read_json(r'{"a": "x \ud83d y", "b": ["\udE00\ud83d"], "\ud83d": 1}') == {"a": "x \ufffd y", "b": ["\ufffd\ufffd"], "\ufffd": 1}
    assert read_json(r'["\ud83d\ude00", "\\ud83d", "\u00e9"]') == ["😀", "\\ud83d", "é"]  # whole ones, and letters, stay
    assert parse_json(r'["\ud83d"]') == ["\ufffd"] and parse_json("[a") == "[a" and parse_json("7") == "7"
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"hello \ud83d {i}", "summary": "hi"}) for i in range(3)), encoding="utf-8")
    assert [example.prompt for example in read_path(path, None)] == ["hello \ufffd 0", "hello \ufffd 1", "hello \ufffd 2"]
    env: Any = gymnasium.make("TextSumm-v0", dataset={"path": str(path), "split": "all"}, reward="rouge_l").unwrapped
    env.reset(seed=0)
    assert len(env.fingerprint()["data"]) == 64


def test_dots_lead_into_columns() -> None:
    row = {"a.b": 1, "a": {"b": 2, "c": {"d": 3}}, "l": [{"t": 4}, {"t": 5}]}
    assert [value_at(row, column, "x") for column in ("a.b", "a.c.d", "l.t")] == [1, 3, [4, 5]]


@pytest.mark.parametrize(
    ("value", "references"),
    [
        ({"role": "assistant", "content": "4"}, ("4",)),
        ([{"role": "assistant", "content": [{"type": "text", "text": "4"}]}], ("4",)),
        ([{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}], ("4",)),
        (np.array(["4", "four"]), ("4", "four")),
    ],
)
def test_references_may_be_a_turn_of_the_assistant_or_an_array(value: Any, references: tuple[str, ...]) -> None:
    assert references_of(value, "completion", "x, row 0") == references


def test_turns_without_an_answer_are_no_references() -> None:
    with pytest.raises(ValueError, match="x, row 0: the conversation in column 'chosen' ends with the turn of the user"):
        references_of([{"role": "user", "content": "2+2?"}], "chosen", "x, row 0")
    with pytest.raises(ValueError, match=r"as in columns=\{'references': 'a.content'\}"):
        references_of({"name": "Bo", "content": "4"}, "a", "x, row 0")
