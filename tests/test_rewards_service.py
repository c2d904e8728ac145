"""Rewards by a service, played by local functions: failures stay with their samples, answers are kept, budgets hold."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokengym.rewards import Limits, Sample, make_reward
from tokengym.rewards.length import Length
from tokengym.rewards.service import Service

QUICK = Limits(workers=4, timeout=5.0, retries=1, backoff=0.001)


def samples(*responses: str) -> list[Sample]:
    return [Sample("p", response) for response in responses]


def tenth(sample: Sample) -> float:
    """Characters / 10."""
    return len(sample.response) / 10


class Counting:
    """A judge that notes what it was asked, and fails where the response says so."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, sample: Sample) -> float | None:
        with self._lock:
            self.asked[sample.response] += 1
        if sample.response == "down":
            raise ConnectionError("no route")
        if sample.response == "odd":
            return None
        if sample.response == "nan":
            return math.nan
        if sample.response == "high":
            return 11.0
        return tenth(sample)


class Judge(Service):
    """A service with an argument of its own."""

    def __init__(self, factor: float = 1.0, cache: str | None = None) -> None:
        super().__init__(name="judge", cache=cache)
        self.factor = factor

    def ask(self, sample: Sample) -> float:
        return self.factor * tenth(sample)


module_judge = Service(tenth, name="tenth", version="7")


def test_a_function_of_one_sample_is_a_reward() -> None:
    reward = Service(tenth, name="tenth", limits=QUICK)
    assert reward(samples("a", "abc", "", "abcde")).tolist() == [np.float32(value) for value in (0.1, 0.3, 0.0, 0.5)]
    assert reward([]).shape == (0,)
    assert reward.range == (0.0, 1.0) and reward.higher_is_better and reward.needs == "" and reward.cost == "remote"
    mixed = (reward - 0.5 * Length(goal=1)).explain(samples("abcde"))
    assert {key: part.tolist() for key, part in mixed.components.items()} == {"tenth": [0.5], "length": [-0.5]}


def test_a_failure_stays_with_its_sample() -> None:
    judge = Counting()
    reward = Service(judge, name="judge", limits=QUICK)
    with pytest.warns(
        RuntimeWarning, match="'judge': 2 of 4 samples got no answer and are not valid, the first for (Connection|Value)Error"
    ):
        explained = reward.explain(samples("abc", "down", "high", "a"))
    assert explained.valid.tolist() == [True, False, False, True] and explained.scores.tolist() == [0.3, 0.0, 0.0, 0.1]
    assert judge.asked == {"abc": 1, "down": 2, "high": 2, "a": 1}  # one retry each
    assert reward.explain(samples("down", "ab")).valid.tolist() == [False, True]  # warns once only
    assert reward.usage == {"calls": 9, "answered": 3, "failed": 3, "cached": 0}


def test_none_and_nan_are_answers() -> None:
    judge = Counting()
    reward = Service(judge, name="judge", limits=QUICK)
    assert reward.explain(samples("odd", "nan", "a")).valid.tolist() == [False, False, True]
    assert judge.asked == {"odd": 1, "nan": 1, "a": 1} and reward.usage["failed"] == 0


def test_equal_samples_are_asked_once() -> None:
    judge = Counting()
    reward = Service(judge, name="judge", limits=QUICK)
    assert reward.explain(samples("a", "ab", "a", "a")).scores.tolist() == [0.1, 0.2, 0.1, 0.1]
    assert judge.asked == {"a": 1, "ab": 1}
    assert reward.explain([Sample("p", "a", (), {}, True), Sample("p", "a", (), {}, False)]).valid.all() and judge.asked["a"] == 3


def test_order_and_company_change_nothing() -> None:
    reward = Service(tenth, name="tenth", limits=QUICK)
    batch = samples("a", "abcdefg", "", "ab", "a", "abc")
    scores = reward.explain(batch).scores
    assert reward.explain(batch[::-1]).scores[::-1].tolist() == scores.tolist()
    assert [reward.explain([sample]).scores[0] for sample in batch] == scores.tolist()


def test_answers_are_kept_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    first, second = Counting(), Counting()
    with pytest.warns(RuntimeWarning, match="1 of 4"):
        Service(first, name="judge", limits=QUICK, cache=path).explain(samples("a", "odd", "down", "abc"))
    reward = Service(second, name="judge", limits=QUICK, cache=path)
    assert reward.explain(samples("abc", "abcd", "odd", "a")).scores.tolist() == [0.3, 0.4, 0.0, 0.1]
    assert reward.explain(samples("odd")).valid.tolist() == [False]
    assert second.asked == {"abcd": 1}  # that something cannot be scored is an answer, too
    assert reward.usage["cached"] == 4
    with pytest.warns(RuntimeWarning, match="1 of 1"):
        reward.explain(samples("down"))
    assert second.asked["down"] == 2  # what got no answer is asked again, and once more for the retry


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": "2"}])
def test_another_name_or_version_asks_anew(tmp_path: Path, change: dict[str, Any]) -> None:
    judge = Counting()
    for extra in ({}, change, change):
        arguments: dict[str, Any] = {"name": "judge", "limits": QUICK, "cache": tmp_path / "s", **extra}
        Service(judge, **arguments)(samples("a"))
    assert judge.asked == {"a": 2}


def test_arguments_of_a_class_are_part_of_the_key(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert [Judge(factor, path)(samples("ab")).tolist() for factor in (1.0, 2.0)] == [[np.float32(0.2)], [np.float32(0.4)]]
    assert Judge(2.0, path)(samples("ab")).tolist() == [np.float32(0.4)]


def test_a_batch_of_samples_goes_into_one_call() -> None:
    sizes: list[int] = []

    def together(batch: list[Sample]) -> list[float]:
        sizes.append(len(batch))
        return [tenth(sample) for sample in batch]

    reward = Service(together, name="together", batch_size=4, limits=QUICK)
    batch = samples(*["a" * i for i in range(10)])
    assert reward.explain(batch).scores.tolist() == [i / 10 for i in range(10)]
    assert sorted(sizes) == [2, 4, 4]


def test_one_bad_sample_does_not_take_its_call_along() -> None:
    calls: list[list[str]] = []

    def together(batch: list[Sample]) -> Any:
        calls.append([sample.response for sample in batch])
        if any(sample.response == "bad" for sample in batch):
            raise ValueError("cannot read this")
        return np.array([tenth(sample) for sample in batch])

    reward = Service(together, name="together", batch_size=8, limits=Limits(workers=1, retries=1, backoff=0.0))
    with pytest.warns(RuntimeWarning, match="1 of 8 samples got no answer .* ValueError: cannot read this"):
        explained = reward.explain(samples("a", "ab", "bad", "abc", "b", "c", "d", "e"))
    assert explained.valid.tolist() == [True, True, False, True, True, True, True, True]
    assert explained.scores.tolist() == [0.1, 0.2, 0.0, 0.3, 0.1, 0.1, 0.1, 0.1]
    assert [len(call) for call in calls] == [8, 8, 4, 4, 2, 2, 1, 1, 1]  # the bad one alone is given its retry again


def test_a_server_that_is_down_is_not_asked_in_halves() -> None:
    calls: list[int] = []

    def down(batch: list[Sample]) -> list[float]:
        calls.append(len(batch))
        raise ConnectionError("no route")

    with pytest.warns(RuntimeWarning, match="8 of 8 .* ConnectionError: no route"):
        explained = Service(down, name="down", batch_size=8, limits=QUICK).explain(samples(*"abcdefgh"))
    assert not explained.valid.any() and calls == [8, 8]


def test_a_wrong_number_of_answers_is_refused() -> None:
    with pytest.raises(RuntimeError, match="TypeError: service 'short' gave 1 answers for 2 samples"):
        Service(lambda batch: [1.0], name="short", batch_size=2, limits=QUICK)(samples("a", "b"))


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda: 1.0, "failed with TypeError: .*takes 0 positional arguments"),
        (lambda sample: undefined, "failed with NameError"),  # type: ignore[name-defined] # noqa: F821
        (lambda sample: sample.answer, "failed with AttributeError: 'Sample' object has no attribute 'answer'"),
        (lambda sample: "0.7", "failed with TypeError: service 'wrong' answered '0.7'; expected a number, or None"),
        (lambda sample: [0.7], r"answered \[0.7\]"),
    ],
)
def test_errors_of_the_program_are_raised(function: Any, why: str) -> None:
    calls: Counter[str] = Counter()

    def counted(*arguments: Sample) -> Any:
        calls["calls"] += 1
        return function(*arguments)

    with pytest.raises(RuntimeError, match=f"each call of service 'wrong' .*{why}"):
        Service(counted, name="wrong", limits=Limits(workers=1))(samples(*map(str, range(100))))
    assert calls["calls"] == 16  # it was hopeless by then


def test_but_not_once_it_has_worked() -> None:
    reward = Service(lambda sample: {"good": 1.0}[sample.response] if sample.response != "none" else len(None), name="j", limits=QUICK)  # type: ignore[arg-type]
    assert reward(samples("good")).tolist() == [1.0]
    with pytest.warns(RuntimeWarning, match="1 of 1 .* TypeError"):
        assert reward.explain(samples("none")).valid.tolist() == [False]


def test_a_slow_sample_is_given_up() -> None:
    release = threading.Event()

    def slow(sample: Sample) -> float:
        if sample.response == "hang":
            release.wait(20)
        return 1.0

    start = time.monotonic()
    with pytest.warns(RuntimeWarning, match="TimeoutError: no answer within 0.5 s"):
        explained = Service(slow, name="slow", limits=Limits(workers=2, timeout=0.5, retries=0)).explain(samples("a", "hang", "b", "c"))
    assert explained.valid.tolist() == [True, False, True, True] and time.monotonic() - start < 10
    release.set()


def test_samples_are_asked_side_by_side() -> None:
    together = threading.Barrier(20)

    def wait(sample: Sample) -> float:
        together.wait(20)  # passes when twenty calls are there
        return 1.0

    assert Service(wait, name="wait", limits=Limits(workers=20))(samples(*map(str, range(40)))).sum() == 40


def test_a_budget_counts_every_attempt() -> None:
    judge = Counting()
    reward = Service(judge, name="judge", limits=Limits(workers=1, retries=1, backoff=0.0, budget=3))
    with pytest.warns(RuntimeWarning) as told:
        explained = reward.explain(samples("a", "down", "ab", "abc", "abcd"))
    assert sum(judge.asked.values()) == 3 and explained.valid.sum() == 2 and explained.valid[0]
    assert any("has spent its budget of 3 calls" in str(warning.message) for warning in told)
    assert reward.explain(samples("a", "e")).valid.tolist() == [False, False]  # and no other warning
    assert reward.usage["calls"] == 3


def test_without_a_budget_left_the_cache_still_answers(tmp_path: Path) -> None:
    Service(tenth, name="tenth", cache=tmp_path / "s")(samples("a"))
    with pytest.warns(RuntimeWarning, match="budget of 0 calls; 1 samples of this batch and all later ones"):
        explained = Service(tenth, name="tenth", cache=tmp_path / "s", limits=Limits(budget=0)).explain(samples("a", "ab"))
    assert explained.valid.tolist() == [True, False]


def test_a_cache_that_cannot_be_written_loses_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reward = Service(tenth, name="tenth", cache=tmp_path / "file" / "answers.sqlite")
    with pytest.warns(RuntimeWarning, match="'tenth' goes on without writing its answers down"):
        assert reward(samples("a")).tolist() == [np.float32(0.1)]


def test_ctrl_c_stops_at_once_and_keeps_what_was_answered(tmp_path: Path) -> None:
    code = """
import _thread, signal, sys, threading, time
from tokengym.rewards import Limits, Sample, Service
signal.signal(signal.SIGINT, signal.default_int_handler)
def ask(sample):
    if sample.response == "slow":
        threading.Timer(0.1, _thread.interrupt_main).start()
        time.sleep(60)
    return 0.5
reward = Service(ask, name="judge", cache=sys.argv[1], limits=Limits(workers=1))
try:
    reward([Sample("p", "a"), Sample("p", "slow"), Sample("p", "b")])
except KeyboardInterrupt:
    print("stopped", reward.usage["calls"])
"""
    start = time.monotonic()
    path = tmp_path / "answers.sqlite"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)
    assert done.stdout == "stopped 2\n" and done.returncode == 0, done.stderr
    assert time.monotonic() - start < 30  # and not the minute for which the call sleeps
    with pytest.warns(RuntimeWarning, match="budget of 0 calls"):
        explained = Service(tenth, name="judge", cache=path, limits=Limits(budget=0)).explain(samples("a", "slow", "b"))
    assert explained.scores.tolist() == [0.5, 0.0, 0.0] and explained.valid.tolist() == [True, False, False]


def test_services_survive_pickle_and_deepcopy() -> None:
    reward = Service(tenth, name="tenth", version="3", limits=QUICK)
    reward(samples("a"))
    for twin in (pickle.loads(pickle.dumps(reward)), copy.deepcopy(reward), copy.copy(reward)):
        assert twin(samples("ab")).tolist() == [np.float32(0.2)] and twin.usage["calls"] >= 2


def test_specifications_name_the_version_and_read_back_where_they_can() -> None:
    assert Service(tenth, name="tenth", version="3").spec == "tenth(version='3', function=?)"
    reward = make_reward(f"0.5*{__name__}:module_judge")
    assert reward.spec == f"0.5*{__name__}:module_judge" and reward(samples("ab")).tolist() == [np.float32(0.1)]
    assert make_reward(reward.spec).spec == reward.spec
    own = make_reward(f"{__name__}:Judge(factor=2)")
    assert own.spec == Judge(2).spec == f"{__name__}:Judge(factor=2)" and own(samples("ab")).tolist() == [np.float32(0.4)]


def test_what_makes_no_service_is_refused() -> None:
    async def later(sample: Sample) -> float:
        return 1.0

    for arguments, error, why in (
        ({"function": 3}, TypeError, "function=3 cannot be called"),
        ({"function": later}, TypeError, "'later' is a coroutine function; wrap it"),
        ({"name": ""}, ValueError, "names no service"),
        ({"batch_size": 0}, ValueError, "batch_size=0; expected at least 1"),
        ({"range": (1.0, 0.0)}, ValueError, r"range=\(1.0, 0.0\); expected the lowest and the highest score"),
    ):
        with pytest.raises(error, match=why):
            Service(**({"function": tenth, "name": "x"} | arguments))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="Service must define ask"):
        Service(name="x")(samples("a"))
    with pytest.raises(RuntimeError, match="Service must define ask_all"):
        Service(name="x", batch_size=2)(samples("a"))
