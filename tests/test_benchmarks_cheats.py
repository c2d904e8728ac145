"""The cheating policies: what each says, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tokengym.benchmarks.cheats import CHEATS, View, filled, keywords, shuffled
from tokengym.envs import Example

FIRST = "A fire hit Radthorpe on Sunday."
PROMPT = f"{FIRST} Then the fire service of Radthorpe said 78 people were hurt, 3,500 fled.\nSummary:"
VIEW = View(
    PROMPT,
    Example("a", "", ("A fire hurt 78 people.",)),
    Example("b", "", ("A bus line opened.",)),
    lambda example: example.references[0],
    room=100,
    rng=np.random.default_rng(0),
)


def said(cheat: str) -> str:
    return str(CHEATS[cheat].answer(VIEW))


def test_each_cheat_by_hand() -> None:
    assert said("empty") == ""
    assert said("copy") == PROMPT
    assert said("repeat").startswith(f"{FIRST} {FIRST}") and len(said("repeat")) >= 100
    assert len(said("longest")) >= 100 and "Radthorpe" not in said("longest")
    assert said("keywords").startswith("Radthorpe Sunday Then 78 3,500 Summary fire service said people were hurt.")
    assert sorted(said("shuffle").removesuffix(".").lower().split()) == ["78", "a", "fire", "hurt", "people"]
    assert said("shuffle") != "A fire hurt 78 people." and said("shuffle")[0].isupper() and said("shuffle").endswith(".")
    assert said("other") == "A bus line opened."


def test_keywords_put_names_and_numbers_first() -> None:
    assert keywords("the cat saw Ann; the cat, the cat and Ann saw 7 dogs. The dogs!") == ["Ann", "7", "dogs"]
    assert keywords("北京有3人。") == ["3", "北京"]
    assert keywords("") == []


@pytest.mark.parametrize(("text", "room", "expected"), [("ab", 7, "ab ab ab"), ("下雨。", 5, "下雨。下雨。"), ("", 5, "")])
def test_filled(text: str, room: int, expected: str) -> None:
    assert filled(text, room) == expected


@pytest.mark.parametrize(("text", "order"), [("one", None), ("a a", None), ("", None), ("78.", None), ("a b", "b a"), ("下雨。", "雨下。")])
def test_shuffled_is_another_order_or_none(text: str, order: str | None) -> None:
    assert shuffled(text, np.random.default_rng(1)) == order
