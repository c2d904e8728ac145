"""envs/env.py: one episode, token by token."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence

import tokengym
from tests.letters import BOS, EOS, LETTERS, PAD, WORDS, Say, say, share, tokens


def play(env: gymnasium.Env[Any, Any], ids: list[int]) -> tuple[list[float], dict[str, Any]]:
    """Rewards of an episode that ends with the last of ``ids``, and its last info."""
    rewards = []
    for i, token in enumerate(ids):
        _, reward, terminated, truncated, info = env.step(token)
        assert (terminated or truncated) == (i == len(ids) - 1)
        rewards.append(float(reward))
    return rewards, info


def same(a: Any, b: Any) -> bool:
    return data_equivalence(a, b, exact=True)


def test_an_episode_by_hand() -> None:
    env = say()
    obs, info = env.reset(seed=0)
    prompt = [BOS, *tokens(">say ab:")]
    assert obs["input_ids"].tolist() == prompt + [PAD] * (20 - 9)
    assert obs["attention_mask"].tolist() == [1] * 9 + [0] * 11
    assert not obs["completion_mask"].any()
    assert info == {"sample_id": "w0", "index": 0, "deal_index": 0, "prompt_tokens": 9, "prompt_cut": 0}
    assert env.example is WORDS[0]
    obs, reward, terminated, truncated, info = env.step(tokens("a")[0])
    assert (reward, terminated, truncated, info) == (0.0, False, False, {})
    assert obs["input_ids"].tolist() == prompt + tokens("a") + [PAD] * 10
    assert np.flatnonzero(obs["completion_mask"]).tolist() == [9]
    env.step(tokens("b")[0])
    obs, reward, terminated, truncated, info = env.step(EOS)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (info["response"], info["stop_reason"], info["completion_tokens"]) == ("ab", "eos", 3)
    assert obs["attention_mask"].sum() == 12
    assert env.reset()[1]["sample_id"] == "w1"


def test_running_out_of_tokens() -> None:
    for limit, flags in (("terminate", (True, False)), ("truncate", (False, True))):
        env = say(length_limit=limit)
        env.reset(seed=0)
        for token in tokens("abx"):
            env.step(token)
        *_, terminated, truncated, info = env.step(tokens("y")[0])
        assert (terminated, truncated) == flags
        assert info["stop_reason"] == "max_tokens" and info["response"] == "abxy"


def test_a_stop_string_pays_at_once() -> None:
    env = say(stop=["\n"])
    env.reset(seed=0)
    rewards, info = play(env, tokens("ab\n"))
    assert rewards == [0.0, 0.0, 1.0]
    assert (info["response"], info["stop_reason"]) == ("ab", "stop")


def test_delta_rewards_telescope_exactly() -> None:
    delta, terminal = say(reward=share, reward_timing="delta"), say(reward=share)
    for env in (delta, terminal):
        env.reset(seed=0, options={"index": 1})  # "cde"
    rewards, info = play(delta, [*tokens("cxe"), EOS])
    assert rewards == pytest.approx([1 / 3, 0.0, 1 / 3, 0.0], abs=1e-12)
    paid = 0.0
    for reward in rewards:
        paid += reward
    assert paid == play(terminal, [*tokens("cxe"), EOS])[0][-1]  # the same float
    assert info["reward_components"] == {"share": pytest.approx(2 / 3)}


def test_seeds_decide_the_order_and_resets_go_on() -> None:
    env = say(order="shuffled", dataset="builtin", size=50)

    def deals(seed: int | None) -> list[int]:
        return [env.reset(seed=seed if i == 0 else None)[1]["index"] for i in range(60)]

    first = deals(1)
    assert sorted(first[:50]) == list(range(50))
    assert deals(1) == first != deals(2)
    assert deals(None) != first  # goes on
    env.reset(seed=1)
    assert env.reset(options={"index": 3})[1] == {**env.reset(options={"index": 3})[1], "index": 3, "deal_index": -1}
    assert env.reset()[1]["index"] == first[1]  # a picked example does not advance the order


def test_group_size_deals_an_example_several_times() -> None:
    env = say(group_size=2)
    assert [env.reset()[1]["sample_id"] for _ in range(7)] == ["w0", "w0", "w1", "w1", "w2", "w2", "w0"]


def test_bad_actions_and_bad_moments_raise() -> None:
    env = say()
    with pytest.raises(ResetNeeded, match="call env.reset"):
        env.step(5)
    with pytest.raises(ResetNeeded, match="no current example"):
        _ = env.example
    env.reset(seed=0)
    for action in (-1, 259):
        with pytest.raises(ValueError, match=f"action={action} is no token of 'letters'; expected 0 to 258"):
            env.step(action)
    with pytest.raises(TypeError, match="expected a whole number"):
        env.step(1.5)
    env.step(np.int64(5))
    env.step(np.array(EOS))
    with pytest.raises(ResetNeeded, match="again after an episode has ended"):
        env.step(5)


def test_keywords_of_the_vector_env_are_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match=r"deal='shared'.*gymnasium.make_vec\(id, deal=...\)"):
        say(deal="shared")
    with pytest.raises(TypeError, match="'ainsi' is not a known render_mode. Did you mean 'ansi'"):
        say(render_mode="ainsi")


@pytest.mark.filterwarnings("ignore:.*render_mode")  # Gymnasium says so first
def test_stable_baselines3_makes_environments_by_their_id() -> None:
    env_util = pytest.importorskip("stable_baselines3.common.env_util", reason="stable-baselines3 is not installed")
    env = env_util.make_vec_env("TextClassify-v0", 2)  # which asks for render_mode="rgb_array", and does without after a TypeError
    assert env.num_envs == 2 and len(env.reset()["input_ids"]) == 2


def test_state_continues_bit_for_bit_through_json() -> None:
    for middle in (0, 2):
        env, other = (say(order="shuffled", reward=share, reward_timing="delta") for _ in range(2))
        env.reset(seed=9)
        for token in tokens("ab")[:middle]:
            env.step(token)
        obs = other.set_state(json.loads(json.dumps(env.get_state())))
        assert same(obs, env._observation())
        for token in [*tokens("c"), EOS]:
            assert same(env.step(token), other.step(token))
        assert same(env.reset(), other.reset())
        assert same(env.reset(seed=3), other.reset(seed=3))


def test_state_after_an_end_and_of_another_environment() -> None:
    env, other = say(), say()
    env.reset(seed=0)
    env.step(EOS)
    other.set_state(env.get_state())
    with pytest.raises(ResetNeeded):
        other.step(EOS)
    assert same(env.reset(), other.reset())
    with pytest.raises(ValueError, match="this state is another environment's"):
        say(max_new_tokens=9).set_state(env.get_state())


def test_states_of_other_data_are_refused_and_older_ones_are_taken(tmp_path: Path) -> None:
    state = json.loads(json.dumps(say().get_state()))
    others: list[tuple[dict[str, Any], str]] = [
        ({"split": "test"}, "split 'train', here 'test'"),
        ({"loud": True}, "options {'loud': False}, here {'loud': True}"),
        ({"dataset": "builtin", "size": 3}, "dataset 'examples', here 'builtin'"),
    ]
    for keywords, told in others:
        with pytest.raises(ValueError, match=re.escape(told)):
            say(**keywords).set_state(state)
    state["about"] = state["about"][:4]  # as it was saved before split, data set and options stood in it
    say(split="test").set_state(state)
    rows = "".join(json.dumps({"prompt": word, "answer": word}) + "\n" for word in "abc")
    states = []
    for folder in ("here", "there"):  # files may move
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.jsonl").write_text(rows)
        env = say(dataset={"path": str(tmp_path / folder / "rows.jsonl"), "split": "all"})
        states.append(env.get_state()["about"])
    assert states[0] == states[1]


def test_a_state_without_an_episode_clears_the_one_that_was_played() -> None:
    env = say()
    fresh = env.get_state()
    env.reset(seed=0)
    env.step(tokens("a")[0])
    obs = env.set_state(fresh)
    assert same(obs, say()._observation()) and not obs["attention_mask"].any() and (obs["input_ids"] == PAD).all()
    with pytest.raises(ResetNeeded):
        env.step(EOS)
    assert same(env.reset(seed=0), say().reset(seed=0))


def test_observations_and_infos_are_fresh() -> None:
    env = say()
    first, _ = env.reset(seed=0)
    second, *_ = env.step(tokens("a")[0])
    for key in first:
        first[key][:] = 1
    assert not np.shares_memory(first["input_ids"], second["input_ids"])
    assert env.step(EOS)[0]["input_ids"][0] == BOS


def test_rendering(capsys: pytest.CaptureFixture[str]) -> None:
    env = say(render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == "Prompt [w0, 9 tokens, 0 cut]\n>say ab:\nAnswer [0 of 4 tokens]\n\nReference\nab\n"
    play(env, [*tokens("ab"), EOS])
    assert "Answer [3 of 4 tokens]\nab\n" in str(env.render()) and "ended by eos" in str(env.render())
    human = say(render_mode="human")
    human.reset(seed=0)
    play(human, [*tokens("ab"), EOS])
    printed = capsys.readouterr().out
    assert printed.startswith("Prompt [w0, 9 tokens, 0 cut]\n>say ab:\nAnswer [3 of 4 tokens]\nab\nTokens\na|b|<end>\n    +1.0000\n")
    assert printed.count("Prompt [w0") == 1 and "Reward 1.0000" in printed and "\x1b[" not in printed
    assert human.render() is None


def test_spec_pickle_and_copy() -> None:
    env = gymnasium.make("TextSumm-v0", split="test", stop=("\n",), max_new_tokens=5)
    spec = env.unwrapped.spec
    assert spec is not None and EnvSpec.from_json(spec.to_json()) == spec
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))  # type: ignore[union-attr]
    assert same(env.reset(seed=4), again.reset(seed=4))
    for twin in (pickle.loads(pickle.dumps(env.unwrapped)), copy.deepcopy(env.unwrapped)):
        assert twin.spec == spec
        assert same(env.unwrapped.step(7), twin.step(7)) and same(env.reset(), twin.reset())
        env.reset(seed=4)
        again.reset(seed=4)


def test_objects_in_a_spec_are_held_not_copied() -> None:
    gymnasium.register("Say-v0", entry_point="tokengym.envs.env:TextGenEnv", kwargs={"task": Say})
    try:
        env = gymnasium.make("Say-v0", dataset=WORDS, tokenizer=LETTERS)
        again = gymnasium.make(env.spec)  # type: ignore[arg-type]
    finally:
        del gymnasium.registry["Say-v0"]
    assert again.unwrapped.engine.examples is WORDS  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="dataset=<list object>, tokenizer=<TextTokenizer object>"):
        env.unwrapped.spec.to_json()  # type: ignore[union-attr]


def test_registering_again_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    tokengym.register_envs()
    assert dict(gymnasium.registry) == before
