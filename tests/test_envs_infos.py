"""envs/infos.py: infos as Gymnasium batches them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import given
from hypothesis import strategies as st

from tokengym.envs.infos import Columns, batch_infos, known_first, row_infos

OBS = [{"input_ids": np.arange(start, start + 3)} for start in range(3)]
BEGUN: Columns = {"index": [7, 8], "sample_id": ["f", "g"], "prompt_tokens": [11, 12]}
ENDED: Columns = {
    "index": [3, 4, 5],
    "response": ["a", "bb", ""],
    "valid": [True, False, True],
    "parts": {"x": [1.0, -1.0, 0.5], "y": [0.0, 2.0, 0.0]},
    "metrics": {"late": [None, 0.25, 0.0], "all": [1.0, 0.0, 0.5], "first": [0.75, None, None]},
    "nothing": {},
}


def by_gymnasium(num_envs: int, infos: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    venv = gymnasium.vector.VectorEnv[Any, Any, Any]()
    venv.num_envs = num_envs
    batched: dict[str, Any] = {}
    for row, info in infos:
        batched = venv._add_info(batched, info, row)
    return batched


def same(expected: dict[str, Any], found: dict[str, Any]) -> bool:
    inner = all(same(expected[key], found[key]) for key in expected if isinstance(expected[key], dict))
    return data_equivalence(expected, found, exact=True) and list(expected) == list(found) and inner


def test_rows_by_hand() -> None:
    rows = row_infos(ENDED, 3)
    assert rows[1] == {
        "index": 4,
        "response": "bb",
        "valid": False,
        "parts": {"x": -1.0, "y": 2.0},
        "metrics": {"late": 0.25, "all": 0.0},
        "nothing": {},
    }
    assert rows[0]["nothing"] is not rows[1]["nothing"]


def test_columns_by_hand() -> None:
    batched = batch_infos(3, [0, 2], {"score": [1.0, None], "name": ["a", "b"]})
    assert batched["score"].tolist() == [1.0, 0.0, 0.0] and batched["_score"].tolist() == [True, False, False]
    assert batched["name"].tolist() == ["a", None, "b"] and batched["_name"].tolist() == [True, False, True]


def test_equal_to_gymnasium() -> None:
    columns = {**ENDED, "metrics": known_first(ENDED["metrics"])}
    expected = by_gymnasium(6, list(zip([0, 3, 4], row_infos(ENDED, 3), strict=True)))
    assert same(expected, batch_infos(6, [0, 3, 4], columns))
    assert list(expected["metrics"]) == ["all", "_all", "first", "_first", "late", "_late"]


def test_final_observations_stay_single() -> None:
    two = {"final_obs": OBS[:2], "final_info": BEGUN}
    expected = by_gymnasium(5, [(row, {"final_obs": OBS[i], "final_info": row_infos(BEGUN, 2)[i]}) for i, row in enumerate((1, 4))])
    assert same(expected, batch_infos(5, [1, 4], two))


def test_other_rows_are_added() -> None:
    columns = {**ENDED, "metrics": known_first(ENDED["metrics"])}
    begun, ended = list(zip([1, 5], row_infos(BEGUN, 2), strict=True)), list(zip([0, 3, 4], row_infos(ENDED, 3), strict=True))
    batched = batch_infos(6, [0, 3, 4], columns)
    assert same(by_gymnasium(6, sorted([*begun, *ended], key=lambda pair: pair[0])), batch_infos(6, [1, 5], BEGUN, batched))
    assert batch_infos(6, [], {}, batched) is batched and batch_infos(6, [], {}) == {}


@given(st.lists(st.lists(st.none() | st.floats(-1, 1), min_size=3, max_size=3), max_size=4))
def test_columns_stand_in_the_order_in_which_rows_first_have_them(metrics: list[list[float | None]]) -> None:
    columns = {f"m{number}": values for number, values in enumerate(metrics)}
    expected = by_gymnasium(4, list(zip([0, 1, 3], row_infos({"metrics": columns}, 3), strict=True)))
    assert same(expected, batch_infos(4, [0, 1, 3], {"metrics": known_first(columns)}))


def test_masks_are_not_shared() -> None:
    batched = batch_infos(3, [0, 2], BEGUN)
    batched["_index"][1] = True
    assert not batched["_sample_id"][1]
