"""Rewards of one's own, by "module:name": imported, given arguments, written back, and refused with the column and the remedy."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.rewards import REWARDS, BaseReward, Custom, Sample, Sum, explain, make_reward

BATCH = [Sample("", "please and thanks"), Sample("", "no")]
MODULE = '''
import numpy as np
from tokengym.rewards import BaseReward, RougeL
from tokengym.rewards.base import Custom


class Polite:
    """1 where a word occurs."""
    range = (0.0, 1.0)
    def __init__(self, word: str = "please", worth: float = 1.0) -> None:
        if not word:
            raise ValueError("word='' is empty")
        self.word, self.worth = word, worth
    def __call__(self, batch):
        return np.array([self.worth * (self.word in sample.response) for sample in batch])
    class Inner:
        def __call__(self, batch):
            return [7.0] * len(batch)


class Words(BaseReward):
    """How many words."""
    name = "words"
    range = (0.0, float("inf"))
    def __init__(self, times: float = 1.0) -> None:
        self.times = times
    def score(self, batch):
        return np.array([self.times * len(sample.response.split()) for sample in batch])


class Secret(Words):
    """Adds what it tells nobody."""
    def __init__(self, hidden: float = 0.0) -> None:
        self.times, self._hidden = 1.0, hidden
    def score(self, batch):
        return super().score(batch) + self._hidden


class Plain:
    """No reward."""
    def __init__(self, anything=1) -> None:
        raise RuntimeError("made!")


def short(batch):
    return [float(len(sample.response) < 5) for sample in batch]


def local():
    class Hidden(Words):
        pass
    return Hidden()


ready = Polite("thanks")
counted = Words(2.0)
secret = Secret(5.0)
mixture = 0.5 * counted + short
named = Custom(short, name="brief")
number = 3
'''


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("from my_package.rewards import Words\n")
    (package / "rewards.py").write_text(MODULE)
    (package / "broken.py").write_text("1 / 0\n")
    (package / "needy.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "my_package"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("place", "written", "scores"),
    [
        ("Polite", "Polite", [1, 0]),
        ("Polite()", "Polite", [1, 0]),
        ("Polite(word='no', worth=2.5)", "Polite(word='no', worth=2.5)", [0, 2.5]),
        ("Polite.Inner", "Polite.Inner", [7, 7]),
        ("Words(times=3)", "Words(times=3)", [9, 3]),
        ("short", "short", [0, 1]),
        ("ready", "ready", [1, 0]),
        ("counted", "Words(times=2.0)", [6, 2]),
        ("secret", "secret", [8, 6]),  # one of its arguments is kept nowhere: it can only be found again where it was
        ("named", "named", [0, 1]),
    ],
)
def test_classes_objects_and_functions_are_found_and_written_back(place: str, written: str, scores: list[float]) -> None:
    reward = make_reward(f"my_package.rewards:{place}")
    assert reward.spec == f"my_package.rewards:{written}"
    for again in (reward, make_reward(reward.spec), pickle.loads(pickle.dumps(reward))):
        assert again.explain(BATCH).scores.tolist() == scores and again.spec == reward.spec


def test_they_stand_in_sums_products_and_wrappers() -> None:
    reward = make_reward("0.5*my_package.rewards:Words(times=2)*my_package.rewards:ready - clip(my_package.rewards:short, low=0.5, high=1)")
    assert reward.explain(BATCH).scores.tolist() == [2.5, -1.0]
    assert make_reward(reward.spec).spec == reward.spec
    assert list(reward.explain(BATCH).components) == [
        "my_package.rewards:Words(times=2)*my_package.rewards:ready",
        "clip(my_package.rewards:short, low=0.5, high=1.0)",
    ]


def test_names_and_ranges_are_their_own() -> None:
    rewards = {place: make_reward(f"my_package.rewards:{place}") for place in ("Polite", "Words", "short", "named", "secret")}
    assert {place: reward.name for place, reward in rewards.items()} == {
        "Polite": "polite", "Words": "words", "short": "short", "named": "brief", "secret": "words",
    }  # fmt: skip
    assert rewards["Polite"].range == (0.0, 1.0) and isinstance(rewards["Words"], BaseReward)


def test_an_exported_class_keeps_the_place_it_was_asked_by() -> None:
    assert make_reward("my_package:Words(times=2)").spec == "my_package:Words(times=2)"


def test_a_ready_sum_keeps_its_components() -> None:
    reward = make_reward("my_package.rewards:mixture")
    assert isinstance(reward, Sum) and reward.spec == "0.5*my_package.rewards:Words(times=2.0) + my_package.rewards:short"
    assert make_reward(reward.spec)(BATCH).tolist() == reward(BATCH).tolist() == [3.0, 2.0]


def test_objects_given_in_python_are_written_as_places() -> None:
    import my_package.rewards as own  # type: ignore[import-not-found]

    for made, written in ((own.Polite("no"), "Polite(word='no')"), (own.Words(3), "Words(times=3)"), (own.short, "short")):
        reward = make_reward(made)
        assert reward.spec == f"my_package.rewards:{written}"
        assert make_reward(reward.spec)(BATCH).tolist() == reward(BATCH).tolist()


def test_the_found_object_is_left_as_it_is() -> None:
    import my_package.rewards as own

    make_reward("my_package.rewards:secret")
    assert own.secret.spec == "my_package.rewards:Secret(hidden=?)"


@pytest.mark.parametrize(
    ("spec", "column", "why"),
    [
        ("rouge_l + no_package_of_mine:Polite", 11, "there is no module 'no_package_of_mine'; install the package that holds it, or set"),
        ("my_package.reward:Polite", 1, "there is no module 'my_package.reward'"),
        ("my_package.rewards:Polit", 1, "'Polit' is not a known name in 'my_package.rewards'. Did you mean 'Polite'?"),
        ("my_package.rewards:Polite.Outer", 1, "'Outer' is not a known name in"),
        ("my_package.rewards:Polite(wort='a')", 27, "'wort' is not a known argument of 'my_package.rewards:Polite'. Did you mean 'wor"),
        ("my_package.rewards:Polite(word='')", 27, "word='' is empty"),
        ("my_package.rewards:ready(word='a')", 26, "is a ready reward and takes no arguments"),
        ("my_package.rewards:short(a=1)", 26, "takes no arguments"),
        ("2*my_package.rewards:number", 3, "'my_package.rewards:number' is 'int', no reward; expected a class whose objects can be called"),
        ("my_package.rewards:np", 1, "is 'module', no reward"),
        ("my_package.rewards:Plain(anything=1)", 1, "'my_package.rewards:Plain' is a class without __call__"),
        ("subprocess:Popen(args='false', shell=True)", 1, "'subprocess:Popen' is a class without __call__"),
        ("my_package.broken:x", 1, "importing 'my_package.broken' failed: ZeroDivisionError: division by zero"),
        ("my_package.needy:x", 1, "importing 'my_package.needy' failed: No module named 'a_module_that_is_not_there'"),
        ("my_package.rewards:secret + my_package.rewards:Secret(hidden=?)", 62, "'?' stands for a value that could not be written"),
        ("my_package.rewards:local.<locals>.Hidden", 25, "what is defined inside a function cannot be imported; move it to the top"),
        ("my_package.rewards:<lambda>", 11, "what is defined inside a function"),
        ("my_package rewards:short", 1, "'my_package' is not a known reward"),
    ],
)
def test_errors_point_at_the_column(spec: str, column: int, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        make_reward(spec)
    message = str(caught.value)
    assert f"column {column}: " in message and why in message
    assert message.splitlines()[-1] == "  " + " " * (column - 1) + "^"


def test_unknown_names_tell_of_places() -> None:
    with pytest.raises(ValueError, match="or is written as 'my_module:my_reward'"):
        make_reward("polite")


def test_registered_under_a_name_they_are_written_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REWARDS, "_rows", dict(REWARDS._rows))
    REWARDS.register("polite", "my_package.rewards:Polite")
    REWARDS.register("wordy", "my_package.rewards:Words")
    REWARDS.register("short_one", "my_package.rewards:short")
    reward = make_reward("polite(word='no') + 0.5*wordy(times=2)*short_one")
    assert reward.spec == "polite(word='no') + 0.5*wordy(times=2)*short_one"
    assert reward(BATCH).tolist() == [0.0, 2.0]


@pytest.mark.parametrize("kind", ["place", "function", "object"])
def test_an_environment_pays_them(kind: str) -> None:
    import my_package.rewards as own

    reward = {"place": "0.5*my_package.rewards:short + 2*my_package.rewards:Words", "function": own.short, "object": own.Polite("x", 3.0)}
    env = gymnasium.make("TextQA-v0", reward=reward[kind], metrics=False, max_new_tokens=2)
    env.reset(seed=0)
    paid, ended = 0.0, False
    info: dict[str, Any] = {}
    while not ended:
        _, pay, ended, _, info = env.step(env.unwrapped.tokenizer.encode("x")[0])  # type: ignore[attr-defined]
        paid += float(pay)
    sample = Sample("", info["response"])
    assert info["reward_valid"] and paid == make_reward(reward[kind]).explain([sample]).scores[0] > 0.0
    assert sum(info["reward_components"].values()) == pytest.approx(paid, abs=1e-6)


def test_a_place_inside_this_package_is_its_name() -> None:
    assert make_reward("tokengym.rewards.length:Length(goal=3)").spec == "length(goal=3)"


def test_what_is_made_inside_a_function_can_be_used_but_not_written_back() -> None:
    import my_package.rewards as own

    reward = make_reward(own.local())
    assert reward(BATCH).tolist() == [3.0, 1.0]
    with pytest.raises(ValueError, match="cannot be imported"):
        make_reward(reward.spec)
    assert explain(Custom(lambda batch: np.ones(len(batch))), BATCH).scores.tolist() == [1.0, 1.0]
