"""The optimizer's state shared out among processes (ZeRO stage 1, arXiv:1910.02054).

Every process holds all weights and the whole batch's gradients. Each takes the optimizer's step for its own share of the parameters alone,
and sends the new weights to the others. An optimizer works element by element, so the weights are those that one process would compute,
while AdamW's 8 bytes per trained parameter become 8 / processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from tokengym.agents.parallel import Ranks, buckets

__all__ = ["collect", "owned", "owners", "spread"]


def owners(parameters: Mapping[str, Tensor], count: int) -> dict[str, int]:
    """Name -> the process that steps that parameter: from the largest on, each goes to the process that has the least so far."""
    loads = [0] * count
    found = {}
    for name in sorted(parameters, key=lambda name: -parameters[name].numel()):
        found[name] = loads.index(min(loads))
        loads[found[name]] += parameters[name].numel()
    return found


def owned(parameters: Mapping[str, Tensor], ranks: Ranks) -> dict[str, Tensor]:
    """This process's share of ``parameters``; one that is left without any also steps the smallest, since an optimizer must have one."""
    if ranks.count == 1 or not parameters:
        return dict(parameters)
    owner = owners(parameters, ranks.count)
    mine = {name: x for name, x in parameters.items() if owner[name] == ranks.rank}
    smallest = min(parameters, key=lambda name: parameters[name].numel())
    return mine or {smallest: parameters[smallest]}


@torch.no_grad()
def spread(parameters: Mapping[str, Tensor], ranks: Ranks) -> None:
    """Gives every process the weights that their owners have stepped; all of them must call it.

    Args:
        parameters: all that were shared out when the optimizers were made, on every process the same names and sizes.
    """
    if ranks.count == 1:
        return
    owner = owners(parameters, ranks.count)
    for rank in range(ranks.count):
        for bucket in buckets(x for name, x in parameters.items() if owner[name] == rank):
            flat = ranks.broadcast(torch.cat([x.reshape(-1) for x in bucket]), rank)
            for x, new in zip(bucket, flat.split([x.numel() for x in bucket]), strict=True):
                if rank != ranks.rank:
                    x.copy_(new.view_as(x))


def collect(tensors: Mapping[str, Tensor], ranks: Ranks) -> dict[str, Tensor]:
    """The tensors of all processes on the first one, on the CPU; elsewhere its own. One at a time, so that no device must hold them all.

    Args:
        tensors: by names that are of one process each, or of equal tensors; all processes must call it.
    """
    if ranks.count == 1:
        return dict(tensors)
    whole = {}
    for rank, name, shape, dtype in _catalogue(tensors, ranks):
        x = tensors[name].detach() if rank == ranks.rank else torch.empty(shape, dtype=dtype)
        x = ranks.broadcast(x, rank)
        if ranks.main:
            whole[name] = x.cpu()
    return whole if ranks.main else dict(tensors)


def _catalogue(tensors: Mapping[str, Tensor], ranks: Ranks) -> Iterator[tuple[int, str, torch.Size, torch.dtype]]:
    known: set[str] = set()
    for rank, part in enumerate(ranks.gather([(name, x.shape, x.dtype) for name, x in tensors.items()])):
        for name, shape, dtype in part:
            if name not in known:
                known.add(name)
                yield rank, name, shape, dtype
