"""From records to the numbers of a table."""

from __future__ import annotations

import pytest

from tests.result_rows import EXAMPLES, failed, result_rows
from tokengym.benchmarks.stats import difference, estimate
from tokengym.benchmarks.summary import Anchors, anchors, fill_normalized, summarize


def test_scores_are_those_of_the_statistics() -> None:
    rows = result_rows()
    scores = {(s.env, s.agent): s for s in summarize(rows, "sft", ["sft+ppo"])}
    ppo, sft = scores["TextQA-v0", "sft+ppo"], scores["TextQA-v0", "sft"]
    rewards = [r["eval"]["reward"] for r in rows if r["env"]["id"] == "TextQA-v0" and r["agent"]["name"] == "sft+ppo"]
    assert ppo.reward == estimate(rewards)
    assert ppo.reward is not None and ppo.reward.mean == pytest.approx(0.8)
    assert ppo.metrics["exact"].mean == pytest.approx(0.4)
    assert "faithfulness" not in ppo.metrics  # it applied to no example
    assert ppo.normalized == pytest.approx(0.8) and ppo.normalized_half == pytest.approx(ppo.reward.half)
    assert ppo.comparison is not None and ppo.comparison.verdict == "above"
    assert ppo.comparison.difference == difference(rewards, sft.matrix)
    assert ppo.comparison.adjusted_p == pytest.approx(2 * ppo.comparison.difference.p)  # two environments, so two comparisons
    assert sft.comparison is None and ppo.collapsed == () and ppo.iqm is None


def test_anchors_and_normalized_records() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    assert anchors(rows) == {"TextQA-v0": Anchors(0.0, 1.0)}
    fill_normalized(rows)
    assert [r["eval"]["normalized"] for r in rows[6:9]] == pytest.approx([0.59, 0.6, 0.61])
    assert Anchors(0.5, 0.52).normalized(0.51) is None and Anchors(None, 1.0).normalized(0.5) is None


def test_a_collapsed_seed_is_found() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    row = next(r for r in rows if r["agent"]["name"] == "sft+ppo" and r["seed"] == 2000)
    row["eval"]["reward"] = [0.29] * EXAMPLES  # less than half of the 0.6 it started from
    score = next(s for s in summarize(rows) if s.agent == "sft+ppo")
    assert score.collapsed == (2000,)


def test_failed_seeds_are_named_and_left_out() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    rows = [failed(r) if r["agent"]["name"] == "sft" or (r["agent"]["name"], r["seed"]) == ("sft+ppo", 1000) else r for r in rows]
    scores = {s.agent: s for s in summarize(rows, "sft", ["sft+ppo"])}
    assert scores["sft"].reward is None and len(scores["sft"].failed) == 3
    assert scores["sft+ppo"].failed == {1000: "ValueError: no luck"} and scores["sft+ppo"].comparison is None
    reward = scores["sft+ppo"].reward
    assert reward is not None and reward.seeds == 2


def test_iqm_from_five_seeds_on() -> None:
    score = next(s for s in summarize(result_rows(seeds=(1, 2, 3, 4, 5), envs=("TextQA-v0",))) if s.agent == "sft")
    assert score.iqm is not None and score.iqm[0] == pytest.approx(0.6)
    assert score.iqm[1] <= 0.6 <= score.iqm[2]


def test_an_anchor_is_what_it_is_and_not_what_it_is_called() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    for row in rows:
        if row["agent"]["name"] == "oracle":
            row["agent"]["kind"] = "custom"
    assert anchors(rows) == {"TextQA-v0": Anchors(0.0, None)}


def test_costs_that_nobody_tells_are_unknown() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    next(r for r in rows if r["agent"]["name"] == "sft")["used"]["labels"] = None
    scores = {s.agent: s for s in summarize(rows)}
    assert scores["sft"].labels is None and scores["sft"].reward_calls is not None and scores["sft+ppo"].labels == 384
