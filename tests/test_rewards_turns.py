"""The number of turns, by hand; and slots that a conversation filled."""

from __future__ import annotations

import pytest

from tokengym.rewards import Sample, explain, make_reward


@pytest.mark.parametrize(("response", "turns"), [("", 1.0), ("Which day?", 1.0), ("Which day?\nFriday.", 2.0), ("\n\n", 3.0)])
def test_each_line_is_a_turn(response: str, turns: float) -> None:
    assert explain(make_reward("turns"), [Sample("", response)]).scores.tolist() == [turns]


def test_what_the_environment_saw_filled_stands_for_the_response() -> None:
    meta = {"slots": {"day": "Friday", "guests": "4"}, "filled": {"day": "Friday"}}
    rows = [Sample("", "day=Monday; guests=4", meta=meta), Sample("", "", meta={**meta, "filled": {"day": "friday", "guests": "4"}})]
    assert explain(make_reward("task_success"), rows).scores.tolist() == [0.0, 1.0]
    assert explain(make_reward("slot_f1"), rows).scores.tolist() == pytest.approx([2 / 3, 1.0])
