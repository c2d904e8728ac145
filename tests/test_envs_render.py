"""envs/render.py: an episode as people read it."""

from __future__ import annotations

from tests.letters import LETTERS, WORDS, Say
from tokengym.envs.prompts import PromptBook
from tokengym.envs.render import ansi, asked, paid_tokens

PROMPT = PromptBook(Say(), WORDS, LETTERS, False, 16)[0]
FINAL = {"reward_components": {"exact": 1.0}, "metrics": {"token_f1": 0.5}, "stop_reason": "eos"}


def test_an_episode_that_goes_on() -> None:
    assert ansi(PROMPT, "a", 1, 4, None, 0.0) == "Prompt [w0, 9 tokens, 0 cut]\n>say ab:\nAnswer [1 of 4 tokens]\na\nReference\nab\n"


def test_the_end_tells_reward_terms_and_reason() -> None:
    text = ansi(PROMPT, "ab", 3, 4, FINAL, 1.0)
    assert text.endswith("Reward 1.0000 (exact 1.0000); ended by eos\nMetrics: token_f1 0.5000\n")


def test_colours_only_when_asked() -> None:
    assert "\x1b[" not in ansi(PROMPT, "ab", 3, 4, FINAL, 1.0)
    assert "\x1b[36mab\x1b[0m" in ansi(PROMPT, "ab", 3, 4, FINAL, 1.0, coloured=True)


def test_tokens_with_their_rewards() -> None:
    steps = [("a", 0.0), ("\n", 0.25), ("", -0.125), ("<end>", 0.875)]
    line = r"a|\n (+0.2500)|… (-0.1250)|<end> (+0.8750)"
    assert paid_tokens(steps) == line
    assert f"\nab\nTokens\n{line}\nReference\n" in ansi(PROMPT, "ab", 4, 4, FINAL, 1.0, steps=steps)
    assert paid_tokens([("b", -0.125)], coloured=True) == "\x1b[36mb\x1b[0m \x1b[31m(-0.1250)\x1b[0m"


def test_an_episode_begins_with_what_is_asked() -> None:
    assert ansi(PROMPT, "ab", 3, 4, FINAL, 1.0, coloured=True).startswith(asked(PROMPT, coloured=True))
    assert asked(PROMPT) == "Prompt [w0, 9 tokens, 0 cut]\n>say ab:\n"
