"""The learning rate's course, and optimizer steps."""

from __future__ import annotations

import pytest
import torch

from tokengym.agents.optim import adamw, rate, step


def test_rate_by_hand() -> None:
    assert [rate(share) for share in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]
    assert [rate(share, "linear", warmup=0.2) for share in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])
    assert [rate(share, "cosine") for share in (0.0, 1 / 3, 0.5, 1.0)] == pytest.approx([1.0, 0.75, 0.5, 0.0])
    with pytest.raises(ValueError, match="Did you mean 'linear'"):
        rate(0.5, "liner")


def parameters() -> dict[str, torch.Tensor]:
    return {"matrix": torch.ones(2, 2, requires_grad=True), "vector": torch.ones(2, requires_grad=True)}


def test_matrices_decay_and_vectors_do_not() -> None:
    named = parameters()
    optimizer = adamw(named.items(), learning_rate=0.1, weight_decay=0.5, eps=1e-8)
    for x in named.values():
        x.grad = torch.zeros_like(x)
    step(optimizer, learning_rate=0.1, max_norm=1.0)
    assert named["matrix"][0, 0].item() == pytest.approx(0.95) and named["vector"][0].item() == 1.0


def test_step_clips_and_clears_and_tells_the_norm() -> None:
    named = parameters()
    optimizer = torch.optim.SGD(named.values(), lr=1.0)
    named["vector"].grad = torch.tensor([3.0, 4.0])
    assert step(optimizer, learning_rate=0.5, max_norm=1.0) == pytest.approx(5.0)
    assert named["vector"].tolist() == pytest.approx([1 - 0.5 * 0.6, 1 - 0.5 * 0.8])
    assert named["vector"].grad is None


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    named = parameters()
    optimizer = adamw(named.items(), 0.1, 0.0, 1e-8)
    named["vector"].grad = torch.tensor([float("nan"), 0.0])
    with pytest.raises(FloatingPointError, match="weights are as before"):
        step(optimizer, 0.1, 1.0)
    assert named["vector"].tolist() == [1.0, 1.0]
