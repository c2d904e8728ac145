"""What a person sees of a training run in the terminal: a progress bar, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

__all__ = ["Progress"]

_SHOWN = {
    "reward": "reward {:.3f}",
    "loss": "loss {:.3f}",
    "kl": "KL {:.3f}",
    "entropy": "entropy {:.2f}",
    "tokens_per_second": "{:,.0f} tokens/s",
}
_PLAIN_SECONDS = 5.0  # between two plain lines
_PATIENCE_SECONDS = 2.0  # shorter runs print nothing where there is no terminal


class Progress:
    """A context manager around a training run; ``update`` shows one update's figures.

    Args:
        title: what is trained, such as "PPO TextSumm-v0".
        show: False prints nothing.
    """

    def __init__(self, title: str, show: bool = True) -> None:
        self._title = title
        self._bar: Any = None
        self._task: Any = None
        self._show = show
        self._began = self._printed = 0.0

    def __enter__(self) -> Progress:
        self._began = self._printed = time.monotonic()
        if self._show and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            figures = TextColumn("{task.fields[figures]}")
            columns = ("{task.description}", BarColumn(bar_width=24), "{task.percentage:>3.0f}%", TimeRemainingColumn(), figures)
            self._bar = Bar(*columns, console=Console(stderr=True), refresh_per_second=4)
            self._task = self._bar.add_task(self._title, total=1.0, figures="")
            self._bar.start()
        return self

    def update(self, share: float, timesteps: int, stats: Mapping[str, float]) -> None:
        """Shows ``stats`` with ``share`` of the run done, after ``timesteps`` tokens."""
        figures = "  ".join(form.format(stats[name]) for name, form in _SHOWN.items() if name in stats)
        if "validation" in stats:
            figures += f"  validation {stats['validation']:.3f}"
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=share, figures=figures)
        elif self._show and now - self._began > _PATIENCE_SECONDS and (now - self._printed > _PLAIN_SECONDS or share >= 1):
            self._printed = now
            print(f"{self._title}: {share:4.0%}  {timesteps:,} tokens  {figures}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Prints a line that a person should read, bar or no bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        elif self._show:
            print(text, file=sys.stderr, flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
