"""envs/order.py: every epoch holds every example, evenly shuffled, whatever the size."""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice

import pytest

from tokengym.envs.order import Order, Permutation


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 1023, 1025])
def test_permutation_is_a_bijection(n: int) -> None:
    permutation = Permutation(n, (5, 1))
    assert sorted(permutation(i) for i in range(n)) == list(range(n))


def test_permutation_depends_on_every_part_of_its_key() -> None:
    orders = [[Permutation(50, key)(i) for i in range(50)] for key in ((0, 0), (0, 1), (1, 0))]
    assert orders[0] != orders[1] != orders[2] != orders[0]


@pytest.mark.parametrize("n", [2, 5, 7])
def test_permutation_sends_each_position_everywhere_equally_often(n: int) -> None:
    draws = 4000
    seen = Counter((i, Permutation(n, (seed, 0))(i)) for seed in range(draws) for i in range(n))
    expected = draws / n
    chi_square = sum((seen[i, j] - expected) ** 2 / expected for i in range(n) for j in range(n))
    degrees = (n - 1) ** 2
    assert chi_square < degrees + 5 * (2 * degrees) ** 0.5


@pytest.mark.parametrize("position", [-1, 3])
def test_permutation_refuses_a_position_outside(position: int) -> None:
    with pytest.raises(ValueError, match=r"outside range\(3\)"):
        Permutation(3, 0)(position)


def test_order_holds_each_example_group_size_times_per_epoch_in_groups() -> None:
    order = Order(5, group_size=3)
    order.start(11)
    dealt = list(islice(order, 30))
    assert [deal for _, deal in dealt] == list(range(30))
    indices = [index for index, _ in dealt]
    for epoch in (indices[:15], indices[15:]):
        assert Counter(epoch) == dict.fromkeys(range(5), 3)
        assert all(len(set(epoch[g : g + 3])) == 1 for g in range(0, 15, 3))
    assert indices[:15] != indices[15:]  # a fresh permutation


def test_order_goes_on_from_a_position() -> None:
    order, later = Order(7), Order(7)
    order.start(3)
    expected = list(islice(order, 20))[9:]
    later.start(3, position=9)
    assert list(islice(later, 11)) == expected


def test_sequential_order_counts() -> None:
    assert [index for index, _ in islice(Order(3, shuffled=False), 7)] == [0, 1, 2, 0, 1, 2, 0]


def test_no_examples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no examples"):
        Order(0)


def test_the_first_deal_costs_the_same_for_any_size() -> None:
    def cost(n: int) -> float:
        best = float("inf")
        for _ in range(5):
            start = time.thread_time()
            for seed in range(200):
                order = Order(n)
                order.start(seed)
                next(order)
            best = min(best, time.thread_time() - start)
        return best

    assert cost(100_000_000) < 3 * cost(1_000)


@pytest.mark.parametrize("n", [1, 2, 7, 1_000, 65_536])
def test_the_tables_of_the_rounds_change_nothing(n: int) -> None:
    tabled = Permutation(n, (3, 4))
    places = [(17 * i) % n for i in range(40)]
    expected = [Permutation(n, (3, 4))(place) for place in places]  # each the first call of its own permutation: no tables
    assert [tabled(place) for place in places] == expected and tabled._tables


def test_no_tables_for_many_examples() -> None:
    many = Permutation(70_000, 1)
    assert [many(i) for i in range(20)] == [Permutation(70_000, 1)(i) for i in range(20)] and not many._tables
