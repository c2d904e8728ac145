"""Infos of many episodes, column by column, and as the dict of arrays that Gymnasium's vector environments return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Columns", "batch_infos", "known_first", "mask_infos", "row_infos"]

Columns: TypeAlias = Mapping[str, Any]
"""Infos of n episodes: under each key a list of n values, or columns again where the value is a dict.

A column of floats may hold None: those episodes lack the key.
"""


_DTYPES = {int: np.dtype(np.int64), float: np.dtype(np.float64), bool: np.dtype(np.bool_), NoneType: np.dtype(np.float64)}


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
        columns: numbers, strings, and dicts of such, none of them without any value (:func:`known_first`); ``final_obs`` becomes an
            object array of observations.
        batched: infos of other rows, to which these are added.
    Returns:
        For each key an array (N,) (a dict for a dict), and under ``_key`` a (N,) bool array: which rows have it.
    """
    batched = {} if batched is None else batched
    if rows:
        everyone = np.zeros(num_envs, dtype=np.bool_)
        everyone[rows] = True
        having = np.empty((_keys(columns), num_envs), dtype=np.bool_)  # in one block: half the cost of as many arrays
        having[:] = everyone
        _add(batched, rows, iter(having), columns)
    return batched


def _keys(columns: Columns) -> int:
    return len(columns) + sum([_keys(values) for values in columns.values() if type(values) is dict])


def _add(batched: dict[str, Any], rows: Sequence[int], having: Iterator[npt.NDArray[np.bool_]], columns: Columns) -> None:
    """Fills ``batched``; ``having`` gives for each key a (N,) array in which ``rows`` are True."""
    for key, values in columns.items():
        mine = next(having)
        if type(values) is dict:
            _add(batched.setdefault(key, {}), rows, having, values)
        else:
            kind = type(values[0])
            column = batched.get(key)
            if column is None:
                dtype = _DTYPES.get(kind)
                column = batched[key] = np.empty(len(mine), dtype=object) if dtype is None else np.zeros(len(mine), dtype=dtype)
            if len(rows) == 1:
                column[rows[0]] = values[0]
            else:
                for row, value in zip(rows, values, strict=True):
                    if value is not None:
                        column[row] = value
                    elif kind is float or kind is NoneType:
                        mine[row] = False
        told = "_" + key
        if told in batched:
            batched[told] |= mine
        else:
            batched[told] = mine


def mask_infos(masks: npt.NDArray[np.int8], rows: Sequence[int]) -> dict[str, Any]:
    """``action_mask`` (N, V) of the masks of ``rows``, fresh, zeros elsewhere; and ``_action_mask`` (N,), which rows have it."""
    having = np.zeros(len(masks), dtype=np.bool_)
    having[rows] = True
    return {"action_mask": masks * having[:, None], "_action_mask": having}
