"""Spreads cells over processes of one thread each (on two cores, two of them beat one process of two threads)."""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple

from tokengym.benchmarks.cells import Cell, run_cell

__all__ = ["Message", "run_here", "run_in_processes"]

# Read when a process first loads its numerical libraries. oneDNN keeps a compiled product for every shape it meets, 1,024 of them
# by default; batches of all lengths make that half a gigabyte, which would be counted as some agent's memory.
_SETTINGS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32"}


class Message(NamedTuple):
    """What a worker says: ``kind`` is "progress" (value: (share, reward)), "record" (value: the record), "crash" (value: traceback)."""

    kind: str
    worker: int
    env: str
    seed: int
    agent: str
    value: Any


def run_here(cells: Sequence[Cell]) -> Generator[Message, None, None]:
    """Runs the cells in this process, one after the other."""
    for cell in cells:
        # Progress inside an agent cannot be handed out of a generator that is at work; a record per agent has to do.
        for record in run_cell(cell):
            yield Message("record", 0, cell.arena.env, cell.seed, record["agent"]["name"], record)


def _work(worker: int, cells: Any, messages: Any) -> None:
    """A worker process: takes cells until there are none."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C is the parent's to handle
    import torch

    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    while True:
        cell = cells.get()
        if cell is None:
            return
        said = 0.0

        def report(agent: str, share: float, reward: float | None, cell: Cell = cell) -> None:
            nonlocal said
            if parent is not None and not parent.is_alive():
                raise SystemExit(1)
            if share == 0 or time.monotonic() - said > 0.5:
                said = time.monotonic()
                messages.put(Message("progress", worker, cell.arena.env, cell.seed, agent, (share, reward)))

        try:
            for record in run_cell(cell, report):
                messages.put(Message("record", worker, cell.arena.env, cell.seed, record["agent"]["name"], record))
        except Exception:
            messages.put(Message("crash", worker, cell.arena.env, cell.seed, "", traceback.format_exc()))


def run_in_processes(cells: Sequence[Cell], workers: int) -> Generator[Message, None, None]:
    """Runs the cells in ``workers`` processes; yields what they say, in the order in which it arrives.

    Closing the generator (an exception in the loop over it, Ctrl-C) ends the processes.

    Raises:
        RuntimeError: a process died (killed, out of memory) or its cell could not start.
    """
    context = multiprocessing.get_context("spawn")
    todo: Any = context.Queue()
    messages: Any = context.Queue()
    for cell in [*cells, *[None] * workers]:
        todo.put(cell)
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    processes = [context.Process(target=_work, args=(i, todo, messages), daemon=True) for i in range(workers)]
    try:
        for process in processes:
            process.start()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        yield from _listen(processes, messages)
    finally:
        for process in processes:
            if process.pid is not None:
                process.terminate()
                process.join(timeout=5)
        todo.cancel_join_thread()
        todo.close()
        messages.close()


def _listen(processes: Sequence[Any], messages: Any) -> Iterator[Message]:
    while True:
        alive = any(process.is_alive() for process in processes)
        try:
            message: Message = messages.get(timeout=0.2)
        except queue.Empty:
            dead = [p for p in processes if p.exitcode not in (None, 0)]
            if dead:
                raise RuntimeError(
                    f"a worker process ended with exit code {dead[0].exitcode} (out of memory, or killed); what is done is kept, "
                    "go on with --resume, and with --workers 1 where memory is short"
                ) from None
            if not alive:
                return
            continue
        if message.kind == "crash":
            raise RuntimeError(f"{message.env}, seed {message.seed} could not run:\n{message.value}")
        yield message
