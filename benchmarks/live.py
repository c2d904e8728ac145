"""What a run shows while it works: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tokengym.benchmarks.workers import Message

__all__ = ["Live"]


class Live:
    """A context manager that counts finished (environment, agent, seed) records.

    Args:
        total: records of the whole run.
        done: how many were there at the start.
        quiet: say nothing but failures and what to do after Ctrl-C.
    """

    def __init__(self, total: int, done: int, quiet: bool) -> None:
        self._total, self._done, self._quiet = total, done, quiet
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._tasks: dict[int, Any] = {}
        self._began = time.monotonic()
        if not quiet and self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)

    def __enter__(self) -> Live:
        if self._bar is not None:
            self._bar.start()
            self._all = self._bar.add_task("all agents", total=self._total, completed=self._done)
        elif not self._quiet and self._done:
            self.say(f"{self._done} of {self._total} records are there already")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def show(self, message: Message) -> None:
        """Takes in what a worker said."""
        what = f"{message.env}, seed {message.seed}, {message.agent}"
        if message.kind == "progress":
            self._progress(message, what)
            return
        record = message.value
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._all, completed=self._done)
        if record["status"] != "done":
            self.say(f"FAILED: {what}: {record['error']}")
        elif not self._quiet:
            reward, seconds = float(np.mean(record["eval"]["reward"])), record["cost"]["wall_s"]
            elapsed = time.monotonic() - self._began
            self.say(f"[{self._done}/{self._total}, {elapsed:.0f} s] {what}: reward {reward:.3f} ({seconds:.1f} s)")

    def _progress(self, message: Message, what: str) -> None:
        if self._bar is None:
            return
        share, reward = message.value
        text = what if reward is None else f"{what}: reward {reward:.3f}"
        if message.worker not in self._tasks:
            self._tasks[message.worker] = self._bar.add_task(text, total=100)
        self._bar.update(self._tasks[message.worker], description=text, completed=round(100 * share))
