"""The sandbox's two processes: one holds the program and never sees a test, the other runs the tests and calls the program."""

from __future__ import annotations

import builtins
import json
import os
import random
import sys
import types
from typing import Any

from tokengym.rewards.sandbox_talk import Peer, PeerGone

__all__ = ["PROGRAM_GONE", "program_side", "tests_side"]

PROGRAM_GONE = 3  # exit status of the tests' process when the program ended before the tests
_SHOWN = 300  # characters of a message
_TOLD = 20  # messages
_TEST = "<test "  # how the file names of tests begin, as tracebacks show them
_STOPS = {"StopIteration", "StopAsyncIteration"}


def program_side(channel: int, code: int) -> None:
    """Loads the program from the descriptor ``code``, then does what the tests ask through ``channel`` until they end."""
    module = types.ModuleType("program")
    sys.modules["program"] = module
    peer = Peer(channel, module)
    random.seed(0)
    text = _read(code)
    try:
        exec(compile(text, "<program>", "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        peer.send(["!", f"{type(error).__name__}: {error}"[:_SHOWN]])
        return
    peer.send(["=", "loaded"])
    try:
        while True:
            peer.serve(peer.receive())
    except PeerGone:
        return


def tests_side(channel: int, tests: int, results: int) -> int:
    """Runs the tests against the program behind ``channel``; each test's outcome is one line of JSON on ``results``.

    Args:
        channel: the talk with the program.
        tests: descriptor of a JSON list of [source, counts, label], run in this order in one namespace.
        results: descriptor; a line is [number of the test, "passed" | "failed" | "error", what went wrong].
    Returns:
        The exit status.
    """
    random.seed(0)
    peer = Peer(channel, stops=_awaits_stop)
    units = json.loads(_read(tests))
    try:
        state, *words = peer.receive()
    except PeerGone:
        _write(results, [-1, "error", "the program ended before it was loaded"])
        return PROGRAM_GONE
    if state != "=":
        _write(results, [-1, "error", f"the program did not load: {words[0]}"])
        return 0
    names = _Names(peer)
    told = 0
    for number, (source, counts, label) in enumerate(units):
        outcome, words_ = "passed", ""
        try:
            exec(compile(source, f"{_TEST}{number}>", "exec", dont_inherit=True), names)
        except AssertionError as error:
            outcome, words_ = "failed", f"{label}{': ' if str(error) else ''}{error}"
        except BaseException as error:
            outcome, words_ = "error", f"{label}: {type(error).__name__}: {error}"
        if peer.gone:  # whatever the test made of it
            _write(results, [number, "error", f"{label}: the program has ended"])
            return PROGRAM_GONE
        if counts or outcome != "passed":
            _write(results, [number if counts else -1, outcome, words_[:_SHOWN] if told < _TOLD else ""])
            told += bool(words_)
    return 0


def _awaits_stop() -> bool:
    """Whether a function of the tests that runs now names StopIteration or StopAsyncIteration."""
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith(_TEST) and not _STOPS.isdisjoint(frame.f_code.co_names):
            return True
        frame = frame.f_back
    return False


class _Names(dict[str, Any]):
    """The tests' namespace: their own names, then Python's builtins, then the program's names.

    ``import solution`` reaches the program too, also where it is named like a builtin.
    """

    def __init__(self, peer: Peer) -> None:
        # dataclasses and their like look up where a class was made; under another name "if __name__ == '__main__'" would pass untried
        sys.modules["__main__"] = types.ModuleType("__main__")
        solution = types.ModuleType("solution")
        vars(solution)["__getattr__"] = self._of_program
        sys.modules["solution"] = solution
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._peer = peer

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):  # never the program's: it could call its own `abs` one that says 0
            raise KeyError(name)
        try:
            return self._of_program(name)
        except AttributeError:
            raise KeyError(name) from None

    def _of_program(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks of a module is not the program's business
            raise AttributeError(f"the program has no name {name!r} for the tests")
        return self._peer.ask("get", 0, [name])


def _write(results: int, line: list[object]) -> None:
    os.write(results, json.dumps(line).encode("ascii") + b"\n")


def _read(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8", errors="surrogatepass") as file:
        return file.read()
