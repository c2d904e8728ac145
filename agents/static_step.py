"""A decoding step whose shapes repeat, so that CUDA can record its kernels once and play them back: their launches cost more than they."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokengym.agents.backbone import Backbone

__all__ = ["StaticStep", "decode", "record_graph"]

_WIDTH = 64  # attention runs over a multiple of so many tokens
_WARM_UPS = 2  # before recording, so that libraries have their workspaces and choices made

Step = Callable[[], Tensor]


def decode(backbone: Backbone, cache: Any, tokens: Tensor, position: Tensor, column: Tensor, width: int) -> Tensor:
    """Hidden states (R, H) of one token for each of the first R slots of a cache.

    Args:
        backbone: the model.
        cache: a SlotCache.
        tokens, position: (R,) the tokens and where they stand.
        column: (S,) where the first S slots store them; the others, which are there for rounding's sake, store nothing.
        width: tokens attended to.
    """
    cache.plan.step(column, len(tokens), width)
    distance = (position[:, None] - torch.arange(width, device=position.device))[:, None]  # (R, 1, W)
    mask = backbone.additive(distance >= 0, distance, backbone.dtype)
    return backbone.hidden(tokens[:, None], mask, position[:, None], cache)[:, 0]


class StaticStep:
    """One token for each of the first R slots of a cache, R and the attended width rounded up to few different numbers.

    Everything that changes between steps lies in one tensor of inputs, which each call overwrites in place. Slots that are computed
    for rounding's sake write to the cache's last column, which nobody looks at.

    Args:
        backbone: the model.
        cache: a SlotCache of ``slots`` slots and ``width`` + 1 columns.
        slots, width: its shape, the spare column left out.
        record: turns a step into one that is faster and does the same on the same tensors; None: steps are taken as they are.
    """

    def __init__(self, backbone: Backbone, cache: Any, slots: int, width: int, record: Callable[[Step], Step] | None) -> None:
        self.backbone = backbone
        self._cache, self._slots, self._width, self._record = cache, slots, width, record
        device = next(backbone.trunk.parameters()).device
        self._inputs = torch.zeros(3, slots, dtype=torch.int64, device=device)  # token, its position, the column where it is stored
        self._steps: dict[tuple[int, int], Step] = {}  # by rows and width
        self._weights = self._places()

    def __call__(self, tokens: NDArray[np.int64], last: NDArray[np.int64]) -> Tensor:
        """Hidden states (R, H) of tokens (R,) at positions ``last`` (R,) of slots 0 .. R - 1; overwritten by the next call."""
        count = len(tokens)
        rows = self._slots if 4 * count > self._slots else max(1, self._slots // 4)
        width = min(self._width, -(-(int(last.max()) + 1) // _WIDTH) * _WIDTH)
        given = np.zeros((3, self._slots), dtype=np.int64)
        given[2] = self._width
        given[:, :count] = tokens, last, last
        self._inputs.copy_(torch.from_numpy(given))
        step = self._steps.get((rows, width))
        if step is None:
            step = self._steps[rows, width] = self._recorded(rows, width)
        return step()[:count]

    def forget_moved(self) -> None:
        """Drops recordings if the weights are no longer where they were; those that were changed in place are seen anyway."""
        if (places := self._places()) != self._weights:
            self._steps.clear()
            self._weights = places

    def _places(self) -> list[int]:
        return [x.data_ptr() for x in self.backbone.trunk.parameters()]

    def _recorded(self, rows: int, width: int) -> Step:
        def step() -> Tensor:
            tokens, position, column = self._inputs[:, :rows]
            return decode(self.backbone, self._cache, tokens, position, column, width)

        if self._record is None:
            return step
        try:
            return self._record(step)
        except RuntimeError as error:
            warnings.warn(f"decoding steps of {type(self.backbone.model).__name__} run unrecorded, which is slower: {error}", stacklevel=2)
            self._record = None
            return step


def record_graph(step: Step) -> Step:
    """The kernels of ``step`` as a CUDA graph.

    A step may be taken more than once on the same inputs: keys and values are written to the same places again.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        hidden = step()

    def replay() -> Tensor:
        graph.replay()
        return hidden

    return replay
