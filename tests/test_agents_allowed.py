"""Lists of allowed ids: each kept once, cut with their batch, and turned into masks for a few tokens at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tokengym.agents.allowed import AllowedLists, forbid
from tokengym.agents.batches import take
from tokengym.agents.logp import token_logp

MASKS = np.array([[1, 0, 1, 0], [1, 1, 1, 1], [0, 1, 0, 0], [1, 0, 1, 0]], dtype=np.int8)


def test_distinct_lists_are_kept_once() -> None:
    lists = AllowedLists()
    assert lists.add(MASKS).tolist() == [0, -1, 1, 0]
    assert lists.add(MASKS[::-1].astype(bool)).tolist() == [0, 1, -1, 0]
    allowed = lists.allowed(torch.zeros(1, 1, dtype=torch.int64))
    assert len(lists) == 2 and allowed.ids.tolist() == [0, 2, 1] and allowed.ends.tolist() == [0, 2, 3]


def test_masks_of_tokens_by_hand() -> None:
    lists = AllowedLists()
    numbers = torch.from_numpy(lists.add(MASKS))
    table = lists.allowed(numbers.view(2, 2))
    assert table.at(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 0, 1])).forbidden(4).int().tolist() == [
        [0, 1, 0, 1],
        [0, 1, 0, 1],
        [1, 0, 1, 1],
        [0, 0, 0, 0],
    ]
    assert table.of(torch.tensor([-1])).forbidden(4).tolist() == [[False] * 4]


def test_a_batch_takes_its_lists_along() -> None:
    lists = AllowedLists()
    index = torch.from_numpy(lists.add(MASKS)).view(2, 2)
    batch = {"lengths": torch.tensor([2, 1]), "logp": torch.zeros(2, 2), "allowed": lists.allowed(index)}
    assert take(batch, torch.tensor([1]))["allowed"].index.tolist() == [[1]]
    assert take(batch, torch.tensor([1, 0]))["allowed"].index.tolist() == [[1, 0], [0, -1]]


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_log_probabilities_of_what_is_left_by_hand(chunk: int) -> None:
    lists = AllowedLists()
    numbers = torch.from_numpy(lists.add(MASKS[:3]))
    hidden = torch.tensor([[math.log(3.0), 5.0, 0.0, 7.0], [0.0] * 4, [1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    out = token_logp(hidden, torch.tensor([0, 3, 1]), lambda h: h, with_entropy=True, chunk=chunk, allowed=lists.allowed(numbers))
    assert out.entropy is not None
    assert out.logp.tolist() == pytest.approx([math.log(0.75), math.log(0.25), 0.0])
    assert out.entropy.tolist() == pytest.approx([-0.75 * math.log(0.75) - 0.25 * math.log(0.25), math.log(4.0), 0.0], abs=1e-6)
    out.logp.sum().backward()
    assert hidden.grad is not None
    assert hidden.grad[0].tolist() == pytest.approx([0.25, 0.0, -0.25, 0.0])  # what was not allowed learns nothing


def test_forbid_by_hand() -> None:
    left = forbid(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), MASKS[2:3])
    assert left.tolist() == [[-math.inf, 2.0, -math.inf, -math.inf]]
    with pytest.raises(ValueError, match="row 1 allows nothing"):
        forbid(torch.zeros(2, 4), np.array([[0, 1, 0, 0], [0, 0, 0, 0]]))
    with pytest.raises(ValueError, match=r"shape \(4, 4\) for 1 rows of 4 actions"):
        forbid(torch.zeros(1, 4), MASKS)
