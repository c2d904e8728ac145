"""JSON out of responses."""

from __future__ import annotations

from typing import Any

import pytest

from tokengym.rewards.json_response import MAX_DEPTH, read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        (' {"a": [1, 2.5, null, true]} ', {"a": [1, 2.5, None, True]}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('Here it is:\n```\n{"a": 1}\n```\nAnything else?', {"a": 1}),
        ('"🙂 שלום 北京"', "🙂 שלום 北京"),
    ],
)
def test_read(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": 1} and so on',
        '{"a": 1, "a": 2}',
        "NaN",
        "[Infinity]",
        "1e999",
        "9" * 5000,
        "```\n1\n```\n```\n2\n```",  # which one?
        "```json\n1",
        "[" * 100_000 + "]" * 100_000,
        "[" * 100_000,
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_json(text)


def test_fences_may_be_refused() -> None:
    with pytest.raises(ValueError):
        read_json("```\n1\n```", fenced=False)


def test_the_deepest_value() -> None:
    assert read_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
    with pytest.raises(ValueError, match="nested deeper than 64 levels"):
        read_json("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_long_texts_are_read_in_linear_time() -> None:
    for text in ("`" * 300_000, "```" + " " * 300_000, "```\n" * 50_000, "[1," * 50_000):
        with pytest.raises(ValueError):
            read_json(text)
