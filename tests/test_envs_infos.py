"""envs/infos.py: infos as Gymnasium batches them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import data_equivalence

from tokengym.envs.infos import batch_infos

INFOS: list[dict[str, Any]] = [
    {"index": 3, "response": "a", "valid": True, "score": 0.25, "parts": {"x": 1.0, "y": 2.0}},
    {"index": 4, "response": "bb", "valid": False, "score": 1.0, "parts": {"x": -1.0}, "more": 1},
    {"index": 5, "parts": {}, "final_obs": {"input_ids": np.arange(3)}},
]


def by_gymnasium(num_envs: int, rows: list[int], infos: list[dict[str, Any]]) -> dict[str, Any]:
    venv = gymnasium.vector.VectorEnv[Any, Any, Any]()
    venv.num_envs = num_envs
    batched: dict[str, Any] = {}
    for row, info in zip(rows, infos, strict=True):
        batched = venv._add_info(batched, info, row)
    return batched


def test_equal_to_gymnasium() -> None:
    for rows, infos in [([2], INFOS[:1]), ([0, 3], [INFOS[0], INFOS[0]]), ([0, 2, 4], INFOS), ([1, 2], INFOS[1:]), ([], [])]:
        expected, found = by_gymnasium(5, rows, infos), batch_infos(5, rows, infos)
        assert data_equivalence(expected, found, exact=True), (expected, found)


def test_masks_are_not_shared() -> None:
    batched = batch_infos(2, [0], INFOS[:1])
    batched["_index"][1] = True
    assert not batched["_response"][1]
