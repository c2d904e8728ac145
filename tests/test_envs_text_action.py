"""envs/text_action.py: whole texts as actions, folded over tokens."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence

from tests.letters import EOS, Say, say, share, tokens
from tests.test_envs_masks import colour, rank
from tokengym.envs import AnyText, TextAction


def same(a: Any, b: Any) -> bool:
    return data_equivalence(a, b, exact=True)


def test_any_text_holds_any_script() -> None:
    space = AnyText(4, seed=0)
    assert all(text in space for text in ("", "abcd", "你好吗", "é\n\t\u0000", "🙂"))
    assert not any(wrong in space for wrong in ("abcde", 3, None, b"ab", ["a"]))
    samples = [space.sample() for _ in range(400)]
    assert all(1 <= len(text) <= 4 and text.isascii() and text.isprintable() for text in samples)
    assert {len(text) for text in samples} == {1, 2, 3, 4}
    twin, other = AnyText(4, seed=0), AnyText(4, seed=1)
    assert [twin.sample() for _ in range(400)] == samples != [other.sample() for _ in range(400)]
    assert space == AnyText(4) != AnyText(5) and repr(space) == "AnyText(4)" and hash(space) == hash(AnyText(4))
    assert space.from_jsonable(space.to_jsonable(["你"])) == ["你"]
    assert pickle.loads(pickle.dumps(space)) == space
    with pytest.raises(ValueError, match="max_length=0"):
        AnyText(0)
    with pytest.raises(ValueError, match="neither mask nor probability"):
        space.sample(mask=np.ones(3))  # type: ignore[arg-type]


def test_a_turn_by_hand() -> None:
    env = TextAction(say())
    env.reset(seed=0)
    obs, reward, terminated, truncated, info = env.step("ab")
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (info["response"], info["stop_reason"], info["completion_tokens"]) == ("ab", "eos", 4)
    assert obs["input_ids"][obs["completion_mask"] == 1].tolist() == [*tokens(" ab"), EOS]
    with pytest.raises(ResetNeeded):
        env.step("ab")
    env.reset()
    assert env.step("cdef")[4]["response"] == "cde" and env.action_space == AnyText(8 * 4)  # as far as the budget of 4 tokens goes
    env.reset()
    assert env.step("")[4]["response"] == ""


@pytest.mark.parametrize("timing", ["terminal", "delta"])
@pytest.mark.parametrize("limit", ["terminate", "truncate"])
def test_equal_to_the_tokens_one_by_one(timing: str, limit: str) -> None:
    keywords: dict[str, Any] = {"reward": share, "reward_timing": timing, "length_limit": limit, "stop": ["x"]}
    turns, single = TextAction(say(**keywords)), say(**keywords)
    assert same(turns.reset(seed=1), single.reset(seed=1))
    for text in ("ab", "cd", "", "f", "axb", "abcdef", "你"):
        ids = [*tokens(" " + text), EOS]
        total = 0.0
        for token in ids:
            obs, reward, terminated, truncated, info = single.step(token)
            total += reward
            if terminated or truncated:
                break
        assert same(turns.step(text), (obs, total, terminated, truncated, info))
        assert same(turns.reset(), single.reset())


def test_token_ids_are_actions_too() -> None:
    for action in (tokens(" ab"), [*tokens(" ab"), EOS], np.array(tokens("ab")), tuple(tokens("ab"))):
        env = TextAction(say())
        env.reset(seed=0)
        assert env.step(action)[1] == 1.0
    env.reset(seed=0)
    with pytest.raises(TypeError, match="expected a text, or token ids"):
        env.step(3.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="action=999 is no token"):
        env.step([999])


def test_constrained_answers() -> None:
    env = TextAction(rank())
    _, info = env.reset(options={"index": 0})
    assert "action_mask" not in info
    *_, info = env.step("2 10 1")
    assert info["stop_reason"] == "complete" and info["reward_components"] == {"exact": 1.0} and "action_mask" not in info
    env = TextAction(colour())
    env.reset(options={"index": 2})
    assert env.step("re")[4]["stop_reason"] == "eos"
    env.reset()
    with pytest.raises(ValueError, match="'green' is no complete answer that Colour-v0 allows"):
        env.step("green")


def test_checkers_wrappers_and_specs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inner = gymnasium.make("TextSumm-v0", max_new_tokens=4, size=5, render_mode="ansi")
        env = TextAction(inner)
        warnings.filterwarnings("ignore", message=".*is different from the unwrapped version")
        check_env(env, skip_render_check=True)
    counted = gymnasium.wrappers.RecordEpisodeStatistics(TextAction(inner, max_length=50))
    again = gymnasium.make(counted.spec)  # type: ignore[arg-type]
    assert again.action_space == AnyText(50) == counted.action_space
    assert same(counted.reset(seed=2)[0], again.reset(seed=2)[0])
    info = counted.step("Fire.")[4]
    assert info["episode"]["l"] == 1 and info["episode"]["r"] == pytest.approx(sum(info["reward_components"].values()))
    assert "Fire." in str(counted.render())
    with pytest.raises(TypeError, match="wraps a TextGenEnv, not CartPoleEnv"):
        TextAction(gymnasium.make("CartPole-v1"))


def test_several_at_once() -> None:
    venv = gymnasium.make_vec("TextSumm-v0", num_envs=2, vectorization_mode="sync", wrappers=[TextAction], max_new_tokens=4, size=5)
    venv.reset(seed=0)
    assert venv.action_space.contains(venv.action_space.sample())
    _, _, terminated, _, infos = venv.step(("Fire.", "洪水"))
    assert terminated.all() and infos["response"][1][:1] == "洪"


def test_it_says_what_a_task_is() -> None:
    assert isinstance(TextAction(say()).unwrapped.task, Say)  # type: ignore[attr-defined]


def test_a_turn_of_several_lines_is_said_whole() -> None:
    env = TextAction(gymnasium.make("TextDialogue-v0", turns=4, size=20))
    inner: Any = env.unwrapped
    env.reset(seed=0)
    env.step("Which day?\nWhat time?  How many people?\n")
    assert inner.said == ("Which day? What time? How many people?",)
    env.step("\n")
    assert inner.said == ("Which day? What time? How many people?", "")
