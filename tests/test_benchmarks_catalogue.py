"""What is told of each reward is what its class says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tokengym.benchmarks.catalogue import COLUMNS, Card, card, cards, cells
from tokengym.rewards import REWARDS, BaseReward, Sample
from tokengym.rewards.parts import COSTS


class Misses(BaseReward):
    """How many ``x`` are *missing*, as :class:`tokengym.rewards.Sum` never counts them. And more.

    Range 0 to inf, lower is better.

    Source: somebody
    else's paper (arXiv:1). Then again.

    Args:
        of: what.
    """

    name = "misses"
    range = (0.0, float("inf"))
    higher_is_better = False

    def __init__(self, of: str, times: int = 2) -> None:
        self.of, self.times = of, times


def plain(batch: Sequence[Sample]) -> list[float]:
    return [0.0 for _ in batch]


def test_a_card_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REWARDS, "_rows", {"misses": Misses, "plain": plain})
    known, bare = cards()
    assert known == Card(
        name="misses",
        about="How many x are *missing*, as tokengym.rewards.Sum never counts them",
        range=(0.0, float("inf")),
        higher_is_better=False,
        needs="",
        cost="lexical",
        arguments=("of", "times=2"),
        required=("of",),
        source="somebody else's paper (arXiv:1)",
        doc=known.doc,
    )
    assert cells(known) == ("misses", known.about, "0 to ∞", "lower", "-", "lexical", "of, times=2")
    assert len(cells(known)) == len(COLUMNS) and known.doc.endswith("of: what.")
    assert (bare.name, bare.arguments, bare.range, bare.source) == ("plain", (), (float("-inf"), float("inf")), "")


@pytest.mark.parametrize("name", sorted(REWARDS))
def test_every_reward_can_be_told(name: str) -> None:
    known = card(name)
    assert 20 < len(known.about) < 200 and not known.about.endswith(".") and "`" not in known.about
    assert known.range[0] < known.range[1] and known.cost in COSTS
    assert "Range " in known.doc


def test_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="Did you mean 'rouge_l'"):
        card("rogue_l")
