"""Soft Q-learning: path consistency by hand, the soft-optimal policy of a toy MDP from any data, what is remembered and resumed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch
from torch import Tensor

from tests.echo import echo_policy, echo_venv
from tests.toy_mdp import END, EPISODES, SCORES, Table, play, sequence_logp
from tokengym.agents.path_consistency import path_consistency_loss, path_residuals
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.soft_q import SoftQ, SoftQConfig
from tokengym.agents.target import TargetNetwork

ALPHA = 0.4
SMALL: dict[str, Any] = {"episodes_per_update": 7, "batch_size": 7, "alpha": ALPHA, "epsilon": 0.0, "value_coefficient": 1.0}


def soft_optimal(reference: Table, alpha: float = ALPHA, gamma: float = 1.0) -> tuple[Tensor, Tensor]:
    """Q (2, 3, 3) and V (2, 3) of the toy by backward induction; what cannot be reached is 0."""
    score = dict(zip(EPISODES, SCORES.tolist(), strict=True))
    logp = torch.log_softmax(reference.logits.detach(), dim=-1)
    q, v = torch.zeros(2, 3, 3, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)
    for first in (0, 1):
        q[1, first] = torch.tensor([score[first, second] for second in (0, 1, END)], dtype=torch.float64)
        v[1, first] = alpha * torch.logsumexp(logp[1, first] + q[1, first] / alpha, dim=0)
    q[0, 0] = torch.stack([gamma * v[1, 0], gamma * v[1, 1], SCORES[0]])
    v[0, 0] = alpha * torch.logsumexp(logp[0, 0] + q[0, 0] / alpha, dim=0)
    return q, v


def make(policy: Table | None = None, **options: Any) -> SoftQ:
    return SoftQ(policy or Table(), config=SoftQConfig(**{**SMALL, **options}))


def put(agent: SoftQ, q: Tensor, v: Tensor, shift: float = 0.0) -> None:
    """Sets policy and target to these Q and V; ``shift`` is a constant that logits do not feel."""
    logp = torch.log_softmax(agent.reference.logits, dim=-1)
    with torch.no_grad():
        agent.policy.logits.copy_(logp + (q - v[..., None]) / agent.config.alpha + shift * torch.arange(6).view(2, 3, 1))
        agent.policy.critic.copy_((v - agent.level) / agent.config.alpha)
    if agent.target is not None:
        agent.target.follow(1.0)


def remembered(agent: SoftQ, numbers: Any) -> dict[str, Tensor]:
    """All these episodes as one batch of the memory."""
    agent.replay.restore({})
    agent.remember(play(agent.policy, numbers))
    return agent.replay.sample(len(numbers), agent.generator)


def test_residuals_by_hand() -> None:
    # two agent tokens, a reply between them; V = 1 and 2, paid 0 and 3, log-ratios 0.5 and -1, alpha 0.1
    values, behind = torch.tensor([[9.0, 1.0, 9.0, 2.0, 9.0]]), torch.tensor([[9.0, 5.0, 9.0, 7.0, 9.0]])
    rewards, ratio = torch.tensor([[9.0, 0.0, 9.0, 3.0, 9.0]]), torch.tensor([[9.0, 0.5, 9.0, -1.0, 9.0]])
    mask = torch.tensor([[0, 1, 0, 1, 0]])
    paths = (rewards, ratio, mask, 0.1)
    # to the end: 1 - (0 - 0.05 + 3 + 0.1) and 2 - (3 + 0.1)
    torch.testing.assert_close(path_residuals(values, behind, *paths), torch.tensor([[0.0, -2.05, 0.0, -1.1, 0.0]]))
    # one token each: 1 - (7 - 0.05) and, at the end, where nothing follows, the same as before
    torch.testing.assert_close(path_residuals(values, behind, *paths, steps=1), torch.tensor([[0.0, -5.95, 0.0, -1.1, 0.0]]))
    # discounted by a half: 1 - (-0.05 + 0.5 * 3.1); 1 - (-0.05 + 0.5 * 7)
    torch.testing.assert_close(path_residuals(values, behind, *paths, gamma=0.5)[0, 1], torch.tensor(-0.5))
    torch.testing.assert_close(path_residuals(values, behind, *paths, gamma=0.5, steps=1)[0, 1], torch.tensor(-2.45))
    # paths longer than the episode are those to its end
    for steps in (2, 5, 50):
        assert torch.allclose(path_residuals(values, behind, *paths, steps=steps), path_residuals(values, behind, *paths))
    assert path_consistency_loss(torch.tensor([[0.0, 3.0], [1.0, 0.0]]), 4) == 1.25


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_residuals_are_those_of_a_loop(steps: int) -> None:
    generator = torch.Generator().manual_seed(steps)
    values, behind, rewards, ratio = (torch.randn(6, 9, generator=generator, dtype=torch.float64) for _ in range(4))
    mask = (torch.rand(6, 9, generator=generator) < 0.6).long()
    expected = torch.zeros(6, 9, dtype=torch.float64)
    for row in range(6):
        places = mask[row].nonzero()[:, 0].tolist()
        for at, place in enumerate(places):
            path = places[at : at + steps] if steps else places[at:]
            expected[row, place] = values[row, place]
            for i, t in enumerate(path):
                expected[row, place] -= 0.9**i * (rewards[row, t] - 0.3 * ratio[row, t])
            if steps and at + steps < len(places):
                expected[row, place] -= 0.9**steps * behind[row, places[at + steps]]
    torch.testing.assert_close(path_residuals(values, behind, rewards, ratio, mask, 0.3, 0.9, steps), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("gamma", [1.0, 0.8])
@pytest.mark.parametrize("one_step", [0.0, 0.5, 1.0])
def test_the_loss_is_zero_at_the_soft_optimum_whatever_the_constants_of_the_logits(one_step: float, gamma: float) -> None:
    agent = make(one_step=one_step, gamma=gamma)
    q, v = soft_optimal(agent.reference, gamma=gamma)
    put(agent, q, v, shift=3.0)
    assert agent.backward(remembered(agent, range(7)))["loss"] < 1e-25
    assert float(agent.policy.logits.grad.abs().max()) < 1e-12 and float(agent.policy.critic.grad.abs().max()) < 1e-12
    put(agent, q + 0.1, v)  # a constant on all Q of a state, which V does not have
    assert agent.backward(remembered(agent, range(7)))["loss"] < 1e-25  # the softmax forgets it
    put(agent, q, v + torch.tensor([[0.1], [0.0]]))  # V of the first state is wrong by 0.1, that is by a quarter of a nat
    assert agent.backward(remembered(agent, range(7)))["loss"] == pytest.approx(0.5 * 7 * 0.25**2 / 13)  # seven episodes, 13 tokens


def test_the_soft_optimum_is_the_tilted_reference() -> None:
    # with gamma = 1 a text has probability reference * exp(score / alpha) / Z, and V at the start is alpha log Z
    agent = make()
    q, v = soft_optimal(agent.reference)
    with torch.no_grad():
        tilted = sequence_logp(agent.reference) + SCORES / ALPHA
    put(agent, q, v)
    with torch.no_grad():
        torch.testing.assert_close(sequence_logp(agent.policy), torch.log_softmax(tilted, dim=0))
    assert float(v[0, 0]) == pytest.approx(ALPHA * float(torch.logsumexp(tilted, dim=0)))


@pytest.mark.parametrize("one_step", [0.0, 0.3, 1.0])
def test_the_gradient_is_that_of_the_enumerated_paths(one_step: float) -> None:
    policy = Table()
    agent = make(policy, one_step=one_step, micro_batch_tokens=5)
    with torch.no_grad():
        policy.logits.add_(torch.linspace(-0.6, 0.7, 18).view(2, 3, 3))
        policy.critic.add_(torch.linspace(-1.0, 0.5, 6).view(2, 3))
    agent.backward(remembered(agent, range(7)))
    assert policy.logits.grad is not None and policy.critic.grad is not None
    found = policy.logits.grad.clone(), policy.critic.grad.clone()
    ratio = torch.log_softmax(policy.logits, -1) - torch.log_softmax(agent.reference.logits, -1)
    target = torch.zeros(2, 3)  # as the policy was when the agent was made
    loss, tokens = torch.zeros((), dtype=torch.float64), 0
    for tokens_, score in zip(EPISODES, SCORES, strict=True):
        first, rest = tokens_[0], tokens_[1:]
        start, nats = policy.critic[0, 0], score / ALPHA
        if not rest:
            loss = loss + 0.5 * (start - nats + ratio[0, 0, first]) ** 2
            tokens += 1
            continue
        paid = [-ratio[0, 0, first], nats - ratio[1, first, rest[0]]]
        later = 0.5 * (policy.critic[1, first] - paid[1]) ** 2
        loss = loss + later + (1 - one_step) * 0.5 * (start - paid[0] - paid[1]) ** 2
        loss = loss + one_step * 0.5 * (start - paid[0] - target[1, first]) ** 2
        tokens += 2
    expected = torch.autograd.grad(loss / tokens, [policy.logits, policy.critic])
    torch.testing.assert_close(found, tuple(expected), atol=1e-12, rtol=0)
    policy.zero_grad()
    slow = make(policy, one_step=one_step, value_coefficient=0.1)
    slow.reference, slow.target = agent.reference, agent.target
    slow.backward(remembered(agent, range(7)))  # the values learn by a tenth, the logits as before
    torch.testing.assert_close((policy.logits.grad, policy.critic.grad), (found[0], 0.1 * found[1]), atol=1e-12, rtol=0)


def soft_policy_error(agent: SoftQ) -> tuple[float, float]:
    """The largest errors in the probability of an episode, and in V of a state that can be reached."""
    q, v = soft_optimal(agent.reference)
    with torch.no_grad():
        best = torch.softmax(sequence_logp(agent.reference) + SCORES / ALPHA, dim=0)
        wrong = (agent.level + ALPHA * agent.policy.critic - v)[[0, 1, 1], [0, 0, 1]].abs().max()
        return float((sequence_logp(agent.policy).exp() - best).abs().max()), float(wrong)


@pytest.mark.parametrize("one_step", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("data", ["on-policy", "another policy's", "replay of both"])
def test_converges_to_the_soft_optimal_policy_from_any_data(data: str, one_step: float) -> None:
    remembers = 80 if data == "replay of both" else 16
    agent = make(one_step=one_step, learning_rate=0.05, batch_size=16, replay_episodes=remembers, steps_per_update=1, target_rate=0.2)
    assert soft_policy_error(agent)[0] > 0.1
    generator = torch.Generator().manual_seed(1)
    other = torch.tensor([0.5, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05], dtype=torch.float64)  # of the seven episodes; far from what is sought
    for number in range(500):
        with torch.no_grad():
            mine = sequence_logp(agent.policy).exp()
        chance = other if data == "another policy's" or (remembers > 16 and number % 5 == 0) else mine
        agent.learn_from(play(agent.policy, torch.multinomial(chance, 16, replacement=True, generator=generator).tolist()))
    policy_error, value_error = soft_policy_error(agent)
    assert policy_error < 0.003 and value_error < 0.003


def critic(target: TargetNetwork | None) -> Tensor:
    """The target network's values."""
    assert target is not None
    table: Tensor = target.policy.critic
    return table.clone()


def test_the_target_network_follows_by_shares_or_by_jumps() -> None:
    smooth, jumping = make(target_rate=0.25, steps_per_update=1), make(target_rate=1.0, target_every=3, steps_per_update=1)
    before = critic(smooth.target)
    smooth.learn_from(play(smooth.policy, range(7)))
    torch.testing.assert_close(critic(smooth.target), before + 0.25 * (smooth.policy.critic.detach() - before))
    for number in range(1, 7):
        jumping.learn_from(play(jumping.policy, range(7)))
        assert torch.equal(critic(jumping.target), jumping.policy.critic.detach()) == (number % 3 == 0)
    assert make(one_step=0.0).target is None


def echo(seed: int = 0, **options: Any) -> SoftQ:
    settings = {"episodes_per_update": 32, "batch_size": 32, "replay_episodes": 64, "alpha": 0.1, "learning_rate": 3e-3, "epsilon": 0.1}
    return SoftQ(echo_policy(seed), echo_venv(), config=SoftQConfig(**{**settings, **options}), seed=seed)


def test_whole_episodes_explore_and_no_others() -> None:
    agent = echo(episodes_per_update=64, epsilon=0.25, explore_temperature=50.0, replay_episodes=4096, steps_per_update=1)
    agent.learn(40 * 64, progress=False)
    explored = [stats["explored"] for stats in agent.history]
    share = sum(explored) / (64 * len(explored))
    assert abs(share - 0.25) < 4 * math.sqrt(0.25 * 0.75 / (64 * len(explored)))
    assert len(agent.replay) == 64 * len(explored) == agent.used["reward_calls"]
    batch = agent.replay.sample(4096, agent.generator)
    assert agent.timesteps == int(batch["completion_mask"].sum())  # what explores is paid for as well
    assert not any(stats["explored"] for stats in echo(epsilon=0.0).learn(2 * 64, progress=False).history)


def test_what_could_not_be_scored_is_not_remembered() -> None:
    agent = make()
    rollout = play(agent.policy, [1, 2, 3])
    rollout.infos[1]["reward_valid"] = False
    agent.remember(rollout)
    assert len(agent.replay) == 2
    nothing = make()
    rollout.infos[0]["reward_valid"] = rollout.infos[2]["reward_valid"] = False
    with pytest.warns(RuntimeWarning, match="no answer could be scored so far"):
        nothing.learn_from(rollout)
    assert torch.equal(nothing.policy.logits, Table().logits)


def test_a_saved_run_goes_on_bit_for_bit_with_memory_target_and_reference(tmp_path: Path) -> None:
    options = {"updates": 6, "target_every": 3, "checkpoint_every": 3}
    straight = echo(**options).learn(progress=False)
    cut = echo(**options, folder=str(tmp_path / "run"))
    cut.learn(callback=lambda agent: agent.updates < 3, progress=False)
    cut._run = {"tokens_from": 0, "tokens": 0, "updates_from": 0, "updates": 6}  # as if it had been stopped on the way
    cut.save(tmp_path / "run")
    resumed = SoftQ.load(tmp_path / "run", env=echo_venv())
    assert len(resumed.replay) == 64 and resumed.replay._next == cut.replay._next != 0
    assert cut.target is not None and resumed.target is not None
    assert all(torch.equal(x, resumed.target.tensors()[name]) for name, x in cut.target.tensors().items())
    assert all(torch.equal(x, y) for x, y in zip(cut.reference.parameters(), resumed.reference.parameters(), strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(resumed.policy.parameters(), resumed.reference.parameters(), strict=True))
    resumed.learn(progress=False)
    assert resumed.updates == straight.updates == 6 and resumed.steps == straight.steps
    assert all(torch.equal(x, y) for x, y in zip(straight.policy.parameters(), resumed.policy.parameters(), strict=True))
    assert [stats["loss"] for stats in straight.history] == [stats["loss"] for stats in resumed.history]


def test_what_was_allowed_is_remembered_with_the_tokens(tmp_path: Path) -> None:
    venv = gymnasium.make_vec("TextClassify-v0", num_envs=8, deal="shared", constrained=True, size=32, metrics=False)
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    config = SoftQConfig(episodes_per_update=8, batch_size=8, replay_episodes=8, epsilon=0.0)
    agent = SoftQ(policy, venv, config=config, seed=0)
    rollout = agent.collect()
    assert rollout.allowed is not None
    agent.remember(rollout)
    found = agent.replay.sample(8, agent.generator)
    # under the masks that were remembered, tokens have the probability with which they were chosen
    again = agent.forward(agent.policy, found).logp.detach()
    torch.testing.assert_close(again.sum(dim=1).sort().values, rollout.logp.sum(dim=1).sort().values, atol=1e-4, rtol=0)
    torch.testing.assert_close(found["ref_logp"], again, atol=1e-4, rtol=0)
    del found["allowed"]
    assert float((agent.forward(agent.policy, found).logp.detach() - again).abs().max()) > 0.1
    agent.save(tmp_path / "agent")
    loaded = SoftQ.load(tmp_path / "agent", env=agent.venv)
    ours, theirs = (each.replay.sample(8, torch.Generator().manual_seed(0)) for each in (agent, loaded))
    assert torch.equal(ours["allowed"].ids, theirs["allowed"].ids) and torch.equal(ours["allowed"].index, theirs["allowed"].index)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha=0.0; it divides"),
        ({"epsilon": 1.5}, "epsilon=1.5; expected 0 to 1"),
        ({"gamma": -0.1}, "gamma=-0.1; expected 0 to 1"),
        ({"replay_episodes": 0}, "capacity=0 episodes"),
        ({"batch_size": 0}, "batch_size=0; expected at least 1"),
    ],
)
def test_refuses_what_cannot_work(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)
