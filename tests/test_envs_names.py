"""Names belong to one split each, and there are thousands of them."""

from __future__ import annotations

import itertools

import pytest

from tokengym.envs.draw import Draw
from tokengym.envs.names import SPLITS, Names, _pool


@pytest.mark.parametrize(
    ("kind", "least"), [("place", 3900), ("family", 3100), ("zh_place", 20_000), ("zh_person", 20_000), ("zh_firm", 10_000)]
)
def test_pools_are_large_and_split_eight_to_one_to_one(kind: str, least: int) -> None:
    pools = {split: set(_pool(kind, split)) for split in SPLITS}
    total = sum(len(pool) for pool in pools.values())
    assert total >= least
    assert abs(len(pools["train"]) / total - 0.8) < 0.001
    for a, b in itertools.combinations(SPLITS, 2):
        assert not pools[a] & pools[b]


def test_what_is_drawn_comes_from_the_split() -> None:
    names = Names(Draw("x"), "test")
    assert {names.place() for _ in range(50)} <= set(_pool("place", "test"))
    assert names.person().split()[1] in _pool("family", "test")
    assert names.firm().split()[0] in _pool("family", "test")
