"""Infos of single environments as the dict of arrays that Gymnasium's vector environments return, built column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["batch_infos"]


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
    keys = dict.fromkeys(key for info in infos for key in info)
    for key in keys:
        if all(key in info for info in infos):
            having, values = rows, [info[key] for info in infos]
        else:
            having = [row for row, info in zip(rows, infos, strict=True) if key in info]
            values = [info[key] for info in infos if key in info]
        mask = np.zeros(num_envs, dtype=np.bool_)
        mask[having] = True
        first = values[0]
        if isinstance(first, dict) and key != "final_obs":
            batched[key] = batch_infos(num_envs, having, values)
        else:
            if type(first) in (int, float, bool):
                column = np.zeros(num_envs, dtype=type(first))
                column[having] = values
            else:
                column = np.full(num_envs, None, dtype=object)
                for row, value in zip(having, values, strict=True):
                    column[row] = value
            batched[key] = column
        batched["_" + key] = mask
    return batched
