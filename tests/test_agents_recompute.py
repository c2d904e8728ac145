"""Gradient checkpointing: the same numbers to the last bit, each layer computed twice, and less kept in between."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from tests.echo import echo_policy, echo_venv
from tokengym.agents import PPO, PPOConfig
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.recompute import recompute_layers


def pass_through(policy: CausalLMPolicy) -> tuple[Tensor, list[Tensor], int]:
    """Log-probabilities, gradients, and the numbers kept for the backward pass."""
    policy.zero_grad()
    kept = 0

    def keep(x: Tensor) -> Tensor:
        nonlocal kept
        kept += x.numel()
        return x

    ids = torch.randint(3, 11, (4, 12), generator=torch.Generator().manual_seed(0))
    with saved_tensors_hooks(keep, lambda x: x):
        out = policy(ids, torch.ones_like(ids))
    out.logp.sum().backward()
    return out.logp.detach(), [x.grad.clone() for x in policy.parameters() if x.grad is not None], kept


def test_the_same_bits_for_less_memory() -> None:
    policy = echo_policy()
    logp, gradients, kept = pass_through(policy)
    recompute_layers(policy)
    recompute_layers(policy)  # twice is once
    again, same, less = pass_through(policy)
    assert torch.equal(logp, again)
    assert len(gradients) == len(same) and all(torch.equal(x, y) for x, y in zip(gradients, same, strict=True))
    assert less < 0.5 * kept


def test_training_gives_the_same_weights() -> None:
    found = []
    for on in (False, True):
        config = PPOConfig(episodes_per_update=16, updates=2, epochs=2, gradient_checkpointing=on)
        found.append(PPO(echo_policy(), echo_venv(group_size=4), config=config).learn(progress=False).policy)
    for x, y in zip(*(policy.parameters() for policy in found), strict=True):
        assert torch.equal(x, y)


def test_copies_compute_with_their_own_weights() -> None:
    policy = echo_policy()
    recompute_layers(policy)
    twin = copy.deepcopy(policy)
    ids = torch.tensor([[3, 4, 5]])
    before = twin.logp(ids, torch.ones_like(ids))
    with torch.no_grad():
        for x in policy.parameters():
            x.add_(0.1)
    assert torch.equal(twin.logp(ids, torch.ones_like(ids)), before)
    reference = policy.reference()
    assert torch.equal(reference.logp(ids, torch.ones_like(ids)), policy.logp(ids, torch.ones_like(ids)).detach())


def test_models_without_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="gradient_checkpointing=True: Linear has no layers"):
        recompute_layers(nn.Linear(2, 2))
