"""Where a task constrains its answers: which tokens each token was chosen from, as lists of ids, each distinct list kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Allowed", "AllowedLists", "forbid"]


def forbid(logits: Tensor, masks: NDArray[Any]) -> Tensor:
    """Logits (R, V), minus infinity where masks (R, V) are 0.

    Raises:
        ValueError: masks of another shape, or one that allows nothing.
    """
    if masks.shape != tuple(logits.shape):
        raise ValueError(
            f"action masks of shape {masks.shape} for {len(logits)} rows of {logits.shape[1]} actions; one value each is expected"
        )
    wrong = masks == 0
    if wrong.all(axis=1).any():
        raise ValueError(f"the action mask of row {int(wrong.all(axis=1).argmax())} allows nothing; a policy needs one token at least")
    return logits.masked_fill(torch.from_numpy(wrong).to(logits.device), -torch.inf)


@dataclass(frozen=True, eq=False)
class Allowed:
    """For each token the list of ids that it was chosen from. A mask as wide as the vocabulary is made for a chunk of tokens at a time.

    Attributes:
        index: (B, T) int64, or (K,) after :meth:`at`: the number of the list; -1 where every token was allowed.
        ids: (E,) int64, the lists end to end.
        ends: (S + 1,) int64: list ``i`` is ``ids[ends[i]:ends[i + 1]]``.
    """

    index: Tensor
    ids: Tensor
    ends: Tensor

    def of(self, index: Tensor) -> Allowed:
        """The same lists for other tokens, given by the numbers of their lists."""
        return Allowed(index, self.ids, self.ends)

    def at(self, row: Tensor, column: Tensor) -> Allowed:
        """Of the tokens (row, column), each (K,)."""
        return self.of(self.index[row, column])

    def take(self, rows: Tensor, width: int) -> Allowed:
        """Of some rows (R,), cut to ``width`` columns."""
        return self.of(self.index[rows, :width])

    def to(self, device: torch.device) -> Allowed:
        """The same on a device."""
        return Allowed(self.index.to(device), self.ids.to(device), self.ends.to(device))

    def forbidden(self, vocabulary: int) -> Tensor:
        """(K, V) bool of ``index`` (K,): True on the ids that are not in a token's list, False all along where it has none."""
        some = self.index >= 0
        if len(self.ends) == 1:  # there is no list at all
            return torch.zeros(len(some), vocabulary, dtype=torch.bool, device=some.device)
        number = self.index.clamp(min=0)
        begin = self.ends[number]
        count = torch.where(some, self.ends[number + 1] - begin, 0)  # (K,)
        token = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
        place = torch.arange(len(token), device=count.device) - (count.cumsum(0) - count)[token] + begin[token]
        mask = some[:, None].repeat(1, vocabulary)
        mask[token, self.ids[place]] = False
        return mask


class AllowedLists:
    """Collects distinct lists while episodes are played, from the dense masks that an environment gives."""

    def __init__(self) -> None:
        self._number: dict[bytes, int] = {}
        self._lists: list[NDArray[np.int64]] = []

    def add(self, masks: NDArray[Any]) -> NDArray[np.int64]:
        """The numbers (R,) of the lists of masks (R, V), 1 on what is allowed; -1 for a mask that allows everything."""
        bits = np.packbits(masks != 0, axis=1)  # eight to a byte: keys of a large vocabulary stay small
        numbers = np.full(len(masks), -1, dtype=np.int64)
        for row in np.flatnonzero(~(masks != 0).all(axis=1)).tolist():
            key = bits[row].tobytes()
            number = self._number.get(key)
            if number is None:
                number = self._number[key] = len(self._lists)
                self._lists.append(np.flatnonzero(masks[row]))
            numbers[row] = number
        return numbers

    def __len__(self) -> int:
        return len(self._lists)

    def allowed(self, index: Tensor) -> Allowed:
        """The lists so far, for tokens with these numbers."""
        sizes = np.array([0, *map(len, self._lists)], dtype=np.int64)
        ids = np.concatenate([np.empty(0, dtype=np.int64), *self._lists])
        return Allowed(index, torch.from_numpy(ids).to(index.device), torch.from_numpy(sizes.cumsum()).to(index.device))
