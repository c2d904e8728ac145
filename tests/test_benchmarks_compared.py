"""Which agents a table compares with the baseline: the suite's, one's own, and those of all folders that it is made of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.result_rows import result_rows
from tokengym.benchmarks.bench import build_suite
from tokengym.benchmarks.options import Bench
from tokengym.benchmarks.suites import Entrant
from tokengym.benchmarks.tables import build_tables


def _own(rows: list[dict[str, Any]], **suite: Any) -> list[dict[str, Any]]:
    """Records of an agent of one's own, from a run of another suite."""
    of = [row for row in rows if row["agent"]["name"] == "sft-clean"]
    return [{**row, "agent": {**row["agent"], "name": "Mine", "kind": "custom"}, "suite": {**row["suite"], **suite}} for row in of]


def _gains(records: list[dict[str, Any]]) -> dict[str, str]:
    """Agent to what stands under "gain over sft"; agents that are not compared are left out."""
    table = build_tables(records)[0][1]
    column = [each.name for each in table.columns].index("gain over sft")
    return {row[0].text: row[column].text for row in table.rows if row[column].text}


def test_an_agent_of_one_s_own_is_compared_with_the_baseline() -> None:
    suite = build_suite(Bench(agents=("random", "sft", "sft-filtered"), agent=("examples.own_agent:Bigram",)))
    assert suite.compared == ("sft-filtered", "Bigram")
    alone = suite.narrowed(extra=[Entrant(name="Other", kind="custom", source="a:Other")])
    assert alone.compared == ("sft-filtered", "Bigram", "Other")


def test_every_folder_s_agents_are_compared_in_whatever_order_they_come() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    mine = _own(rows, name="mine", compared=["Mine"])
    first, last = _gains([*mine, *rows]), _gains([*rows, *mine])
    assert first == last and set(first) == {"sft+ppo", "Mine"}
    assert first["Mine"].startswith("+0.300")  # sft-clean has 0.9, sft 0.6


def test_different_baselines_are_refused_where_both_have_played() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    told = r"compare with different baselines, 'random' \(suite mine\) and 'sft' \(suite made-up\); render them apart"
    with pytest.raises(ValueError, match=told):
        build_tables([*rows, *_own(rows, name="mine", baseline="random", compared=["Mine"])])
    elsewhere = _own(rows, name="mine", baseline="nobody here", compared=["Mine"])
    assert set(_gains([*rows, *elsewhere])) == {"sft+ppo", "Mine"}
    silent = [{**row, "suite": {}} for row in _own(rows)]
    assert set(_gains([*silent, *rows])) == {"sft+ppo"}
