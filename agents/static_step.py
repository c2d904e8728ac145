"""Decoding steps and prefills whose shapes repeat, so that CUDA can record their kernels once: their launches cost more than they."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokengym.agents.backbone import Backbone
from tokengym.agents.graphs import Step
from tokengym.agents.slots import SlotCache, store_fresh, store_grown

__all__ = ["StaticGrowth", "StaticPrefill", "StaticStep", "decode", "whole_widths"]

_WIDTH = 64  # attention runs over a multiple of so many tokens
_ROWS = (1, 4, 16)  # that are prefilled at once, besides as many as there is room for

Record = Callable[[Step], Step]
Ints = NDArray[np.integer[Any]]


def whole_widths(tokens: int) -> int:
    """``tokens``, rounded up to what attention runs over."""
    return -(-tokens // _WIDTH) * _WIDTH


def _rows(count: int, most: int) -> int:
    """``count`` rows, rounded up to one of few numbers, ``most`` at most."""
    return min(many for many in (*_ROWS, most) if many >= count)


def decode(backbone: Backbone, cache: SlotCache, tokens: Tensor, position: Tensor, column: Tensor, width: int) -> Tensor:
    """Hidden states (R, H) of one token for each of the first R slots of a cache.

    Args:
        backbone: the model.
        cache: where it is stored.
        tokens, position: (R,) the tokens and where they stand.
        column: (S,) where the first S slots store them; the others, which are there for rounding's sake, store nothing.
        width: tokens attended to.
    """
    cache.plan.step(column, len(tokens), width)
    distance = (position[:, None] - torch.arange(width, device=position.device))[:, None]  # (R, 1, W)
    mask = backbone.additive(distance >= 0, distance, backbone.dtype)
    return backbone.hidden(tokens[:, None], mask, position[:, None], cache)[:, 0]


class _Recorded:
    """What is done in few different shapes, each recorded when it first comes."""

    what: ClassVar[str]

    def __init__(self, backbone: Backbone, cache: SlotCache, record: Record | None) -> None:
        self.backbone = backbone
        self._cache, self._record = cache, record
        self._device = next(backbone.trunk.parameters()).device
        self._steps: dict[tuple[int, ...], Step] = {}  # by rows and widths

    def _take(self, shape: tuple[int, ...], step: Step) -> Tensor:
        taken = self._steps.get(shape)
        if taken is None:
            taken = self._steps[shape] = self._recorded(step)
        return taken()

    def _recorded(self, step: Step) -> Step:
        if self._record is None:
            return step
        try:
            return self._record(step)
        except RuntimeError as error:
            model = type(self.backbone.model).__name__
            warnings.warn(f"{self.what} of {model} run unrecorded, which is slower: {error}", stacklevel=2)
            self._record = None
            return step


class StaticStep(_Recorded):
    """One token for each of the first R slots of a cache, R and the attended width rounded up to few different numbers.

    Everything that changes between steps lies in one tensor of inputs, which each call overwrites in place. Slots that are computed
    for rounding's sake write to the cache's last column, which nobody looks at.

    Args:
        backbone: the model.
        cache: of at least ``slots`` slots.
        slots: that rows live in.
        columns: of the cache, more than a row has tokens: :func:`whole_widths` of them.
        record: turns a step into one that is faster and does the same on the same tensors; None: steps are taken as they are.
    """

    what = "decoding steps"

    def __init__(self, backbone: Backbone, cache: SlotCache, slots: int, columns: int, record: Record | None) -> None:
        super().__init__(backbone, cache, record)
        self._slots, self._columns = slots, columns
        self._inputs = torch.zeros(3, slots, dtype=torch.int64, device=self._device)  # token, its position, the column where it is stored

    def __call__(self, tokens: Ints, last: Ints) -> Tensor:
        """Hidden states (R, H) of tokens (R,) at positions ``last`` (R,) of slots 0 .. R - 1; overwritten by whatever is taken next."""
        count = len(tokens)
        rows = self._slots if 4 * count > self._slots else max(1, self._slots // 4)
        width = whole_widths(int(last.max()) + 1)
        given = np.zeros((3, self._slots), dtype=np.int64)
        given[2] = self._columns - 1
        given[:, :count] = tokens, last, last
        self._inputs.copy_(torch.from_numpy(given))

        def step() -> Tensor:
            tokens, position, column = self._inputs[:, :rows]
            return decode(self.backbone, self._cache, tokens, position, column, width)

        return self._take((rows, width), step)[:count]


class StaticPrefill(_Recorded):
    """Stores fresh prompts, their number and length rounded up to few different numbers.

    Prompts that are computed for rounding's sake are written to a slot of their own, behind all others, and what is computed behind a
    prompt's end to columns that its row writes again before it looks at them: nobody reads either.

    Args:
        backbone: the model.
        cache: of ``slots`` slots and a spare one.
        slots: that rows live in.
        width: tokens of a row.
        most: tokens that go through the model at once.
        record: as of :class:`StaticStep`.
    """

    what = "prefills"

    def __init__(self, backbone: Backbone, cache: SlotCache, slots: int, width: int, most: int, record: Record | None) -> None:
        super().__init__(backbone, cache, record)
        self._slots, self._width, self._most = slots, width, most
        self._inputs = torch.zeros(slots * (1 + width), dtype=torch.int64, device=self._device)  # slots, then tokens

    def rows(self, length: int) -> int:
        """Prompts of up to ``length`` tokens that can be given at once."""
        return max(1, min(self._slots, self._most // self._length(length)))

    def _length(self, length: int) -> int:
        return min(self._width, whole_widths(length))

    def __call__(self, ids: Ints, slots: Ints) -> None:
        """Stores prompts (R, P), right-padded, in slots (R,)."""
        count, longest = ids.shape
        length = self._length(longest)
        rows = _rows(count, self.rows(longest))
        given = np.zeros(rows * (1 + length), dtype=np.int64)
        given[:rows] = self._slots
        given[:count] = slots
        given[rows:].reshape(rows, length)[:count, :longest] = ids
        inputs = self._inputs[: len(given)]
        inputs.copy_(torch.from_numpy(given))

        def step() -> Tensor:
            store_fresh(self.backbone, self._cache, inputs[rows:].view(rows, length), inputs[:rows])
            return inputs

        self._take((rows, length), step)


class StaticGrowth(_Recorded):
    """Stores what rows grew by, rows and tokens and the attended width rounded up to few different numbers.

    What is computed for rounding's sake is written to the cache's last column.

    Args:
        backbone, cache, slots, columns, record: as of :class:`StaticStep`.
    """

    what = "prefills of replies"

    def __init__(self, backbone: Backbone, cache: SlotCache, slots: int, columns: int, record: Record | None) -> None:
        super().__init__(backbone, cache, record)
        self._slots, self._columns = slots, columns
        self._inputs = torch.zeros(slots * (1 + 3 * columns), dtype=torch.int64, device=self._device)

    def __call__(self, ids: Ints, position: Ints, real: NDArray[np.bool_], slots: Ints, width: int) -> None:
        """Stores tokens (R, E) at positions (R, E), where they are ``real`` (R, E), in slots (R,); ``width`` is the longest row's."""
        count, longest = ids.shape
        rows, length, width = _rows(count, self._slots), whole_widths(longest), whole_widths(width)
        spare = self._columns - 1
        where = np.zeros(rows, dtype=np.int64)
        where[:count] = slots
        given = np.zeros((3, rows, length), dtype=np.int64)  # tokens, their positions, the columns where they are stored
        given[2] = spare
        given[:, :count, :longest] = ids, position, np.where(real, position, spare)
        inputs = self._inputs[: rows + given.size]
        inputs.copy_(torch.from_numpy(np.concatenate([where, given.ravel()])))

        def step() -> Tensor:
            slots = inputs[:rows]
            tokens, position, column = inputs[rows:].view(3, rows, length)
            row = torch.arange(rows, device=self._device).repeat_interleave(length)
            write = (row, torch.arange(length, device=self._device).repeat(rows), slots[row], column.flatten())
            store_grown(self.backbone, self._cache, tokens, position, slots, write, width)
            return inputs

        self._take((rows, length, width), step)
