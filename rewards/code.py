"""Code: the share of unit tests that a program passes, run in a sandbox."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.sandbox import Limits, Tests, run_many

__all__ = ["UnitTests", "extract_code"]

_FENCE = "```"


class UnitTests(BaseReward):
    """Share of the tests in ``meta["tests"]`` that the response, a Python program, passes; each program runs in a sandbox of its own.

    The response may hold its program in a fenced block: the last one counts. ``run_tests`` in ``sandbox.py`` gives the verdict
    (passed, failed, error or timeout) on one program, and says what the sandbox protects against and what not. Tests that pass before
    the time runs out count. Programs of a batch run side by side, one per processor, and a program's time is measured as processor time,
    so a busy machine does not change its score unless it is slowed down more than ``wall_s`` allows.

    Range 0 to 1, higher is better, needs meta["tests"] (one text of Python statements, or a sequence of them). Source: pass rate as in
    APPS (arXiv:2105.09938, section 4); all or nothing is its strict accuracy, and pass@1 of HumanEval (arXiv:2107.03374).

    Args:
        all_or_nothing: 1.0 where all tests pass, else 0.0.
        cpu_s: seconds of processor time for one program, whole ones.
        wall_s: seconds on the clock for one program.
        memory_mb: mebibytes of address space for one program.
        workers: programs at a time; 0 for one per processor.
        unconfined: run also where the machine cannot confine the program; at your own risk.
    Raises:
        SandboxUnavailable: when scoring on a machine that cannot confine a program, and ``unconfined`` is False.
        ValueError: a limit is not above 0, or tests are not Python.
    """

    name = "unit_tests"
    needs = "meta['tests']"
    cost = "process"

    def __init__(
        self,
        all_or_nothing: bool = False,
        cpu_s: int = 4,
        wall_s: float = 10.0,
        memory_mb: int = 512,
        workers: int = 0,
        unconfined: bool = False,
    ) -> None:
        if workers < 0:
            raise ValueError(f"workers={workers}: expected a number of processes, or 0 for one per processor")
        self.all_or_nothing = all_or_nothing
        self.cpu_s = cpu_s
        self.wall_s = wall_s
        self.memory_mb = memory_mb
        self.workers = workers
        self.unconfined = unconfined
        self._limits = Limits(cpu_s=cpu_s, wall_s=wall_s, memory_bytes=memory_mb * 2**20)

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) shares, NaN where a sample has no tests.

        Raises:
            TypeError: ``meta["tests"]`` is neither a text nor a sequence of texts.
            ValueError: they are not Python, or none of them could fail.
        """
        rows = [row for row, sample in enumerate(batch) if sample.meta.get("tests")]
        jobs = [(extract_code(batch[row].response), _checked(batch[row].meta["tests"])) for row in rows]
        scores = np.full(len(batch), math.nan)  # (B,)
        for row, verdict in zip(rows, run_many(jobs, self._limits, workers=self.workers, unconfined=self.unconfined), strict=True):
            share = verdict.passed / verdict.total
            scores[row] = float(share == 1.0) if self.all_or_nothing else share
        return scores


def _checked(tests: Any) -> Tests:
    if isinstance(tests, str) or (isinstance(tests, Sequence) and all(isinstance(test, str) for test in tests)):
        return tests
    raise TypeError(f"meta['tests']={tests!r}; expected one text of Python statements, or a sequence of such texts")


def extract_code(response: str) -> str:
    """The program in a response: its last fenced block, up to the end where the fence is not closed, or the whole text.

    A block that stands to the right as a whole, as in a list, is moved to the margin: its lines lose the white space with which all of
    them begin, but no more than stands before the fence.
    """
    lines = response.splitlines(keepends=True)
    fences = [at for at, line in enumerate(lines) if line.lstrip().startswith(_FENCE)]
    if not fences:
        return response
    opening = fences[-1] if len(fences) % 2 else fences[-2]
    closing = fences[-1] if len(fences) % 2 == 0 else len(lines)
    inside = lines[opening + 1 : closing]
    common = os.path.commonprefix([_indent(line) for line in inside if line.strip()])
    margin = min(len(common), len(_indent(lines[opening])))
    return "".join([line[margin:] if line.strip() else line for line in inside])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
