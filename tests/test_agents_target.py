"""The target network: it stays while the policy learns, follows by the asked share, and comes back from a checkpoint."""

from __future__ import annotations

import torch

from tests.echo import echo_policy
from tests.text_rows import random_model
from tokengym.agents.lora import LoRA
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.target import TargetNetwork

IDS = torch.tensor([[1, 3, 4, 5, 2]])


def values(policy: CausalLMPolicy) -> torch.Tensor:
    """(1, 5) values and log-probabilities of one sequence, added up."""
    with torch.no_grad():
        out = policy(IDS, torch.ones_like(IDS), with_values=True)
    assert out.values is not None
    found: torch.Tensor = out.values + out.logp
    return found


def shaken(policy: CausalLMPolicy, by: float) -> None:
    """Moves every weight that learns."""
    with torch.no_grad():
        for parameter in policy.trainable_parameters():
            parameter.add_(by)


def lora_policy() -> CausalLMPolicy:
    return CausalLMPolicy(random_model(), lora=LoRA(rank=2, alpha=4))


def test_it_stays_until_it_follows_and_a_whole_step_is_a_copy() -> None:
    for policy in (echo_policy(), lora_policy()):
        target, start = TargetNetwork(policy), values(policy)
        shaken(policy, 0.05)
        assert torch.equal(values(target.policy), start) and not torch.allclose(values(policy), start)
        target.follow(1.0)
        torch.testing.assert_close(values(target.policy), values(policy))
        assert not target.policy.trainable_parameters()


def test_a_share_is_the_share_of_every_weight_of_the_way() -> None:
    for policy in (echo_policy(), lora_policy()):
        target = TargetNetwork(policy)
        before = {name: x.clone() for name, x in target.tensors().items()}
        assert set(before) == {name for name, x in policy.named_parameters() if x.requires_grad}
        shaken(policy, 0.4)
        target.follow(0.25)
        assert all(torch.allclose(x, before[name] + 0.1, atol=1e-6) for name, x in target.tensors().items())


def test_two_frozen_copies_of_one_policy_do_not_disturb_each_other() -> None:
    policy = lora_policy()
    reference, target, start = policy.reference(), TargetNetwork(policy), values(policy)
    shaken(policy, 0.05)
    now = values(policy)
    target.follow(1.0)
    assert torch.equal(values(reference), start)
    torch.testing.assert_close(values(target.policy), now)
    torch.testing.assert_close(values(policy), now)


def test_a_checkpoint_brings_it_back() -> None:
    policy = echo_policy()
    target = TargetNetwork(policy)
    shaken(policy, 0.05)
    target.follow(0.5)
    again = TargetNetwork(echo_policy())
    again.restore({name: x.clone() for name, x in target.tensors().items()})
    assert torch.equal(values(again.policy), values(target.policy))
