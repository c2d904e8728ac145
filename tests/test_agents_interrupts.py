"""Ctrl-C: the first one asks, the second one is Python's own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from tokengym.agents.interrupts import Interrupts


@pytest.fixture
def python_handler() -> Iterator[None]:
    """Python's own handler; a shell's background jobs begin with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_handler")
def test_the_first_asks_and_the_second_stops() -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(said.append) as interrupts:
        assert not interrupts.asked
        signal.raise_signal(signal.SIGINT)
        assert interrupts.asked and "Stopping after this update" in said[0]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_do_without() -> None:
    found: list[bool] = []

    def run() -> None:
        with Interrupts(lambda text: None) as interrupts:
            found.append(interrupts.asked)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]
