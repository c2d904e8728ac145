"""envs/dealer.py: one order for all rows, or one for each."""

from __future__ import annotations

import json

import gymnasium
import pytest

from tokengym.envs.dealer import Dealer
from tokengym.envs.order import Order


def test_rows_have_the_orders_of_single_environments() -> None:
    dealer = Dealer(9, 2, 1, shuffled=True, shared=False)
    dealer.seed([4, 5], [0, 1])
    for row, seed in enumerate((4, 5)):
        order = Order(9)
        order.start(int(gymnasium.utils.seeding.np_random(seed)[0].integers(2**63)))
        assert [dealer.deal(row) for _ in range(20)] == [next(order) for _ in range(20)]


def test_one_order_is_shared_and_ends_after_the_limit() -> None:
    dealer = Dealer(4, 3, 2, shuffled=False, shared=True)
    dealer.seed([1], [0, 1, 2])
    dealer.limit(5)
    assert [dealer.deal(row % 3) for row in range(7)] == [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4), None, None]
    dealer.limit(None)
    assert dealer.deal(0) == (2, 5)


def test_a_seed_starts_again_and_none_goes_on() -> None:
    dealer = Dealer(50, 1, 1, shuffled=True, shared=True)
    dealer.seed([1], [0])
    first = [dealer.deal(0) for _ in range(3)]
    dealer.seed([None], [0])
    assert dealer.deal(0) not in first
    dealer.seed([1], [0])
    assert [dealer.deal(0) for _ in range(3)] == first


def test_state_goes_through_json() -> None:
    dealer, other = (Dealer(50, 2, 1, shuffled=True, shared=False) for _ in range(2))
    dealer.seed([1, 2], [0, 1])
    dealer.deal(1)
    other.set_state(json.loads(json.dumps(dealer.get_state())))
    assert [other.deal(row) for row in (0, 1)] == [dealer.deal(row) for row in (0, 1)]
    with pytest.raises(ValueError, match="holds 2 orders, expected 1"):
        Dealer(50, 2, 1, shuffled=True, shared=True).set_state(dealer.get_state())
