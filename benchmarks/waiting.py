"""A bar for work that takes longer than two seconds: on a terminal a bar, elsewhere a line every few seconds, nothing when quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

__all__ = ["Waiting"]

_PATIENCE_SECONDS = 2.0  # quicker work shows nothing
_PLAIN_SECONDS = 5.0  # between two plain lines


class Waiting:
    """A context manager that counts what is done.

    Args:
        title: what one waits for.
        total: how many things there are to do; None where nobody knows.
        show: False prints nothing.
    """

    def __init__(self, title: str, total: int | None = None, show: bool = True) -> None:
        self._title, self._total, self._show = title, total, show
        self._done = 0
        self._bar: Any = None
        self._task: Any = None
        self._began = self._printed = 0.0

    def __enter__(self) -> Waiting:
        self._began = self._printed = time.monotonic()
        return self

    def advance(self, count: int = 1) -> None:
        """``count`` more things are done."""
        self._done += count
        now = time.monotonic()
        if not self._show or now - self._began < _PATIENCE_SECONDS:
            return
        if sys.stderr.isatty():
            if self._bar is None:
                self._open()
            self._bar.update(self._task, completed=self._done)
        elif now - self._printed > _PLAIN_SECONDS:
            self._printed = now
            print(f"{self._title}: {self._done:,}{'' if self._total is None else f' of {self._total:,}'}", file=sys.stderr, flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._title, total=self._total)
        self._bar.start()
