"""Training on several processes through Accelerate: each plays and learns its share, and all of them hold the same weights throughout.

Every process knows every episode: each plays its own prompts of a collection (a stretch of the one order), the episodes are then put
together, and baselines, whitening, divisors and minibatches are computed of the whole on every process. Only forward and backward
passes are split, by micro-batch; their gradients are summed once per optimizer step. So the number of processes changes no result
beyond rounding, and groups, statistics and divisors are global without further ado.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import gymnasium
import torch
from torch import Tensor

from tokengym.agents.allowed import Allowed
from tokengym.agents.rollout import Rollout

__all__ = ["Ranks", "Shard", "buckets", "join"]

_COLUMNS = ("input_ids", "attention_mask", "completion_mask", "logp", "values", "rewards")  # of a Rollout
_BUCKET = 1 << 26  # numbers of one message between processes: 256 MiB of float32

T = TypeVar("T")


class Ranks:
    """The processes that train together, and this one's place among them; one alone pays nothing for it.

    Attributes:
        rank: of this process, from 0.
        count: of processes.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    @classmethod
    def here(cls) -> Ranks:
        """Those that ``accelerate launch`` (or torchrun) started; waits until all of them have called it."""
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available())
        return cls(int(state.process_index), int(state.num_processes))

    @property
    def main(self) -> bool:
        """Whether this is the process that prints, logs and saves."""
        return self.rank == 0

    def mine(self, cuts: Sequence[T]) -> Sequence[T]:
        """The micro-batches that this process computes; see ``parts`` of :func:`~tokengym.agents.batches.micro_batches`."""
        return cuts if self.count == 1 else cuts[self.rank :: self.count]

    def total(self, x: Tensor) -> Tensor:
        """The sum over all processes of a tensor of one shape; the tensor itself where there is one."""
        if self.count == 1:
            return x
        from accelerate import PartialState
        from accelerate.utils import reduce

        summed: Tensor = reduce(x.to(PartialState().device), reduction="sum")
        return summed.to(x.device)

    def gather(self, thing: T) -> list[T]:
        """One thing of each process (tensors on the CPU, JSON-like values), by rank."""
        if self.count == 1:
            return [thing]
        from accelerate.utils import gather_object

        gathered: list[T] = gather_object([thing])
        return gathered

    def table(self, rows: Sequence[Tensor]) -> Tensor:
        """Figures of each micro-batch, (columns,) tensors, as one (micro-batches, columns) tensor on the CPU; those of all processes."""
        if self.count == 1:
            return torch.stack(list(rows)).cpu()
        return torch.stack([row for part in self.gather([row.cpu() for row in rows]) for row in part])

    def any(self, *flags: bool) -> list[bool]:
        """For each flag whether it is set on any process, so that all of them decide alike."""
        if self.count == 1:
            return list(flags)
        return [count > 0 for count in self.total(torch.tensor(flags, dtype=torch.int64)).tolist()]

    def wait(self) -> None:
        """Returns when all processes have come here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def broadcast(self, x: Tensor, rank: int) -> Tensor:
        """The tensor of process ``rank``; the others give one of its shape and type, which may be written to."""
        from accelerate import PartialState
        from accelerate.utils import broadcast

        sent: Tensor = broadcast(x.to(PartialState().device).contiguous(), from_process=rank)
        return sent

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replaces each ``.grad`` by its sum over all processes; a parameter without one anywhere keeps none.

        Losses are divided by what the whole batch counts, so that the sum, and not the mean, is the gradient of the whole batch.
        """
        if self.count == 1:
            return
        for bucket in buckets(parameters):
            self._add(bucket)

    def _add(self, parameters: Sequence[Tensor]) -> None:
        device, dtype = parameters[0].device, torch.promote_types(torch.float32, parameters[0].dtype)
        parts = [torch.zeros_like(x, dtype=dtype) if x.grad is None else x.grad.to(dtype) for x in parameters]
        there = torch.tensor([x.grad is not None for x in parameters], dtype=dtype, device=device)
        flat = self.total(torch.cat([*(part.reshape(-1).to(device) for part in parts), there]))
        summed = flat[: -len(parameters)].split([x.numel() for x in parameters])
        for parameter, part, count in zip(parameters, summed, flat[-len(parameters) :].tolist(), strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.device, parameter.dtype) if count else None


def buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours together, as many as one message between processes takes."""
    bucket: list[Tensor] = []
    for x in tensors:
        if bucket and sum(y.numel() for y in bucket) + x.numel() > _BUCKET:
            yield bucket
            bucket = []
        bucket.append(x)
    if bucket:
        yield bucket


class Shard(gymnasium.vector.VectorWrapper):
    """This process's share of a vector env: of each collection of ``reset(options={"episodes": n})`` a stretch of whole groups.

    The main process plays the last stretch, so that its place in the order, which checkpoints keep, is where the next collection
    begins.

    Args:
        venv: with ``deal="shared"`` and the reset options ``episodes`` and ``first``.
        ranks: more than one process.
        group_size: episodes of one prompt, never parted.
    """

    def __init__(self, venv: Any, ranks: Ranks, group_size: int = 1) -> None:
        super().__init__(venv)
        self._ranks, self._group = ranks, group_size
        self._place: int | None = None  # where the next collection begins; None: the order knows, and is asked

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        options = dict(options or {})
        if "episodes" not in options:
            return self.env.reset(seed=seed, options=options)
        groups, count = int(options["episodes"]) // self._group, self._ranks.count
        if groups < count:
            raise ValueError(
                f"{options['episodes']} episodes in groups of {self._group} are {groups} prompts, fewer than the {count} processes; "
                "collect more episodes at a time, or start fewer processes"
            )
        if "first" in options:
            self._place = int(options["first"])
        elif seed is not None:
            self._place = 0
        elif self._place is None:
            self._place = int(self.env.reset(options={"episodes": 1})[1]["deal_index"].max())
        part = (self._ranks.rank - 1) % count  # 0 begins, and rank 0 comes last
        first, last = groups * part // count * self._group, groups * (part + 1) // count * self._group
        stretch = {"episodes": last - first, "first": self._place + first}
        self._place += groups * self._group
        return self.env.reset(seed=seed, options={**options, **stretch})


def join(rollout: Rollout, ranks: Ranks) -> Rollout:
    """The episodes of all processes' shares as one collection, in the order in which they were dealt."""
    if ranks.count == 1:
        return rollout
    device = rollout.input_ids.device
    parts = ranks.gather(_moved(rollout, torch.device("cpu")))
    parts = [*parts[1:], parts[0]]  # as Shard deals them
    width = max(part.input_ids.shape[1] for part in parts)
    columns: dict[str, Any] = {name: torch.cat([_widened(getattr(part, name), width, 0) for part in parts]) for name in _COLUMNS}
    infos = [info for part in parts for info in part.infos]
    return _moved(replace(rollout, **columns, infos=infos, allowed=_join_allowed(parts, width)), device)


def _moved(rollout: Rollout, device: torch.device) -> Rollout:
    columns: dict[str, Any] = {name: getattr(rollout, name).to(device) for name in _COLUMNS}
    return replace(rollout, **columns, allowed=None if rollout.allowed is None else rollout.allowed.to(device))


def _widened(x: Tensor, width: int, filling: int) -> Tensor:
    return torch.nn.functional.pad(x, (0, width - x.shape[1]), value=filling)


def _join_allowed(parts: Sequence[Rollout], width: int) -> Allowed | None:
    """One set of lists from those of several shares, numbered on."""
    if all(part.allowed is None for part in parts):
        return None
    index, ids, ends = [], [], [torch.zeros(1, dtype=torch.int64)]
    for part in parts:
        allowed = part.allowed
        if allowed is None:
            index.append(torch.full((len(part.infos), width), -1))
            continue
        lists = sum(len(x) for x in ends) - 1
        index.append(_widened(torch.where(allowed.index >= 0, allowed.index + lists, -1), width, -1))
        ends.append(allowed.ends[1:] + ends[-1][-1])
        ids.append(allowed.ids)
    return Allowed(torch.cat(index), torch.cat(ids), torch.cat(ends))
