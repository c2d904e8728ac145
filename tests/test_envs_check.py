"""envs/check.py and envs/promises.py: every registered task keeps its promises, and a broken one is called by its name."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest

import tokengym.envs
from tests.guessing import guess
from tests.letters import LETTERS, WORDS, Say, share
from tests.test_envs_masks import RANKED, SKY, Colour, Rank
from tokengym.envs import TASKS, Example, TextGenEnv, check_text_env
from tokengym.envs.promises import _random
from tokengym.rewards import Sample

COUNT = itertools.count()


@pytest.mark.parametrize("name", list(TASKS))
def test_every_registered_task_keeps_its_promises(name: str) -> None:
    programs = "unit_tests" in TASKS[name].reward  # which starts a process for each answer
    check_text_env(
        gymnasium.make(name, split="validation", render_mode="ansi"), examples=4 if programs else 30, steps=9 if programs else 90
    )


@pytest.mark.parametrize("name", list(TASKS))
def test_every_docstring_has_the_headings_of_an_environment(name: str) -> None:
    text = TASKS[name].__doc__ or ""
    places = [
        text.find(f"\n    {heading}")
        for heading in (
            "Description:", "Action Space:", "Observation Space:", "Rewards:", "Starting State:", "Episode End:", "Information:",
            "Arguments:", "Version History:",
        )
    ]  # fmt: skip
    assert -1 not in places and places == sorted(places)


@pytest.mark.parametrize("name", [name for name in TASKS if hasattr(TASKS[name].Options(), "constrained")])
def test_constrained_tasks_keep_them_too(name: str) -> None:
    env = gymnasium.make(name, split="validation", constrained=True)
    assert env.has_wrapper_attr("action_masks")
    check_text_env(env, examples=30, steps=90)


class Shout(Say):
    """Says the word of its split; keeps its promises."""

    name = "Shout-v0"
    max_prompt_tokens = 24
    max_new_tokens = 8

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return [Example(f"{split}-{i}", f"{split} {i}", (f"{split[0]}{i}",)) for i in range(size)]

    def heuristic(self, example: Example) -> str:
        return str(example.prompt)[0]


class Leaky(Shout):
    """The splits share prompts."""

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return [Example(f"{split}-{i}", f"{i}", (str(i),)) for i in range(size)]


class Restless(Shout):
    """Draws from the global generator."""

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return [Example(f"{split}-{i}", f"{split} {i} {random.random():.3f}", ("a",)) for i in range(size)]


class Nameless(Shout):
    """Two examples have one id."""

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return [Example("same", f"{split} {i}", ("a",)) for i in range(size)]


class Wordy(Shout):
    """Labels do not fit."""

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return [Example(f"{i}", f"{split} {i}", ("abcdefgh",)) for i in range(size)]


class Clueless(Shout):
    """The heuristic beats the oracle."""

    def oracle(self, example: Example) -> str:
        return "x"

    def heuristic(self, example: Example) -> str:
        return example.references[0]


class Forgetful(Rank):
    """What may come next changes from call to call."""

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        return [chr(97 + next(COUNT) % 26)]


def moody(batch: Sequence[Sample]) -> list[float]:
    """Scores by the time of day, so to speak."""
    return [float(next(COUNT) % 7) for _ in batch]


def envious(batch: Sequence[Sample]) -> list[float]:
    """Scores by the neighbours in the batch."""
    return [len(batch) / 10] * len(batch)


class Sloppy:
    """Its components do not add up."""

    name = "sloppy"
    spec = "sloppy"

    def __call__(self, batch: Sequence[Sample]) -> npt.NDArray[np.float32]:
        return np.array(share(batch), dtype=np.float32)

    def explain(self, batch: Sequence[Sample]) -> Any:
        from tokengym.rewards import Explained

        scores = np.array(share(batch))
        return Explained(scores, {"whole": scores + 1e-3}, np.ones(len(batch), dtype=bool))


def env(kind: type[Say] = Shout, **keywords: Any) -> TextGenEnv:
    return TextGenEnv(kind, **{"tokenizer": LETTERS, "size": 40, "reward": share, **keywords})


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        (Shout, {}),
        (Shout, {"length_limit": "truncate", "order": "sequential", "reward_timing": "delta"}),
        (Say, {"dataset": WORDS}),
        (Colour, {"dataset": SKY, "size": None}),
        (Rank, {"dataset": RANKED, "size": None}),
    ],
)
def test_what_keeps_its_promises_passes(kind: type[Say], keywords: dict[str, Any]) -> None:
    check_text_env(env(kind, **keywords))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda: env(Leaky), "Shout-v0 breaks a promise: the builtin splits are disjoint.*a prompt of 'train' is in 'validation' too"),
        (lambda: env(Restless), r"the builtin splits are disjoint and the same in every call. Seen: builtin\('train', 40\) differs"),
        (lambda: env(Nameless), "examples are well-formed.*the id of example 1, 'same', is no text, or not unique. Give unique ids"),
        (lambda: env(Wordy), "at least 95%.*100% of the labels do not fit max_new_tokens=8. Raise"),
        (lambda: env(Clueless), r"oracle >= heuristic >= random. Seen: mean scores on 40 examples: oracle 0.0000, heuristic 1.0000"),
        (lambda: env(Forgetful, dataset=RANKED, size=None), "Deterministic step info are not equivalent"),
        (lambda: env(reward=moody), "a seed decides everything|Deterministic step rewards"),
        (lambda: env(reward=envious), "the vector environment does what single ones do.*each sample by itself"),
        (lambda: env(reward=Sloppy()), r"the components of reward 'sloppy' \(whole\) do not add up to its scores"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_called_by_its_name(broken: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_text_env(broken())


def test_random_play_speaks_in_every_turn() -> None:
    talker = guess()
    played = [_random(talker, index, np.random.default_rng(index)) for index in (0, 1, 2)]
    assert [len(each.said) for each in played] == [3, 3, 3] and {each.reason for each in played} == {"max_turns"}
    assert all(len(each.completion) > 3 and any(each.said) for each in played)
    infos = talker.engine.score(played).infos
    assert [info["response"] for info in infos] == ["\n".join(each.said) for each in played]


def test_random_play_ends_where_the_environment_would_end_it() -> None:
    stopping = env(stop="a", max_new_tokens=64)
    for seed in range(8):
        played = _random(stopping, 0, np.random.default_rng(seed))
        stopping.reset(options={"index": 0})
        for token in played.completion:
            *_, over, _, info = stopping.step(int(token))
        assert over and info["stop_reason"] == played.reason


def test_objects_in_a_spec_are_named() -> None:
    gymnasium.register("Shout-v0", entry_point="tokengym.envs.env:TextGenEnv", kwargs={"task": Shout})
    try:
        with pytest.raises(ValueError, match="spec and state survive JSON.*tokenizer=<TextTokenizer object>.*Register with"):
            check_text_env(gymnasium.make("Shout-v0", tokenizer=LETTERS, size=40, reward=share))
    finally:
        del gymnasium.registry["Shout-v0"]


def test_other_environments_are_refused() -> None:
    with pytest.raises(TypeError, match="checks a TextGenEnv, not CartPoleEnv"):
        check_text_env(gymnasium.make("CartPole-v1"))


def test_a_task_of_an_outside_package_is_one_file_and_one_call(tmp_path: Path) -> None:
    (tmp_path / "echo_task.py").write_text(
        '''
import tokengym
from tokengym.envs import Example, Parts, Task

class Echo(Task):
    """Say the word again."""

    name = "Echo-v0"
    reward = "token_f1"
    metrics = ("exact",)
    max_prompt_tokens = 24
    max_new_tokens = 12

    def builtin(self, split, size):
        return [Example(f"{split}-{i}", f"{split} word {i}", (f"word {i}",)) for i in range(size)]

    def parts(self, example):
        return Parts("Repeat: ", example.prompt, "\\nAnswer:")

    def heuristic(self, example):
        return "word"

tokengym.register_task("Echo-v0", "echo_task:Echo")
'''
    )
    code = """
import gymnasium
from tokengym.benchmarks.cli import main
from tokengym.envs import check_text_env
check_text_env(gymnasium.make("echo_task:Echo-v0", size=60))
check_text_env(gymnasium.make("Echo-v0", size=60, prompt_format="plain", stop="!"))
assert gymnasium.make_vec("Echo-v0", num_envs=2).num_envs == 2
assert main(["envs", "--quiet"]) == 0
"""
    shell = [sys.executable, "-m", "tokengym", "envs", "echo_task:Echo-v0"]  # a new process knows the module by its name
    printed = [
        subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=120)
        for command in ([sys.executable, "-c", code], shell)
    ]
    assert [ran.returncode for ran in printed] == [0, 0], [ran.stderr for ran in printed]
    assert printed[0].stdout.split() == [*TASKS, "Echo-v0"]
    for shown in ("Echo-v0", "Say the word again.", "token_f1", "exact", "24 + 12", "builtin"):
        assert shown in " ".join(printed[1].stdout.split())


def test_it_is_public() -> None:
    assert tokengym.envs.check_text_env is check_text_env
