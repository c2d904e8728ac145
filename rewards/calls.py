"""Calls to something slow: so many at a time, each with a time-out, failed ones tried again after a growing pause."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["WRONG_CODE", "BudgetSpent", "Limits", "Outcome", "pause", "run_calls"]

WRONG_CODE = (TypeError, AttributeError, NameError, ImportError, SyntaxError, NotImplementedError)
"""Errors of a program, not of a service: trying again does not help."""

_LONGEST_PAUSE = 60.0  # seconds
_GLANCE = 0.2  # seconds: not everywhere does Ctrl-C end a longer wait
_STUCK = 4  # calls past their time-out that may still run, for each worker


class BudgetSpent(RuntimeError):
    """The call was not made, because the budget of calls is spent."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How a service is called."""

    workers: int = 8  # calls at the same time, each in a thread
    timeout: float = 60.0  # seconds that one call may take; a later answer counts only while the sample is still open
    retries: int = 3  # further attempts after one that failed
    backoff: float = 1.0  # seconds before the first of them, doubled for each next one up to 60, times 0.5 to 1
    budget: int | None = None  # calls in all, failed ones and retries included; None: no limit

    def __post_init__(self) -> None:
        for name, lowest in (("workers", 1), ("retries", 0), ("budget", 0)):
            value = getattr(self, name)
            if not (value is None and name == "budget") and (not isinstance(value, int) or isinstance(value, bool) or value < lowest):
                raise ValueError(f"{name}={value!r}; expected a whole number of at least {lowest}")
        if not 0 < self.timeout <= threading.TIMEOUT_MAX:
            raise ValueError(f"timeout={self.timeout!r} seconds; expected a number above 0")
        if not 0 <= self.backoff <= threading.TIMEOUT_MAX:
            raise ValueError(f"backoff={self.backoff!r} seconds; expected a number of at least 0")


class Outcome(NamedTuple):
    """What became of a job: its value, or the last error."""

    value: Any
    error: BaseException | None


class _Call(NamedTuple):
    job: int
    attempt: int  # from 0
    deadline: float  # on time.monotonic()'s clock
    thread: threading.Thread


def pause(key: str, attempt: int, backoff: float) -> float:
    """Seconds to wait before attempt 1, 2, ...: doubled each time, and spread by a factor of 0.5 to 1 that hangs on ``key`` alone.

    The spread keeps samples that failed together from knocking again together; keyed, it is the same in each run.
    """
    spread = int.from_bytes(hashlib.sha256(f"{key}:{attempt}".encode()).digest()[:8], "big") / 2**64
    return float(min(_LONGEST_PAUSE, backoff * 2.0 ** min(attempt - 1, 32)) * (0.5 + 0.5 * spread))


def run_calls(
    function: Callable[[int], Any],
    keys: Sequence[str],
    limits: Limits,
    retries: Sequence[int],
    spend: Callable[[], bool],
    stuck: list[threading.Thread],
) -> Generator[tuple[int, Outcome], None, None]:
    """Calls ``function(job)`` in threads for each job, and yields (job, outcome) in the order in which they are decided.

    A thread cannot be stopped: a call past its time-out goes on in the background, as a daemon that holds up no exit, and its slot is
    given to the next one. Where more than 4 of them for each worker are stuck, no new call is started until some return; if none
    does within another time-out, the jobs that are left are given up. Ctrl-C ends the wait at once; no further call is started.

    Args:
        function: makes one call; what it returns is the outcome's value, what it raises is the error.
        keys: one for each job; they key the pauses.
        limits: see there; its ``retries`` and ``budget`` are not read.
        retries: for each job, further attempts after one that failed.
        spend: asked before each call; False: the budget is spent.
        stuck: threads past their time-out, from earlier runs too; kept up to date.
    """
    answers: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
    waiting: list[tuple[float, int, int]] = [(0.0, job, 0) for job in range(len(keys))]  # a heap of (when, job, attempt)
    running: dict[int, _Call] = {}
    late: dict[int, int] = {}  # ticket of a call past its time-out -> its job
    undecided = set(range(len(keys)))
    tickets = itertools.count()
    most_stuck = _STUCK * limits.workers
    blocked = 0.0  # since when nothing can be started for stuck calls; 0.0: not so

    def work(ticket: int, job: int) -> None:
        try:
            answers.put((ticket, function(job), None))
        except BaseException as error:  # also SystemExit: a thread has nobody to raise it to
            answers.put((ticket, None, error))

    def failed(call: _Call, error: BaseException) -> Generator[tuple[int, Outcome], None, None]:
        """Puts the job off for its next attempt, or decides it where there is none."""
        if call.job not in undecided:
            return
        if call.attempt < retries[call.job] and not isinstance(error, WRONG_CODE):
            wait = pause(keys[call.job], call.attempt + 1, limits.backoff)
            heapq.heappush(waiting, (time.monotonic() + wait, call.job, call.attempt + 1))
        else:
            undecided.discard(call.job)
            yield call.job, Outcome(None, error)

    try:
        while undecided:
            now = time.monotonic()
            stuck[:] = [thread for thread in stuck if thread.is_alive()]
            room = min(limits.workers - len(running), most_stuck - len(stuck))
            while room > 0 and waiting and waiting[0][0] <= now:
                _, job, attempt = heapq.heappop(waiting)
                if job not in undecided:
                    continue
                if not spend():
                    undecided.discard(job)
                    yield job, Outcome(None, BudgetSpent("the budget is spent"))
                    continue
                ticket = next(tickets)
                thread = threading.Thread(target=work, args=(ticket, job), name=f"service call {ticket}", daemon=True)
                running[ticket] = _Call(job, attempt, now + limits.timeout, thread)
                thread.start()
                room -= 1
            if not undecided:
                return
            blocked = (blocked or now) if not running and len(stuck) >= most_stuck else 0.0
            if blocked and now >= blocked + limits.timeout:
                error = TimeoutError(f"{len(stuck)} calls past their time-out of {limits.timeout} s still hold their threads")
                yield from ((job, Outcome(None, error)) for job in sorted(undecided))
                return
            moments = [call.deadline for call in running.values()]
            if blocked:
                moments.append(blocked + limits.timeout)
            elif waiting and len(running) < limits.workers:
                moments.append(waiting[0][0])
            try:
                ticket, value, raised = answers.get(timeout=min(_GLANCE, max(0.0, min(moments) - now)))
            except queue.Empty:
                now = time.monotonic()
                for ticket in [ticket for ticket, call in running.items() if call.deadline <= now]:
                    call = running.pop(ticket)
                    late[ticket] = call.job
                    stuck.append(call.thread)
                    yield from failed(call, TimeoutError(f"no answer within {limits.timeout} s"))
                continue
            ended = running.pop(ticket, None)
            job = late.pop(ticket) if ended is None else ended.job
            if raised is None:
                if job in undecided:
                    undecided.discard(job)
                    yield job, Outcome(value, None)
            elif ended is not None:
                yield from failed(ended, raised)
    finally:
        stuck += [call.thread for call in running.values() if call.thread.is_alive()]
