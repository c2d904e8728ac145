"""rewards/origin.py: whose code a reward runs is part of its fingerprint."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest

from tokengym.rewards import Clip, Sample, Service, make_reward
from tokengym.rewards.origin import outside_code

_CODE = """
from tokengym.rewards.one_by_one import OneByOne

class Mine(OneByOne):
    name = "mine"
    def rate(self, sample):
        return {score}

def function(batch):
    return [{score} for _ in batch]
"""


def _fingerprint() -> str:
    env: object = gymnasium.make("TextQA-v0", reward="origin_of_mine:Mine", disable_env_checker=True).unwrapped
    return str(env.fingerprint()["reward"])  # type: ignore[attr-defined]


def test_rewards_of_this_package_have_none() -> None:
    for spec in ("rouge_l", "0.5*exact + 0.5*rouge_l", "exact*length_window(low=1, high=4)", "threshold(unit_tests, at=1.0)"):
        assert outside_code(make_reward(spec)) == []


def test_another_file_is_another_reward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "origin_of_mine.py"
    file.write_text(_CODE.format(score="0.25"))
    importlib.invalidate_caches()
    first = _fingerprint()
    assert first == _fingerprint()
    one = outside_code(make_reward("origin_of_mine:Mine"))
    assert len(one) == 1
    for other in ("0.5*origin_of_mine:Mine + 0.5*exact", "origin_of_mine:Mine*exact", "origin_of_mine:function"):
        assert outside_code(make_reward(other)) == one
    assert outside_code(Clip(make_reward("origin_of_mine:function"), low=0.0, high=1.0)) == one
    file.write_text(_CODE.format(score="0.75"))
    monkeypatch.delitem(sys.modules, "origin_of_mine")
    importlib.invalidate_caches()
    assert _fingerprint() != first


def test_what_stands_in_no_file_counts_by_its_name() -> None:
    namespace: dict[str, object] = {"__name__": "typed_in"}
    exec("def scored(batch):\n    return [1.0 for _ in batch]\n", namespace)
    assert len(outside_code(make_reward(namespace["scored"]))) == 1  # type: ignore[arg-type]


def scaled(batch: Sequence[Sample], factor: float = 1.0, also: object = None) -> npt.NDArray[np.float64]:
    return np.full(len(batch), factor)


def judged(sample: Sample) -> float:
    return 0.5


def test_a_judge_counts_by_its_code_and_its_version() -> None:
    own = outside_code(make_reward(scaled))
    first, again, second = (outside_code(Service(judged, name="judge", version=version)) for version in ("1", "1", "2"))
    assert first == again != second
    assert len(first) == 2 and set(own) == set(first) & set(second)  # the file of the function
    assert outside_code(0.5 * Service(judged, name="judge")) == first


def test_a_partial_counts_by_its_function_and_its_arguments() -> None:
    own = outside_code(make_reward(scaled))
    made = [functools.partial(scaled, factor=1.0), functools.partial(scaled, factor=5.0), functools.partial(scaled, also=[1, {"a": None}])]
    found = [outside_code(make_reward(each)) for each in made]
    assert len({tuple(each) for each in found}) == 3 and all(set(own) < set(each) for each in found)
    assert outside_code(make_reward(functools.partial(scaled, factor=5.0))) == found[1]
    objects = [outside_code(make_reward(functools.partial(scaled, also=object()))) for _ in range(2)]
    assert objects[0] == objects[1]  # no address enters
    judge = outside_code(make_reward(functools.partial(make_reward("exact"), scaled)))  # type: ignore[arg-type]
    assert set(own) < set(judge)  # the file of a function among the arguments
