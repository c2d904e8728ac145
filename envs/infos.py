"""Infos of many episodes, column by column, and as the dict of arrays that Gymnasium's vector environments return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Columns", "batch_infos", "known_first", "mask_infos", "row_infos"]

Columns: TypeAlias = Mapping[str, Any]
"""Infos of n episodes: under each key a list of n values, or columns again where the value is a dict.

A column of floats may hold None: those episodes lack the key.
"""


@cache
def _blanks(num_envs: int) -> Mapping[type, npt.NDArray[Any]]:
    """Columns (N,) without any value, by the type of their values; to be copied."""
    blanks: dict[type, npt.NDArray[Any]] = {kind: np.zeros(num_envs, dtype=kind) for kind in (int, float, bool)}
    return {**blanks, NoneType: blanks[float], object: np.empty(num_envs, dtype=object)}


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
        _add(batched, _blanks(num_envs), rows, everyone, columns)
    return batched


def _add(
    batched: dict[str, Any], blanks: Mapping[type, npt.NDArray[Any]], rows: Sequence[int], everyone: npt.NDArray[np.bool_], columns: Columns
) -> None:
    for key, values in columns.items():
        having = everyone
        if type(values) is dict:
            _add(batched.setdefault(key, {}), blanks, rows, everyone, values)
        else:
            blank = blanks.get(type(values[0]), blanks[object])
            column = batched[key] = batched[key] if key in batched else blank.copy()
            if len(rows) == 1:
                column[rows[0]] = values[0]
            else:
                for row, value in zip(rows, values, strict=True):
                    if value is not None:
                        column[row] = value
                if blank is blanks[float] and None in values:
                    having = np.zeros_like(everyone)
                    having[[row for row, value in zip(rows, values, strict=True) if value is not None]] = True
        told = "_" + key
        batched[told] = batched[told] | having if told in batched else having.copy()


def mask_infos(masks: npt.NDArray[np.int8], rows: Sequence[int]) -> dict[str, Any]:
    """``action_mask`` (N, V) of the masks of ``rows``, fresh, zeros elsewhere; and ``_action_mask`` (N,), which rows have it."""
    having = np.zeros(len(masks), dtype=np.bool_)
    having[rows] = True
    return {"action_mask": masks * having[:, None], "_action_mask": having}
