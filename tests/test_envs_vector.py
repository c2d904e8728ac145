"""envs/vector.py: many episodes, each as it would be alone; shared deals; labels."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from tests.letters import BOS, EOS, LETTERS, PAD, WORDS, Say, share, tokens
from tokengym.envs import Example, TextGenEnv, TextGenVectorEnv


def venv(num_envs: int = 3, **keywords: Any) -> TextGenVectorEnv:
    return TextGenVectorEnv(num_envs, Say, **{"dataset": WORDS, "tokenizer": LETTERS, **keywords})


def sync(num_envs: int = 3, **keywords: Any) -> Any:
    def one() -> TextGenEnv:
        return TextGenEnv(Say, **{"dataset": WORDS, "tokenizer": LETTERS, **keywords})

    return gymnasium.vector.SyncVectorEnv([one] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)


def same(a: Any, b: Any) -> bool:
    return data_equivalence(a, b, exact=True)


def random_tokens(rng: np.random.Generator, num_envs: int, eos: float = 0.2) -> Any:
    letters = rng.choice(tokens("abcdef ") + [PAD, BOS], num_envs)
    return np.where(rng.random(num_envs) < eos, EOS, letters)


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"reward": share, "reward_timing": "delta"},
        {"length_limit": "truncate", "stop": ["ab", "e"], "group_size": 3, "metrics": False},
        {"dataset": [*WORDS, Example("none", "say")], "reward": share},  # one row cannot be scored
    ],
    ids=["default", "delta", "stop", "invalid"],
)
def test_equal_to_single_environments(keywords: dict[str, Any]) -> None:
    native, single = venv(5, **keywords), sync(5, **keywords)
    assert (native.observation_space, native.action_space) == (single.observation_space, single.action_space)
    assert same(native.reset(seed=3), single.reset(seed=3))
    rng = np.random.default_rng(0)
    for _ in range(300):
        actions = random_tokens(rng, 5)
        found, expected = native.step(actions), single.step(actions)
        assert same(found, expected)
        assert list(found[4]) == list(expected[4])
    for options in ({"index": 1}, {"sample_id": "w2"}):
        assert same(native.reset(options=dict(options)), single.reset(options=dict(options)))
    mask = np.array([True, False, True, False, False])
    assert same(native.reset(options={"reset_mask": mask}), single.reset(options={"reset_mask": mask}))
    assert same(native.reset(seed=[7, 7, 1, None, 2]), single.reset(seed=[7, 7, 1, None, 2]))


def test_returned_arrays_do_not_change_later() -> None:
    env = venv()
    obs, _ = env.reset(seed=0)
    kept = copy.deepcopy(obs)
    later, *_ = env.step(np.array(tokens("abc")))
    env.step(np.array([EOS] * 3))
    assert same(obs, kept)
    assert later["completion_mask"].sum() == 3


@pytest.mark.parametrize("num_envs", [1, 2, 5, 8])
def test_a_shared_deal_gives_each_example_group_size_times_per_epoch(num_envs: int) -> None:
    env = venv(num_envs, deal="shared", group_size=2, dataset="builtin", size=10)
    _, infos = env.reset(seed=1, options={"episodes": 40})
    rng = np.random.default_rng(0)
    finished: list[tuple[int, int]] = []
    while env.active.any():
        *_, infos = env.step(random_tokens(rng, num_envs))
        if "final_info" in infos:
            rows = np.flatnonzero(infos["_final_info"])
            finished += [(int(infos["final_info"]["deal_index"][r]), int(infos["final_info"]["index"][r])) for r in rows]
    assert sorted(deal for deal, _ in finished) == list(range(40))
    indices = [index for _, index in sorted(finished)]
    assert indices[::2] == indices[1::2]  # members of a group are dealt one after the other
    assert sorted(indices[:20:2]) == sorted(indices[20::2]) == list(range(10))
    other = venv(3, deal="shared", group_size=2, dataset="builtin", size=10)
    assert other.reset(seed=1)[1]["index"].tolist() == indices[:3]  # the same order whatever num_envs is


def test_idle_rows() -> None:
    env = venv(3, deal="shared", order="sequential")
    obs, infos = env.reset(options={"episodes": 2})
    assert env.active.tolist() == infos["_index"].tolist() == [True, True, False]
    assert not obs["attention_mask"][2].any() and (obs["input_ids"][2] == PAD).all()
    obs, rewards, terminated, truncated, infos = env.step(np.array([EOS, tokens("c")[0], -99]))  # an idle row's action is ignored
    assert terminated.tolist() == [True, False, False] and rewards.tolist() == [0.0, 0.0, 0.0]
    assert infos["_final_info"].tolist() == [True, False, False] and "index" not in infos
    assert not obs["attention_mask"][0].any()
    env.step(np.array([0, EOS, 0]))
    obs, rewards, terminated, truncated, infos = env.step(np.zeros(3, dtype=np.int64))
    assert not (env.active.any() or obs["attention_mask"].any() or rewards.any() or terminated.any() or truncated.any()) and infos == {}
    _, infos = env.reset(options={"episodes": 3})
    assert infos["deal_index"].tolist() == [2, 3, 4] and infos["index"].tolist() == [2, 0, 1]  # goes on in the order
    _, infos = env.reset(options={"episodes": 2, "first": 1})
    assert infos["deal_index"].tolist()[:2] == [1, 2] and infos["index"].tolist()[:2] == [1, 2]  # begins at a place of the order
    env.reset()
    env.step(np.array([EOS] * 3))
    assert env.active.all()  # without a limit there is no end


def test_final_obs_and_info() -> None:
    env = venv(2, order="sequential", deal="shared")
    env.reset(seed=0)
    env.step(np.array([tokens("a")[0], tokens("c")[0]]))
    env.step(np.array([tokens("b")[0], tokens("d")[0]]))
    obs, rewards, _, _, infos = env.step(np.array([EOS, tokens("e")[0]]))
    assert rewards.tolist() == [1.0, 0.0]
    assert infos["final_info"]["response"].tolist() == ["ab", None]
    assert infos["final_info"]["reward_components"]["exact"].tolist() == [1.0, 0.0]
    assert infos["final_info"]["sample_id"][0] == "w0" and infos["sample_id"][0] == "w2"
    assert infos["final_obs"][0]["attention_mask"].sum() == 9 + 3
    assert obs["attention_mask"][0].sum() == len([BOS, *tokens(">say f:")])


def test_labelled_rows_and_their_rewards() -> None:
    env = venv(2, reward=share)
    rows = env.labelled([2, 1])
    assert {key: (value.shape, value.dtype.name) for key, value in rows.items()} == {
        "input_ids": ((2, 20), "int32"),
        "attention_mask": ((2, 20), "int8"),
        "completion_mask": ((2, 20), "int8"),
    }
    prompt = [BOS, *tokens(">say f:")]
    assert rows["input_ids"][0].tolist() == [*prompt, *tokens(" f"), EOS] + [PAD] * (20 - len(prompt) - 3)
    assert np.flatnonzero(rows["completion_mask"][0]).tolist() == [8, 9, 10]
    assert rows["attention_mask"].sum(1).tolist() == [11, 10 + 4]
    assert EOS not in rows["input_ids"][1]  # " cde" fills the four tokens
    rewards = env.label_rewards([2, 1, 0])
    assert rewards.dtype == np.float32 and rewards.tolist() == [1.0, 1.0, 1.0]
    assert env.label_rewards([]).shape == (0,)
    with pytest.raises(IndexError, match="index=3"):
        env.labelled([3])


def test_labels_are_what_the_environment_would_pay() -> None:
    env = venv(1)
    row = env.labelled([0])
    _, _ = env.reset(options={"index": 0})
    for token in row["input_ids"][0][row["completion_mask"][0] == 1]:
        obs, rewards, *_, infos = env.step(np.array([token]))
    assert same(infos["final_obs"][0], {key: value[0] for key, value in row.items()})
    assert rewards[0] == env.label_rewards([0])[0]


def test_state_continues_bit_for_bit_through_json() -> None:
    for keywords in ({}, {"deal": "shared", "reward": share, "reward_timing": "delta"}):
        env, other = (venv(4, **keywords) for _ in range(2))
        env.reset(seed=3, options={"episodes": 30} if keywords else None)
        rng = np.random.default_rng(1)
        for _ in range(11):
            env.step(random_tokens(rng, 4))
        other.set_state(json.loads(json.dumps(env.get_state())))
        for _ in range(60):
            actions = random_tokens(rng, 4)
            assert same(env.step(actions), other.step(actions))
        assert env.active.tolist() == other.active.tolist()
        assert same(env.reset(), other.reset())
        twin = pickle.loads(pickle.dumps(env))
        assert same(env.step(actions), twin.step(actions))
    with pytest.raises(ValueError, match="num_envs=4, here it is 2"):
        venv(2).set_state(env.get_state())


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"deal": "share"}, "'share' is not a known deal. Did you mean 'shared'"),
        ({"autoreset_mode": "Same"}, "Did you mean 'SameStep'"),
        ({"render_mode": "human"}, "Known: ansi"),
        ({"num_envs": 0}, "num_envs=0"),
    ],
)
def test_bad_keywords(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        venv(**keywords)


def test_bad_calls() -> None:
    env, shared = venv(2), venv(2, deal="shared")
    with pytest.raises(ResetNeeded):
        env.step(np.zeros(2, dtype=np.int64))
    env.reset(seed=0)
    for actions, message in [
        (np.zeros(3, dtype=np.int64), r"shape \(3,\)"),
        (np.zeros(2), "dtype float64"),
        (np.array([3, -1]), "action=-1 in row 1 is no token of 'letters'; expected 0 to 258"),
        (np.array([259, 3]), "action=259 in row 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            env.step(actions)
    for target, arguments, message in [
        (env, {"options": {"episodes": 4}}, r"wants one order for all rows: make_vec\(..., deal='shared'\)"),
        (shared, {"options": {"episodes": 0}}, "episodes=0"),
        (shared, {"options": {"episodes": 1, "first": -1}}, "first=-1"),
        (shared, {"options": {"first": 1}}, "episodes=None"),
        (shared, {"options": {"episodes": 4, "index": 0}}, "goes with neither"),
        (env, {"options": {"indx": 4}}, "Did you mean 'index'"),
        (env, {"seed": [1]}, r"1 seeds for 2 order\(s\)"),
        (env, {"options": {"reset_mask": np.array([False, False])}}, "not all False"),
    ]:
        with pytest.raises(ValueError, match=message):
            target.reset(**arguments)  # type: ignore[arg-type]
    options = {"reset_mask": np.array([True, False])}
    env.reset(options=options)
    assert list(options) == ["reset_mask"]  # never changed


def test_rows_that_are_not_reset_need_no_index() -> None:
    env = venv(3, autoreset_mode="Disabled")
    env.reset(seed=0)
    before = env.reset(options={"reset_mask": np.array([True] * 3), "index": [0, 1, 2]})[0]
    mask = np.array([True, False, False])
    obs, infos = env.reset(options={"reset_mask": mask, "index": np.array([2, -1, -1])})
    assert infos["index"][0] == 2 and infos["_index"].tolist() == [True, False, False]
    assert np.array_equal(obs["input_ids"][0], before["input_ids"][2]) and np.array_equal(obs["input_ids"][1:], before["input_ids"][1:])
    with pytest.raises(ValueError, match="index=-1 lies outside"):
        env.reset(options={"reset_mask": ~mask, "index": np.array([2, -1, -1])})


def test_sequential_rows_that_all_play_the_same_warn() -> None:
    with pytest.warns(UserWarning, match="pass deal='shared'"):
        venv(2, order="sequential")


def test_rendering() -> None:
    env = venv(2, deal="shared", order="sequential", render_mode="ansi")
    env.reset(options={"episodes": 1})
    env.step(np.array(tokens("ab")))
    frames = env.render()
    assert frames is not None and "Answer [1 of 4 tokens]\na\n" in frames[0] and frames[1] == ""
    assert venv(2).render() is None


def test_episode_statistics_wrapper() -> None:
    wrapped = gymnasium.wrappers.vector.RecordEpisodeStatistics(venv(1, deal="shared", order="sequential"))
    wrapped.reset(seed=0)
    for token in [*tokens("ab"), EOS]:
        *_, infos = wrapped.step(np.array([token]))
    episode = infos.get("episode") or infos["final_info"]["episode"]
    assert episode["r"][0] == 1.0 and episode["l"][0] == 3
