"""A slot KV cache: one static buffer per layer, each slot with its own write position, so that rows may reset at different times."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from tokengym.agents.backbone import Backbone
from tokengym.agents.causal import causal_mask

__all__ = ["SlotCache", "store_fresh", "store_grown"]


class _Stored(Exception):
    """Ends a forward pass that was only to store keys and values: what the last layer would make of them is of no use."""


class _Plan:
    """What the coming forward pass stores, and what it attends to; shared by all layers, set by whoever makes it."""

    mode = "prefill"  # "prefill": fresh prompts, attending to themselves; "extend": to the stored past too; "step": one token per slot
    slots: Tensor  # (R,) where the rows of this pass live
    source: Tensor | None  # (R,) prefill: which computed row each slot stores (rows with the same prompt are computed once); None: its own
    write: tuple[Tensor, ...]  # extend: computed row, its column, slot, position, one entry per real token
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


def _store(backbone: Backbone, cache: SlotCache, ids: Tensor, mask: Any, position: Tensor) -> None:
    """A forward pass of which nothing is wanted but the keys and values."""
    with suppress(_Stored):
        backbone.hidden(ids, mask, position, cache)


def store_fresh(backbone: Backbone, cache: SlotCache, ids: Tensor, slots: Tensor, source: Tensor | None = None) -> None:
    """Stores right-padded prompts ``ids`` (R, P) in ``slots``; ``source`` as in :class:`_Plan`."""
    rows, length = ids.shape
    plan = cache.plan
    plan.mode, plan.width, plan.slots, plan.source = "prefill", length, slots, source
    position = torch.arange(length, device=ids.device).expand(rows, -1)  # (R, P)
    _store(backbone, cache, ids, causal_mask(backbone, length, ids.device), position)  # pads come last, so no real token sees one


def store_grown(
    backbone: Backbone, cache: SlotCache, ids: Tensor, position: Tensor, slots: Tensor, write: tuple[Tensor, ...], width: int
) -> None:
    """Stores tokens ``ids`` (R, E) at ``position`` (R, E) that rows in ``slots`` (R,) grew by, and that attend to the stored past.

    Args:
        write: computed row, its column, slot and column there of what is stored, as in :class:`_Plan`.
        width: tokens attended to.
    """
    plan = cache.plan
    plan.mode, plan.width, plan.slots, plan.write = "extend", width, slots, write
    distance = position[:, :, None] - torch.arange(width, device=ids.device)  # (R, E, W)
    _store(backbone, cache, ids, backbone.additive(distance >= 0, distance, backbone.dtype), position)
