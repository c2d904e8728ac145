"""Micro-batches: every row once, within the budget, rows of one prompt together."""

from __future__ import annotations

import pytest
import torch

from tokengym.agents.batches import micro_batches, take


def test_micro_batches_by_hand() -> None:
    lengths = torch.tensor([3, 10, 4, 9, 1])
    assert [cut.tolist() for cut in micro_batches(lengths, tokens=20)] == [[1, 3], [2, 0, 4]]
    assert [cut.tolist() for cut in micro_batches(lengths, tokens=5)] == [[1], [3], [2], [0], [4]]


def test_rows_of_one_prompt_stay_together() -> None:
    lengths, group = torch.tensor([5, 2, 9, 1, 7, 7]), torch.tensor([0, 1, 1, 0, 2, 2])
    assert [cut.tolist() for cut in micro_batches(lengths, tokens=1000, group=group)] == [[1, 2, 4, 5, 0, 3]]


@pytest.mark.parametrize("tokens", [1, 37, 500])
def test_every_row_comes_once_and_the_budget_holds(tokens: int) -> None:
    lengths = torch.randint(1, 60, (101,), generator=torch.Generator().manual_seed(0))
    cuts = micro_batches(lengths, tokens, torch.arange(101) // 4)
    assert sorted(torch.cat(cuts).tolist()) == list(range(101))
    assert all(len(cut) == 1 or len(cut) * int(lengths[cut].max()) <= tokens for cut in cuts)


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="tokens=0"):
        micro_batches(torch.tensor([1]), 0)


def test_take_cuts_to_the_longest_row() -> None:
    batch = {"lengths": torch.tensor([1, 3, 2]), "input_ids": torch.arange(12).view(3, 4), "scores": torch.tensor([0.1, 0.2, 0.3])}
    rows = take(batch, torch.tensor([2, 0]))
    assert rows["input_ids"].tolist() == [[8, 9], [0, 1]]
    assert rows["lengths"].tolist() == [2, 1] and rows["scores"].tolist() == pytest.approx([0.3, 0.1])
