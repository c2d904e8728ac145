"""Expert iteration: who wins, that the winners are imitated as labels are, and what is counted and resumed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.echo import echo_policy, echo_venv
from tests.killed import learn_until
from tests.toy_mdp import EPISODES, SCORES, Table, play, sequence_logp
from tokengym.agents.expert_iteration import ExpertIteration, ExpertIterationConfig
from tokengym.agents.rollout import Rollout


def make(policy: Any = None, group: int = 4, **options: Any) -> ExpertIteration:
    return ExpertIteration(
        policy or Table(), config=ExpertIterationConfig(**{"group_size": group, "episodes_per_update": group, **options})
    )


# The scores of episodes 0 to 6 are 0.3, 1.0, -0.5, 0.2, 0.0, 0.9, 0.4.
@pytest.mark.parametrize(
    ("options", "numbers", "winners"),
    [
        ({}, [0, 3, 1, 5], [2]),  # the best one
        ({"winners": 2}, [0, 3, 1, 5], [2, 3]),  # the best two
        ({"winners": 0}, [0, 3, 1, 5], [2, 3]),  # all above the mean of 0.6
        ({"winners": 4}, [0, 3, 1, 5], [2, 3]),  # never one below the mean
        ({"winners": 0}, [6, 1, 5, 1], [1, 2]),  # equal answers count once: the first of them; 0.9 is above 0.825
        ({"winners": 2}, [1, 1, 1, 5], [0]),  # 0.9 is below the mean of 0.975, in which the equal ones count
        ({"group": 2, "winners": 1}, [2, 4, 5, 5, 1, 0], [1, 4]),  # a prompt whose answers score the same teaches nothing
        ({"group": 2, "even_groups": True}, [2, 4, 5, 5, 1, 0], [1, 2, 4]),  # unless it is asked to
    ],
)
def test_winners_by_hand(options: dict[str, Any], numbers: list[int], winners: list[int]) -> None:
    agent = make(**options)
    assert agent.winners(play(agent.policy, numbers)) == winners


def test_what_could_not_be_scored_neither_wins_nor_counts() -> None:
    agent = make(winners=0)
    rollout = play(agent.policy, [1, 3, 0, 2])  # without the first: 0.2, 0.3 and -0.5, of mean 0
    rollout.infos[0]["reward_valid"] = False
    assert agent.winners(rollout) == [2, 1]
    for info in rollout.infos:
        info["reward_valid"] = False
    with pytest.warns(RuntimeWarning, match="no completion of the first collection scored better than another"):
        assert agent.learn_from(rollout)["winners"] == 0
    assert torch.equal(agent.policy.logits, Table().logits)


@pytest.mark.parametrize("options", [{}, {"winners": 0}, {"even_groups": True}])
def test_the_expected_gradient_is_that_of_its_enumerated_surrogate(options: dict[str, Any]) -> None:
    # the cross-entropy of the winners of all pairs of episodes that can happen, each weighted by its probability
    policy = Table()
    agent = make(policy, group=2, **options)
    probability = sequence_logp(policy).detach().exp()
    found = torch.zeros_like(policy.logits)
    surrogate = torch.zeros((), dtype=torch.float64)
    for pair in itertools.product(range(7), repeat=2):
        chance = probability[list(pair)].prod()
        policy.zero_grad()
        rollout = play(policy, pair)
        rows = agent.winners(rollout)
        first, second = (float(SCORES[number]) for number in pair)
        best = [pair[0] if first > second else pair[1]] if first != second else list({*pair}) if options.get("even_groups") else []
        assert [pair[row] for row in rows] == best
        if not best:
            continue
        chosen = torch.tensor(rows)
        agent.backward({name: x[chosen] for name, x in agent.batch(rollout).items()})
        assert policy.logits.grad is not None
        found += chance * policy.logits.grad
        surrogate = surrogate - chance * sequence_logp(policy)[best].sum() / sum(len(EPISODES[number]) for number in best)
    (expected,) = torch.autograd.grad(surrogate, policy.logits)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_winners_are_imitated_at_temperature_one_in_as_many_steps_as_said() -> None:
    agent = make(group=2, episodes_per_update=6, temperature=0.5, epochs=3, batch_size=2, learning_rate=0.0)
    steps: list[list[int]] = []
    backward = agent.backward

    def seen(batch: Any) -> float:
        steps.append(sorted(batch["group"].tolist()))
        return backward(batch)

    agent.backward = seen  # type: ignore[method-assign]
    stats = agent.learn_from(play(agent.policy, [1, 2, 5, 4, 6, 3]))
    assert [len(step) for step in steps] == [2, 1] * 3 and sorted(steps[0] + steps[1]) == [0, 1, 2]
    assert stats["winners"] == 3 and stats["winner_reward"] == pytest.approx((1.0 + 0.9 + 0.4) / 3)
    one = make(group=2, temperature=0.5, learning_rate=0.0)
    logp = sequence_logp(one.policy)[1].detach()
    assert one.learn_from(play(one.policy, [1, 2]))["loss"] == pytest.approx(-float(logp) / 2)  # two tokens


def test_micro_batches_add_up_and_padding_does_not_matter() -> None:
    found = []
    for tokens, junk in ((1, 0), (7, 1), (10_000, 2)):
        policy = Table()
        agent = make(policy, group=2, episodes_per_update=6, micro_batch_tokens=tokens)
        rollout: Rollout = play(policy, [0, 2, 5, 4, 6, 3], junk)
        agent.backward(agent.batch(rollout))
        found.append(policy.logits.grad)
    torch.testing.assert_close(found[1], found[0], atol=1e-14, rtol=0)
    torch.testing.assert_close(found[2], found[0], atol=1e-14, rtol=0)


def echo(**options: Any) -> ExpertIteration:
    settings = {"episodes_per_update": 64, "group_size": 8, "learning_rate": 3e-3, "epochs": 2}
    return ExpertIteration(echo_policy(), echo_venv(group_size=8), config=ExpertIterationConfig(**{**settings, **options}))


def test_every_answer_is_a_reward_call() -> None:
    agent = echo(updates=3).learn(progress=False)
    assert agent.used == {"labels": 8, "reward_calls": 3 * 64} and agent.reference is None


def test_a_saved_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    straight = echo(updates=4).learn(progress=False)
    learn_until(echo(updates=4, folder=str(tmp_path / "run"), checkpoint_every=2), 3)
    resumed = ExpertIteration.load(tmp_path / "run", env=echo_venv(group_size=8))
    assert resumed.updates == 2
    resumed.learn(progress=False)
    assert resumed.updates == 4
    assert all(torch.equal(x, y) for x, y in zip(straight.policy.parameters(), resumed.policy.parameters(), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": 1}, "group_size=1; the best of several"),
        ({"winners": 5}, "winners=5; expected 0 .* to group_size=4"),
        ({"epochs": 0}, "epochs=0; expected at least 1"),
    ],
)
def test_refuses_what_cannot_work(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_the_config_is_frozen_and_its_own() -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        replace(ExpertIterationConfig(), winner=2)  # type: ignore[call-arg]
