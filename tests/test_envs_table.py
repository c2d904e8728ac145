"""envs/table.py and the autoreset modes: what becomes of rows whose episode is over, as Gymnasium does it."""

from __future__ import annotations

import json
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from tests.letters import BOS, EOS, LETTERS, PAD, WORDS, Say, share, tokens
from tests.test_envs_masks import RANKED, SKY, Colour, Rank
from tokengym.envs import TextGenEnv, TextGenVectorEnv

MODES = ("SameStep", "NextStep", "Disabled")
IDS = ("TextSumm-v0", "TextDialogue-v0", "TextQA-v0")
OWN: dict[str, dict[str, Any]] = {
    "say": {"task": Say, "dataset": WORDS, "tokenizer": LETTERS},
    "delta": {"task": Say, "dataset": WORDS, "tokenizer": LETTERS, "reward": share, "reward_timing": "delta"},
    "truncate": {"task": Say, "dataset": WORDS, "tokenizer": LETTERS, "length_limit": "truncate", "stop": ["ab", "e"], "group_size": 2},
    "label": {"task": Colour, "dataset": SKY, "tokenizer": LETTERS},
    "ranking": {"task": Rank, "dataset": RANKED, "tokenizer": LETTERS, "max_new_tokens": 6},
}


def pair(name: str, num_envs: int, mode: str) -> tuple[Any, Any]:
    """The native vector environment and Gymnasium's, of an id or of a row of ``OWN``."""
    if name in OWN:
        keywords = OWN[name]
        native: Any = TextGenVectorEnv(num_envs, autoreset_mode=mode, **keywords)
        return native, gymnasium.vector.SyncVectorEnv([lambda: TextGenEnv(**keywords)] * num_envs, autoreset_mode=AutoresetMode(mode))
    keywords = {"max_new_tokens": 12, "size": 30}
    one = lambda: gymnasium.make(name, **keywords)  # noqa: E731
    native = gymnasium.make_vec(name, num_envs=num_envs, autoreset_mode=mode, **keywords)
    return native, gymnasium.vector.SyncVectorEnv([one] * num_envs, autoreset_mode=AutoresetMode(mode))


def same(a: Any, b: Any) -> bool:
    return data_equivalence(a, b, exact=True)


def draw(rng: np.random.Generator, venv: Any, infos: dict[str, Any]) -> Any:
    """Random tokens that the rows allow; the end of sequence now and then where anything goes."""
    if hasattr(venv, "action_masks"):
        assert (infos["action_mask"] == venv.action_masks())[infos["_action_mask"]].all()
        return np.array([rng.choice(np.flatnonzero(row)) for row in venv.action_masks()])
    letters = (
        rng.integers(3, venv.single_action_space.n, venv.num_envs)
        if venv.tokenizer is not LETTERS
        else rng.choice(tokens("abcdef ") + [PAD, BOS], venv.num_envs)
    )
    return np.where(rng.random(venv.num_envs) < 0.1, EOS, letters)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*IDS, *OWN])
def test_bit_identical_to_gymnasium(name: str, mode: str) -> None:
    native, single = pair(name, 3, mode)
    assert native.metadata["autoreset_mode"] is single.metadata["autoreset_mode"] is AutoresetMode(mode)
    found = native.reset(seed=5)
    assert same(found, single.reset(seed=5))
    rng = np.random.default_rng(0)
    infos, ends = found[1], 0
    for step in range(1000 if name in IDS or name == "label" else 250):
        actions = draw(rng, native, infos)
        found, expected = native.step(actions), single.step(actions)
        assert same(found, expected), step
        infos = found[4]
        over = found[2] | found[3]
        ends += int(over.sum())
        if (mode == "Disabled" and over.any()) or step % 97 == 0:  # a partial reset is possible in every mode
            if step % 97 == 0:
                over[step % 3] = True
            seed = None if step % 2 else step
            found = native.reset(seed=seed, options={"reset_mask": over})
            assert same(found, single.reset(seed=seed, options={"reset_mask": over.copy()}))
            if "action_mask" in infos:
                infos["action_mask"][over], infos["_action_mask"] = found[1]["action_mask"][over], infos["_action_mask"] | over
    assert ends > 50


def test_next_step_by_hand() -> None:
    venv = TextGenVectorEnv(2, autoreset_mode="NextStep", order="sequential", deal="shared", **OWN["say"])
    venv.reset(seed=0)
    obs, _, terminated, _, infos = venv.step(np.array([EOS, tokens("c")[0]]))
    assert terminated.tolist() == [True, False] and infos["sample_id"].tolist() == ["w0", None]
    assert obs["attention_mask"].sum(1).tolist() == [9 + 1, 10 + 1] and "final_obs" not in infos
    obs, rewards, terminated, _, infos = venv.step(np.array([-1, tokens("d")[0]]))  # what row 0 was told is ignored
    assert not (rewards.any() or terminated.any()) and infos["sample_id"].tolist() == ["w2", None]
    assert obs["completion_mask"].sum(1).tolist() == [0, 2] and "response" not in infos


@pytest.mark.parametrize("mode", MODES)
def test_exactly_n_episodes_in_each_mode(mode: str) -> None:
    venv = TextGenVectorEnv(4, autoreset_mode=mode, deal="shared", **OWN["say"])
    rng = np.random.default_rng(1)
    _, infos = venv.reset(seed=2, options={"episodes": 22})
    finished: list[int] = []
    for _ in range(300):
        if not venv.active.any():
            break
        _, _, terminated, _, infos = venv.step(draw(rng, venv, infos))
        last = infos.get("final_info", infos)
        finished += last["deal_index"][terminated].tolist() if terminated.any() else []
        if mode == "Disabled" and terminated.any():
            _, infos = venv.reset(options={"reset_mask": terminated})
    assert sorted(finished) == list(range(22))
    obs, rewards, terminated, _, infos = venv.step(np.zeros(4, dtype=np.int64))
    assert not (obs["attention_mask"].any() or rewards.any() or terminated.any()) and infos == {}


def test_disabled_wants_a_reset_of_every_row_that_is_over() -> None:
    venv = TextGenVectorEnv(3, autoreset_mode="Disabled", **OWN["say"])
    venv.reset(seed=0)
    venv.step(np.array([EOS, 5, EOS]))
    for _ in range(2):
        with pytest.raises(ResetNeeded, match=r"the episodes of rows \[0, 2\] are over: venv.reset\(options=\{'reset_mask'"):
            venv.step(np.array([5, 5, 5]))
    options = {"reset_mask": np.array([True, False, False])}
    venv.reset(options=options)
    assert list(options) == ["reset_mask"]
    with pytest.raises(ResetNeeded, match=r"rows \[2\]"):
        venv.step(np.array([5, 5, 5]))
    venv.reset(options={"reset_mask": np.array([False, False, True])})
    assert venv.step(np.array([5, 5, 5]))[0]["completion_mask"].sum(1).tolist() == [1, 2, 1]
    venv.step(np.array([EOS, 5, 5]))
    venv.reset()
    venv.step(np.array([5, 5, 5]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["delta", "ranking"])
def test_state_and_pickle_with_waiting_rows(name: str, mode: str) -> None:
    venv, other = (TextGenVectorEnv(4, autoreset_mode=mode, **OWN[name]) for _ in range(2))
    _, infos = venv.reset(seed=3)
    rng = np.random.default_rng(2)
    for _ in range(40):
        _, _, terminated, _, infos = venv.step(draw(rng, venv, infos))
        other.set_state(json.loads(json.dumps(venv.get_state())))
        twins = [other, pickle.loads(pickle.dumps(venv))] if terminated.any() else [other]
        if mode == "Disabled" and terminated.any():
            _, infos = venv.reset(options={"reset_mask": terminated})
            assert all(same(infos, twin.reset(options={"reset_mask": terminated})[1]) for twin in twins)
        actions = draw(rng, venv, infos)
        found = venv.step(actions)
        assert all(same(found, twin.step(actions)) for twin in twins)
        terminated, infos = found[2], found[4]
        if mode == "Disabled" and terminated.any():
            _, infos = venv.reset(options={"reset_mask": terminated})
    if mode == "NextStep":
        while not venv.get_state()["waiting"]:
            *_, infos = venv.step(draw(rng, venv, infos))
        with pytest.raises(ValueError, match="saved in another autoreset_mode than 'SameStep'"):
            TextGenVectorEnv(4, **OWN[name]).set_state(venv.get_state())


@pytest.mark.parametrize("mode", [*MODES, *(AutoresetMode(mode) for mode in MODES)])
def test_modes_are_stored_as_strings(mode: str | AutoresetMode) -> None:
    venv = gymnasium.make_vec("TextSumm-v0", num_envs=2, autoreset_mode=mode, size=5)
    name = mode if isinstance(mode, str) else mode.value
    assert venv.metadata["autoreset_mode"] is AutoresetMode(name)
    assert venv.spec is not None and venv.spec.kwargs["autoreset_mode"] == name
    again = gymnasium.make_vec(EnvSpec.from_json(venv.spec.to_json()), num_envs=2)
    assert again.metadata["autoreset_mode"] is AutoresetMode(name)
    assert TextGenVectorEnv.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_gymnasiums_observation_wrappers_take_next_step() -> None:
    venv = gymnasium.make_vec("TextSumm-v0", num_envs=2, autoreset_mode="NextStep", size=5)
    wrapped = gymnasium.wrappers.vector.TransformObservation(venv, lambda obs: obs)
    assert wrapped.reset(seed=0)[0]["input_ids"].shape[0] == 2


def test_gymnasiums_processes_play_it_too() -> None:
    keywords: dict[str, Any] = {"max_new_tokens": 4, "size": 5}
    one = lambda: gymnasium.make("TextSumm-v0", **keywords)  # noqa: E731
    native = gymnasium.make_vec("TextSumm-v0", num_envs=2, **keywords)
    processes = gymnasium.vector.AsyncVectorEnv([one] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        assert same(native.reset(seed=1), processes.reset(seed=1))
        rng = np.random.default_rng(0)
        for _ in range(12):
            actions = draw(rng, native, {})
            assert same(native.step(actions), processes.step(actions))
    finally:
        processes.close()
