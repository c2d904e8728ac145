"""Runs Python that a model wrote against tests, in processes that can harm nothing, and says how it went."""

from __future__ import annotations

import ast
import builtins
import functools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Limits", "SandboxUnavailable", "Tests", "Verdict", "active_layers", "run_many", "run_tests"]

Tests = str | Sequence[str]

_PYTHON = [sys.executable, "-s", "-S", "-P"]  # no installed packages, no folder of ours on the path
# The child imports the sandbox's modules by their full names without running the packages' own __init__, which would load numpy.
_START = """import sys, types
for name, folder in (("tokengym", sys.argv[1]), ("tokengym.rewards", sys.argv[1])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from tokengym.rewards.sandbox_child import main
main(sys.argv[2])
"""
_JOB, _REPORT = struct.Struct("<I"), struct.Struct("<IiB")  # as in sandbox_child.py
_TIMEOUT, _DISK = 1, 2
_LONGEST_RESULTS = 2**20  # bytes


class SandboxUnavailable(RuntimeError):
    """This machine cannot confine a program."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may use."""

    cpu_s: int = 4  # seconds of processor time, whole ones
    wall_s: float = 10.0  # seconds on the clock, loading included
    memory_bytes: int = 512 * 2**20  # address space
    threads: int = 16  # at the same time; other processes it may never start
    file_bytes: int = 4 * 2**20  # size of one file
    scratch_bytes: int = 16 * 2**20  # all files together

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f"{name}={value!r} is not a limit: expected a number above 0")
        if self.memory_bytes < 2**26:
            raise ValueError(f"memory_bytes={self.memory_bytes}: Python itself needs {2**26} (64 MiB)")
        if self.cpu_s != int(self.cpu_s):
            raise ValueError(f"cpu_s={self.cpu_s!r}: the kernel counts whole seconds")


class Verdict(NamedTuple):
    """How a program did.

    Attributes:
        status: "passed": every test; "timeout": the time ran out; "error": the program did not load, ended early, or a test raised
            something other than AssertionError; "failed": some assertion does not hold. The first that applies, in this order:
            passed, timeout, error, failed.
        passed: how many tests passed.
        total: how many there are.
        detail: what went wrong first, in words; "" if nothing did. For people: the words are partly the program's own.
    """

    status: str
    passed: int
    total: int
    detail: str = ""


def run_tests(code: str, tests: Tests, limits: Limits | None = None, *, unconfined: bool = False) -> Verdict:
    """The verdict on one program; see :func:`run_many`."""
    return run_many([(code, tests)], limits, unconfined=unconfined)[0]


def run_many(
    jobs: Sequence[tuple[str, Tests]], limits: Limits | None = None, *, workers: int = 0, unconfined: bool = False
) -> list[Verdict]:
    """The verdicts on several programs, each run by itself.

    A program runs in one process and its tests in another, which calls the program's functions through a socket and gets plain data back,
    so that the program sees of a test only the calls, and its objects are never compared with plain data. Both are confined: a filter lets
    through about a hundred harmless system calls (no sockets, no processes, no signals to others), Landlock shows the standard library and
    one scratch folder, limits hold time, memory, threads and files, and, where the system grants them, namespaces and a user of its own
    stand around that. The standard library is all there is to import. Random numbers are seeded alike in every run.

    It protects against programs that cheat or wreck, by mistake or because training pays for it. It is not a virtual machine: a hole in the
    kernel or a side channel is not held; the program may use the processors for as long as the limits say; it can see that a file exists,
    and, where Landlock is missing, read what its user may read. A test that asks the program for yes or no can be answered by guessing;
    one that compares two objects of the program's own class lets the program decide; and one that works out the answer from an argument
    after the call works with what the program made of that argument.

    Args:
        jobs: pairs of program and tests. Tests are a text, whose top-level statements are one test each, apart from imports, definitions,
            assignments and what no program could fail (functions ``test...`` without arguments are called if nothing else calls them),
            or a sequence of texts, one test each, apart from those that hold nothing else; there such a call follows its text. A name
            in a test means the test's own, else Python's builtin, else the program's; ``import solution`` reaches the program's too.
        limits: what each program may use.
        workers: how many run at a time; 0 for one per processor.
        unconfined: run even where this machine has no filter of system calls (not Linux, another processor), with limits only.
    Raises:
        SandboxUnavailable: the machine lacks a wall and ``unconfined`` is False.
        ValueError: tests that are not Python, or none.
    """
    units = [_units(tests if isinstance(tests, str) else tuple(tests)) for _, tests in jobs]
    if not jobs:
        return []
    with _Sandbox(limits or Limits(), unconfined) as sandbox:
        return sandbox.run([(code, unit) for (code, _), unit in zip(jobs, units, strict=True)], workers or _processors())


def active_layers() -> dict[str, bool]:
    """Which walls stand on this machine for this user: limits, uid, namespaces, landlock, seccomp, and writable (the scratch folder is)."""
    with _Sandbox(Limits(), True) as sandbox:
        return sandbox.layers


class _Sandbox:
    """The server process and what belongs to it; lives for one batch."""

    def __init__(self, limits: Limits, unconfined: bool, skip: Sequence[str] = (), python: Sequence[str] = ()) -> None:
        self.limits = limits
        self.unconfined = unconfined
        self.skip = list(skip)
        self.python = list(python or _PYTHON)

    def __enter__(self) -> _Sandbox:
        if sys.platform == "win32":
            raise SandboxUnavailable("programs cannot be run safely on Windows; use Linux (WSL will do)")
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="tokengym-sandbox-"))
        os.chmod(self.root, 0o711)
        self.control, theirs = socket.socketpair()
        self.control.settimeout(self.limits.wall_s + 60)
        self.complaints = tempfile.TemporaryFile()
        spec = {"root": self.root, "skip": self.skip, "limits": asdict(self.limits)}
        with theirs:
            self.process = subprocess.Popen(
                [*self.python, "-c", _START, str(Path(__file__).resolve().parent), json.dumps(spec)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self.complaints,
                cwd="/",
                env={"PYTHONHASHSEED": "0"},
                start_new_session=True,
            )
        try:
            report = json.loads(self._receive(struct.unpack("<I", self._receive(4))[0]))
            self.layers: dict[str, bool] = report["layers"] | {"writable": report["writable"]}
            if report["holes"] and not self.unconfined:
                raise SandboxUnavailable(
                    f"here a confined program could still do this: {'; '.join(report['holes'])} (walls: {self.layers}). Use Linux 4.8 "
                    "or newer on x86-64 or aarch64; unconfined=True runs programs without these walls, at your own risk"
                )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.control.close()  # the server ends what still runs, and itself
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.complaints.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, jobs: Sequence[tuple[str, _Units]], workers: int) -> list[Verdict]:
        verdicts: list[Verdict | None] = [None] * len(jobs)
        running: dict[int, int] = {}  # number of the job -> descriptor of its results
        waiting = iter(enumerate(jobs))
        try:
            while True:
                while len(running) < min(workers, 256) and (entry := next(waiting, None)):
                    number, (code, units) = entry
                    running[number] = self._submit(number, code, units)
                if not running:
                    return [verdict for verdict in verdicts if verdict is not None]
                number, status, how = _REPORT.unpack(self._receive(_REPORT.size))
                with open(running.pop(number), "rb") as results:
                    results.seek(0)
                    lines = results.read(_LONGEST_RESULTS).split(b"\n")[:-1]  # whole ones: a killed process may leave half a line
                verdicts[number] = _verdict(jobs[number][1], [json.loads(line) for line in lines], status, how)
        finally:
            for descriptor in running.values():
                os.close(descriptor)

    def _submit(self, number: int, code: str, units: _Units) -> int:
        """Hands a job to the server; the descriptor of the file into which its results will be written."""
        program, tests = _file(code.encode("utf-8", "surrogatepass")), _file(json.dumps(units).encode())
        results = _file(b"")
        try:
            socket.send_fds(self.control, [_JOB.pack(number)], [program, tests, results])
        finally:
            os.close(program)
            os.close(tests)
        return results

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                part = self.control.recv(size - len(data))
            except TimeoutError:
                raise SandboxUnavailable("the sandbox's server does not answer; is the machine out of memory or overloaded?") from None
            if not part:
                self.complaints.seek(0)
                words = self.complaints.read().decode("utf-8", "replace").strip()
                raise SandboxUnavailable(f"the sandbox's server ended: {words[-2000:] or 'it did not say why'}")
            data += part
        return data


_SETUP = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)

_Units = tuple[tuple[str, bool, str], ...]  # (source, counts as a test, what messages call it)


@functools.lru_cache(maxsize=4096)
def _units(tests: str | tuple[str, ...]) -> _Units:
    tree = _parse(tests if isinstance(tests, str) else "\n".join(tests))
    own = _own_names(tree)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if isinstance(tests, str):
        found = [(ast.unparse(node), _tells(node, own), _first_line([node])) for node in tree.body]
        found += _calls(tree.body, named)
    else:
        found = []
        for text in tests:
            body = _parse(text).body
            found.append((text, any(_tells(node, own) for node in body), _first_line(body)))
            found += _calls(body, named)  # here, since a later text may define a function of the same name
    units = tuple(found)
    if not any(counts for _, counts, _ in units):
        raise ValueError(f"tests={tests!r} hold no test: expected statements such as 'assert f(2) == 4'")
    return units


def _calls(body: Sequence[ast.stmt], named: set[str]) -> list[tuple[str, bool, str]]:
    """Calls of the test functions without arguments that nothing in the tests names."""
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not node.args.args]
    return [(f"{node.name}()", True, f"{node.name}()") for node in functions if node.name not in named]


def _parse(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"tests={text[:200]!r} are not Python: {error}") from None


def _first_line(body: Sequence[ast.stmt]) -> str:
    """The statement that most likely holds the assertion, as far as its first line goes."""
    return ast.unparse(body[-1]).partition("\n")[0][:200] if body else ""


def _own_names(tree: ast.Module) -> set[str]:
    """Names that have nothing to do with a program: Python's own, and those imported from the standard library."""
    names = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots = [(alias, alias.name.partition(".")[0]) for alias in node.names]
            names.update(alias.asname or root for alias, root in roots if root in sys.stdlib_module_names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in sys.stdlib_module_names:
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def _tells(node: ast.stmt, own: set[str]) -> bool:
    """Whether a statement can tell one program from another: it is no setup, and asserts or names something that is not Python's own."""
    if isinstance(node, _SETUP):
        return False
    return any(isinstance(part, ast.Assert) or (isinstance(part, ast.Name) and part.id not in own) for part in ast.walk(node))


def _verdict(units: _Units, lines: Sequence[Sequence[Any]], status: int, how: int) -> Verdict:
    """One verdict from the outcomes that the tests' process wrote and from how the program's process ended."""
    total = sum(counts for _, counts, _ in units)
    passed = sum(outcome == "passed" for _, outcome, _ in lines)
    words = next((text for _, outcome, text in lines if outcome != "passed"), "")
    if passed == total:
        return Verdict("passed", passed, total)
    killed = -os.waitstatus_to_exitcode(status) if status > 0 else 0
    if how == _TIMEOUT or killed in (signal.SIGXCPU, signal.SIGKILL):
        return Verdict("timeout", passed, total, "the time ran out")
    if how == _DISK:
        return Verdict("error", passed, total, "the program filled its scratch folder")
    if killed > 0:
        words = f"{words} (by signal {killed})"
    failed = [outcome for number, outcome, _ in lines if outcome != "passed"]
    if set(failed) == {"failed"} and len(failed) + passed == total:
        return Verdict("failed", passed, total, words)
    return Verdict("error", passed, total, words or "the tests' process ended early")


def _file(content: bytes) -> int:
    """Descriptor of a file without a name that holds ``content``, read from its start."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("sandbox", os.MFD_CLOEXEC)
    else:
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
