"""Infos of many episodes, column by column, and as the dict of arrays that Gymnasium's vector environments return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Columns", "batch_infos", "known_first", "mask_infos", "row_infos"]

Columns: TypeAlias = Mapping[str, Any]
"""Infos of n episodes: under each key a list of n values, or columns again where the value is a dict.

A column of floats may hold None: those episodes lack the key.
"""

_KINDS: Mapping[type, type] = {int: int, float: float, bool: bool, NoneType: float}


def known_first(columns: Mapping[str, Sequence[Any]]) -> Columns:
    """Columns that may hold None in the order in which the episodes first have them, without those that no episode has."""
    if not any(None in values for values in columns.values()):
        return columns
    first = {key: [value is None for value in values].index(False) for key, values in columns.items() if set(values) != {None}}
    return {key: columns[key] for key in sorted(first, key=lambda key: first[key])}


def row_infos(columns: Columns, count: int) -> list[dict[str, Any]]:
    """The infos of the ``count`` episodes, one by one."""
    infos: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, values in columns.items():
        for info, value in zip(infos, row_infos(values, count) if type(values) is dict else values, strict=True):
            if value is not None:
                info[key] = value
    return infos


def batch_infos(num_envs: int, rows: Sequence[int], columns: Columns, batched: dict[str, Any] | None = None) -> dict[str, Any]:
    """What ``VectorEnv._add_info`` makes of the same infos, value for value and dtype for dtype.

    Args:
        num_envs: N, the length of each array.
        rows: which environment each episode belongs to.
        columns: numbers, strings, and dicts of such; ``final_obs`` becomes an object array of observations.
        batched: infos of other rows, to which these are added.
    Returns:
        For each key an array (N,) (a dict for a dict), and under ``_key`` a (N,) bool array: which rows have it.
    """
    batched = {} if batched is None else batched
    if not rows:
        return batched
    everyone = np.zeros(num_envs, dtype=np.bool_)
    everyone[rows] = True
    for key, values in columns.items():
        having = everyone
        if type(values) is dict:
            batched[key] = batch_infos(num_envs, rows, values, batched.get(key))
        else:
            kind = _KINDS.get(type(values[0]), object)
            column = batched.get(key)
            if column is None:
                column = batched[key] = np.empty(num_envs, dtype=object) if kind is object else np.zeros(num_envs, dtype=kind)
            cells: Iterable[tuple[int, Any]] = zip(rows, values, strict=True)
            if kind is float and None in values:
                known = [(row, value) for row, value in cells if value is not None]
                having = np.zeros(num_envs, dtype=np.bool_)
                having[[row for row, _ in known]] = True
                cells = known
            for row, value in cells:
                column[row] = value
        mask = batched.get("_" + key)
        batched["_" + key] = having.copy() if mask is None else mask | having
    return batched


def mask_infos(masks: npt.NDArray[np.int8], rows: Sequence[int]) -> dict[str, Any]:
    """``action_mask`` (N, V) of the masks of ``rows``, fresh, zeros elsewhere; and ``_action_mask`` (N,), which rows have it."""
    having = np.zeros(len(masks), dtype=np.bool_)
    having[rows] = True
    return {"action_mask": masks * having[:, None], "_action_mask": having}
