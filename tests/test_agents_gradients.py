"""The learners' gradients against exact ones, by enumerating every batch that can happen on a toy MDP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from tests.toy_mdp import SCORES, Table, exact_gradient, expected_gradient, play, sequence_logp
from tokengym.agents.ppo import PPO, PPOConfig
from tokengym.agents.reinforce import Reinforce, ReinforceConfig
from tokengym.agents.rollout import Rollout


def reinforce(policy: Table, group: int, **options: object) -> Reinforce:
    return Reinforce(policy, config=ReinforceConfig(group_size=group, episodes_per_update=group, **options))  # type: ignore[arg-type]


def test_the_seven_episodes_are_all_there_are() -> None:
    assert sequence_logp(Table()).exp().sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("baseline", "group", "share"), [("none", 1, 1.0), ("none", 2, 1.0), ("leave_one_out", 2, 1.0), ("mean", 2, 0.5)])
def test_reinforce_expected_gradient_is_the_exact_one(baseline: str, group: int, share: float) -> None:
    policy = Table()
    agent = reinforce(policy, group, baseline=baseline)
    torch.testing.assert_close(expected_gradient(policy, group, agent.backward), share * exact_gradient(policy), atol=1e-12, rtol=0)


def test_reinforce_expected_gradient_with_three_in_a_group() -> None:
    policy = Table()
    exact = exact_gradient(policy)
    for baseline, share in (("leave_one_out", 1.0), ("mean", 2 / 3)):
        found = expected_gradient(policy, 3, reinforce(policy, 3, baseline=baseline).backward)
        torch.testing.assert_close(found, share * exact, atol=1e-12, rtol=0)


def moved(agent: Reinforce | PPO, policy: Table) -> Table:
    """The reference, after the policy has been moved away from it."""
    with torch.no_grad():
        policy.logits.add_(torch.linspace(-0.6, 0.7, 18).view(2, 3, 3))
    reference: Table = agent.reference
    assert not torch.equal(reference.logits, policy.logits)
    return reference


def test_kl_in_the_reward_has_the_gradient_of_the_penalized_score() -> None:
    policy = Table()
    agent = reinforce(policy, 2, kl_beta=0.3, kl="k1")
    with torch.no_grad():
        ref_logp = sequence_logp(moved(agent, policy))
    exact = exact_gradient(policy, lambda logp: SCORES - 0.3 * (logp - ref_logp))
    torch.testing.assert_close(expected_gradient(policy, 2, agent.backward), exact, atol=1e-12, rtol=0)


def test_k2_as_a_loss_has_the_gradient_of_the_divergence_at_each_token() -> None:
    policy = Table()
    agent = reinforce(policy, 2, kl_beta=0.3, kl="k2")
    reference = moved(agent, policy)
    with torch.no_grad():
        first = torch.softmax(policy.logits[0, 0], dim=-1)[:2]  # how often the second token is asked for after 0 and after 1
    there, far = torch.log_softmax(policy.logits, dim=-1), torch.log_softmax(reference.logits, dim=-1)
    divergence = (there.exp() * (there - far)).sum(dim=-1)  # (position, previous)
    (penalty,) = torch.autograd.grad(divergence[0, 0] + (first * divergence[1, :2]).sum(), policy.logits)
    torch.testing.assert_close(expected_gradient(policy, 2, agent.backward), exact_gradient(policy) + 0.3 * penalty, atol=1e-12, rtol=0)


def ppo(policy: Table, **options: object) -> PPO:
    settings: dict[str, object] = {"group_size": 1, "episodes_per_update": 1, "kl_beta": 0.0, "value_coefficient": 0.0}
    return PPO(policy, config=PPOConfig(**{**settings, **options}))  # type: ignore[arg-type]


def first_step(agent: PPO) -> Callable[[Rollout], object]:
    """The gradient of PPO's first step on a collection."""

    def backward(rollout: Rollout) -> object:
        batch = {**agent.batch(rollout), "rewards": rollout.rewards, "values": rollout.values}
        cuts = agent.cuts(batch)
        agent.prepare(batch, cuts)
        return agent.backward(batch, cuts)

    return backward


def test_ppo_first_step_is_the_exact_gradient() -> None:
    policy = Table()
    agent = ppo(policy, lam=1.0, whiten_advantages=False)
    torch.testing.assert_close(expected_gradient(policy, 1, first_step(agent)), exact_gradient(policy), atol=1e-12, rtol=0)
    pairs = ppo(policy, lam=1.0, whiten_advantages=False, episodes_per_update=2, group_size=2)
    torch.testing.assert_close(expected_gradient(policy, 2, first_step(pairs)), exact_gradient(policy), atol=1e-12, rtol=0)


def test_ppo_first_step_with_kl_in_the_reward_is_the_exact_gradient_too() -> None:
    policy = Table()
    agent = ppo(policy, lam=1.0, whiten_advantages=False, kl_beta=0.3)
    with torch.no_grad():
        ref_logp = sequence_logp(moved(agent, policy))
    exact = exact_gradient(policy, lambda logp: SCORES - 0.3 * (logp - ref_logp))
    torch.testing.assert_close(expected_gradient(policy, 1, first_step(agent)), exact, atol=1e-12, rtol=0)


def test_a_critic_that_is_wrong_leaves_ppos_expected_first_step_exact() -> None:
    policy = Table()
    with torch.no_grad():
        policy.critic.add_(torch.tensor([[0.7, 0.0, 0.0], [-1.0, 0.4, 0.0]]))
    agent = ppo(policy, lam=1.0, whiten_advantages=False)
    torch.testing.assert_close(expected_gradient(policy, 1, first_step(agent)), exact_gradient(policy), atol=1e-12, rtol=0)


def test_micro_batches_add_up_to_the_whole_batch() -> None:
    numbers = [0, 1, 2, 3, 4, 5, 6, 6]
    for make, options in ((reinforce, {"baseline": "mean"}), (ppo, {})):
        found = []
        for tokens in (1, 7, 10_000):
            policy = Table()
            if make is reinforce:
                agent: Reinforce | PPO = reinforce(policy, 4, micro_batch_tokens=tokens, **options)
                agent.backward(play(policy, numbers))  # type: ignore[call-arg, arg-type]
            else:
                first_step(ppo(policy, group_size=4, episodes_per_update=8, micro_batch_tokens=tokens))(play(policy, numbers))
            assert policy.logits.grad is not None
            found.append(policy.logits.grad)
        for other in found[1:]:
            torch.testing.assert_close(other, found[0], atol=1e-14, rtol=0)


def test_what_stands_in_the_padding_changes_no_gradient() -> None:
    for junk in (1, 2):
        grads = []
        for fill in (0, junk):
            policy = Table()
            reinforce(policy, 4, kl_beta=0.1).backward(play(policy, [0, 3, 0, 6], fill))
            first_step(ppo(policy, group_size=4, episodes_per_update=4, value_coefficient=0.5))(play(policy, [0, 3, 0, 6], fill))
            assert policy.logits.grad is not None and policy.critic.grad is not None
            grads.append((policy.logits.grad, policy.critic.grad))
        assert torch.equal(grads[0][0], grads[1][0]) and torch.equal(grads[0][1], grads[1][1])


def test_an_answer_that_could_not_be_scored_is_as_if_it_had_not_been_played() -> None:
    def spoiled(rollout: Rollout) -> Rollout:
        infos = [{**info, "reward_valid": i != 1} for i, info in enumerate(rollout.infos)]
        return replace(rollout, infos=infos, rewards=torch.where(torch.tensor([[1], [0], [1], [1]]).bool(), rollout.rewards, 0.0))

    for baseline in ("leave_one_out", "mean"):
        policy, other = Table(), Table()
        reinforce(policy, 4, baseline=baseline).backward(spoiled(play(policy, [1, 4, 3, 5])))
        reinforce(other, 3, baseline=baseline).backward(play(other, [1, 3, 5]))
        torch.testing.assert_close(policy.logits.grad, other.logits.grad)
    policy, other = Table(), Table()
    ppo(policy, episodes_per_update=4, group_size=4).learn_from(spoiled(play(policy, [1, 4, 3, 5])))
    ppo(other, episodes_per_update=3, group_size=3).learn_from(play(other, [1, 3, 5]))
    torch.testing.assert_close(policy.logits, other.logits)


def test_nothing_to_score_leaves_the_policy_alone_and_warns() -> None:
    for make in (lambda p: reinforce(p, 2), lambda p: ppo(p, episodes_per_update=2, group_size=2)):
        policy = Table()
        rollout = play(policy, [1, 4])
        rollout = replace(rollout, infos=[{"reward_valid": False}] * 2)
        with pytest.warns(RuntimeWarning, match="no answer of this collection could be scored"):
            make(policy).learn_from(rollout)
        assert torch.equal(policy.logits, Table().logits)


def test_ppo_clipping_stops_the_second_pass_where_the_ratio_left_its_band() -> None:
    policy = Table()
    agent = ppo(policy, episodes_per_update=2, group_size=2, whiten_advantages=False, learning_rate=1.0, epochs=3)
    stats = agent.learn_from(play(policy, [1, 2]))
    assert stats["first_ratio_error"] < 1e-12
    assert stats["clip_fraction"] > 0.2


def test_adaptive_coefficient_falls_while_the_policy_is_near() -> None:
    policy = Table()
    agent = ppo(policy, kl_beta=0.15, kl_control="adaptive", episodes_per_update=2, group_size=2)
    stats = agent.learn_from(play(policy, [1, 2]))
    assert stats["kl"] == pytest.approx(0.0, abs=1e-12)
    assert agent.beta == pytest.approx(0.15 * (1 - 0.2 * 2 / 10_000))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "leave_on_out"}, "Did you mean 'leave_one_out'"),
        ({"kl": "k5"}, "not a known KL estimator"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"episodes_per_update": 3}, "group_size=2 does not divide episodes_per_update=3"),
        ({"group_size": 1}, "compares completions of one prompt"),
    ],
)
def test_reinforce_refuses_what_cannot_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reinforce(Table(), config=ReinforceConfig(**{"group_size": 2, "episodes_per_update": 4, **options}))  # type: ignore[arg-type]


def test_ppo_refuses_what_cannot_work() -> None:
    with pytest.raises(ValueError, match="Did you mean 'adaptive'"):
        ppo(Table(), kl_control="adaptiv")
    with pytest.raises(ValueError, match="minibatches=2; expected 1 to the 1 prompts"):
        ppo(Table(), minibatches=2)
    with pytest.raises(TypeError, match="config is a ReinforceConfig; PPO takes a PPOConfig"):
        PPO(Table(), config=ReinforceConfig())
