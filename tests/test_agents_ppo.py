"""PPO's options, each against what it says, written out by hand or in loops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.echo import echo_policy, echo_venv
from tests.text_rows import random_model
from tests.toy_mdp import EPISODES, SCORES, Table, exact_gradient, expected_gradient, play, surrogate_gradient, token_logp
from tokengym.agents import LoRA
from tokengym.agents.losses import whiten
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.ppo import PPO, PPOConfig
from tokengym.agents.recompute import recomputes
from tokengym.agents.rollout import Rollout


def ppo(policy: Table, batch: int = 1, **options: Any) -> PPO:
    settings: dict[str, Any] = {"group_size": 1, "episodes_per_update": batch, "kl_beta": 0.0, "lam": 1.0, "whiten_advantages": False}
    return PPO(policy, config=PPOConfig(**{**settings, **options}))


def prepared(agent: PPO, rollout: Rollout) -> dict[str, Tensor]:
    batch = agent.batch(rollout)
    agent.prepare(batch, agent.cuts(batch))
    return batch


def first_step(agent: PPO, rollout: Rollout) -> None:
    batch = prepared(agent, rollout)
    agent.backward(batch, agent.cuts(batch))


def entropy_loss(policy: Table) -> Any:
    """Minus the entropy at each token of an episode, as a function of its number."""

    def loss(numbers: tuple[int, ...]) -> Tensor:
        previous, total = 0, torch.zeros((), dtype=torch.float64)
        for place, token in enumerate(EPISODES[numbers[0]]):
            logp = torch.log_softmax(policy.logits[place, previous], dim=-1)
            total = total + (logp.exp() * logp).sum()
            previous = token
        return total

    return loss


def test_the_entropy_bonus_adds_the_entropys_gradient_at_the_tokens_that_were_reached() -> None:
    policy = Table()
    agent = ppo(policy, entropy_coefficient=0.3)
    expected = exact_gradient(policy) + 0.3 * surrogate_gradient(policy, 1, entropy_loss(policy))
    found = expected_gradient(policy, 1, lambda rollout: first_step(agent, rollout))
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_a_separate_critic_leaves_the_policys_first_step_exact_and_learns_beside() -> None:
    policy = Table()
    agent = ppo(policy, critic="separate", value_coefficient=0.5)
    torch.testing.assert_close(
        expected_gradient(policy, 1, lambda rollout: first_step(agent, rollout)), exact_gradient(policy), atol=1e-12, rtol=0
    )
    policy.zero_grad()
    agent.critic.zero_grad()
    first_step(agent, play(policy, [1]))  # tokens 0 0, scored 1.0; all values are 0
    assert policy.critic.grad is None and agent.critic.logits.grad is None
    expected = torch.zeros(2, 3, dtype=torch.float64)
    expected[0, 0] = expected[1, 0] = -0.5
    torch.testing.assert_close(agent.critic.critic.grad, expected)


def test_a_separate_critics_values_are_the_baseline() -> None:
    policy = Table()
    agent = ppo(policy, critic="separate")
    with torch.no_grad():
        agent.critic.critic.add_(torch.tensor([[0.7, 0.0, 0.0], [-1.0, 0.4, 0.0]]))
        policy.critic.add_(9.0)  # nobody asks it
    batch = prepared(agent, play(policy, [1, 4]))  # 0 0 scored 1.0, and 1 0 scored 0.0
    torch.testing.assert_close(batch["values"], torch.tensor([[0.0, 0.7, -1.0], [0.0, 0.7, 0.4]], dtype=torch.float64))
    torch.testing.assert_close(batch["advantages"], torch.tensor([[0.0, 0.3, 2.0], [0.0, -0.7, -0.4]], dtype=torch.float64))


def test_the_critic_has_a_lambda_of_its_own() -> None:
    policy = Table()
    with torch.no_grad():
        policy.critic.add_(torch.tensor([[0.5, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    rollout = play(policy, [1])  # 0 0, scored 1.0
    batch = prepared(ppo(policy, lam=0.5, lam_critic=1.0), rollout)
    torch.testing.assert_close(batch["advantages"][0, 1:], torch.tensor([0.2 - 0.5 + 0.5 * 0.8, 0.8], dtype=torch.float64))
    torch.testing.assert_close(batch["returns"][0, 1:], torch.tensor([1.0, 1.0], dtype=torch.float64))
    batch = prepared(ppo(policy, lam=1.0, lam_critic=0.0), rollout)
    torch.testing.assert_close(batch["advantages"][0, 1:], torch.tensor([0.5, 0.8], dtype=torch.float64))
    torch.testing.assert_close(batch["returns"][0, 1:], torch.tensor([0.2, 1.0], dtype=torch.float64))


def test_rewards_are_whitened_with_the_kl_in_them_and_keep_their_mean() -> None:
    policy = Table()
    agent = ppo(policy, batch=3, whiten_rewards=True, kl_beta=0.3)
    with torch.no_grad():
        policy.logits.add_(torch.linspace(-0.6, 0.7, 18).view(2, 3, 3).flip(2) ** 3)
    numbers = [1, 0, 5]
    rollout = play(policy, numbers)
    rewards = rollout.rewards.clone()
    for row, number in enumerate(numbers):
        for t, (now, ref) in enumerate(zip(token_logp(policy, number), token_logp(agent.reference, number), strict=True)):
            rewards[row, 1 + t] -= 0.3 * float((now - ref).detach())
    chosen = rewards[rollout.completion_mask.bool()]
    assert chosen.var() > 0.01
    white = torch.where(rollout.completion_mask.bool(), (rewards - chosen.mean()) / (chosen.var() + 1e-8).sqrt() + chosen.mean(), 0.0)
    batch = prepared(agent, rollout)
    torch.testing.assert_close(batch["returns"], white.flip(1).cumsum(1).flip(1) * rollout.completion_mask)
    torch.testing.assert_close(white, whiten(rewards, rollout.completion_mask, shift_mean=False))


def test_answers_that_their_budget_cut_off_are_charged_for_it() -> None:
    policy = Table()
    rollout = play(policy, [1, 3, 4])
    reasons = ["max_tokens", "eos", "context"]
    rollout = replace(rollout, infos=[{**info, "stop_reason": reason} for info, reason in zip(rollout.infos, reasons, strict=True)])
    batch = prepared(ppo(policy, batch=3, unfinished_penalty=0.5), rollout)
    scores = SCORES[[1, 3, 4]] - torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(batch["rewards"][:, 2], scores)
    assert not batch["rewards"][:, :2].any()


def test_a_target_ends_the_passes_early() -> None:
    for target, steps in ((None, None), (1e9, 6), (1e-9, 1)):
        policy = Table()
        agent = ppo(policy, batch=4, epochs=3, minibatches=2, learning_rate=0.1, target_kl=target)
        stats = agent.learn_from(play(policy, [1, 2, 5, 0]))
        assert stats.get("steps") == steps
        assert steps != 1 or stats["clip_fraction"] == 0.0


def test_a_separate_critic_is_saved_and_goes_on_bit_for_bit(tmp_path: Path) -> None:
    config = PPOConfig(
        group_size=2, episodes_per_update=16, learning_rate=2e-3, updates=4, critic="separate", target_kl=0.05, whiten_rewards=True
    )
    straight = PPO(echo_policy(), echo_venv(group_size=2), config=config).learn(progress=False)
    cut = PPO(echo_policy(), echo_venv(group_size=2), config=config)
    cut.learn(callback=lambda agent: agent.updates < 2 or cut.save(tmp_path / "agent") is None, progress=False)
    resumed = PPO.load(tmp_path / "agent", env=echo_venv(group_size=2)).learn(progress=False)
    for name in ("policy", "critic"):
        for one, other in zip(getattr(straight, name).parameters(), getattr(resumed, name).parameters(), strict=True):
            assert torch.equal(one, other)
    layer = "layers.0.mlp.up_proj.weight"
    assert not torch.equal(straight.critic.model.model.get_parameter(layer), echo_policy().model.model.get_parameter(layer))
    assert straight.critic.value_head.weight.any() and not straight.policy.value_head.weight.any()
    assert straight.history[0]["explained_variance"] == 0.0 != straight.history[-1]["explained_variance"]


def test_a_separate_critic_beside_adapters() -> None:
    policy = CausalLMPolicy(echo_policy().model, name="tiny", lora=LoRA(rank=2))
    policy.tokenizer_fingerprint = echo_policy().tokenizer_fingerprint
    config = PPOConfig(group_size=2, episodes_per_update=16, learning_rate=2e-3, updates=2, critic="separate")
    agent = PPO(policy, echo_venv(group_size=2), config=config)
    before = {name: x.detach().clone() for name, x in agent._parameters().items()}
    agent.learn(progress=False)
    moved = {name.partition("/")[0] == "critic" for name, x in agent._parameters().items() if not torch.equal(x, before[name])}
    assert moved == {True, False}
    assert all(stats["first_ratio_error"] < 1e-4 for stats in agent.history)


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'separate'"):
        ppo(Table(), critic="seperate")
    with pytest.raises(ValueError, match="epochs=0"):
        ppo(Table(), epochs=0)
    with pytest.raises(TypeError, match="PPO takes a PPOConfig"):
        PPO(Table(), config="separate")


def test_a_separate_critic_learns_in_the_same_parts_as_the_policy_and_comes_back_whole(tmp_path: Path) -> None:
    options: dict[str, Any] = {"train_only": "layers.0", "gradient_checkpointing": True, "critic": "separate", "learning_rate": 1e-2}
    config = PPOConfig(group_size=2, episodes_per_update=16, updates=2, **options)
    agent = PPO(echo_policy(), echo_venv(group_size=2), config=config).learn(progress=False)
    names = {name for name in agent._parameters() if name.startswith("critic/")}
    assert names == {f"critic/{name}" for name, x in agent.policy.named_parameters() if x.requires_grad}
    assert recomputes(agent.critic.model)
    again = PPO.load(agent.save(tmp_path / "agent"), env=echo_venv(group_size=2))
    assert again._parameters().keys() == agent._parameters().keys()
    assert all(torch.equal(x, y) for x, y in zip(agent.critic.parameters(), again.critic.parameters(), strict=True))


def test_the_reference_chooses_among_as_many_tokens_as_the_policy() -> None:
    policy = CausalLMPolicy(random_model())  # more tokens than the environment has actions
    config = PPOConfig(group_size=2, episodes_per_update=8, updates=1, kl_beta=0.1)
    agent = PPO(policy, echo_venv(group_size=2), config=config).learn(progress=False)
    assert agent.reference.num_actions == policy.num_actions == 11
    assert agent.history[0]["kl"] == pytest.approx(0.0, abs=1e-5)
