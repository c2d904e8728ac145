"""The gradient of a large head is summed in place, and is what it would be without."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tokengym.agents import weight_sums
from tokengym.agents.logp import token_logp
from tokengym.agents.weight_sums import WeightSums

VOCABULARY, WIDTH, TOKENS = 31, 6, 10


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_sums, "LARGE", 1)


def gradients(head: nn.Module, chunk: int, passes: int = 1) -> list[Tensor]:
    torch.manual_seed(1)
    hidden, targets = torch.randn(TOKENS, WIDTH, requires_grad=True), torch.randint(0, VOCABULARY, (TOKENS,))
    head.zero_grad()
    for _ in range(passes):
        token_logp(hidden, targets, head, chunk=chunk).logp.sum().backward()
    assert hidden.grad is not None
    return [hidden.grad, *(p.grad for p in head.parameters() if p.grad is not None)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("passes", [1, 2])
def test_gradients_are_those_of_one_product(passes: int, bias: bool) -> None:
    torch.manual_seed(0)
    head = nn.Linear(WIDTH, VOCABULARY, bias=bias)
    for ours, plain in zip(gradients(head, 3, passes), gradients(head, TOKENS, passes), strict=True):
        assert torch.allclose(ours, plain, atol=1e-5)


def test_a_rule_of_the_head_and_a_frozen_weight() -> None:
    class Capped(nn.Module):
        """Gemma's soft cap."""

        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(WIDTH, VOCABULARY)

        def forward(self, hidden: Tensor) -> Tensor:
            return 3.0 * torch.tanh(self.linear(hidden[None])[0] / 3.0)

    torch.manual_seed(0)
    head = Capped()
    for ours, plain in zip(gradients(head, 3), gradients(head, TOKENS), strict=True):
        assert torch.allclose(ours, plain, atol=1e-5)
    head.linear.weight.requires_grad_(False)
    assert torch.allclose(gradients(head, 3)[0], gradients(head, TOKENS)[0], atol=1e-5)
    assert head.linear.weight.grad is None


def test_what_only_asks_for_the_hidden_states_leaves_nothing_behind() -> None:
    weight = torch.ones(4, 2, requires_grad=True)
    rows = torch.ones(3, 2, requires_grad=True)
    sums = WeightSums()
    with sums:
        total = sum(nn.functional.linear(rows[i : i + 1], weight).sum() for i in range(3))
    assert isinstance(total, Tensor)
    (of_rows,) = torch.autograd.grad(total, rows, retain_graph=True)
    assert of_rows.tolist() == [[4.0, 4.0]] * 3
    total.backward()
    assert weight.grad is not None and weight.grad.tolist() == [[3.0, 3.0]] * 4


def test_the_weight_gets_its_gradient_once() -> None:
    seen: list[int] = []
    head = nn.Linear(WIDTH, VOCABULARY, bias=False)
    head.weight.register_post_accumulate_grad_hook(lambda weight: seen.append(int(weight.grad is not None)))
    gradients(head, 3)
    assert seen == [1]
