"""``tokengym play``: a person, a rule or a model plays episodes in the terminal, token by token."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from numpy.typing import NDArray

import tokengym  # noqa: F401  (registers the ids)
from tokengym._registry import unknown
from tokengym.benchmarks.arguments import env_keywords
from tokengym.benchmarks.baselines import BASELINES, RandomAgent
from tokengym.benchmarks.evaluate import eval_env, masks_of
from tokengym.benchmarks.options import Play
from tokengym.benchmarks.players import check_name, is_import_path, load_player, tokenizer_kwargs
from tokengym.benchmarks.saved import saved_kwargs
from tokengym.envs import TASKS, TextGenEnv
from tokengym.envs.render import asked, clean, colours, columns, paid_turns, played

__all__ = ["PERSON", "play"]

PERSON = "person"
_HOW = (
    "Type an answer and press Enter: it is cut into tokens and ended with the end-of-sequence token. A backslash at the end of a line "
    "goes on in the next one. Ctrl-D or Ctrl-C stops."
)
_NO_TEXT = "{env} is a {kind}; this plays environments that extend tokengym.envs.TextGenEnv"
_PIECES = 12  # that a person is told of


class _Stopped(Exception):
    """The person at the keyboard has had enough."""


def _typed() -> str:
    """The answer that a person types: a line, and those that follow a backslash."""
    lines: list[str] = []
    terminal = sys.stdin.isatty()
    while True:
        try:
            line = input(("  " if lines else "> ") if terminal else "")
        except UnicodeDecodeError:
            print(f"That is no {sys.stdin.encoding} text; type it again.")
            lines.clear()
            continue
        except (EOFError, KeyboardInterrupt):
            raise _Stopped from None
        lines.append(line.removesuffix("\\").encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        if line.endswith("\\"):
            continue
        if lines != [""]:
            return "\n".join(lines)
        print("Nothing was typed. (A space alone is an empty answer; Ctrl-D stops.)")
        lines.clear()


def _room(env: TextGenEnv) -> str:
    """What a person is told before they type."""
    pieces = env.task.pieces(env.example, env.said) if env.engine.constraint is not None else None
    if pieces is not None:
        listed = ", ".join(pieces[:_PIECES]) + (", ..." if len(pieces) > _PIECES else "")
        several = bool(env.task.pieces(env.example, (pieces[0],)))
        return f"Answer with several of these, with spaces between them: {listed}" if several else f"Answer with one of: {listed}"
    budget = f"{env.engine.max_new_tokens} tokens at most"
    return f"Answer, {budget}:" if env.task.turns == 1 else f"Turn {len(env.said) + 1} of up to {env.task.turns}, {budget}:"


def _answers(env: TextGenEnv) -> Iterator[int]:
    """The tokens of what a person types, turn by turn."""
    most = env.engine.max_new_tokens
    refused = False
    while True:
        if not refused:
            print(_room(env), flush=True)
        text = _typed()
        if env.task.turns > 1:  # a turn is one line
            text = " ".join(text.split())
        try:
            tokens = env.encode_answer(text.strip() and text)
        except ValueError as error:
            print(f"That is no answer here: {error}")
            refused = True
            continue
        refused = False
        size = len(env.tokenizer.encode(text))
        if env.engine.constraint is None and size >= most:
            print(f"That has {size} tokens; only the first {most} are taken.")
        yield from tokens


def _script(env: TextGenEnv, name: str) -> Iterator[int]:
    """The tokens of the answer that the task's rule called ``name`` gives; behind it, silence."""
    yield from env.encode_answer(getattr(env.task, name)(env.example).strip())
    while True:
        yield env.tokenizer.eos_token_id


def _choices(env: TextGenEnv, player: Any, obs: dict[str, Any]) -> Iterator[int]:
    """The tokens that ``player`` chooses; ``obs`` is kept up to date by whoever steps."""
    state, masks = None, masks_of(player, env)
    begins = np.array([True])
    while True:
        rows = {name: value[None] for name, value in obs.items()}
        allowed = {} if masks is None else {"action_masks": masks()[None]}
        actions, state = player.predict(rows, state=state, episode_start=begins, deterministic=True, **allowed)
        begins = np.array([False])
        yield _token(np.asarray(actions))


def _token(actions: NDArray[Any]) -> int:
    """The token in ``actions`` (1,)."""
    if actions.shape != (1,) or actions.dtype.kind not in "iu":
        raise ValueError(
            f"predict gave the actions {actions.tolist()} of shape {actions.shape} and dtype {actions.dtype}; "
            "expected (1,) whole numbers: the id of a token for each row"
        )
    return int(actions[0])


def _episode(env: TextGenEnv, agent: str, player: Any, obs: dict[str, Any], looks: tuple[bool, int]) -> tuple[float, str]:
    """Plays one episode to its end: what it earned, and the text that shows it."""
    current = dict(obs)
    if agent == PERSON:
        hand = _answers(env)
    elif player is None:
        hand = _script(env, agent)
    else:
        hand = _choices(env, player, current)
    begin = length = int(obs["attention_mask"].sum())
    paid: list[float] = []
    for token in hand:
        obs, reward, terminated, truncated, info = env.step(token)
        current.update(obs)
        paid.append(float(reward))
        if terminated or truncated:
            break
        before, length = length, int(obs["attention_mask"].sum())
        if agent == PERSON and length > before + 1:  # the other side has answered
            print(clean(env.tokenizer.decode(obs["input_ids"][before + 1 : length].tolist()).strip()))
    behind = slice(begin, int(obs["attention_mask"].sum()))
    ids = obs["input_ids"][behind]
    turns = paid_turns(env.tokenizer, ids, obs["completion_mask"][behind], paid)
    prompt = env.engine.book[info["index"]]
    return sum(paid), played(prompt, env.engine.shown(ids), turns, env.engine.budget, info, sum(paid), *looks)


def _player(options: Play, env: TextGenEnv, kwargs: dict[str, Any]) -> Any:
    """Who chooses token by token; None for those who know their answer beforehand."""
    if options.agent in (PERSON, "heuristic", "oracle"):
        return None
    if options.agent in BASELINES:
        return RandomAgent(env.engine.tokenizer.vocab_size, options.seed)
    outside = is_import_path(options.agent)
    return load_player(options.agent, eval_env(options.env, 1, **kwargs) if outside else None, options.seed)


def _made(options: Play) -> tuple[TextGenEnv, dict[str, Any]]:
    """The environment, and the keywords it was made with."""
    kwargs: dict[str, Any] = {"split": options.split, "dataset": options.dataset}
    if options.agent != PERSON:
        check_name(options.agent)
        kwargs |= saved_kwargs(options.agent)
    if options.agent not in (PERSON, *BASELINES) and not is_import_path(options.agent):
        kwargs |= tokenizer_kwargs(options.agent)
    if options.reward:
        kwargs["reward"] = options.reward
    kwargs |= env_keywords(options.env_kwargs, options)
    timing = {"reward_timing": "delta"} if options.delta else {}
    spec = gymnasium.registry.get(options.env)
    point = None if spec is None else spec.entry_point
    kind = load_env_creator(point) if isinstance(point, str) else point
    if isinstance(kind, type) and not issubclass(kind, TextGenEnv):  # which would only say that it does not know our keywords
        raise TypeError(_NO_TEXT.format(env=options.env, kind=kind.__name__))
    env: Any = gymnasium.make(options.env, disable_env_checker=True, **{**kwargs, **timing}).unwrapped
    if not isinstance(env, TextGenEnv):
        raise TypeError(_NO_TEXT.format(env=options.env, kind=type(env).__name__))
    return env, kwargs


def play(options: Play) -> None:
    """Carries out the command.

    Raises:
        ValueError: an unknown environment, agent, split or keyword.
        TypeError: the environment is not a text environment of this package.
    """
    if options.env not in gymnasium.registry and ":" not in options.env:
        raise unknown("environment", options.env, TASKS, "For one of another package, write its module first: module:id.")
    person = options.agent == PERSON
    env, kwargs = _made(options)
    player = _player(options, env, kwargs)
    if person:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (with it, input() knows the arrow keys and wide characters)
        if not options.quiet:
            print(_HOW)
    rewards: list[float] = []
    try:
        for number in range(options.episodes):
            obs, info = env.reset(seed=options.seed if number == 0 else None)
            if not options.quiet:
                print(f"\nEpisode {number + 1} of {options.episodes}: {options.env}, {options.split} split, played by {options.agent}")
            instruction = env.task.parts(env.example).instruction
            if person and instruction and not options.quiet:  # which the plain format leaves out
                print(instruction)
            print(asked(env.engine.book[info["index"]], colours()), end="", flush=True)
            reward, text = _episode(env, options.agent, player, obs, (colours(), columns()))
            rewards.append(reward)
            print(text, end="", flush=True)
    except (_Stopped, KeyboardInterrupt):
        print("\nStopped.")
    if rewards and not options.quiet:
        print(f"\nMean reward of {len(rewards)} episode{'s' * (len(rewards) != 1)}: {np.mean(rewards):.4f}")
