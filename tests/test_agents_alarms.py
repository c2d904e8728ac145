"""Each alarm on a history written by hand: it comes when it should, with its cause, not a step earlier, and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.echo import echo_policy, echo_venv
from tokengym.agents import Reinforce, ReinforceConfig
from tokengym.agents.alarms import ALARMS, alarms, answer_figures


def repeated(count: int = 3, **figures: float) -> list[dict[str, float]]:
    return [dict(figures) for _ in range(count)]


def course(rewards: list[float], validations: dict[int, float]) -> list[dict[str, float]]:
    """Update 0 is the validation before training; ``validations`` by update."""
    history: list[dict[str, float]] = [{"update": 0}, *({"update": i + 1, "reward": reward} for i, reward in enumerate(rewards))]
    for update, value in validations.items():
        history[update]["validation"] = value
    return history


RISING = [0.30, 0.32, 0.34, 0.36, 0.40, 0.44]  # means of three: 0.32, 0.40
FALLING = {0: 0.50, 3: 0.45, 6: 0.40}
# name -> (histories that raise it, histories that are just not bad enough)
CASES: dict[str, tuple[list[list[dict[str, float]]], list[list[dict[str, float]]]]] = {
    "reward_hacking": (
        [course(RISING, FALLING)],
        [
            course(RISING, {0: 0.50, 3: 0.51, 6: 0.40}),  # it did not fall twice
            course(RISING, {0: 0.50, 3: 0.49, 6: 0.48}),  # by less than 5%
            course([0.32] * 3 + [0.33] * 3, FALLING),  # the reward rose by less than 5%
            course(RISING, {3: 0.45, 6: 0.40}),  # two validations only
            [*course(RISING, FALLING), {"update": 7, "reward": 0.5}],  # no validation in this update: it was said in the last one
        ],
    ),
    "kl_high": ([repeated(kl=30.1)], [repeated(kl=30.0), repeated(2, kl=99.0), [{"kl": 29.0}, *repeated(2, kl=99.0)], repeated(loss=1.0)]),
    "kl_negative": ([repeated(kl=-1.1)], [repeated(kl=-0.9), [{"kl": 0.1}, *repeated(2, kl=-5.0)]]),
    "ratio": (
        [repeated(clip_fraction=0.41, approx_kl=0.01), repeated(clip_fraction=0.1, approx_kl=0.21)],
        [repeated(clip_fraction=0.39, approx_kl=0.19), repeated(2, clip_fraction=0.9, approx_kl=0.9)],
    ),
    "first_ratio": ([[{"first_ratio_error": 0.011}]], [[{"first_ratio_error": 0.009}], [{"loss": 0.0}]]),
    "entropy": (
        [[*repeated(3, entropy=2.0), *repeated(1, entropy=0.5), *repeated(3, entropy=0.09)]],
        [
            [*repeated(3, entropy=2.0), *repeated(3, entropy=0.01)],  # too early to tell
            [*repeated(3, entropy=2.0), *repeated(1, entropy=0.5), *repeated(2, entropy=0.01), {"entropy": 0.11}],
            [*repeated(3, entropy=0.15), *repeated(4, entropy=0.05)],  # it was low from the beginning
        ],
    ),
    "cut_off": ([repeated(cut_off=0.95)], [repeated(cut_off=0.94), repeated(2, cut_off=1.0)]),
    "empty": ([repeated(empty=1.0)], [repeated(empty=0.9)]),
    "unscored": ([repeated(valid=0.79)], [repeated(valid=0.81), [{"valid": 1.0}, *repeated(2, valid=0.0)]]),
}


def test_every_alarm_has_its_case() -> None:
    assert set(CASES) == set(ALARMS)


@pytest.mark.parametrize("name", list(ALARMS))
def test_alarms_by_hand(name: str) -> None:
    bad, fine = CASES[name]
    for history in bad:
        assert list(alarms(history, metric="rouge_l")) == [name]
        assert "ikely" in alarms(history, metric="rouge_l")[name]
        assert alarms(history, said={name: "before"}) == {}
    for history in fine:
        assert alarms(history, metric="rouge_l") == {}, history


def test_a_gamed_reward_and_examples_learned_by_heart_are_told_apart() -> None:
    history = course(RISING, FALLING)
    text = alarms(history, metric="rouge_l")["reward_hacking"]
    assert text.startswith(
        "the training reward rises (0.320 -> 0.400) while rouge_l on held-out examples falls (0.500 -> 0.450 -> 0.400). "
        "Likely the reward is being gamed"
    )
    assert "learns the training examples by heart" in alarms(history, metric="reward")["reward_hacking"]


def test_one_update_behind_the_last_validation_proves_nothing() -> None:
    history = course(RISING, FALLING)
    assert list(alarms(history, metric="rouge_l")) == ["reward_hacking"]
    at = [i for i, stats in enumerate(history) if "validation" in stats]
    few = [*history[: at[-2] + 1], history[-1]]  # a run that ends one update after a validation, and is validated there
    assert at[-1] - at[-2] > 1 and alarms(few, metric="rouge_l") == {}


def test_figures_of_answers_by_hand() -> None:
    infos: list[dict[str, Any]] = [
        {"stop_reason": "max_tokens", "response": "a a a"},
        {"stop_reason": "context", "response": " "},
        {"stop_reason": "eos", "response": ""},
        {"stop_reason": "stop", "response": "b"},
    ]
    assert answer_figures(infos) == {"cut_off": 0.5, "empty": 0.5}
    assert answer_figures([{"reward": 1.0}]) == {}


def test_an_alarm_is_said_and_marked_once_per_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    class Loud(Reinforce):
        def update(self) -> dict[str, float]:
            return {**super().update(), "kl": 31.0}

    folder = str(tmp_path / "log")
    agent = Loud(echo_policy(), echo_venv(group_size=4), config=ReinforceConfig(episodes_per_update=16, updates=5, log_dir=folder))
    agent.learn()
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Alarm")]
    assert len(said) == 1 and said[0].startswith("Alarm at update 3: the KL to the starting model is 31.0 nats per sequence")
    assert list(agent.alarms) == ["kl_high"]
    assert [stats.get("alarm_kl_high") for stats in agent.history] == [None, None, 1.0, None, None]
    events = EventAccumulator(folder)
    events.Reload()
    assert [event.step for event in events.Scalars("train/alarm_kl_high")] == [agent.history[2]["timesteps"]]
    assert "alarm/kl_high/text_summary" in events.Tags()["tensors"]
    agent.learn(1, progress=False)  # another run, in which it is news again
    assert agent.alarms == {} or list(agent.alarms) == ["kl_high"]
    quiet = Loud(echo_policy(), echo_venv(group_size=4), config=ReinforceConfig(episodes_per_update=16, updates=4, alarms=False))
    assert quiet.learn(progress=False).alarms == {}
