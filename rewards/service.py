"""Rewards by something slow or remote: a judge, a preference model behind a server, a person."""

from __future__ import annotations

import inspect
import math
import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.calls import WRONG_CODE, BudgetSpent, Limits, run_calls
from tokengym.rewards.score_cache import ScoreCache, content_key
from tokengym.rewards.written import UNWRITABLE, arguments_of, literal

__all__ = ["Service"]

_HOPELESS = 16  # calls that fail for an error of the program, before any has succeeded, until the rest is not tried
_FLUSH = 0.5  # seconds between writes to the cache: a killed process loses at most so much


class Service(BaseReward):
    """A function of one sample, or of a few, behind the protocol of rewards: in threads, with time-outs, retries, a cache and a budget.

    Equal samples of a batch are asked once. A sample that gets no answer (the function raised, took too long, gave a number outside the
    range, or the budget is spent) is not valid: the others keep their scores, one warning tells of the first, ``usage`` counts the
    rest. None or NaN is an answer: "this cannot be scored". Only where the first calls (up to 16) all fail for an error of the
    program (TypeError, NameError, ...), that error is raised: waiting will not mend it.

    A function::

        def ask(sample: Sample) -> float: ...
        judge = Service(ask, name="judge", version="prompt 3, llama-70b", cache="judge.sqlite", limits=Limits(workers=16, budget=50_000))
        gymnasium.make("TextSumm-v0", reward=0.5 * judge + RougeL())        # on the command line: my_module:judge

    or a class, whose arguments then stand in specifications and in the cache's keys (``my_module:Judge(model='llama-70b')``)::

        class Judge(Service):
            def __init__(self, model: str = "llama-70b") -> None:
                super().__init__(name="judge", cache="judge.sqlite")
                self.model = model

            def ask(self, sample: Sample) -> float: ...

    Range, direction and needs are what the constructor is told; by default 0 to 1, higher is better, needs nothing. Not deterministic
    unless the function is, or everything stands in the cache.

    Args:
        function: takes one sample and returns one number, or, with ``batch_size``, takes a list of samples and returns one number for
            each. It is called in threads. A subclass writes :meth:`ask` (or :meth:`ask_all`) instead.
        name: how tables, components and the cache call it.
        version: of the judge, its model and its prompt; another version asks anew where the cache holds answers.
        batch_size: most samples in one call; None: the function takes one sample. A call of several that fails is tried again in halves,
            so that one bad sample does not take the others along (not after a time-out or an OSError, which are the server's).
        range: lowest and highest possible score; an answer outside counts as failed.
        higher_is_better: False for an error rate or a distance.
        needs: what a sample must carry, for people to read.
        limits: workers, timeout, retries, backoff and budget.
        cache: a file for answers, made if absent and shared by processes and services; None: nothing is kept.
    Raises:
        TypeError: ``function`` cannot be called, or is a coroutine function.
        ValueError: the name is empty, the range is none, or ``batch_size`` is below 1.
    """

    cost = "remote"

    def __init__(
        self,
        function: Callable[[Any], Any] | None = None,
        *,
        name: str,
        version: str = "1",
        batch_size: int | None = None,
        range: tuple[float, float] = (0.0, 1.0),
        higher_is_better: bool = True,
        needs: str = "",
        limits: Limits | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        if function is not None and not callable(function):
            raise TypeError(f"function={function!r} cannot be called; expected a function of one sample, or of a list with batch_size=...")
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"function={function.__name__!r} is a coroutine function; wrap it: lambda sample: asyncio.run(ask(sample))")
        if not name:
            raise ValueError("name='' names no service; the cache and the tables need one")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}; expected at least 1 sample for a call, or None for a function of one sample")
        low, high = float(range[0]), float(range[1])
        if not low < high:
            raise ValueError(f"range={range!r}; expected the lowest and the highest score")
        self.function = function
        self.name = name
        self.version = version
        self.batch_size = batch_size
        self.range = (low, high)
        self.higher_is_better = higher_is_better
        self.needs = needs
        self.limits = limits or Limits()
        self.cache = None if cache is None else ScoreCache(cache)
        self.usage: Counter[str] = Counter()
        """So far: "calls" made (retries included), and samples, equal ones of a batch once: "cached", "answered", "failed"."""
        self._lock = threading.Lock()
        self._stuck: list[threading.Thread] = []
        self._told: set[str] = set()

    def ask(self, sample: Sample) -> Any:
        """The answer for one sample: a number in the range, or None where it cannot be scored."""
        if self.function is None:
            raise NotImplementedError(f"{type(self).__name__} must define ask(sample), or be given a function")
        return self.function(sample)

    def ask_all(self, samples: list[Sample]) -> Any:
        """One answer for each of at most ``batch_size`` samples, in one call."""
        if self.function is None:
            raise NotImplementedError(f"{type(self).__name__} must define ask_all(samples), or be given a function")
        return self.function(samples)

    @property
    def spec(self) -> str:
        if self._ready or type(self) is not Service:
            return super().spec
        return f"{self.name}(version={literal(self.version)}, function={UNWRITABLE})"

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) answers, NaN where there is none.

        Raises:
            RuntimeError: the first calls all failed for an error of the program, or the cache cannot be read.
            TypeError: a sample's meta holds what JSON does not know.
        """
        own = arguments_of(self) if type(self) is not Service else ""
        service = "\n".join((self.name, self.version, own))
        keys = [content_key(service, sample) for sample in batch]
        samples = dict(zip(keys, batch, strict=True))  # each content once
        known = self.cache.read(samples) if self.cache is not None else {}
        self._count(cached=len(known))
        asked = [key for key in samples if key not in known]
        if asked:
            known |= self._ask_for(asked, samples)
        return np.array([known.get(key, math.nan) for key in keys], dtype=np.float64)

    def _ask_for(self, asked: list[str], samples: dict[str, Sample]) -> dict[str, float]:
        """Key -> answer, of those that got one; NaN is an answer."""
        size = self.batch_size or 1
        jobs = [asked[start : start + size] for start in range(0, len(asked), size)]
        again = [self.limits.retries] * len(jobs)
        found: dict[str, float] = {}
        errors: dict[str, BaseException] = {}
        unwritten: dict[str, float] = {}
        written = time.monotonic()
        try:
            while jobs:
                failed: list[list[str]] = []
                wrong = 0  # calls that failed for an error of the program
                calls = run_calls(
                    lambda job, jobs=jobs: self._answers([samples[key] for key in jobs[job]]),  # type: ignore[misc]
                    [job[0] for job in jobs],
                    self.limits,
                    again,
                    self._spend,
                    self._stuck,
                )
                with closing(calls):
                    for number, (answers, error) in calls:
                        job = jobs[number]
                        if error is None:
                            found.update(zip(job, answers, strict=True))
                            unwritten.update(zip(job, answers, strict=True))
                            if time.monotonic() - written >= _FLUSH:
                                self._keep(unwritten)
                                unwritten, written = {}, time.monotonic()
                            continue
                        errors.update(dict.fromkeys(job, error))
                        wrong += isinstance(error, WRONG_CODE)
                        if not found and not self.usage["answered"] and wrong == min(len(jobs), _HOPELESS):
                            raise RuntimeError(f"each call of service {self.name!r} failed with {type(error).__name__}: {error}") from error
                        if len(job) > 1 and not isinstance(error, BudgetSpent | OSError):
                            failed.append(job)
                jobs = [half for job in failed for half in (job[: len(job) // 2], job[len(job) // 2 :])]
                again = [self.limits.retries if len(job) == 1 else 0 for job in jobs]
        finally:
            self._keep(unwritten)
        self._report(found, {key: error for key, error in errors.items() if key not in found})
        return found

    def _answers(self, samples: list[Sample]) -> list[float]:
        """The answers of one call, as floats; runs in a thread."""
        if self.batch_size is None:
            return [self._number(self.ask(samples[0]))]
        answers = list(self.ask_all(samples))
        if len(answers) != len(samples):
            raise TypeError(f"service {self.name!r} gave {len(answers)} answers for {len(samples)} samples")
        return [self._number(answer) for answer in answers]

    def _number(self, answer: Any) -> float:
        if answer is None:
            return math.nan
        if isinstance(answer, str) or not hasattr(answer, "__float__"):
            raise TypeError(f"service {self.name!r} answered {answer!r}; expected a number, or None where a sample cannot be scored")
        value = float(answer)
        low, high = self.range
        if not math.isnan(value) and not low <= value <= high:
            raise ValueError(f"service {self.name!r} answered {value}, which lies outside its range of {low} to {high}")
        return value

    def _spend(self) -> bool:
        with self._lock:
            if self.limits.budget is not None and self.usage["calls"] >= self.limits.budget:
                return False
            self.usage["calls"] += 1
            return True

    def _count(self, **more: int) -> None:
        with self._lock:
            self.usage.update(more)

    def _keep(self, scores: dict[str, float]) -> None:
        if self.cache is None or not scores:
            return
        try:
            self.cache.write(scores, f"{self.name} {self.version}")
        except RuntimeError as error:
            self._tell("cache", f"service {self.name!r} goes on without writing its answers down: {error}")

    def _report(self, found: dict[str, float], errors: dict[str, BaseException]) -> None:
        self._count(answered=len(found), failed=len(errors))
        failures = [error for error in errors.values() if not isinstance(error, BudgetSpent)]
        if failures:
            first = failures[0]
            self._tell(
                "failure",
                f"service {self.name!r}: {len(failures)} of {len(found) + len(errors)} samples got no answer and are not valid, the first "
                f"for {type(first).__name__}: {first}. Later ones are counted in its .usage and not told",
            )
        if len(failures) < len(errors):
            self._tell(
                "budget",
                f"service {self.name!r} has spent its budget of {self.limits.budget} calls; "
                f"{len(errors) - len(failures)} samples of this batch and all later ones that the cache does not hold are not valid",
            )

    def _tell(self, kind: str, text: str) -> None:
        with self._lock:
            if kind in self._told:
                return
            self._told.add(kind)
        warnings.warn(text, RuntimeWarning, stacklevel=2)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_lock", "_stuck")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _stuck=[])
