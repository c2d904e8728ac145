"""A training run: how long it is, and that nothing learned in it is lost at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.echo import echo_policy, echo_venv
from tests.killed import learn_until
from tokengym.agents import SFT, SFTConfig
from tokengym.agents.run import new_run, run_share


def sft(**options: Any) -> SFT:
    usual = {"batch_size": 8, "learning_rate": 5e-3, "schedule": "constant", "warmup": 0.0, "validation_episodes": 8}
    config = SFTConfig(**{**usual, **options})
    return SFT(echo_policy(), echo_venv(), config=config, validation_env=echo_venv(8, order="sequential"))


def validated(agent: SFT) -> list[float]:
    return [stats["update"] for stats in agent.history if "validation" in stats]


def test_the_nearer_of_two_ends_counts() -> None:
    run = new_run(100, 2, 50, 10)
    assert run == {"tokens_from": 100, "tokens": 50, "updates_from": 2, "updates": 10}
    assert run_share(run, 100, 2) == 0.0 and run_share(run, 110, 3) == 0.2 and run_share(run, 110, 7) == 0.5
    assert run_share(run, 175, 3) == 1.0 and run_share(new_run(0, 0, None, 4), 1_000_000, 1) == 0.25
    with pytest.raises(ValueError, match="total_timesteps=0; expected"):
        new_run(0, 0, 0, 4)
    with pytest.raises(ValueError, match="how long to train"):
        new_run(0, 0, None, 0)


@pytest.mark.parametrize(("updates", "every", "expected"), [(6, 10, [0, 6]), (7, 3, [0, 3, 6, 7]), (8, 4, [0, 4, 8])])
def test_the_last_update_is_validated(updates: int, every: int, expected: list[int]) -> None:
    plain, agent = sft(updates=updates).learn(progress=False), sft(updates=updates, validate_every=every).learn(progress=False)
    assert validated(agent) == expected
    assert agent.history[-1]["validation"] == agent.best.score == agent.validate()["reward"] > agent.history[0]["validation"]
    # the last ones are the best here, so they are what a run without validation keeps
    assert all(torch.equal(x, y) for x, y in zip(plain.policy.parameters(), agent.policy.parameters(), strict=True))


def test_a_run_that_a_budget_or_a_callback_ends_is_validated_at_its_end() -> None:
    agent = sft(validate_every=50).learn(total_timesteps=3 * 16, progress=False)
    assert validated(agent) == [0, 3]
    agent = sft(updates=9, validate_every=50).learn(callback=lambda agent: agent.updates < 4, progress=False)
    assert validated(agent) == [0, 4] and agent.best.score == agent.history[-1]["validation"]


def test_a_resumed_run_is_validated_where_the_straight_one_is(tmp_path: Path) -> None:
    straight = sft(updates=5, validate_every=3).learn(progress=False)
    learn_until(sft(updates=5, validate_every=3, checkpoint_every=2, folder=str(tmp_path / "run")), 3)
    resumed = SFT.load(tmp_path / "run", env=echo_venv(), validation_env=echo_venv(8, order="sequential"))
    assert resumed.updates == 2
    resumed.learn(progress=False)
    figures = [[{k: v for k, v in stats.items() if "second" not in k} for stats in agent.history] for agent in (straight, resumed)]
    assert validated(resumed) == [0, 3, 5] and figures[0] == figures[1]
    assert all(torch.equal(x, y) for x, y in zip(straight.policy.parameters(), resumed.policy.parameters(), strict=True))


def test_the_log_has_the_validation_before_training(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    agent = sft(updates=3, validate_every=2, log_dir=str(tmp_path)).learn(progress=False)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    logged = [(event.step, event.value) for event in events.Scalars("train/validation")]
    assert [step for step, _ in logged] == [0, 32, 48]
    assert [value for _, value in logged] == pytest.approx([s["validation"] for s in agent.history if "validation" in s])
