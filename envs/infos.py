"""Infos of single environments as the dict of arrays that Gymnasium's vector environments return, built column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["batch_infos", "mask_infos"]

_NUMBERS = frozenset({int, float, bool})


def batch_infos(num_envs: int, rows: Sequence[int], infos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What ``VectorEnv._add_info`` makes of the same infos, value for value and dtype for dtype.

    Args:
        num_envs: N, the length of each array.
        rows: which environment each info comes from.
        infos: one per row; numbers, strings, and dicts of such. ``final_obs`` stays an object array of observations.
    Returns:
        For each key an array (N,) (a dict for a dict), and under ``_key`` a (N,) bool array: which rows have it.
    """
    batched: dict[str, Any] = {}
    if not infos:
        return batched
    everyone = np.zeros(num_envs, dtype=np.bool_)
    everyone[rows] = True
    first = infos[0].keys()
    alike = all(info.keys() == first for info in infos[1:])
    for key in first if alike else dict.fromkeys(key for info in infos for key in info):
        if alike:
            having, values, mask = rows, [info[key] for info in infos], everyone.copy()
        else:
            having = [row for row, info in zip(rows, infos, strict=True) if key in info]
            values = [info[key] for info in infos if key in info]
            mask = np.zeros(num_envs, dtype=np.bool_)
            mask[having] = True
        kind = type(values[0])
        if kind is dict and key != "final_obs":
            batched[key] = batch_infos(num_envs, having, values)
        else:
            column = np.zeros(num_envs, dtype=kind) if kind in _NUMBERS else np.empty(num_envs, dtype=object)  # all None
            for row, value in zip(having, values, strict=True):
                column[row] = value
            batched[key] = column
        batched["_" + key] = mask
    return batched


def mask_infos(masks: npt.NDArray[np.int8], rows: Sequence[int]) -> dict[str, Any]:
    """``action_mask`` (N, V) of the masks of ``rows``, fresh, zeros elsewhere; and ``_action_mask`` (N,), which rows have it."""
    having = np.zeros(len(masks), dtype=np.bool_)
    having[rows] = True
    return {"action_mask": masks * having[:, None], "_action_mask": having}
