"""rewards/limited.py: calls in a helper process that is killed when one takes too long."""

from __future__ import annotations

import os
import time

import pytest

from tokengym.rewards.limited import Limited


def test_results_come_from_one_other_process() -> None:
    where = Limited("os:getpid", 30.0)
    first = where()
    assert first == where() != os.getpid()
    where.close()
    assert where() != first
    where.close()


def test_a_call_that_takes_too_long_is_given_up_and_the_next_one_is_not_mixed_up() -> None:
    sleep, began = Limited("time:sleep", 0.5), time.monotonic()
    assert sleep(0) is None
    with pytest.raises(TimeoutError, match="time:sleep took longer than 0.5 seconds"):
        sleep(60)
    assert sleep(0) is None and time.monotonic() - began < 50
    sleep.close()


def test_what_ends_the_helper_ends_the_call() -> None:
    ended = Limited("os:_exit", 30.0)
    with pytest.raises(TimeoutError, match="or ended its process"):
        ended(1)


def test_a_place_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="the helper process for no_such:thing did not start"):
        Limited("no_such:thing", 1.0)()
    assert "No module named 'no_such'" in capfd.readouterr().err
