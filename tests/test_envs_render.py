"""envs/render.py: an episode as people read it."""

from __future__ import annotations

import json
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest

from tests.guessing import guess, guesses
from tests.letters import EOS, LETTERS, WORDS, Say, say, share, tokens
from tokengym.envs import TextGenVectorEnv, load_tokenizer
from tokengym.envs.prompts import PromptBook
from tokengym.envs.render import asked, colours, columns, paid_tokens, paid_turns, pieces, played

PROMPT = PromptBook(Say(), WORDS, LETTERS, False, 16)[0]
FINAL = {"reward_components": {"exact": 1.0}, "metrics": {"token_f1": 0.5}, "stop_reason": "eos"}
STEPS = [[("a", 0.0), ("b", 0.0), ("<end>", 1.0)]]


def shared(num_envs: int, **keywords: Any) -> TextGenVectorEnv:
    return TextGenVectorEnv(num_envs, Say, **{"dataset": WORDS, "tokenizer": LETTERS, "deal": "shared", "order": "sequential", **keywords})


def test_an_episode_that_goes_on() -> None:
    assert asked(PROMPT) == "Prompt [w0, 9 tokens, 0 cut]\n>say ab:\n"
    assert played(PROMPT, "", [], 4, None, 0.0) == "Answer [0 of 4 tokens]\n\nReference\nab\n"
    assert played(PROMPT, "a", [[("a", 0.0)]], 4, None, 0.0) == "Answer [1 of 4 tokens]\na\nTokens\na\nReference\nab\n"


def test_the_end_tells_reward_terms_and_reason() -> None:
    text = played(PROMPT, "ab", STEPS, 4, FINAL, 1.0)
    assert text == (
        "Answer [3 of 4 tokens]\nab\nTokens\na|b|<end>\n    +1.0000\nReference\nab\n"
        "Reward 1.0000 (exact 1.0000); ended by eos\nMetrics: token_f1 0.5000\n"
    )
    unscored = {"reward_components": {"exact": 0.0}, "metrics": {}, "stop_reason": "eos", "reward_valid": False}
    assert played(PROMPT, "ab", STEPS, 4, unscored, 0.0).endswith("Reward 0.0000 (this answer cannot be scored); ended by eos\n")


def test_colours_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in asked(PROMPT) + played(PROMPT, "ab", STEPS, 4, FINAL, 1.0)
    text = asked(PROMPT, True) + played(PROMPT, "ab", STEPS, 4, FINAL, 1.0, True)
    assert "\x1b[36mab\x1b[0m" in text and "\x1b[32m+1.0000\x1b[0m" in text and "\x1b[32mReward 1.0000" in text
    assert "\x1b[31mReward -0.5000" in played(PROMPT, "ab", STEPS, 4, FINAL, -0.5, True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert not colours() and columns() == 100  # no terminal
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "44")
    assert colours() and columns() == 44
    for name, value, wanted in (("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            assert colours() is wanted


def test_rewards_stand_under_their_tokens() -> None:
    steps = [("A", 0.0), (" fire", 0.25), ("", 0.0), ("\n", -0.125), (" x", 0.0), ("<end>", 0.875)]
    assert paid_tokens(steps) == [
        r"A| fire  |…|\n     | x|<end>",
        r"  +0.2500   -0.1250    +0.8750",
    ]  # fmt: skip
    assert paid_tokens(steps, width=16) == ["A| fire  |…", "  +0.2500", r"\n     | x", "-0.1250", "<end>", "+0.8750"]
    assert paid_tokens(steps[:1]) == ["A"] and paid_tokens([(" ", 0.0), ("  ", 0.0)]) == ["␣|␣␣"]
    assert paid_tokens([("b", -0.125)], coloured=True) == ["\x1b[36mb\x1b[0m", "\x1b[31m-0.1250\x1b[0m"]


def test_chinese_takes_two_columns_and_accents_none() -> None:
    steps = [("灾情严重的", 0.5), ("村庄", 0.0), ("e\u0301", 0.0), ("。", 0.25), ("x", 0.125)]
    assert paid_tokens(steps) == [
        "灾情严重的|村庄|e\u0301|。     |x",
        "+0.5000" + " " * (10 + 1 + 4 + 1 + 1 + 1 - 7) + "+0.2500 +0.1250",
    ]  # fmt: skip
    assert paid_tokens([("灾情", 0.0), ("严重", 0.0)], width=9) == ["灾情|严重"]
    assert paid_tokens([("灾情", 0.0), ("严重", 0.0)], width=8) == ["灾情", "严重"]


def test_no_answer_moves_the_cursor() -> None:
    assert paid_tokens([("a\x1b[2J\r\t", 0.0)]) == [r"a\x1b[2J\x0d\t"]
    assert "\x1b" not in played(PROMPT, "a\x1b[2J\x9b", [], 4, None, 0.0)


@pytest.mark.parametrize("text", ["A fire hit Radthorpe.", " 灾情严重的村庄", "naïve"])
def test_pieces_add_up_to_the_text(text: str) -> None:
    tokenizer = load_tokenizer("builtin")
    ids = tokenizer.encode(text)
    told = pieces(tokenizer, [*ids, tokenizer.eos_token_id])
    assert len(told) == len(ids) + 1 and "".join(told) == text + "<end>"


def test_turns_begin_new_lines() -> None:
    behind, agent = np.array([*tokens("ab"), EOS, *tokens("!?"), *tokens("c")]), np.array([1, 1, 1, 0, 0, 1])
    turns = paid_turns(LETTERS, behind, agent, [0.0, 0.5, 0.0, 0.25])
    assert turns == [[("a", 0.0), ("b", 0.5), ("<end>", 0.0)], [("c", 0.25)]]
    assert "Tokens\na|b      |<end>\n  +0.5000\nc\n+0.2500\n" in played(PROMPT, "ab", turns, 9, None, 0.75)
    assert paid_turns(LETTERS, behind[:0], agent[:0], []) == []
    env = guess(render_mode="ansi", reward_timing="delta")
    env.reset(options={"index": 1})
    for token in [*tokens("c"), EOS, *tokens("cde"), EOS]:
        env.step(token)
    shown = str(env.render())
    assert "Answer [6 of 12 tokens]\nc\n1!\ncde\nTokens\nc|<end>\nc|d|e      |<end>\n    +0.6667\n" in shown


def test_watching_costs_nothing_where_nobody_watches() -> None:
    env, venv = say(), shared(2)
    env.reset()
    venv.reset()
    env.step(5)
    venv.step(np.array([5, 5]))
    assert env._rewards is None and venv._seen is None and env.render() is None and venv.render() is None


def test_rewards_come_along_with_a_state() -> None:
    env = say(render_mode="ansi", reward=share, reward_timing="delta")
    env.reset(options={"index": 1})  # "cde"
    env.step(tokens("c")[0])
    env.step(tokens("x")[0])
    told = "Tokens\nc      |x\n+0.3333\n"
    assert told in str(env.render())
    for twin in (pickle.loads(pickle.dumps(env)), say(render_mode="ansi", reward=share, reward_timing="delta")):
        twin.set_state(json.loads(json.dumps(env.get_state())))
        assert twin.render() == env.render()
        twin.step(tokens("e")[0])
        assert "c      |x|e\n+0.3333   +0.3333\n" in str(twin.render())
    silent = say(reward=share, reward_timing="delta")
    silent.set_state(env.get_state())
    env.set_state(silent.get_state())  # nobody was watching then
    assert "Tokens\nc|x\nReference" in str(env.render())


@pytest.mark.parametrize("timing", ["delta", "terminal"])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_rows_are_shown_as_one_environment_is(mode: str, timing: str) -> None:
    keywords: dict[str, Any] = {"reward": share, "reward_timing": timing, "order": "shuffled", "render_mode": "ansi"}
    venv = shared(3, deal="independent", autoreset_mode=mode, **keywords)
    envs = [say(**keywords) for _ in range(3)]
    venv.reset(seed=5)
    for row, env in enumerate(envs):
        env.reset(seed=5 + row)
    dice, over = np.random.default_rng(0), np.zeros(3, dtype=bool)
    for _ in range(30):
        actions = np.where(dice.random(3) < 0.2, EOS, dice.choice(tokens("abcdef"), 3))
        if mode == "Disabled" and over.any():
            venv.reset(options={"reset_mask": over})
            for row in np.flatnonzero(over).tolist():
                envs[row].reset()
            over[:] = False
        _, _, terminated, _, _ = venv.step(actions)
        for row, env in enumerate(envs):
            if over[row]:
                env.reset()
            else:
                env.step(int(actions[row]))
                if terminated[row] and mode == "SameStep":
                    env.reset()
        assert venv.render() == tuple(env.render() for env in envs)
        over = terminated & (mode != "SameStep")


def test_idle_rows_and_restored_ones() -> None:
    venv = shared(3, render_mode="ansi", reward=share, reward_timing="delta")
    venv.reset(options={"episodes": 2})
    venv.step(np.array([tokens("a")[0], tokens("c")[0], 0]))
    first, second, third = venv.render() or ()
    assert "a\n+0.5000\n" in first and "c\n+0.3333\n" in second and third == ""
    venv.set_state(venv.get_state())
    assert "Tokens\na\nReference" in (venv.render() or ())[0]


def test_a_person_sees_the_prompt_once(capsys: pytest.CaptureFixture[str]) -> None:
    env = guesses(1, render_mode="ansi")
    assert env.metadata["render_modes"] == ["ansi"]
    human = gymnasium.make("TextDialogue-v0", render_mode="human", turns=2, split="test", disable_env_checker=True)
    human.reset(seed=0)
    assert capsys.readouterr().out.startswith("Prompt [user-en-test-")
    inner: Any = human.unwrapped
    for token in inner.encode_answer("Which day?\nWhat time?"):
        human.step(token)
    printed = capsys.readouterr().out
    assert printed.startswith("Answer [") and "\nCustomer: " in printed and "Prompt" not in printed and "ended by max_turns" in printed
