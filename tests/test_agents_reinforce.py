"""REINFORCE: with every baseline and discount the expected gradient is the exact one, or the one that is written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.echo import echo_policy, echo_venv
from tests.toy_mdp import EPISODES, SCORES, Table, exact_gradient, expected_gradient, play, sequence_logp, surrogate_gradient, token_logp
from tokengym.agents.reinforce import Reinforce, ReinforceConfig
from tokengym.agents.rollout import Rollout


def greedy_number(policy: Table) -> int:
    """The episode that the likeliest tokens make."""
    first = int(policy.logits[0, 0].argmax())
    return EPISODES.index((first,) if first == 2 else (first, int(policy.logits[1, first].argmax())))


class OnToy(Reinforce):
    """Its greedy answers are read off the table: the toy has no environment."""

    def greedy_scores(self, rollout: Rollout) -> Tensor:
        again = play(self.policy, [greedy_number(self.policy)] * len(rollout.infos))
        return self.start_returns(again.rewards, again.completion_mask)


def make(policy: Table, batch: int, **options: Any) -> Reinforce:
    return OnToy(policy, config=ReinforceConfig(**{"group_size": batch, "episodes_per_update": batch, **options}))


def discounted_gradient(policy: Table, gamma: float) -> Tensor:
    """Of minus the expectation of each token's log-probability times what comes after it, discounted."""

    def loss(numbers: tuple[int, ...]) -> Tensor:
        logp = token_logp(policy, numbers[0])
        return -torch.stack([x * SCORES[numbers[0]] * gamma ** (len(logp) - 1 - t) for t, x in enumerate(logp)]).sum()

    return surrogate_gradient(policy, 1, loss)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("baseline", "past"), [("greedy", None), ("moving_mean", 0.37), ("moving_mean", -2.0), ("value", None)])
def test_a_baseline_that_does_not_depend_on_the_sample_leaves_the_gradient_exact(baseline: str, past: float | None, batch: int) -> None:
    policy = Table()
    with torch.no_grad():
        policy.critic.add_(torch.tensor([[0.7, 0.0, 0.0], [-1.0, 0.4, 0.0]]))  # wrong, but no function of the sample
    agent = make(policy, batch, baseline=baseline)
    agent.past_mean = past
    torch.testing.assert_close(expected_gradient(policy, batch, agent.backward), exact_gradient(policy), atol=1e-12, rtol=0)


def test_without_a_past_the_moving_mean_is_that_of_the_other_episodes() -> None:
    policy = Table()
    agent = make(policy, 2, baseline="moving_mean")
    torch.testing.assert_close(expected_gradient(policy, 2, agent.backward), exact_gradient(policy), atol=1e-12, rtol=0)
    alone = make(policy, 1, baseline="moving_mean")
    alone.learn_from(play(policy, [3]))
    assert torch.equal(policy.logits, Table().logits) and alone.past_mean == pytest.approx(0.2)


@pytest.mark.parametrize("baseline", ["none", "leave_one_out", "greedy", "moving_mean", "value"])
def test_with_a_discount_each_token_is_credited_with_what_comes_after_it(baseline: str) -> None:
    policy = Table()
    agent = make(policy, 2, baseline=baseline, gamma=0.7)
    agent.past_mean = 0.4
    found = expected_gradient(policy, 2, agent.backward)
    torch.testing.assert_close(found, discounted_gradient(policy, 0.7), atol=1e-12, rtol=0)
    assert not torch.allclose(found, exact_gradient(policy), atol=1e-3)


def test_kl_in_the_reward_with_a_value_baseline_is_the_penalized_gradient() -> None:
    policy = Table()
    agent = make(policy, 2, baseline="value", kl_beta=0.3, kl="k1")
    with torch.no_grad():
        policy.logits.add_(torch.linspace(-0.6, 0.7, 18).view(2, 3, 3).flip(2) ** 3)
        policy.critic.add_(torch.tensor([[0.7, 0.0, 0.0], [-1.0, 0.4, 0.0]]))
        ref_logp = sequence_logp(agent.reference)
    exact = exact_gradient(policy, lambda logp: SCORES - 0.3 * (logp - ref_logp))
    torch.testing.assert_close(expected_gradient(policy, 2, agent.backward), exact, atol=1e-12, rtol=0)


def test_the_value_baseline_is_fitted_to_the_returns() -> None:
    policy = Table()
    agent = make(policy, 2, baseline="value", value_coefficient=0.5)
    agent.backward(play(policy, [1, 2]))  # tokens 0 0, scored 1.0, and 0 1, scored -0.5; all values are 0
    assert policy.critic.grad is not None
    # d/dv of 0.5 * 0.5 * ((v - 1.0)^2 + (v + 0.5)^2) / 2 at v = 0, for the state before the first token and the one after token 0
    expected = torch.zeros(2, 3, dtype=torch.float64)
    expected[0, 0] = expected[1, 0] = 0.5 * (-1.0 + 0.5) / 2
    torch.testing.assert_close(policy.critic.grad, expected)


def test_the_moving_mean_by_hand() -> None:
    policy = Table()
    agent = make(policy, 2, baseline="moving_mean", baseline_decay=0.75)
    agent.learn_from(play(policy, [1, 2]))  # 1.0 and -0.5
    assert agent.past_mean == pytest.approx(0.25)
    assert agent.advantages(torch.tensor([1.0, 5.0]), torch.tensor([True, False])).tolist() == [0.75, 0.0]
    agent.learn_from(play(policy, [5, 3]))  # 0.9 and 0.2
    assert agent.past_mean == pytest.approx(0.75 * 0.25 + 0.25 * 0.55)


def test_with_a_discount_a_row_without_companions_is_left_out() -> None:
    policy = Table()
    agent = make(policy, 2, baseline="leave_one_out", gamma=0.5)
    rollout = play(policy, [1, 2])
    rollout.infos[1]["reward_valid"] = False
    agent.backward(rollout)
    assert policy.logits.grad is not None and not policy.logits.grad.any()


def test_greedy_plays_the_same_prompts_again_and_counts_what_that_costs() -> None:
    config = ReinforceConfig(baseline="greedy", group_size=2, episodes_per_update=8, updates=1)
    agent = Reinforce(echo_policy(), echo_venv(num_envs=3, group_size=2), config=config, seed=3)
    rollout = agent.collect()
    greedy = agent.greedy_scores(rollout)
    letters = [info["sample_id"] for info in rollout.infos]
    answers = agent.engine.collect(8, deterministic=True, first=0)
    assert [info["sample_id"] for info in answers.infos] == letters
    assert torch.equal(greedy, answers.scores) and torch.equal(greedy[0::2], greedy[1::2])
    assert agent.used["reward_calls"] == 16
    following = agent.collect()  # the order goes on as if nothing had been played twice
    assert [info["deal_index"] for info in following.infos] == list(range(8, 16))
    assert not {info["sample_id"] for info in following.infos} & set(letters)
    agent.learn(progress=False)
    played = agent.history[-1]
    assert played["tokens"] == played["completion_tokens"] * 8 + agent.greedy_tokens > 8 + 8 - 1


def test_greedy_needs_an_environment_that_tells_its_order() -> None:
    agent = Reinforce(Table(), config=ReinforceConfig(baseline="greedy", group_size=1, episodes_per_update=2))
    with pytest.raises(ValueError, match="no deal_index"):
        agent.backward(play(agent.policy, [1, 2]))


@pytest.mark.parametrize("options", [{"baseline": "moving_mean"}, {"baseline": "greedy"}, {"baseline": "value", "gamma": 0.9}])
def test_a_resumed_run_is_the_straight_one(options: dict[str, Any], tmp_path: Path) -> None:
    settings = ReinforceConfig(**{"group_size": 2, "episodes_per_update": 16, "learning_rate": 5e-3, "updates": 4, **options})
    straight = Reinforce(echo_policy(), echo_venv(group_size=2), config=settings).learn(progress=False)
    cut = Reinforce(echo_policy(), echo_venv(group_size=2), config=settings)
    cut.learn(callback=lambda agent: agent.updates < 2 or cut.save(tmp_path / "agent") is None, progress=False)
    resumed = Reinforce.load(tmp_path / "agent", env=echo_venv(group_size=2))
    assert resumed.updates == 2 and resumed.past_mean == cut.past_mean
    resumed.learn(progress=False)
    for one, other in zip(straight.policy.parameters(), resumed.policy.parameters(), strict=True):
        assert torch.equal(one, other)
    assert straight.used == resumed.used and straight.past_mean == resumed.past_mean


@pytest.mark.parametrize(
    ("options", "message"),
    [({"gamma": 0.0}, "gamma=0.0"), ({"gamma": 1.1}, "0 < gamma <= 1"), ({"baseline_decay": 1.0}, "baseline_decay=1.0")],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reinforce(Table(), config=ReinforceConfig(**options))
