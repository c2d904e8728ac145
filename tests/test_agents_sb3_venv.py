"""SB3VecEnv: what DummyVecEnv does over single environments, from one native vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

import tokengym  # noqa: F401  (registers the ids)
from tokengym.agents import SB3VecEnv

ROWS = 3
SMALL: dict[str, Any] = {"size": 16, "max_new_tokens": 5}


def both(env: str, **kwargs: Any) -> tuple[SB3VecEnv, DummyVecEnv]:
    native = SB3VecEnv(env, num_envs=ROWS, **kwargs)
    single = DummyVecEnv([lambda: gymnasium.make(env, **kwargs).unwrapped] * ROWS)
    for venv in (native, single):
        venv.seed(5)
    return native, single


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return sorted(one) == sorted(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and np.array_equal(one, other))
    return bool(type(one) is type(other) and one == other)


@pytest.mark.parametrize(
    ("env", "kwargs"),
    [
        ("TextSumm-v0", {"reward": "rouge_l"}),
        ("TextClassify-v0", {"constrained": True}),
        ("TextDialogue-v0", {"turns": 2, "max_new_tokens": 3}),
    ],
)
def test_equals_single_environments_in_a_loop(env: str, kwargs: dict[str, Any]) -> None:
    native, single = both(env, **{**SMALL, **kwargs})
    assert same(native.reset(), single.reset())
    masked, tokens = is_masking_supported(single), native.get_attr("tokenizer")[0].vocab_size
    assert is_masking_supported(native) == masked == (env == "TextClassify-v0")
    dice, ends = np.random.default_rng(0), 0
    for _ in range(25):
        assert all(map(same, native.reset_infos, single.reset_infos))
        if masked:
            masks = get_action_masks(native)
            assert np.array_equal(masks, get_action_masks(single))
            actions = np.array([dice.choice(np.flatnonzero(row)) for row in masks])
        else:
            actions = dice.integers(tokens, size=ROWS)
        (obs, rewards, dones, infos), (obs_, rewards_, dones_, infos_) = native.step(actions), single.step(actions)
        assert same(obs, obs_) and same(rewards, rewards_) and same(dones, dones_)
        assert all(map(same, infos, infos_))
        ends += int(dones.sum())
    assert ends >= ROWS
    native.close()


def test_a_picked_example_and_a_shared_order() -> None:
    env = SB3VecEnv("TextSumm-v0", num_envs=4, deal="shared", size=4)
    env.set_options({"index": [0, 1, 2, 3]})
    env.reset()
    assert [info["index"] for info in env.reset_infos] == [0, 1, 2, 3]
    env.seed(3)
    env.reset()
    assert sorted(info["index"] for info in env.reset_infos) == [0, 1, 2, 3]
    env.set_options([{"index": 0}, {}, {}, {}])
    with pytest.raises(ValueError, match="the same ones"):
        env.reset()


def test_the_monitor_sees_whole_episodes() -> None:
    env = VecMonitor(SB3VecEnv("TextSumm-v0", num_envs=2, **SMALL))
    env.seed(0)
    env.reset()
    infos = [info for _ in range(12) for info in env.step(np.array([7, 8]))[3] if "episode" in info]
    assert len(infos) == 4 and {info["episode"]["l"] for info in infos} == {5}
    assert all(info["episode"]["r"] == pytest.approx(sum(info["reward_components"].values()), abs=1e-5) for info in infos)


def test_gymnasium_s_own_statistics_belong_to_the_episode_that_ended() -> None:
    counted = RecordEpisodeStatistics(gymnasium.make_vec("TextSumm-v0", num_envs=2, **SMALL))
    env = SB3VecEnv(counted)
    env.reset()
    infos = [info for _ in range(6) for info in env.step(np.array([7, 8]))[3] if "episode" in info]
    assert [info["episode"]["l"] for info in infos] == [5, 5]
    assert all("episode" not in info for info in env.reset_infos)


def test_the_text_of_each_row_is_shown() -> None:
    env = SB3VecEnv("TextSumm-v0", num_envs=2, render_mode="ansi", **SMALL)
    env.reset()
    assert len(env.render()) == 2 and all(isinstance(text, str) and text for text in env.render())


def test_attributes_are_the_whole_s() -> None:
    env = SB3VecEnv("TextSumm-v0", num_envs=2, **SMALL)
    assert env.get_attr("tokenizer") == [env.venv.tokenizer] * 2 and env.get_attr("render_mode", indices=0) == [None]
    assert env.env_is_wrapped(VecMonitor) == [False, False] and env.get_images() == [None, None]
    assert not env.has_attr("action_masks")
    with pytest.raises(IndexError, match="row 9 of 2"):
        env.get_attr("tokenizer", indices=9)
    masked = SB3VecEnv("TextClassify-v0", num_envs=2, constrained=True, **SMALL)
    masked.reset()
    assert [np.flatnonzero(mask()).tolist() for mask in masked.get_attr("action_masks")] == [
        np.flatnonzero(row).tolist() for row in masked.env_method("action_masks")
    ]
    for refused in (lambda: env.set_attr("reward", 1), lambda: env.env_method("render")):
        with pytest.raises(AttributeError, match="rows"):
            refused()


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [({"length_limit": "truncate"}, "use length_limit='terminate'"), ({"autoreset_mode": "NextStep"}, "autoreset_mode='SameStep'")],
)
def test_what_would_teach_something_wrong_is_refused(kwargs: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SB3VecEnv("TextSumm-v0", num_envs=2, size=4, **kwargs)
    with pytest.raises(ValueError, match=says):
        SB3VecEnv(gymnasium.make_vec("TextSumm-v0", num_envs=2, size=4, **kwargs))


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="TextGenEnv"):
        SB3VecEnv(gymnasium.make("TextSumm-v0", size=4).unwrapped)
    with pytest.raises(TypeError, match="already made"):
        SB3VecEnv(gymnasium.make_vec("TextSumm-v0", num_envs=2, size=4), size=4)
    with pytest.raises(TypeError, match="num_envs.*already made"):
        SB3VecEnv(gymnasium.make_vec("TextSumm-v0", num_envs=2, size=4), num_envs=7)
    with pytest.raises(ValueError, match="wrapped in DictInfoToList"):
        SB3VecEnv(DictInfoToList(gymnasium.make_vec("TextSumm-v0", num_envs=2, size=4)))
