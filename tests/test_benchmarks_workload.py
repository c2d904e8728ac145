"""The answers that rewards are timed with."""

from __future__ import annotations

import pytest

from tokengym.benchmarks.workload import SPECS, Workload
from tokengym.rewards import REWARDS, make_reward


def test_responses_are_new_and_references_come_back() -> None:
    work = Workload(batch=8, words=50)
    first, second = work.next("references"), work.next("references")
    assert [sample.references for sample in first] == [sample.references for sample in second]
    assert len({sample.response for sample in (*first, *second)}) == 16
    assert {len(sample.response.split()) for sample in first} == {len(sample.references[0].split()) for sample in first} == {50}
    assert Workload(batch=8, words=50).next("references") == first


@pytest.mark.parametrize("spec", [SPECS.get(name, name) for name in sorted(REWARDS)])
def test_every_cheap_reward_can_score_them(spec: str) -> None:
    try:
        reward = make_reward(spec)
    except (ValueError, TypeError, OSError, RuntimeError):
        pytest.skip("cannot be made without arguments or files")
    if reward.cost != "lexical":
        pytest.skip("takes longer")
    if reward.name == "reasoning_gym":
        pytest.importorskip("reasoning_gym")
    explained = reward.explain(Workload(batch=4).next(reward.needs))
    assert explained.valid.all()
