"""Chunked log-probabilities equal naive ones, gradients included, and never hold all logits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import profile

from tokengym.agents.logp import chunk_tokens, token_logp


def naive(hidden: Tensor, targets: Tensor, head: nn.Module, temperature: float) -> tuple[Tensor, Tensor]:
    logp = torch.log_softmax(head(hidden) / temperature, dim=-1)
    return logp.gather(1, targets[:, None])[:, 0], -(logp.exp() * logp).sum(-1)


def test_by_hand() -> None:
    hidden = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])  # logits: odds of 3 to 1, even odds
    out = token_logp(hidden, torch.tensor([0, 1]), lambda h: h, with_entropy=True)
    assert out.entropy is not None
    assert out.logp.tolist() == pytest.approx([math.log(0.75), math.log(0.5)])
    assert out.entropy.tolist() == pytest.approx([-0.75 * math.log(0.75) - 0.25 * math.log(0.25), math.log(2.0)])
    colder = token_logp(hidden, torch.tensor([0, 1]), lambda h: h, temperature=0.5)  # odds of 9 to 1
    assert colder.logp.tolist() == pytest.approx([math.log(0.9), math.log(0.5)])
    assert colder.entropy is None


def test_chunks_fit_a_processors_cache_and_are_large_on_cuda() -> None:
    assert chunk_tokens(49_152, "cpu") == 80  # 85 that fit 4,194,304 numbers, in whole eights
    assert chunk_tokens(1_000_000, "cpu") == 16  # never fewer
    assert chunk_tokens(49_152, "cuda") == 2728  # of 2,730


@pytest.mark.parametrize("with_entropy", [False, True])
@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunks_equal_naive_with_gradients(chunk: int, with_entropy: bool) -> None:
    torch.manual_seed(0)
    head = nn.Linear(5, 11)
    targets = torch.randint(0, 11, (7,))
    weight = torch.randn(7)
    grads = []
    for chunked in (True, False):
        hidden = torch.linspace(-2, 2, 35).view(7, 5).requires_grad_()
        head.zero_grad()
        if chunked:
            logp, entropy = token_logp(hidden, targets, head, temperature=0.7, with_entropy=with_entropy, chunk=chunk)
        else:
            logp, entropy = naive(hidden, targets, head, 0.7)
        loss = (logp * weight).sum()
        if with_entropy:
            assert entropy is not None
            loss = loss + 0.3 * (entropy * weight).sum()
        loss.backward()
        assert hidden.grad is not None and head.weight.grad is not None
        grads.append((logp.detach(), hidden.grad, head.weight.grad.clone()))
    for ours, theirs in zip(*grads, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_no_more_than_one_chunk_of_logits_is_ever_made_and_backward_makes_them_again() -> None:
    rows: list[int] = []
    weight = nn.Linear(4, 1000, bias=False)

    def head(hidden: Tensor) -> Tensor:
        rows.append(len(hidden))
        logits: Tensor = weight(hidden)
        return logits

    hidden = torch.randn(50, 4, requires_grad=True)
    out = token_logp(hidden, torch.zeros(50, dtype=torch.int64), head, chunk=16)
    assert rows == [16, 16, 16, 2]
    out.logp.sum().backward()
    assert sorted(rows) == sorted([16, 16, 16, 2] * 2)


def test_an_impossible_token_costs_no_nan_in_the_entropy() -> None:
    hidden = torch.tensor([[0.0, -torch.inf, 0.0]])
    out = token_logp(hidden, torch.tensor([0]), lambda h: h, with_entropy=True)
    assert out.entropy is not None
    assert out.entropy.item() == pytest.approx(math.log(2.0))


def test_nothing_asked_nothing_computed() -> None:
    out = token_logp(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), nn.Linear(4, 3), with_entropy=True)
    assert out.entropy is not None
    assert out.logp.shape == out.entropy.shape == (0,)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="temperature=0.0"):
        token_logp(torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), nn.Linear(2, 3), temperature=0.0)
    with pytest.raises(ValueError, match="2 hidden states for 1 targets"):
        token_logp(torch.zeros(2, 2), torch.zeros(1, dtype=torch.int64), nn.Linear(2, 3))


def peak_bytes(run: Callable[[], object]) -> int:
    """The most that was allocated at once while ``run`` ran, by the allocator's own events."""
    with profile(profile_memory=True) as profiler:
        run()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    held: list[int] = list(itertools.accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))
    return max(held)


@pytest.mark.parametrize(
    ("tokens", "size"),
    [(1024, 64), (1024, 576), pytest.param(2048, 576, marks=pytest.mark.slow)],
    ids=["1024 tokens", "1024 tokens, SmolLM2's width", "2048 tokens, SmolLM2's width"],
)
def test_at_49152_words_the_loss_stage_needs_at_most_a_third_of_the_naive_memory(tokens: int, size: int) -> None:
    vocabulary = 49_152
    head = nn.Linear(size, vocabulary, bias=False)
    hidden, targets = torch.randn(tokens, size, requires_grad=True), torch.randint(0, vocabulary, (tokens,))

    def ours() -> None:
        token_logp(hidden, targets, head, vocabulary=vocabulary).logp.sum().backward()

    def plain() -> None:
        torch.log_softmax(head(hidden), dim=-1).gather(1, targets[:, None]).sum().backward()

    peaks = []
    for run in (ours, plain):
        hidden.grad, head.weight.grad = None, None
        peaks.append(peak_bytes(run))
    assert peaks[1] > 2 * 4 * tokens * vocabulary  # logits and their gradient at least
    assert 3 * peaks[0] <= peaks[1]
