"""``tokengym play``: a person, a rule or a model plays episodes in the terminal, token by token."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np

import tokengym  # noqa: F401  (registers the ids)
from tokengym._registry import unknown
from tokengym.benchmarks.baselines import BASELINES
from tokengym.benchmarks.evaluate import eval_env
from tokengym.benchmarks.options import Play
from tokengym.benchmarks.players import check_name, is_import_path, load_player, tokenizer_kwargs
from tokengym.benchmarks.show import saved_kwargs
from tokengym.envs import TASKS, TextGenEnv
from tokengym.envs.prompts import Prompt
from tokengym.envs.render import ansi, asked, colours

__all__ = ["PERSON", "pieces", "play"]

PERSON = "person"
_END = "<end>"  # how the end-of-sequence token is shown
_HOW = (
    "Type the answer and press Enter: it is cut into tokens and ended with the end-of-sequence token. A backslash at the end of a line "
    "goes on in the next one. Ctrl-D or Ctrl-C stops."
)


class _Stopped(Exception):
    """The person at the keyboard has had enough."""


def pieces(tokenizer: Any, tokens: list[int]) -> list[str]:
    """What each token adds to the text: "" for one that begins a character which a later token completes."""
    told: list[str] = []
    before = ""
    for place, token in enumerate(tokens, start=1):
        text = tokenizer.decode(tokens[:place])
        if token == tokenizer.eos_token_id:
            told.append(_END)
        elif text.endswith("\ufffd") and place < len(tokens):
            told.append("")
        else:
            told.append(text[len(before) :] or f"<{token}>")
            before = text
    return told


def _typed() -> str:
    """The answer that a person types: a line, and those that follow a backslash."""
    lines: list[str] = []
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "")
        except (EOFError, KeyboardInterrupt):
            raise _Stopped from None
        lines.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            return "\n".join(lines)


def _mask(env: Any) -> Any:
    """(V,) bool: the tokens that may come next; None where all may."""
    return env.action_masks() if hasattr(env, "action_masks") else None


class _Hand:
    """Gives the tokens of one episode after another, whoever plays.

    Args:
        options: of the command.
        env: what is played.
        kwargs: the keywords it was made with.
    """

    def __init__(self, options: Play, env: Any, kwargs: dict[str, Any]) -> None:
        self._env = env
        self._agent = options.agent
        self._rng = np.random.default_rng(np.random.SeedSequence([options.seed, 0x504C4159]))
        self._player: Any = None
        if options.agent not in (PERSON, *BASELINES):
            outside = is_import_path(options.agent)
            venv = eval_env(options.env, 1, **kwargs) if outside else None
            self._player = load_player(options.agent, venv, options.seed)

    def tokens(self, obs: Any) -> Iterator[int]:
        """The next tokens; ``obs`` is kept up to date by whoever steps."""
        env = self._env
        if self._agent == PERSON:
            while True:
                text = _typed()
                try:
                    yield from env.encode_answer(text)
                except ValueError as error:
                    print(f"That is no answer here: {error}")
        if self._agent in ("heuristic", "oracle"):
            while True:  # in several turns, the rule answers each of them
                yield from env.encode_answer(getattr(env.task, self._agent)(env.example).strip())
        state, begins = None, True
        while True:
            if self._player is None:
                mask = _mask(env)
                allowed = np.arange(env.action_space.n) if mask is None else np.flatnonzero(mask)
                yield int(self._rng.choice(allowed))
                continue
            rows = {name: value[None] for name, value in obs.items()}
            actions, state = self._player.predict(rows, state=state, episode_start=np.array([begins]), deterministic=True)
            begins = False
            yield int(np.asarray(actions)[0])


def _episode(env: Any, hand: _Hand, obs: dict[str, Any], prompt: Prompt, person: bool) -> tuple[float, str]:
    """Plays one episode to its end: what it earned, and the text that shows it."""
    engine = env.engine
    shown = asked(prompt, colours()) if person else ""
    if person:
        print(f"{shown}Answer, {engine.max_new_tokens} tokens at most:", flush=True)
    said: list[int] = []
    paid: list[float] = []
    current = dict(obs)
    for token in hand.tokens(current):
        obs, reward, terminated, truncated, info = env.step(token)
        current.update(obs)
        said.append(token)
        paid.append(float(reward))
        if terminated or truncated:
            break
    steps = list(zip(pieces(env.tokenizer, said), paid, strict=True))
    text = ansi(prompt, info["response"], len(said), engine.max_new_tokens, info, sum(paid), colours(), steps)
    return sum(paid), text.removeprefix(shown)


def play(options: Play) -> None:
    """Carries out the command.

    Raises:
        ValueError: an unknown environment, agent or split, or fewer than one episode.
        TypeError: the environment is not a text environment of this package.
    """
    if options.env not in gymnasium.registry and ":" not in options.env:
        raise unknown("environment", options.env, TASKS, "For one of another package, write its module first: module:id.")
    if options.episodes < 1:
        raise ValueError(f"--episodes {options.episodes}; expected 1 or more")
    person = options.agent == PERSON
    kwargs: dict[str, Any] = {"split": options.split, "dataset": options.dataset}
    if not person:
        check_name(options.agent)
        kwargs |= saved_kwargs(options.agent)
    if options.agent not in (PERSON, *BASELINES) and not is_import_path(options.agent):
        kwargs |= tokenizer_kwargs(options.agent)
    if options.reward:
        kwargs["reward"] = options.reward
    timing = "delta" if options.delta else "terminal"
    env: Any = gymnasium.make(options.env, disable_env_checker=True, reward_timing=timing, **kwargs).unwrapped
    if not isinstance(env, TextGenEnv):
        raise TypeError(f"{options.env} is a {type(env).__name__}; this plays environments that extend tokengym.envs.TextGenEnv")
    if person and not options.quiet:
        print(_HOW)
    rewards: list[float] = []
    hand = _Hand(options, env, kwargs)
    try:
        for number in range(options.episodes):
            obs, info = env.reset(seed=options.seed if number == 0 else None)
            prompt = env.engine.book[info["index"]]
            if not options.quiet:
                print(f"\nEpisode {number + 1} of {options.episodes}: {options.env}, {options.split} split, played by {options.agent}")
            reward, text = _episode(env, hand, obs, prompt, person)
            rewards.append(reward)
            print(text, end="", flush=True)
    except (_Stopped, KeyboardInterrupt):
        print("\nStopped.")
    if rewards and not options.quiet:
        print(f"\nMean reward of {len(rewards)} episode{'s' * (len(rewards) != 1)}: {np.mean(rewards):.4f}")
