"""Calls in threads: how many at a time, how long, how often, and what is left running."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tokengym.rewards.calls import BudgetSpent, Limits, Outcome, pause, run_calls

QUICK = Limits(workers=4, timeout=5.0, retries=2, backoff=0.001)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Set at the test's end, for calls that hang until then."""
    event = threading.Event()
    yield event
    event.set()


def run(function: Callable[[int], Any], jobs: int, limits: Limits = QUICK, spend: Callable[[], bool] = lambda: True) -> dict[int, Outcome]:
    return dict(run_calls(function, [f"job {job}" for job in range(jobs)], limits, [limits.retries] * jobs, spend, []))


def test_each_job_is_called_and_answered_once() -> None:
    calls: Counter[int] = Counter()

    def square(job: int) -> int:
        calls[job] += 1
        return job * job

    assert run(square, 50) == {job: Outcome(job * job, None) for job in range(50)}
    assert calls == dict.fromkeys(range(50), 1)
    assert run(square, 0) == {}


def test_so_many_at_a_time() -> None:
    together = threading.Barrier(5)  # lets nobody pass until five are there
    lock, now, most = threading.Lock(), 0, 0

    def busy(job: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(20)
        with lock:
            now -= 1

    outcomes = run(busy, 20, Limits(workers=5, retries=0))
    assert most == 5 and all(outcome.error is None for outcome in outcomes.values())


def test_failures_are_tried_again_and_only_the_last_is_told() -> None:
    tries: Counter[int] = Counter()

    def flaky(job: int) -> int:
        tries[job] += 1
        if tries[job] <= job:
            raise ConnectionError(f"try {tries[job]} of {job}")
        return job

    outcomes = run(flaky, 5)
    assert {job: outcome.value for job, outcome in outcomes.items()} == {0: 0, 1: 1, 2: 2, 3: None, 4: None}
    assert [str(outcomes[job].error) for job in (3, 4)] == ["try 3 of 3", "try 3 of 4"]
    assert tries == {0: 1, 1: 2, 2: 3, 3: 3, 4: 3}


@pytest.mark.parametrize("error", [TypeError, NameError, AttributeError, ImportError, NotImplementedError])
def test_errors_of_the_program_are_not_tried_again(error: type[Exception]) -> None:
    tries: Counter[int] = Counter()

    def wrong(job: int) -> None:
        tries[job] += 1
        raise error("wrong")

    assert isinstance(run(wrong, 2)[1].error, error) and tries == {0: 1, 1: 1}


def test_exit_in_a_thread_is_a_failure_like_others() -> None:
    def leave(job: int) -> None:
        sys.exit(3)

    assert isinstance(run(leave, 1, Limits(retries=0))[0].error, SystemExit)


def test_a_call_past_its_time_out_holds_up_nobody(release: threading.Event) -> None:
    def some_hang(job: int) -> int:
        if job == 0:
            release.wait(20)
        return job

    start = time.monotonic()
    outcomes = run(some_hang, 6, Limits(workers=1, timeout=0.5, retries=1, backoff=0.0))
    assert isinstance(outcomes[0].error, TimeoutError) and str(outcomes[0].error) == "no answer within 0.5 s"
    assert [outcomes[job].value for job in range(1, 6)] == [1, 2, 3, 4, 5]
    assert time.monotonic() - start < 5.0


def test_a_late_answer_counts_while_the_job_is_open() -> None:
    calls: Counter[int] = Counter()

    def slow_once(job: int) -> str:
        calls[job] += 1
        time.sleep(0.1)
        return f"call {calls[job]}"

    # Past its time-out at 0.05 s; the next attempt would start at 0.5 s or later, but the first one answers at 0.1 s.
    assert run(slow_once, 1, Limits(timeout=0.05, backoff=1.0)) == {0: Outcome("call 1", None)}


def test_too_many_stuck_calls_end_the_run(release: threading.Event) -> None:
    started: list[int] = []

    def hang(job: int) -> None:
        started.append(job)
        release.wait(20)

    stuck: list[threading.Thread] = []
    outcomes = dict(run_calls(hang, list(map(str, range(20))), Limits(workers=2, timeout=0.02), [0] * 20, lambda: True, stuck))
    assert len(started) == len(stuck) == 8 and all(thread.daemon for thread in stuck)
    assert len(outcomes) == 20 and all(isinstance(outcome.error, TimeoutError) for outcome in outcomes.values())
    assert "8 calls past their time-out of 0.02 s still hold their threads" in str(outcomes[19].error)
    release.set()
    for thread in stuck:
        thread.join(5)
    assert dict(run_calls(str, ["a"], Limits(workers=2), [0], lambda: True, stuck)) == {0: Outcome("0", None)} and stuck == []


def test_a_spent_budget_starts_no_call() -> None:
    left = [3]

    def spend() -> bool:
        left[0] -= 1
        return left[0] >= 0

    outcomes = run(str, 5, spend=spend)
    assert [outcomes[job].value for job in range(3)] == ["0", "1", "2"]
    assert [type(outcomes[job].error) for job in (3, 4)] == [BudgetSpent, BudgetSpent]


def test_pauses_double_are_spread_and_are_the_same_each_time() -> None:
    for attempt, longest in ((1, 2.0), (2, 4.0), (3, 8.0), (9, 60.0), (500, 60.0)):
        pauses = [pause(f"sample {i}", attempt, 2.0) for i in range(200)]
        assert all(longest / 2 <= seconds <= longest for seconds in pauses)
        assert min(pauses) < 0.55 * longest and max(pauses) > 0.95 * longest and len(set(pauses)) == 200
        assert pauses == [pause(f"sample {i}", attempt, 2.0) for i in range(200)]
    # sha256("a:1") begins with 2b2c: 0x2b2c / 0x10000 = 0.1686, so 0.5 + 0.0843 of the backoff
    assert pause("a", 1, 1.0) == pytest.approx(0.5843, abs=1e-4)
    assert pause("a", 1, 0.0) == 0.0


@pytest.mark.parametrize("interrupt", ["_thread.interrupt_main()", "os.kill(os.getpid(), signal.SIGINT)"])
def test_ctrl_c_ends_the_wait_at_once(interrupt: str) -> None:
    code = f"""
import _thread, os, signal, threading, time
from tokengym.rewards.calls import Limits, run_calls
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
threading.Timer(0.5, lambda: {interrupt}).start()
started = []
try:
    list(run_calls(lambda job: (started.append(job), time.sleep(60)), list("abcdef"), Limits(workers=2), [0] * 6, lambda: True, []))
except KeyboardInterrupt:
    print("stopped", len(started))
"""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "stopped 2\n" and done.returncode == 0, done.stderr
    assert time.monotonic() - start < 20  # and not the minute for which the calls sleep


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"workers": 0}, "workers=0; expected a whole number of at least 1"),
        ({"retries": -1}, "retries=-1; expected a whole number of at least 0"),
        ({"budget": 0.5}, "budget=0.5; expected a whole number"),
        ({"timeout": 0}, "timeout=0 seconds; expected a number above 0"),
        ({"timeout": float("nan")}, "timeout=nan"),
        ({"backoff": -1.0}, "backoff=-1.0 seconds"),
    ],
)
def test_limits_are_checked(wrong: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Limits(**wrong)
