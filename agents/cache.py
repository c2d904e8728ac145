"""Hidden states of the last tokens of growing rows, by a slot KV cache that holds what was computed before."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tokengym.agents.attention import STEADY_ROWS
from tokengym.agents.backbone import Backbone
from tokengym.agents.graphs import GraphRecorder
from tokengym.agents.slots import SlotCache, store_fresh, store_grown
from tokengym.agents.static_step import StaticGrowth, StaticPrefill, StaticStep, decode, whole_widths

__all__ = ["FullDecoder", "SlotDecoder"]

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

PREFILL_TOKENS = {"cpu": 2048}  # tokens of prompts that go through the trunk at once, by device; fewer stay in a processor's cache


class SlotDecoder:
    """Hidden states of the last token of right-padded, append-only rows, computing only what is new since the last call.

    Each call compares the rows with the tokens that the cache holds. A row that grew by one token takes one decoding step;
    a row that grew by more (the other side spoke) is prefilled with the new tokens, which attend to the stored past; any other row
    (its environment was reset) is prefilled from the start, each distinct prompt once, or copied from a slot that holds the prompt.
    The last token of every row goes through one common decoding step, so all rows take the same path.

    Args:
        backbone: the model.
        rows: N, rows of the observations.
        width: L, their width in tokens.
        static: take decoding steps and prefills of few different shapes, which are recorded on CUDA; None: on CUDA only.
    """

    _static: StaticStep | None = None
    _prefills: StaticPrefill | None = None
    _growths: StaticGrowth | None = None

    def __init__(self, backbone: Backbone, rows: int, width: int, static: bool | None = None) -> None:
        self.backbone = backbone
        self.shape = (rows, width)
        self._slots = max(rows, STEADY_ROWS) if backbone.steady else rows
        self._device = next(backbone.trunk.parameters()).device
        static = (self._device.type == "cuda" if static is None else static) and not backbone.steady
        # Static steps and prefills write what is nobody's to a column and to a slot of their own.
        self._columns = whole_widths(width + 1) if static else width
        self._cache = SlotCache(int(backbone.config.num_hidden_layers), self._slots + static, self._columns)
        if static:
            self._begin_static()
        self._slot = np.arange(rows)  # (N,) row -> slot
        self._held = np.zeros(rows, dtype=np.int64)  # (N,) tokens stored, by slot
        self._ids = np.zeros((rows, width), dtype=np.int64)  # (N, L) those tokens, by slot
        self._version: object = None

    def _begin_static(self) -> None:
        """Static steps and prefills without recordings."""
        self._weights = self._places()
        record = GraphRecorder(self._device) if self._device.type == "cuda" else None
        self._static = StaticStep(self.backbone, self._cache, self._slots, self._columns, record)
        self._prefills = StaticPrefill(self.backbone, self._cache, self._slots, self.shape[1], self._at_once(), record)
        self._growths = StaticGrowth(self.backbone, self._cache, self._slots, self._columns, record)

    @property
    def recorded(self) -> bool:
        """Whether steps and prefills are kept, so that another decoder would have to record them anew."""
        return self._static is not None

    def _places(self) -> list[int]:
        return [x.data_ptr() for x in self.backbone.trunk.parameters()]

    def _at_once(self) -> int:
        return PREFILL_TOKENS.get(self._device.type, 16384)

    @torch.inference_mode()
    def advance(self, input_ids: Ints, lengths: Ints, rows: Ints, version: object = None) -> Tensor:
        """Hidden states (R, H) of the last token of ``rows`` (R,), in their order.

        Args:
            input_ids: (N, L) token ids.
            lengths: (N,) real tokens per row, at least 1 for each of ``rows``.
            rows: (R,) the rows to look at; the others are left as they are.
            version: of the weights; another one than last time voids the cache.
        """
        if version != self._version:
            self._held[:] = 0
            self._version = version
            if self._static is not None and self._weights != self._places():  # those that were changed in place are seen anyway
                self._begin_static()
        self._compact(rows)
        order = np.argsort(self._slot[rows])
        rows = rows[order]  # now rows[i] lives in slot i
        count, last = len(rows), lengths[rows].astype(np.int64) - 1  # (R,) position of the last token
        width = int(last.max()) + 1
        ids = input_ids[rows, :width]
        self._fill(ids, last)
        here = np.arange(count)
        tokens = ids[here, last].astype(np.int64)
        self._ids[here, last] = tokens
        self._held[:count] = last + 1

        back = None
        if not np.array_equal(order, here):
            back = self._tensor(np.argsort(order))  # before the step: a copy to a GPU waits for all that it was given to do
        hidden = self._step(tokens, last, width) if self._static is None else self._static(tokens, last).clone()
        return hidden if back is None else hidden[back]

    def _step(self, tokens: Ints, last: Ints, width: int) -> Tensor:
        """Hidden states (R, H) of tokens (R,) at positions ``last`` (R,) of slots 0 .. R - 1."""
        count, position, given = len(tokens), self._tensor(last), self._tensor(tokens)
        rows = max(count, STEADY_ROWS) if self.backbone.steady else count
        column = position
        if rows > count:  # rows of zeros that look at position 0 of slots without a row
            given, position = (functional.pad(x, (0, rows - count)) for x in (given, position))
        return decode(self.backbone, self._cache, given, position, column, width)[:count]

    def _tensor(self, array: Ints) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(self._device)

    def _compact(self, rows: Ints) -> None:
        """Moves the rows to the first slots, so that a step reads one unbroken part of the buffers."""
        count = len(rows)
        taken = self._slot[rows]
        if taken.max() < count:
            return
        movers = rows[taken >= count]
        free = np.ones(count, dtype=bool)
        free[taken[taken < count]] = False
        holes = np.flatnonzero(free)  # (M,)
        source = self._slot[movers]
        owner = np.empty_like(self._slot)
        owner[self._slot] = np.arange(len(self._slot))
        evicted = owner[holes]
        length = int(self._held[source].max())
        if length:
            self._cache.copy(self._tensor(source), self._tensor(holes), length)
        self._ids[holes], self._held[holes] = self._ids[source], self._held[source]
        self._slot[movers], self._slot[evicted] = holes, source

    def _fill(self, ids: Ints, last: Ints) -> None:
        """Stores all tokens before the last one of ``ids`` (R, W), whose row i lives in slot i."""
        count, width = ids.shape
        held = self._held[:count]
        differs = (ids != self._ids[:count, :width]) & (np.arange(width) < held[:, None])
        start = np.where(differs.any(1) | (held > last + 1), 0, np.minimum(held, last))  # (R,) tokens stored and still right
        todo = start < last
        if not todo.any():
            return
        fresh = np.flatnonzero(todo & (start == 0))
        grown = np.flatnonzero(todo & (start > 0))
        if len(fresh):
            self._fill_fresh(ids, last, fresh)
        if len(grown):
            self._fill_grown(ids, last, start, grown)

    def _fill_fresh(self, ids: Ints, last: Ints, fresh: Ints) -> None:
        holders: dict[bytes, int] = {}
        for slot in np.flatnonzero(self._held):
            # Any slot may hold the prompt of another one's group; the common case is that they share all of it but the answer.
            for length in {int(last[row]) for row in fresh}:
                if self._held[slot] >= length:
                    holders[self._ids[slot, :length].tobytes()] = int(slot)
        copies: list[tuple[int, int]] = []  # (slot that holds the prompt, slot that wants it)
        wanted: dict[bytes, list[int]] = {}
        for row in fresh:
            key = np.asarray(ids[row, : last[row]], dtype=np.int64).tobytes()
            if key in holders:
                copies.append((holders[key], int(row)))
            else:
                wanted.setdefault(key, []).append(int(row))
        self._copy(copies, last)
        groups = sorted(wanted.values(), key=lambda rows: int(last[rows[0]]))
        while groups:
            longest = int(last[groups[-1][0]])
            many = max(1, self._at_once() // max(1, longest)) if self._prefills is None else self._prefills.rows(longest)
            groups, batch = groups[:-many], groups[-many:]
            self._prefill(ids, last, batch)
        for row in fresh:
            self._ids[row, : last[row]] = ids[row, : last[row]]

    def _copy(self, pairs: list[tuple[int, int]], last: Ints) -> None:
        """Copies prompts from slot to slot, for each pair of them."""
        if pairs:
            source, target = np.array(pairs).T
            self._cache.copy(self._tensor(source), self._tensor(target), int(last[target].max()))

    def _prefill(self, ids: Ints, last: Ints, groups: list[list[int]]) -> None:
        """Runs one prompt per group (its last token left out) and stores it in the slots of all the group's rows."""
        first = np.array([group[0] for group in groups])
        prompts = ids[first, : int(last[first].max())]
        if self._prefills is not None:
            self._prefills(prompts, first)
            self._copy([(group[0], row) for group in groups for row in group[1:]], last)
            return
        slots = self._tensor(np.concatenate([np.array(group) for group in groups]))
        sizes = [len(group) for group in groups]
        source = None if max(sizes) == 1 else self._tensor(np.repeat(np.arange(len(groups)), sizes))
        store_fresh(self.backbone, self._cache, self._tensor(prompts), slots, source)

    def _fill_grown(self, ids: Ints, last: Ints, start: Ints, grown: Ints) -> None:
        """Stores the new tokens (all but the last) of rows that the other side, or several tokens at once, made longer."""
        begin, end = start[grown], last[grown]  # (R,)
        length, width = int((end - begin).max()), int(end.max())
        columns = np.minimum(begin[:, None] + np.arange(length), end[:, None] - 1)  # (R, E); surplus entries repeat the last token
        real = begin[:, None] + np.arange(length) < end[:, None]
        new = ids[grown[:, None], columns]
        row, column = np.nonzero(real)
        if self._growths is not None:
            self._growths(new, columns, real, grown, width)
        else:
            write = tuple(self._tensor(x) for x in (row, column, grown[row], columns[row, column]))
            store_grown(self.backbone, self._cache, self._tensor(new), self._tensor(columns), self._tensor(grown), write, width)
        self._ids[grown[row], columns[row, column]] = ids[grown[row], columns[row, column]]


class FullDecoder:
    """What SlotDecoder computes, by a forward pass over everything at each call: slow, and right for every causal model."""

    recorded = False

    def __init__(self, backbone: Backbone, rows: int, width: int) -> None:
        self.backbone = backbone
        self.shape = (rows, width)

    @torch.inference_mode()
    def advance(self, input_ids: Ints, lengths: Ints, rows: Ints, version: object = None) -> Tensor:
        """As :meth:`SlotDecoder.advance`."""
        last = torch.from_numpy(np.asarray(lengths[rows], dtype=np.int64)) - 1
        width = int(last.max()) + 1
        device = next(self.backbone.trunk.parameters()).device
        ids = torch.from_numpy(np.asarray(input_ids[rows, :width], dtype=np.int64)).to(device)
        mask = (torch.arange(width) <= last[:, None]).to(device, torch.int64)
        hidden = self.backbone.hidden(ids, mask)  # (R, W, H)
        return hidden[torch.arange(len(rows), device=device), last.to(device)]
