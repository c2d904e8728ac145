"""A memory of whole episodes, from which an agent learns again; the oldest leave first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tokengym.agents.allowed import Allowed

__all__ = ["Replay"]

_EVERY = -1  # the number of a token that was chosen from all, as in Allowed


class _Episode(NamedTuple):
    """``columns`` (T,) by name; ``lists`` of ids, which the column "allowed" numbers, empty where nothing was constrained."""

    columns: dict[str, Tensor]
    lists: list[Tensor]


class Replay:
    """Episodes as unpadded rows of tensors on the CPU.

    Args:
        capacity: episodes that are kept; at least 1.
    Raises:
        ValueError: a capacity below 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity} episodes; a replay memory needs room for at least 1")
        self.capacity = capacity
        self._episodes: list[_Episode] = []
        self._next = 0  # the place of the next episode, once all are taken: the oldest one's

    def __len__(self) -> int:
        return len(self._episodes)

    def add(self, batch: Mapping[str, Any], lengths: Tensor) -> None:
        """Remembers the rows of right-padded columns (B, T), each as long as ``lengths`` (B,) says; one may be an ``Allowed``."""
        there = {name: x.to(torch.device("cpu")) if isinstance(x, Allowed) else x.detach().cpu() for name, x in batch.items()}
        for row, length in enumerate(lengths.tolist()):
            columns, lists = dict[str, Tensor](), list[Tensor]()
            for name, x in there.items():
                if isinstance(x, Allowed):
                    columns[name], lists = _own_lists(x, row, length)
                else:
                    columns[name] = x[row, :length].clone()
            if len(self._episodes) < self.capacity:
                self._episodes.append(_Episode(columns, lists))
            else:
                self._episodes[self._next] = _Episode(columns, lists)
                self._next = (self._next + 1) % self.capacity

    def sample(self, episodes: int, generator: torch.Generator, device: torch.device | str = "cpu") -> dict[str, Any]:
        """So many episodes, each at most once and all equally likely; fewer where fewer are there.

        Returns:
            the columns (B, T), right-padded with 0, ``lengths`` (B,), and an ``Allowed`` where one was added, all on ``device``.
        Raises:
            ValueError: nothing was remembered yet.
        """
        if not self._episodes:
            raise ValueError("the replay memory is empty; add() episodes first")
        chosen = [self._episodes[i] for i in torch.randperm(len(self._episodes), generator=generator)[:episodes].tolist()]
        batch: dict[str, Any] = {"lengths": torch.tensor([_length(episode) for episode in chosen], device=device)}
        for name in _names(chosen):
            rows = [_column(episode, name) for episode in chosen]
            batch[name] = _allowed(rows, [episode.lists for episode in chosen]) if name == "allowed" else pad_sequence(rows, True)
            batch[name] = batch[name].to(torch.device(device))
        return batch

    def tensors(self) -> dict[str, Tensor]:
        """Everything as flat tensors, for a checkpoint; none where nothing was remembered."""
        if not self._episodes:
            return {}
        lists = [ids for episode in self._episodes for ids in episode.lists]
        return {
            **{f"column/{name}": torch.cat([_column(episode, name) for episode in self._episodes]) for name in _names(self._episodes)},
            "lengths": torch.tensor([_length(episode) for episode in self._episodes]),
            "lists": torch.cat([torch.empty(0, dtype=torch.int64), *lists]),
            "list_lengths": torch.tensor([len(ids) for ids in lists], dtype=torch.int64),
            "list_counts": torch.tensor([len(episode.lists) for episode in self._episodes]),
            "next": torch.tensor(self._next),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what :meth:`tensors` gave.

        Raises:
            ValueError: there are more episodes than this memory holds.
        """
        self._episodes, self._next = [], 0
        if not tensors:
            return
        lengths = tensors["lengths"].tolist()
        if len(lengths) > self.capacity:
            raise ValueError(f"{len(lengths)} episodes were saved, and this memory holds capacity={self.capacity}")
        columns = {name.removeprefix("column/"): x.split(lengths) for name, x in tensors.items() if name.startswith("column/")}
        lists = iter(tensors["lists"].split(tensors["list_lengths"].tolist()))
        for row, count in enumerate(tensors["list_counts"].tolist()):
            own = {name: column[row].clone() for name, column in columns.items()}
            self._episodes.append(_Episode(own, [next(lists).clone() for _ in range(count)]))
        self._next = int(tensors["next"])


def _length(episode: _Episode) -> int:
    return len(next(iter(episode.columns.values())))


def _names(episodes: Sequence[_Episode]) -> list[str]:
    return list(dict.fromkeys(name for episode in episodes for name in episode.columns))


def _column(episode: _Episode, name: str) -> Tensor:
    """One column (T,); an episode that nothing constrained may come without the one of lists."""
    if name == "allowed" and name not in episode.columns:
        return torch.full((_length(episode),), _EVERY)
    return episode.columns[name]


def _own_lists(allowed: Allowed, row: int, length: int) -> tuple[Tensor, list[Tensor]]:
    """The numbers (T,) of one episode's lists, counted from 0 in this episode, and the lists."""
    index = allowed.index[row, :length]
    used = index[index >= 0].unique()  # ascending
    own = torch.where(index >= 0, torch.searchsorted(used, index), _EVERY)
    ends = allowed.ends.tolist()
    return own, [allowed.ids[ends[number] : ends[number + 1]].clone() for number in used.tolist()]


def _allowed(rows: list[Tensor], lists: list[list[Tensor]]) -> Allowed:
    """The lists of several episodes, end to end."""
    counts = [len(own) for own in lists]
    before = [sum(counts[:place]) for place in range(len(counts))]
    index = [torch.where(row >= 0, row + first, _EVERY) for row, first in zip(rows, before, strict=True)]
    flat = [ids for own in lists for ids in own]
    ends = torch.tensor([0, *(len(ids) for ids in flat)]).cumsum(0)
    padded = pad_sequence(index, True, padding_value=_EVERY)
    return Allowed(padded, torch.cat([torch.empty(0, dtype=torch.int64), *flat]), ends)
