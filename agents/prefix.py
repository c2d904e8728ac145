"""Several completions of one prompt as one row: the prompt goes through the model once, each completion sees it and itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokengym.agents.attention import Shared
from tokengym.agents.backbone import Backbone
from tokengym.agents.linear import round_rows

__all__ = ["Flat", "Packed", "lay_flat", "pack", "shared_hidden"]

Ints = NDArray[np.integer[Any]]


class Packed(NamedTuple):
    """Rows of a prompt followed by its completions, side by side.

    Attributes:
        input_ids: (R, S) token ids, 0 where there is none.
        position: (R, S) position that each token had in its own sequence.
        segment: (R, S) 0 in the prompt, 1, 2, ... in its completions, -1 where there is no token.
        row: (B,) the packed row of each sequence.
        offset: (B,) what to add to a position of the sequence to get its column; holds from ``start`` on, before it the two are equal.
    """

    input_ids: NDArray[np.int64]
    position: NDArray[np.int64]
    segment: NDArray[np.int64]
    row: NDArray[np.int64]
    offset: NDArray[np.int64]


class Flat(NamedTuple):
    """Prompts and completions one after another as a single row of S tokens, each prompt once: nothing but its end is padding.

    Attributes:
        input_ids: (S,) token ids, 0 where there is none.
        position: (S,) position that each token had in its own sequence.
        begin: (B,) column of the first token of each sequence's prompt.
        offset: (B,) what to add to a position of the sequence to get its column, from ``start`` on.
    """

    input_ids: NDArray[np.int64]
    position: NDArray[np.int64]
    begin: NDArray[np.int64]
    offset: NDArray[np.int64]


def lay_flat(input_ids: Ints, start: Ints, end: Ints) -> Flat | None:
    """Lays sequences in one row, or returns None where that would save less than a fifth of the tokens; arguments as in :func:`pack`."""
    begins: dict[bytes, int] = {}
    begin, offset = np.zeros(len(input_ids), dtype=np.int64), np.zeros(len(input_ids), dtype=np.int64)
    used = 0
    for b, (first, past) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        key = input_ids[b, :first].tobytes()
        if key not in begins:
            begins[key] = used
            used += first
        begin[b], offset[b] = begins[key], used - first
        used += past - first
    if used > 0.8 * len(input_ids) * int(end.max()):
        return None
    ids, position = np.zeros(round_rows(used), dtype=np.int64), np.zeros(round_rows(used), dtype=np.int64)
    for b, (first, past) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        for column, places in ((begin[b], np.arange(first)), (offset[b], np.arange(first, past))):
            ids[column + places], position[column + places] = input_ids[b, places], places
    return Flat(ids, position, begin, offset)


def pack(input_ids: Ints, start: Ints, end: Ints, multiple: int = 1) -> Packed | None:
    """Packs sequences that share a prompt, or returns None where that would save less than a fifth of the tokens.

    A row is closed when it would pass twice the longest sequence, since attention grows with its square.

    Args:
        input_ids: (B, T) right-padded sequences.
        start: (B,) tokens of the prompt, at least 1.
        end: (B,) tokens of the sequence that are wanted, at least ``start``.
        multiple: rows are padded to a multiple of so many columns.
    """
    longest = int(end.max())
    open_rows: dict[bytes, int] = {}
    used: list[int] = []  # columns filled, by row
    members: list[int] = []  # completions, by row
    heads: list[int] = []  # a sequence with the row's prompt
    row, offset, segment = (np.zeros(len(input_ids), dtype=np.int64) for _ in range(3))
    for b, (first, past) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        key = input_ids[b, :first].tobytes()
        r = open_rows.get(key, -1)
        if r < 0 or used[r] + past - first > 2 * longest:
            r = open_rows[key] = len(used)
            used.append(first)
            members.append(0)
            heads.append(b)
        members[r] += 1
        row[b], offset[b], segment[b] = r, used[r] - first, members[r]
        used[r] += past - first
    width = max(used)
    if len(used) * width > 0.8 * len(input_ids) * longest:
        return None
    width = -(-width // multiple) * multiple
    ids, position = np.zeros((len(used), width), dtype=np.int64), np.zeros((len(used), width), dtype=np.int64)
    segments = np.full((len(used), width), -1, dtype=np.int64)
    for r, b in enumerate(heads):
        first = int(start[b])
        ids[r, :first], position[r, :first], segments[r, :first] = input_ids[b, :first], np.arange(first), 0
    for b, (first, past) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        r, place = row[b], slice(int(offset[b]) + first, int(offset[b]) + past)
        ids[r, place], position[r, place], segments[r, place] = input_ids[b, first:past], np.arange(first, past), segment[b]
    return Packed(ids, position, segments, row, offset)


def shared_hidden(backbone: Backbone, input_ids: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Hidden states of right-padded sequences, each prompt (the tokens before the first wanted one) computed once.

    Args:
        backbone: a model for which explicit masks work.
        input_ids: (B, T) tokens.
        wanted: (B, T) bool, the tokens that are to be predicted; never the first one of a row.
    Returns:
        hidden states (R, S, H) of the packed rows, and for each sequence and position the packed row (B, T) and column (B, T);
        None where sharing would not pay.
    """
    order = torch.arange(wanted.shape[1], device=wanted.device)
    asked = wanted.any(1)
    start = torch.where(asked, wanted.int().argmax(1), 1)  # (B,)
    end = torch.where(asked, (order * wanted).amax(1), 1)  # the hidden state of the last token tells of nothing that was asked
    given = (input_ids.cpu().numpy(), start.cpu().numpy(), end.cpu().numpy())
    if backbone.steady:
        flat = lay_flat(*given)
        if flat is None:
            return None
        ids, position, begin, offset = (torch.from_numpy(x).to(input_ids.device) for x in flat)
        column = order + torch.where(order >= start[:, None], offset[:, None], begin[:, None])
        hidden = backbone.hidden(ids[None], position_ids=position[None], shared=_layout(backbone, begin, offset, start, end, len(ids)))
        return hidden, torch.zeros_like(column), column
    packed = pack(*given, multiple=8 if input_ids.is_cuda else 1)  # fused attention on CUDA copies a mask of another width in each layer
    if packed is None:
        return None
    ids, position, segment, row, offset = (torch.from_numpy(x).to(input_ids.device) for x in packed)
    column = order + torch.where(order >= start[:, None], offset[:, None], 0)
    place = (row[:, None].expand_as(column), column)
    index = torch.arange(segment.shape[1], device=segment.device)
    same = (segment[:, None] == segment[:, :, None]) | (segment[:, None] == 0)  # (R, S query, S key)
    distance = position[:, :, None] - position[:, None]
    masks = backbone.additive(same & (index <= index[:, None]), distance, backbone.dtype)
    return backbone.hidden(ids, masks, position), *place


def _layout(backbone: Backbone, begin: Tensor, offset: Tensor, start: Tensor, end: Tensor, width: int) -> Shared:
    """Where the sequences of a flat row of ``width`` tokens have their queries and keys; (B,) each, as in :class:`Flat`."""
    device = begin.device
    token = torch.arange(int(start.max()), device=device)  # (P,)
    distance = (token[:, None] - token)[None]  # (1, P, P)
    prompt_mask = backbone.additive(distance >= 0, distance, backbone.dtype)
    heads = begin.unique()  # (G,)
    length = torch.zeros(len(heads), dtype=torch.int64, device=device)
    length[torch.searchsorted(heads, begin)] = start
    prompt = torch.where(token < length[:, None], heads[:, None] + token, 0)  # (G, P)
    token = torch.arange(int((end - start).max()), device=device)  # (C,)
    past = torch.arange(int(end.max()), device=device)  # (W,)
    at = start[:, None] + token  # (B, C) positions of the completions' tokens
    there = at < end[:, None]
    query = torch.where(there, at + offset[:, None], 0)
    key = torch.where(past < start[:, None], past + begin[:, None], past + offset[:, None])
    key = torch.where(past < end[:, None], key, 0)  # (B, W)
    distance = at[:, :, None] - past  # (B, C, W)
    mask = backbone.additive(distance >= 0, distance, backbone.dtype)
    # Found vectors come as those of all prompts' places, then those of all completions': where each column's one is.
    source = torch.zeros(width, dtype=torch.int64, device=device)
    group, place = (torch.arange(prompt.shape[1], device=device) < length[:, None]).nonzero(as_tuple=True)
    source[prompt[group, place]] = group * prompt.shape[1] + place
    row, place = there.nonzero(as_tuple=True)
    source[query[row, place]] = prompt.numel() + row * query.shape[1] + place
    return Shared(prompt_mask, prompt, query, key, mask, source)
