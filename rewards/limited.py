"""A function called in a helper process, which is killed when a call takes too long: for libraries that may work without end."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import select
import subprocess
import sys
import threading
from typing import Any

__all__ = ["Limited", "serve"]

_START = 120.0  # seconds that the helper may take to import what it needs
_COMMAND = "import sys; from tokengym.rewards.limited import serve; serve(sys.argv[1])"


class Limited:
    """``Limited("module:function", seconds)(*arguments)``: the function's result, worked out in a process that stays for the next call.

    Args:
        place: "module:function"; its arguments and its result go through JSON.
        seconds: how long a call may take.
    """

    def __init__(self, place: str, seconds: float) -> None:
        self.place = place
        self.seconds = seconds
        self._helper: subprocess.Popen[bytes] | None = None
        self._owner = 0  # the process that started it: one that was forked off starts its own
        self._lock = threading.Lock()
        atexit.register(self.close)

    def __call__(self, *arguments: Any) -> Any:
        """Raises TimeoutError where the call takes longer than ``seconds``, or ends the helper; RuntimeError where that does not start."""
        with self._lock:
            helper = self._started()
            try:
                return self._asked(helper, arguments)
            except BaseException:  # a helper that was left in the middle of a call would answer the next one with it
                self.close()
                raise

    def close(self) -> None:
        """Ends the helper; the next call starts another."""
        helper, self._helper = self._helper, None
        if helper is not None and self._owner == os.getpid():
            helper.kill()
            helper.communicate()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._helper is not None and self._owner == os.getpid():
            return self._helper
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._helper = helper = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, self.place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=paths, start_new_session=True
        )
        self._owner = os.getpid()
        if _line(helper, _START) is None:
            self.close()
            raise RuntimeError(f"the helper process for {self.place} did not start within {_START:g} seconds, or failed; stderr says why")
        return helper

    def _asked(self, helper: subprocess.Popen[bytes], arguments: tuple[Any, ...]) -> Any:
        said = None
        if helper.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it is gone
                helper.stdin.write(json.dumps(arguments).encode() + b"\n")
                helper.stdin.flush()
                said = _line(helper, self.seconds)
        if said is None:
            raise TimeoutError(f"{self.place} took longer than {self.seconds:g} seconds, or ended its process")
        return json.loads(said)


def _line(helper: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """What the helper says, None where it says nothing in time or is gone. It writes a line in one go."""
    if helper.stdout is None:
        return None
    waiting = select.poll()
    waiting.register(helper.stdout, select.POLLIN | select.POLLHUP)
    return helper.stdout.readline() or None if waiting.poll(1000 * seconds) else None


def serve(place: str) -> None:
    """The helper: a line of JSON for each line of arguments, until there are no more. What the function prints goes nowhere."""
    module, _, name = place.partition(":")
    answers = os.fdopen(os.dup(1), "w")
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    function = getattr(importlib.import_module(module), name)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(function(*json.loads(line))), file=answers, flush=True)
