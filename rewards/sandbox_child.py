"""The sandbox's server: a small process that forks a confined pair, one program and its tests, for each job, and ends them in time.

It never sees a program or a test: it passes descriptors on, so that nothing of one job is in the memory that the next one starts from.
The parent talks to it through a socket on descriptor 0; see ``sandbox.py``.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tokengym.rewards.sandbox_sides import PROGRAM_GONE, program_side, tests_side
from tokengym.rewards.sandbox_walls import House, build, confine, die_with_parent, probe

__all__ = ["DISK", "DONE", "JOB", "REPORT", "TIMEOUT", "main"]

JOB = struct.Struct("<I")  # number of the job; with it come the descriptors of the program, the tests and the results
REPORT = struct.Struct("<IiB")  # number of the job, wait status of the program or -1, how it ended
DONE, TIMEOUT, DISK = 0, 1, 2
_TICK_S = 0.01
_MOST_FILES = 256


class _Job(NamedTuple):
    number: int
    slot: int
    scratch: str
    program: int
    tests: int
    deadline: float


def main(spec: str) -> None:
    """Serves until the parent closes its end.

    Args:
        spec: JSON with ``root`` (folder), ``skip`` (walls to leave out) and ``limits``.
    """
    options = json.loads(spec)
    os.environ.clear()
    sys.argv[:] = [""]
    sys.dont_write_bytecode = True
    control = socket.socket(fileno=os.dup(0))
    die_with_parent()
    house = build(options["root"], os.getpid(), options["skip"])
    if house.layers["namespaces"]:
        first = os.fork()  # the first process of the new namespace: when it ends, the kernel ends all others in it
        if first:
            control.close()
            os.waitpid(first, 0)
            return
        os.setsid()
        die_with_parent()
    gc.freeze()
    holes = _probe(house, options["limits"]) if house.layers["seccomp"] else ["anything: there is no filter of system calls"]
    report = json.dumps({"layers": house.layers, "writable": house.writable, "holes": holes}).encode()
    control.sendall(struct.pack("<I", len(report)) + report)
    _Server(control, house, options["limits"]).serve()


class _Server:
    def __init__(self, control: socket.socket, house: House, limits: Mapping[str, float]) -> None:
        self.control = control
        self.house = house
        self.limits = limits
        self.jobs: dict[int, _Job] = {}  # by the descriptor that closes when the tests' process ends
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def serve(self) -> None:
        while True:
            for descriptor, _ in self.poll.poll(_TICK_S * 1000 if self.jobs else None):
                if descriptor != self.control.fileno():
                    self.finish(descriptor, DONE)
                elif not self.accept():
                    for running in list(self.jobs):
                        self.finish(running, TIMEOUT)
                    return
            now = time.monotonic()
            for descriptor, job in list(self.jobs.items()):
                if now > job.deadline:
                    self.finish(descriptor, TIMEOUT)
                elif self.house.writable and _used(job.scratch) > self.limits["scratch_bytes"]:
                    self.finish(descriptor, DISK)

    def accept(self) -> bool:
        """Starts the next job; False when the parent has gone."""
        message, (*descriptors,), _, _ = socket.recv_fds(self.control, JOB.size, 3)
        if len(message) < JOB.size:
            return False
        (number,) = JOB.unpack(message)
        code, tests, results = descriptors
        slot = next(slot for slot in range(512) if all(job.slot != slot for job in self.jobs.values()))
        scratch = os.path.join(self.house.root, str(number))
        os.mkdir(scratch, 0o700)
        if self.house.uid >= 0:
            os.chown(scratch, self.house.uid + 2 * slot, self.house.uid + 2 * slot)
        mine, lifeline = os.pipe()
        ours, theirs = (end.detach() for end in socket.socketpair())

        def program() -> int:
            confine(self.house, scratch, self.limits, 2 * slot)
            program_side(ours, code)
            return 0

        def judge() -> int:
            confine(self.house, "", self.limits, 2 * slot + 1)
            return tests_side(theirs, tests, results)

        job = _Job(
            number,
            slot,
            scratch,
            _fork(program, {ours, code, self.house.ruleset}),
            _fork(judge, {theirs, tests, results, lifeline, self.house.ruleset}),
            time.monotonic() + self.limits["wall_s"],
        )
        for descriptor in (code, tests, results, lifeline, ours, theirs):
            os.close(descriptor)
        self.jobs[mine] = job
        self.poll.register(mine, 0)  # reports only that the other end is closed
        return True

    def finish(self, descriptor: int, how: int) -> None:
        """Ends both processes and whatever they left, removes the scratch folder and reports."""
        job = self.jobs.pop(descriptor)
        self.poll.unregister(descriptor)
        os.close(descriptor)
        if how != DONE:
            _kill(job.tests)
        judged = os.waitstatus_to_exitcode(os.waitpid(job.tests, 0)[1])
        status = -1
        patience = time.monotonic() + (1.0 if judged == PROGRAM_GONE else 0.0)  # it is about to end by itself: learn of what
        while how == DONE:
            pid, status = os.waitpid(job.program, os.WNOHANG)
            if pid or time.monotonic() > patience:
                break
            time.sleep(0.0005)
        else:
            pid = 0
        if not pid:
            _kill(job.program)
            os.waitpid(job.program, 0)
            status = -1
        if judged == -signal.SIGXCPU or judged == -signal.SIGKILL:
            how = how or TIMEOUT
        _remove(job.scratch)
        with contextlib.suppress(OSError):
            self.control.sendall(REPORT.pack(job.number, status, how))


def _fork(side: Callable[[], int], keep: set[int]) -> int:
    """Starts a process that runs ``side`` with no descriptors but ``keep`` and has no other way out."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        for stream in (0, 1, 2):
            os.dup2(_null(os.O_RDONLY if stream == 0 else os.O_WRONLY), stream)
        last = 2
        for descriptor in sorted(keep):
            if descriptor > 2:
                os.closerange(last + 1, descriptor)
                last = descriptor
        os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        status = side()
    finally:
        os._exit(status)


def _null(mode: int) -> int:
    return os.open(os.devnull, mode)


def _kill(pid: int) -> None:
    """Ends a process that has not been waited for, and its session's group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _used(scratch: str) -> float:
    """Bytes in the folder; infinite where there are too many files."""
    total = 0.0
    with os.scandir(scratch) as entries:
        for count, entry in enumerate(entries):
            if count >= _MOST_FILES:
                return float("inf")
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def _remove(scratch: str) -> None:
    """Deletes the folder and the plain files in it; where walls were left out, what else is there the parent deletes at the end."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(scratch):
            os.unlink(entry.path)
        os.rmdir(scratch)


def _probe(house: House, limits: Mapping[str, float]) -> list[str]:
    """What a confined process could do although it must not; see ``probe``."""
    scratch = os.path.join(house.root, "probe-scratch")
    os.mkdir(scratch)
    out, into = os.pipe()

    def side() -> int:
        try:
            found: Any = probe(house, scratch, limits, 1023)
        except OSError as error:
            found = [f"anything: {error}"]
        os.write(into, json.dumps(found).encode())
        return 0

    pid = _fork(side, {into, house.ruleset})
    os.close(into)
    with open(out, "rb") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    _remove(scratch)
    found: list[str] = json.loads(text) if text else ["anything: the probe did not come back"]
    return found
