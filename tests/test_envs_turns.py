"""envs/turns.py: several turns as tokens, worked out by hand; the same alone, side by side, as texts, and restored."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from tests.guessing import Guess, Moody, guess, guesses
from tests.letters import CHAT, EOS, LETTERS, WORDS, letters_backend, tokens
from tests.text_rows import random_model
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.rollout import RolloutEngine
from tokengym.envs import TextAction, TextGenEnv, TextTokenizer, check_text_env


def same(a: Any, b: Any) -> bool:
    return data_equivalence(a, b, exact=True)


def play(env: TextGenEnv, ids: list[int]) -> tuple[Any, ...]:
    for token in ids:
        found = env.step(token)
    return found


def test_replies_enter_the_state_as_tokens_that_are_not_the_agents() -> None:
    env = guess()
    assert env.observation_space["input_ids"].shape == (8 + 3 * 4 + 2 * (6 + 1),)  # type: ignore[index]
    obs, info = env.reset(options={"index": 0})  # the word is "ab"
    assert info["prompt_tokens"] == len(tokens("?\n")) + 1
    obs, reward, terminated, truncated, info = play(env, [*tokens("a"), EOS])
    assert (reward, terminated, truncated, info) == (0.0, False, False, {})
    length = int(obs["attention_mask"].sum())
    behind = obs["input_ids"][3:length].tolist()
    assert behind == [*tokens("a"), EOS, *tokens("\n1!\n")]
    assert obs["completion_mask"][3:length].tolist() == [1, 1, 0, 0, 0, 0]
    assert env.said == ("a",)
    obs, reward, terminated, truncated, info = play(env, [*tokens("ab"), EOS])
    assert (reward, terminated, truncated) == (1.0, True, False)  # token F1 leaves out the article "a"
    assert info["response"] == "a\nab" and info["turns"] == 2 and info["completion_tokens"] == 5
    assert info["stop_reason"] == "complete" and info["metrics"] == {"fact_recall": 1.0}


def test_a_turn_also_ends_with_its_budget_and_is_closed_then() -> None:
    env = guess()
    env.reset(options={"index": 0})
    obs, *_ = play(env, tokens("xxxx"))
    length = int(obs["attention_mask"].sum())
    assert obs["input_ids"][3:length].tolist() == [*tokens("xxxx"), EOS, *tokens("\n0!\n")]
    assert obs["completion_mask"][3:length].tolist() == [1] * 4 + [0] * 5
    stopping = guess(stop="x")
    stopping.reset(options={"index": 0})
    obs, *_ = play(stopping, tokens("ax"))
    assert stopping.said == ("a",)
    assert obs["input_ids"][3 : int(obs["attention_mask"].sum())].tolist() == [*tokens("ax"), EOS, *tokens("\n1!\n")]


def test_the_number_of_turns_ends_the_episode() -> None:
    for limit, flags in (("terminate", (True, False)), ("truncate", (False, True))):
        env = guess(length_limit=limit)
        env.reset(options={"index": 0})
        obs, _, terminated, truncated, info = play(env, [*tokens("x"), EOS, *tokens("y"), EOS, *tokens("zzzz")])
        assert info["stop_reason"] == "max_turns" and info["turns"] == 3 and (terminated, truncated) == flags
        assert int(obs["attention_mask"].sum()) == 3 + 2 * (2 + 4) + 4  # nothing is heard behind the last turn
        assert info["response"] == "x\ny\nzzzz"


def test_long_replies_are_cut_and_an_empty_turn_is_a_turn() -> None:
    env = guess()
    env.reset(options={"index": 0})
    obs, *_ = play(env, [*tokens("l"), EOS, EOS])
    behind = obs["input_ids"][3 : int(obs["attention_mask"].sum())].tolist()
    assert behind == [*tokens("l"), EOS, *tokens("\nlong\n"), EOS, *tokens("\n0!\n")]
    assert env.said == ("l", "")
    with pytest.raises(ValueError, match="never cut has 2 tokens, more than max_reply_tokens=1"):
        short = Guess()
        short.max_reply_tokens = 1
        env = TextGenEnv(short, dataset=WORDS, tokenizer=LETTERS)
        env.reset()
        play(env, [EOS])


def test_chat_templates_write_the_replies() -> None:
    closing = (
        "{% for m in messages %}<bos>{{ m['role'] }}:{{ m['content'] }}<eos>|{% endfor %}{% if add_generation_prompt %}<bos>me:{% endif %}"
    )
    for template, before, after in ((CHAT, "\n<bos>user:", "\nassistant:"), (closing, "|<bos>user:", "<eos>|<bos>me:")):
        tokenizer = TextTokenizer(letters_backend(), name="letters", chat_template=template)
        special = {"<bos>": [1], "<eos>": [2]}
        ids = [[i for part in re.split("(<bos>|<eos>)", text) for i in special.get(part, tokens(part))] for text in (before, after)]
        assert tokenizer.encode_reply("<eos>!") == [*ids[0], *tokens("<eos>!"), *ids[1]]  # what a person writes is never markup


def test_chat_prompts_are_played_in_chat_format() -> None:
    class Roomy(Guess):
        max_reply_tokens = 40

    env = TextGenEnv(Roomy, dataset=WORDS, tokenizer=LETTERS, prompt_format="chat", max_prompt_tokens=40)
    obs, _ = env.reset(options={"index": 0})
    start = int(obs["attention_mask"].sum())
    obs, *_ = play(env, [*env.encode_answer("a"), *tokens("b")])
    behind = obs["input_ids"][start : int(obs["attention_mask"].sum())].tolist()
    assert behind == [*tokens("a"), EOS, *tokens("\n"), 1, *tokens("user:1!\nassistant:"), *tokens("b")]


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("keywords", [{}, {"reward_timing": "delta"}, {"length_limit": "truncate", "stop": "c", "group_size": 2}])
def test_vector_equals_single(mode: AutoresetMode, keywords: dict[str, Any]) -> None:
    native = guesses(5, autoreset_mode=mode, **keywords)
    single = gymnasium.vector.SyncVectorEnv([lambda: guess(**{"order": "shuffled", **keywords})] * 5, autoreset_mode=mode)
    assert same(native.reset(seed=3), single.reset(seed=3))
    rng = np.random.default_rng(0)
    for _ in range(200):
        actions = np.where(rng.random(5) < 0.3, EOS, rng.choice(tokens("abcdef l"), 5))
        found, expected = native.step(actions), single.step(actions)
        assert same(found, expected)
        over = found[2] | found[3]
        if mode is AutoresetMode.DISABLED and over.any():
            assert same(native.reset(options={"reset_mask": over}), single.reset(options={"reset_mask": over.copy()}))


def test_states_go_on_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    env, venv = guess(), guesses(4)
    env.reset(seed=0)
    venv.reset(seed=0)
    for _ in range(60):
        twin, twins = guess(), guesses(4)
        now, nows = twin.set_state(json.loads(json.dumps(env.get_state()))), twins.set_state(json.loads(json.dumps(venv.get_state())))
        assert twin.get_state() == env.get_state() and twins.get_state() == venv.get_state()
        token, row = int(rng.choice([EOS, *tokens("abc")])), rng.choice([EOS, *tokens("abc")], 4)
        found = env.step(token)
        assert same(twin.step(token), found)
        assert same(twins.step(row), venv.step(row))
        if found[2]:
            env.reset()
        assert now["input_ids"].shape == env.observation_space["input_ids"].shape and nows["input_ids"].shape[0] == 4  # type: ignore[index]


def test_text_action_plays_one_turn_in_a_step() -> None:
    env = TextAction(guess())
    env.reset(options={"index": 1})  # the word is "cde"
    obs, reward, terminated, *_ = env.step("cd")
    assert (reward, terminated) == (0.0, False)
    obs, reward, terminated, *_ = env.step("cxxxxxx")  # longer than its budget: cut there
    assert not terminated and env.unwrapped.said == ("cd", "cxxx")  # type: ignore[attr-defined]
    *_, terminated, _, info = env.step("cde")
    assert terminated and info["stop_reason"] == "complete" and info["response"] == "cd\ncxxx\ncde"


def test_labels_are_scripts_with_one_line_for_each_turn() -> None:
    venv = guesses(2, order="shuffled")
    obs = venv.labelled([0, 1])  # "ab": right at once
    assert obs["completion_mask"].sum(1).tolist() == [3, 4]
    engine = venv.engine
    played = engine.answered(engine.book[1], "cd\ncde")
    assert (played.said, played.reason, len(played.completion)) == (("cd", "cde"), "complete", 7)
    assert engine.answered(engine.book[0], "a").said == ("a", "", "")  # a script that is too short goes on in silence
    assert engine.encode(engine.book[0], "a\nabcdefg\nb") == [*tokens("a"), EOS, *tokens("abcd"), *tokens("b"), EOS]  # four tokens a turn


def test_rollouts_record_what_the_update_computes() -> None:
    from transformers import LlamaConfig

    shape = LlamaConfig(
        vocab_size=LETTERS.vocab_size, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    policy = CausalLMPolicy(random_model(shape))
    rollout = RolloutEngine(policy, guesses(3, deal="shared", group_size=2), seed=1).collect(12)
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    assert torch.allclose(rollout.logp, update.logp, atol=1e-5)
    assert {info["turns"] for info in rollout.infos} == {3}
    for ids, agent, real, info in zip(rollout.input_ids, rollout.completion_mask, rollout.attention_mask, rollout.infos, strict=True):
        assert int(agent.sum()) == info["completion_tokens"] < int(real.sum()) - 3
        assert int(real.sum()) == len(ids[real.bool()])


def _heard(env: TextGenEnv) -> str:
    """How the other side ends what it says to "x"."""
    obs, *_ = play(env, [*tokens("x"), EOS])
    start = int(obs["completion_mask"].nonzero()[0][-1]) + 1
    return env.tokenizer.decode(obs["input_ids"][start : int(obs["attention_mask"].sum())].tolist())


def test_the_other_side_is_the_order_seeds() -> None:
    def met(seed: int | None, index: int, **keywords: Any) -> str:
        env = guess(Moody, **keywords)
        env.reset(seed=seed, options={"index": index})
        order = env.get_state()["order"][0]
        letter = np.random.SeedSequence([order, 0x4F544845, index]).generate_state(1, np.uint64)[0] % 16
        found = _heard(env)
        assert found == f"\n0!{'abcdefghijklmnop'[int(letter)]}\n"
        return found

    assert met(3, 1) == met(3, 1) == met(3, 1, order="shuffled", group_size=2)
    assert len({met(seed, 1) for seed in range(12)}) > 3 and len({met(3, index) for index in range(3)}) > 1
    env = guess(Moody, group_size=2)
    env.reset(seed=4)
    first = _heard(env)
    env.reset()
    assert env.example.id == "w0" and _heard(env) == first  # the members of a group meet the same
    assert env.example.prompt is WORDS[0].prompt and env.example.references is WORDS[0].references
    assert "letter" not in WORDS[0].meta and "letter" not in env.engine.book[0].example.meta


def test_an_episode_keeps_its_other_side_whatever_happens_to_the_order() -> None:
    env = guess(Moody, order="shuffled")
    env.reset(seed=1)
    twin, copy = guess(Moody), pickle.loads(pickle.dumps(env))
    twin.set_state(json.loads(json.dumps(env.get_state())))
    assert _heard(twin) == _heard(copy) == _heard(env)
    venv: Any = guesses(4, Moody, deal="shared", autoreset_mode="Disabled")
    venv.reset(seed=1)
    before = [venv._rows.prompt(row) for row in range(4)]
    venv.reset(seed=2, options={"reset_mask": np.array([True, False, False, True])})  # one order for all rows: it begins again
    for each in (venv, pickle.loads(pickle.dumps(venv))):
        after = [each._rows.prompt(row) for row in range(4)]
        assert [prompt.other for prompt in after[1:3]] == [prompt.other for prompt in before[1:3]]
        assert {prompt.other for prompt in (after[0], after[3])} != {before[0].other}
        assert [prompt.example for prompt in after[1:3]] == [prompt.example for prompt in before[1:3]]


@pytest.mark.parametrize("deal", ["shared", "independent"])
def test_rows_meet_whom_one_environment_meets(deal: str) -> None:
    venv = guesses(3, Moody, deal=deal)
    seeds: list[int | None] = [5, 6, 7] if deal == "independent" else [5, 5, 5]
    _, infos = venv.reset(seed=5)
    for row, seed in enumerate(seeds):
        env = guess(Moody, order="shuffled")
        env.reset(seed=seed, options={"index": int(infos["index"][row])})
        assert env.example == venv._rows.prompt(row).example  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_vector_equals_single_whoever_answers(mode: AutoresetMode) -> None:
    native = guesses(5, Moody, autoreset_mode=mode)
    single = gymnasium.vector.SyncVectorEnv([lambda: guess(Moody, order="shuffled")] * 5, autoreset_mode=mode)
    assert same(native.reset(seed=3), single.reset(seed=3))
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = np.where(rng.random(5) < 0.3, EOS, rng.choice(tokens("abcdef l"), 5))
        found, expected = native.step(actions), single.step(actions)
        assert same(found, expected)
        over = found[2] | found[3]
        if mode is AutoresetMode.DISABLED and over.any():
            assert same(native.reset(options={"reset_mask": over}), single.reset(options={"reset_mask": over.copy()}))


def test_one_turn_meets_nobody() -> None:
    env, venv = guess(Moody, turns=1), guesses(2, Moody, turns=1)
    env.reset(seed=1)
    venv.reset(seed=1)
    assert env._prompt is env.engine.book[0] and env.get_state()["episode"][-1] is None
    assert [venv._rows.prompt(row).other for row in range(2)] == [None, None]  # type: ignore[union-attr]


def test_what_cannot_be_is_refused() -> None:
    class Silent(Guess):
        max_reply_tokens = 0

    with pytest.raises(ValueError, match="Guess-v0 has 3 turns and max_reply_tokens=0"):
        TextGenEnv(Silent, dataset=WORDS, tokenizer=LETTERS)

    class Labels(Guess):
        def pieces(self, example: Any, said: tuple[str, ...]) -> Any:
            return ("a",) if not said else ()

    with pytest.raises(ValueError, match="constrains its answers and has 3 turns"):
        TextGenEnv(Labels, dataset=WORDS, tokenizer=LETTERS)
    assert guess(turns=1).engine.width == 8 + 4  # one turn: as any other task


@pytest.mark.parametrize("task", [Guess, Moody])
def test_the_promises_hold(task: type[Guess]) -> None:
    check_text_env(guess(task))
