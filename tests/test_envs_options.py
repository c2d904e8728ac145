"""envs/options.py: values of options are held against their types, their ranges, and the data that heeds them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import gymnasium
import pytest

from tests.letters import WORDS, Say
from tokengym.envs import DATASETS, TASKS, Example, TextGenEnv
from tokengym.envs.data import read_dataset
from tokengym.envs.named import NamedSet
from tokengym.envs.options import check_options, not_builtin, option


@dataclass(frozen=True, kw_only=True)
class Options:
    flag: bool = False
    count: int = option(3, least=1)
    share: float = option(0.5, least=0, most=1, builtin=True)
    kind: str = option("a", known=("a", "b"), builtin=True)
    limit: int | None = None
    side: Literal["left", "right"] = "left"
    where: Path | str = "x"
    rows: Sequence[int] = ()
    odd: int = None  # type: ignore[assignment]  # a default is its author's business
    made: list[int] = field(default_factory=list)


class Chosen(Say):
    Options = Options  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"flag": "no"}, "flag='no'; expected True or False"),
        ({"flag": 0}, "flag=0; expected True or False"),
        ({"count": True}, "count=True; expected a whole number, 1 or more"),
        ({"count": 2.0}, "count=2.0; expected a whole number"),
        ({"count": 0}, "count=0; expected a whole number, 1 or more"),
        ({"share": 2}, "share=2; expected a number from 0 to 1"),
        ({"share": float("nan")}, "share=nan; expected a number from 0 to 1"),
        ({"share": "abc"}, "share='abc'; expected a number from 0 to 1"),
        ({"share": None}, "share=None; expected a number from 0 to 1"),
        ({"kind": ["a"]}, r"kind=\['a'\]; expected a text"),
        ({"kind": "c"}, "'c' is not a known kind. .*Known: a, b"),
        ({"limit": "3"}, "limit='3'; expected a whole number or None"),
        ({"side": "up"}, "side='up'; expected one of 'left', 'right'"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_options(Options(**given))
    with pytest.raises(ValueError, match=message):
        TextGenEnv(Chosen, dataset=WORDS, **given)


def test_right_values_and_unknown_types_are_left_alone() -> None:
    check_options(Options())
    check_options(Options(flag=True, count=1, share=1, kind="b", limit=4, side="right", where=3, rows="ab", made=[1]))  # type: ignore[arg-type]
    check_options("no dataclass")

    class Local:
        pass

    @dataclass(frozen=True, kw_only=True)
    class Unresolved:
        what: Local | None = None  # a type that nobody finds from outside
        flag: bool = False

    check_options(Unresolved(what=Local()))


def test_options_of_the_builtin_data_are_refused_with_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not_builtin(Options(kind="b", count=4)) == {"kind": "b"} and not_builtin(Options(kind="b"), ("kind",)) == {}
    assert not_builtin(Options()) == {}
    with pytest.raises(
        ValueError, match="share=0.1, kind='b' would do nothing: it is for the builtin data only, not for dataset='examples'"
    ):
        read_dataset(WORDS, Chosen(Options(share=0.1, kind="b")), "test")

    def load(split: str, kind: str = "a") -> Sequence[Example]:
        return [Example(kind, kind, (kind,))]

    row = NamedSet(tasks=("Say-v0",), load=load, package="p", licence="MIT", source="s")
    monkeypatch.setitem(DATASETS._rows, "kinds", row)
    assert read_dataset("kinds", Chosen(Options(kind="b")), "test")[0].id == "b"  # its loader heeds it
    with pytest.raises(ValueError, match="share=0.1 would do nothing"):
        read_dataset("kinds", Chosen(Options(share=0.1)), "test")


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_holds_its_label_noise_between_0_and_1_when_it_is_made(name: str) -> None:
    for wrong in (2, -1, float("nan"), True, "abc", None):
        with pytest.raises(ValueError, match="label_noise=.*; expected a number from 0 to 1"):
            gymnasium.make(name, label_noise=wrong, disable_env_checker=True)
    examples = [Example("a", "text", ("b",))]
    with pytest.raises(ValueError, match="label_noise=0.125 would do nothing"):
        gymnasium.make(name, dataset=examples, label_noise=0.125, disable_env_checker=True)


@pytest.mark.parametrize("name", [name for name in TASKS if "language" in {each.name for each in dataclasses.fields(TASKS[name].Options)}])
def test_a_language_that_nobody_speaks_is_refused_with_any_data(name: str) -> None:
    with pytest.raises(ValueError, match="'fr' is not a known language. Known: en, zh"):
        gymnasium.make(name, dataset=[Example("a", "text", ("b",))], language="fr", disable_env_checker=True)
