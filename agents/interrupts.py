"""Ctrl-C as a request to stop between two updates, so that what is saved is whole."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Turns the first Ctrl-C into a request (``asked``), so that an update is never cut in two; the second one is Python's own."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False
        self._say = say
        self._before: Any = None

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before)
        self._say("Stopping after this update, which is then kept; Ctrl-C again stops at once and loses it.")

    def __enter__(self) -> Interrupts:
        try:
            self._before = signal.getsignal(signal.SIGINT)
            signal.signal(signal.SIGINT, self._ask)
        except ValueError:  # not the main thread, which alone may handle signals
            self._before = None
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
