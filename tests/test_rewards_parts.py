"""What compositions of rewards take from their parts."""

from __future__ import annotations

import math

from tokengym.rewards.parts import COSTS, corners, dearest, needed


def test_products_of_ranges() -> None:
    assert corners((0.0, 1.0), (-2.0, 3.0)) == (-2.0, 3.0)
    assert corners((-1.0, 2.0), (-3.0, 0.0)) == (-6.0, 3.0)
    assert corners((0.0, 1.0), (-math.inf, 0.0)) == (-math.inf, 0.0)  # 0 times infinity is 0


def test_needs_are_told_once() -> None:
    assert needed(["references", "", "meta['facts'], references", "meta['facts']"]) == "references, meta['facts']"
    assert needed(["", ""]) == ""


def test_a_composition_costs_what_its_dearest_part_costs() -> None:
    assert dearest(["lexical"]) == "lexical" and dearest(["neural", "lexical", "process"]) == "neural"
    assert dearest(COSTS) == "remote"
