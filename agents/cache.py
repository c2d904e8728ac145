"""A slot KV cache: one static buffer per layer, each slot with its own write position, so that rows may reset at different times."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers.cache_utils import Cache, CacheLayerMixin

from tokengym.agents.attention import STEADY_ROWS
from tokengym.agents.backbone import Backbone
from tokengym.agents.static_step import StaticStep, decode, record_graph

__all__ = ["FullDecoder", "SlotCache", "SlotDecoder"]

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

PREFILL_TOKENS = {"cpu": 2048}  # tokens of prompts that go through the trunk at once, by device; fewer stay in a processor's cache


class _Stored(Exception):
    """Ends a forward pass that was only to store keys and values: what the last layer would make of them is of no use."""


class _Plan:
    """What the coming forward pass stores, and what it attends to; shared by all layers, set by SlotDecoder."""

    mode = "prefill"  # "prefill": fresh prompts, attending to themselves; "extend": to the stored past too; "step": one token per slot
    slots: Tensor  # (R,) where the rows of this pass live
    source: Tensor | None  # (R,) prefill: which computed row each slot stores (rows with the same prompt are computed once); None: its own
    write: tuple[Tensor, Tensor, Tensor, Tensor]  # extend: computed row, its column, slot, position, one entry per real token
    position: Tensor  # (R,) step: where slots 0 .. R - 1 are written
    rows: int = 0  # step: rows of the pass; those behind R are there for rounding's sake, and store nothing
    width: int = 0  # tokens attended to

    def __init__(self) -> None:
        self._flat: dict[int, Tensor] = {}

    def step(self, position: Tensor, rows: int, width: int) -> None:
        """Plans a decoding step."""
        self.mode, self.position, self.rows, self.width = "step", position, rows, width
        self._flat.clear()

    def flat(self, heads: int, buffer: int) -> Tensor:
        """(R * heads,) where a step writes in buffers (slots, heads, buffer, head size) seen as (slots * heads * buffer, head size)."""
        if heads not in self._flat:  # the same in every layer
            pairs = torch.arange(len(self.position) * heads, device=self.position.device)
            self._flat[heads] = pairs * buffer + self.position.repeat_interleave(heads)
        return self._flat[heads]


class _SlotLayer(CacheLayerMixin):
    """Keys and values (slots, heads, width, head size) of one layer; scatters what it is given by the plan."""

    def __init__(self, slots: int, width: int, plan: _Plan, last: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.shape = (slots, width)
        self.plan = plan
        self.last = last  # of the model's layers

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        slots, width = self.shape
        # Zeros, not empty memory: a masked position weighs 0, and 0 * NaN would be NaN.
        self.keys = key_states.new_zeros((slots, key_states.shape[1], width, key_states.shape[3]))
        self.values = value_states.new_zeros((slots, value_states.shape[1], width, value_states.shape[3]))
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        plan, keys, values = self.plan, self.keys, self.values
        assert keys is not None and values is not None  # for the type checker: just allocated
        if plan.mode == "step":
            for buffer, new in ((keys, key_states), (values, value_states)):
                real = new[: len(plan.position), :, 0]  # (R, heads, head size)
                buffer.view(-1, buffer.shape[3]).index_copy_(0, plan.flat(buffer.shape[1], buffer.shape[2]), real.flatten(0, 1))
            return keys[: plan.rows, :, : plan.width], values[: plan.rows, :, : plan.width]
        if plan.mode == "prefill":
            for buffer, new in ((keys, key_states), (values, value_states)):
                buffer[plan.slots, :, : new.shape[2]] = new if plan.source is None else new[plan.source]
        else:
            row, column, slot, position = plan.write
            keys[slot, :, position] = key_states[row, :, column]
            values[slot, :, position] = value_states[row, :, column]
            key_states, value_states = keys[plan.slots, :, : plan.width], values[plan.slots, :, : plan.width]
        if self.last:
            raise _Stored
        return key_states, value_states

    def copy(self, source: Tensor, target: Tensor, length: int) -> None:
        """Copies the first ``length`` positions of slots ``source`` to slots ``target`` (all read before any is written)."""
        if self.keys is not None and self.values is not None:
            self.keys[target, :, :length] = self.keys[source, :, :length]
            self.values[target, :, :length] = self.values[source, :, :length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.plan.width, 0

    def get_seq_length(self) -> int:
        return 0  # positions are always given, never counted from here

    def get_max_length(self) -> int:
        return self.shape[1]


class SlotCache(Cache):
    """A transformers cache of slots; ``plan`` says what the coming forward pass does with it."""

    def __init__(self, layers: int, slots: int, width: int) -> None:
        self.plan = _Plan()
        super().__init__(layers=[_SlotLayer(slots, width, self.plan, last=layer == layers - 1) for layer in range(layers)])

    def copy(self, source: Tensor, target: Tensor, length: int) -> None:
        """Copies slots to slots, in every layer."""
        for layer in self.layers:
            if isinstance(layer, _SlotLayer):
                layer.copy(source, target, length)


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
        static: take decoding steps of few different shapes, which are recorded on CUDA; None: on CUDA only.
    """

    def __init__(self, backbone: Backbone, rows: int, width: int, static: bool | None = None) -> None:
        self.backbone = backbone
        self.shape = (rows, width)
        slots = max(rows, STEADY_ROWS) if backbone.steady else rows
        weight = next(backbone.trunk.parameters())
        self._device, self._dtype = weight.device, backbone.dtype
        static = (weight.device.type == "cuda" if static is None else static) and not backbone.steady
        self._cache = SlotCache(int(backbone.config.num_hidden_layers), slots, width + static)
        record = record_graph if weight.device.type == "cuda" else None
        self._static = StaticStep(backbone, self._cache, slots, width, record) if static else None
        self._slot = np.arange(rows)  # (N,) row -> slot
        self._held = np.zeros(rows, dtype=np.int64)  # (N,) tokens stored, by slot
        self._ids = np.zeros((rows, width), dtype=np.int64)  # (N, L) those tokens, by slot
        self._version: object = None

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
            if self._static is not None:
                self._static.forget_moved()
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

        hidden = self._step(tokens, last, width) if self._static is None else self._static(tokens, last).clone()
        if np.array_equal(order, here):
            return hidden
        back = np.empty_like(order)
        back[order] = here
        return hidden[self._tensor(back)]

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
        if copies:
            source, target = np.array(copies).T
            self._cache.copy(self._tensor(source), self._tensor(target), int(last[target].max()))
        groups = sorted(wanted.values(), key=lambda rows: int(last[rows[0]]))
        while groups:
            many = max(1, PREFILL_TOKENS.get(self._device.type, 16384) // max(1, int(last[groups[-1][0]])))
            groups, batch = groups[:-many], groups[-many:]
            self._prefill(ids, last, batch)
        for row in fresh:
            self._ids[row, : last[row]] = ids[row, : last[row]]

    def _prefill(self, ids: Ints, last: Ints, groups: list[list[int]]) -> None:
        """Runs one prompt per group (its last token left out) and stores it in the slots of all the group's rows."""
        first = np.array([group[0] for group in groups])
        length = int(last[first].max())
        plan = self._cache.plan
        plan.mode, plan.width = "prefill", length
        plan.slots = self._tensor(np.concatenate([np.array(group) for group in groups]))
        sizes = [len(group) for group in groups]
        plan.source = None if max(sizes) == 1 else self._tensor(np.repeat(np.arange(len(groups)), sizes))
        position = torch.arange(length, device=self._device)[None]  # (1, P); pads come last, so no real token sees one
        distance = (position[0][:, None] - position[0])[None]  # (1, P, P)
        mask = self.backbone.additive(distance >= 0, distance, self._dtype)
        self._store(ids[first, :length], mask, position.expand(len(groups), -1))

    def _store(self, ids: Ints, mask: Any, position: Tensor) -> None:
        """A forward pass of which nothing is wanted but the keys and values."""
        with suppress(_Stored):
            self.backbone.hidden(self._tensor(ids), mask, position, self._cache)

    def _fill_grown(self, ids: Ints, last: Ints, start: Ints, grown: Ints) -> None:
        """Stores the new tokens (all but the last) of rows that the other side, or several tokens at once, made longer."""
        begin, end = start[grown], last[grown]  # (R,)
        length, width = int((end - begin).max()), int(end.max())
        columns = np.minimum(begin[:, None] + np.arange(length), end[:, None] - 1)  # (R, E); surplus entries repeat the last token
        row, column = np.nonzero(begin[:, None] + np.arange(length) < end[:, None])
        plan = self._cache.plan
        plan.mode, plan.width, plan.slots = "extend", width, self._tensor(grown)
        plan.write = (self._tensor(row), self._tensor(column), self._tensor(grown[row]), self._tensor(columns[row, column]))
        position = self._tensor(columns)  # (R, E)
        distance = position[:, :, None] - torch.arange(width, device=self._device)  # (R, E, W)
        mask = self.backbone.additive(distance >= 0, distance, self._dtype)
        self._store(ids[grown[:, None], columns], mask, position)
        self._ids[grown[row], columns[row, column]] = ids[grown[row], columns[row, column]]


class FullDecoder:
    """What SlotDecoder computes, by a forward pass over everything at each call: slow, and right for every causal model."""

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
