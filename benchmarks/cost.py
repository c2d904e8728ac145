"""What a piece of work costs: wall seconds and peak memory."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from pathlib import Path
from types import TracebackType

__all__ = ["Meter"]


def _give_back() -> None:
    """Hands what earlier agents left behind back to the system, so that the next peak is not theirs."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # not glibc: what was freed may still be counted
        return


def _reset_peak() -> bool:
    """Asks Linux to forget the process's peak resident size; False where that is not possible."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak_resident() -> int:
    """Peak resident memory of this process in bytes, since the last reset where there was one."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Meter:
    """A context manager that measures its block.

    Attributes:
        seconds: wall time, in seconds; while the block runs, the time so far.
        peak_bytes: peak resident memory of the process during the block (since the process began, where the system cannot forget),
            in bytes, plus the peak of what torch allocated on the accelerator.
    """

    def __init__(self) -> None:
        self._start = 0.0
        self._seconds: float | None = None
        self.peak_bytes = 0

    @property
    def seconds(self) -> float:
        """Wall time of the block."""
        return time.perf_counter() - self._start if self._seconds is None else self._seconds

    def __enter__(self) -> Meter:
        _give_back()
        _reset_peak()
        if "torch" in sys.modules:
            import torch

            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
        self._start = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._seconds = time.perf_counter() - self._start
        self.peak_bytes = _peak_resident()
        if "torch" in sys.modules:
            import torch

            if torch.cuda.is_available():
                self.peak_bytes += torch.cuda.max_memory_allocated()
