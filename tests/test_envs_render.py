"""envs/render.py: an episode as people read it."""

from __future__ import annotations

from tests.letters import LETTERS, WORDS, Say
from tokengym.envs.prompts import PromptBook
from tokengym.envs.render import ansi

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
