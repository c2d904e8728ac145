"""What every text environment promises: one function for each promise, and what to do where it is broken."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tokengym.envs.base import Example
from tokengym.envs.engine import Ended
from tokengym.envs.env import TextGenEnv
from tokengym.envs.vector import TextGenVectorEnv

__all__ = ["PROMISES", "Checked"]

_SPLITS = ("train", "validation", "test")
_SLACK = 1e-6  # rounding errors of sums


class _Forgiving(TextGenEnv):
    """Takes any token where the answer is constrained: checkers draw theirs without looking at masks."""

    def step(self, action: Any) -> Any:
        if self.engine.constraint is not None:
            allowed = np.flatnonzero(self.action_masks())
            action = action if action in allowed else allowed[int(action) % len(allowed)]
        return super().step(action)


class Checked(NamedTuple):
    """The environment that is checked, and how large the samples are."""

    env: TextGenEnv
    examples: int
    steps: int
    seed: int

    def another(self, kind: type[TextGenEnv] = TextGenEnv, **changes: Any) -> TextGenEnv:
        """An environment like it, not reset yet."""
        task, keywords = self.env.arguments
        env = kind(task, **{**keywords, "render_mode": None, **changes})
        env.spec = self.env.spec
        return env

    @property
    def sample(self) -> range:
        """Indices of the first examples."""
        return range(min(self.examples, len(self.env.engine.examples)))


def _expect(kept: bool, seen: str) -> None:
    if not kept:
        raise ValueError(seen)


def _gymnasium(checked: Checked) -> None:
    with warnings.catch_warnings(), redirect_stdout(StringIO()):  # render mode "human" prints
        warnings.simplefilter("error")
        check_env(checked.another(_Forgiving), skip_render_check=checked.env.spec is None)


def _stable_baselines3(checked: Checked) -> None:
    from stable_baselines3.common.env_checker import check_env as check_env_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_sb3(checked.another(_Forgiving))


def _examples(checked: Checked) -> None:
    rows, task = checked.env.engine.examples, checked.env.task
    seen: set[str] = set()
    for index in checked.sample:
        example = rows[index]
        where = f"example {index}"
        _expect(isinstance(example, Example), f"{where} is a {type(example).__name__}, not an Example")
        _expect(isinstance(example.id, str) and example.id not in seen, f"the id of {where}, {example.id!r}, is no text, or not unique")
        _expect(
            isinstance(example.references, tuple) and all(isinstance(text, str) for text in example.references),
            f"the references of {where} are {example.references!r}, not a tuple of texts",
        )
        json.dumps(dict(example.meta))
        _expect(rows[index] == example, f"{where} is another one when it is asked for again")
        parts = task.parts(example)
        _expect(all(isinstance(text, str) for text in parts), f"parts() of {where} are {tuple(parts)!r}, not texts")
        seen.add(example.id)


def _splits(checked: Checked) -> None:
    given = checked.env.engine.keywords
    if given.dataset != "builtin":
        return
    task, found = checked.env.task, dict[str, str]()
    for split in _SPLITS:
        rows = task.builtin(split, checked.examples)
        again = task.builtin(split, checked.examples)
        for index in range(len(rows)):
            _expect(rows[index] == again[index], f"builtin({split!r}, {checked.examples}) differs from call to call at {index}")
            prompt = "".join(task.parts(rows[index])[:3])
            other = found.setdefault(prompt, split)
            _expect(other == split, f"a prompt of {other!r} is in {split!r} too: {prompt[:80]!r}")


def _budgets(checked: Checked) -> None:
    engine = checked.env.engine
    if engine.keywords.dataset != "builtin":
        return  # real texts may be longer; they are cut
    prompts = [engine.book[index] for index in checked.sample]
    cut = sum(prompt.cut > 0 for prompt in prompts) / len(prompts)
    _expect(cut <= 0.05, f"{cut:.0%} of the prompts are cut to max_prompt_tokens={engine.max_prompt_tokens}")
    labels = [prompt.example.references[0] for prompt in prompts if prompt.example.references]
    # Of several turns each line is one, with a budget of its own.
    turns = [text.split("\n") if engine.talk is not None else [text] for text in labels]
    sizes = [max(len(engine.tokenizer.encode(" " + line)) for line in lines) for lines in turns]
    cut = sum(size >= engine.max_new_tokens for size in sizes) / max(len(sizes), 1)
    if engine.constraint is None:
        _expect(cut <= 0.05, f"{cut:.0%} of the labels do not fit max_new_tokens={engine.max_new_tokens}")


def _rollout(env: TextGenEnv, seed: int, steps: int) -> list[Any]:
    """What an environment says to the same dice."""
    dice = np.random.default_rng(0)
    said: list[Any] = [env.reset(seed=seed)]
    for _ in range(steps):
        said.append(env.step(_token(env, dice)))
        if said[-1][2] or said[-1][3]:
            said.append(env.reset())
    return said


def _token(env: TextGenEnv, dice: np.random.Generator) -> int:
    """A token that is allowed; where all are, the one that ends the answer comes more often."""
    if env.engine.constraint is not None:
        return int(dice.choice(np.flatnonzero(env.action_masks())))
    return env.tokenizer.eos_token_id if dice.random() < 0.05 else int(dice.integers(env.tokenizer.vocab_size))


def _seeds(checked: Checked) -> None:
    first, again = (_rollout(checked.another(), checked.seed, checked.steps) for _ in range(2))
    _expect(data_equivalence(first, again, exact=True), "two rollouts with the same seed and the same actions differ")
    engine = checked.env.engine
    if engine.keywords.order == "shuffled" and len(engine.examples) >= 8:
        env = checked.another()
        orders = {tuple(env.reset(seed=checked.seed + k if i == 0 else None)[1]["index"] for i in range(8)) for k in range(3)}
        _expect(len(orders) > 1, "three seeds deal the same examples in the same order")


def _masks(checked: Checked) -> None:
    env, dice = checked.another(), np.random.default_rng(checked.seed)
    _, info = env.reset(seed=checked.seed)
    if env.engine.constraint is None:
        _expect(not hasattr(env, "action_masks") and "action_mask" not in info, "the answer is free, and there are masks all the same")
        return
    reasons: set[str] = set()
    for _ in range(checked.steps):
        mask = env.action_masks()
        _expect((info["action_mask"] == mask).all(), "info['action_mask'] and action_masks() differ")
        _expect(bool(mask.any()), "no token is allowed")
        if not mask.all():
            state, wrong = env.get_state(), int(np.flatnonzero(~mask)[0])
            try:
                env.step(wrong)
            except ValueError as error:
                _expect(f"action={wrong}" in str(error), f"the error for token {wrong}, which is not allowed, does not name it: {error}")
            else:
                raise ValueError(f"token {wrong} is not allowed, and taken all the same")
            _expect(env.get_state() == state, "a token that is not allowed changes the episode")
        _, _, terminated, truncated, info = env.step(_token(env, dice))
        if terminated or truncated:
            reasons.add(info["stop_reason"])
            _, info = env.reset()
    _expect(reasons != {"max_tokens"}, f"no answer is ever complete within max_new_tokens={env.engine.max_new_tokens}")


def _random(env: TextGenEnv, index: int, dice: np.random.Generator) -> Ended:
    """A random answer to an example; of several turns, one that goes on until the conversation is over."""
    engine = env.engine
    prompt = engine.book[index]
    if engine.constraint is None:
        ids = dice.integers(env.tokenizer.vocab_size, size=engine.budget).astype(np.int32)
        if engine.talk is not None:
            return engine.acted(prompt, ids.tolist())
        ends = (np.flatnonzero(engine.ends[ids]) + 1).tolist()
        reasons = ((end, engine.stop_reason(ids[:end])) for end in [*ends, len(ids)])
        return next(Ended(prompt, -1, ids[:end], reason) for end, reason in reasons if reason)
    choice, tokens = engine.constraint.start(prompt), list[int]()
    while not choice.complete and len(tokens) < engine.max_new_tokens:
        tokens.append(int(dice.choice(choice.allowed)))
        choice = choice.after(tokens[-1])
    return Ended(prompt, -1, np.array(tokens, dtype=np.int32), "complete" if choice.complete else "max_tokens")


def _anchors(checked: Checked) -> None:
    env, dice = checked.another(), np.random.default_rng(checked.seed)
    engine, task = env.engine, env.task
    prompts = [engine.book[index] for index in checked.sample]
    known = [prompt for prompt in prompts if prompt.example.references]
    answers: dict[str, Sequence[Ended]] = {
        "oracle": [engine.answered(prompt, task.oracle(prompt.example)) for prompt in known],
        "heuristic": [engine.answered(prompt, task.heuristic(prompt.example)) for prompt in known],
        "random": [_random(env, prompt.index, dice) for prompt in known],
    }
    if not known:
        return
    means = {name: float(np.mean(engine.score(episodes).scores)) for name, episodes in answers.items()}
    shown = ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())
    ordered = means["oracle"] >= means["heuristic"] - _SLACK and means["heuristic"] >= means["random"] - _SLACK
    _expect(ordered, f"mean scores on {len(known)} examples: {shown}")


def _scores(checked: Checked) -> None:
    env, dice = checked.another(), np.random.default_rng(checked.seed)
    scored = env.engine.score([_random(env, index, dice) for index in checked.sample])
    names = set(scored.infos[0]["reward_components"])
    for score, info in zip(scored.scores, scored.infos, strict=True):
        parts = info["reward_components"]
        _expect(set(parts) == names, f"the components are {sorted(names)} here and {sorted(parts)} there")
        off = abs(sum(parts.values()) - score)
        _expect(not info["reward_valid"] or off <= _SLACK, f"the components {parts} of {info['response']!r} do not add up to {score}")
        values = [*parts.values(), *info["metrics"].values()]
        _expect(all(type(value) is float for value in values), f"components {parts} or metrics {info['metrics']} are not floats")


def _specs(checked: Checked) -> None:
    spec = checked.env.spec
    if spec is not None:
        again = EnvSpec.from_json(spec.to_json())
        _expect(again == spec, f"after JSON it reads {again}")
        made = gymnasium.make(again, disable_env_checker=True).unwrapped
        _expect(
            isinstance(made, TextGenEnv) and made.task.options == checked.env.task.options, "an environment made from it has other options"
        )
    env, dice = checked.another(), np.random.default_rng(checked.seed)
    env.reset(seed=checked.seed)
    env.step(_token(env, dice))
    twin = pickle.loads(pickle.dumps(env))
    for k in range(2):
        _expect(data_equivalence(env.reset(), twin.reset(), exact=True), f"a pickled environment goes on otherwise, at reset {k + 1}")


def _vectors(checked: Checked) -> None:
    task, keywords = checked.env.arguments
    engine, steps = checked.env.engine, checked.steps
    keywords = {**keywords, "render_mode": None}
    if engine.constraint is None:
        keywords["max_new_tokens"], steps = min(engine.max_new_tokens, 12), steps // 3  # so that some answers run out of tokens
    if engine.keywords.order == "sequential":
        keywords["order"] = "shuffled"  # rows of one sequential order would all play the same
    # What a neural network says of a text moves by about 1e-6 with the texts that it reads along with it.
    exact = all(reward.cost in ("lexical", "process") for reward in (engine.reward, *engine.metrics))
    for mode in AutoresetMode:
        native = TextGenVectorEnv(3, task, **keywords, autoreset_mode=mode)
        single = SyncVectorEnv([lambda: TextGenEnv(task, **keywords)] * 3, autoreset_mode=mode)
        resets = native.reset(seed=checked.seed), single.reset(seed=checked.seed)
        _expect(data_equivalence(*resets, exact=exact), f"they begin otherwise ({mode.value})")
        dice = np.random.default_rng(checked.seed)
        for step in range(steps):
            actions = np.where(dice.random(3) < 0.15, native.tokenizer.eos_token_id, dice.integers(native.tokenizer.vocab_size, size=3))
            if native.engine.constraint is not None:
                actions = np.array([dice.choice(np.flatnonzero(row)) for row in native.action_masks()])
            found = native.step(actions)
            _expect(data_equivalence(found, single.step(actions), exact=exact), f"they differ in step {step + 1} ({mode.value})")
            over = found[2] | found[3]
            if mode is AutoresetMode.DISABLED and over.any():
                resets = native.reset(options={"reset_mask": over}), single.reset(options={"reset_mask": over.copy()})
                _expect(data_equivalence(*resets, exact=exact), f"they differ after the reset behind step {step + 1} ({mode.value})")


def _deltas(checked: Checked) -> None:
    short = min(checked.env.engine.max_new_tokens, 12)  # each token costs a call of the reward
    env, terminal = (checked.another(reward_timing=timing, max_new_tokens=short) for timing in ("delta", "terminal"))
    dice = np.random.default_rng(checked.seed)
    for index in checked.sample[:3]:
        env.reset(seed=checked.seed, options={"index": index})  # the seed, for with it comes whoever answers
        terminal.reset(seed=checked.seed, options={"index": index})
        total, over = 0.0, False
        while not over:
            token = _token(env, dice)
            _, reward, terminated, truncated, _ = env.step(token)
            paid = terminal.step(token)[1]
            total += reward
            over = terminated or truncated
        _expect(abs(total - paid) <= _SLACK, f"the rewards of example {index} add up to {total} token by token, and to {paid} at the end")


PROMISES: tuple[tuple[str, Callable[[Checked], None], str], ...] = (
    (
        "Gymnasium's check_env passes without a warning",
        _gymnasium,
        "Mend what it names; most often a task that draws from a global generator.",
    ),
    ("Stable-Baselines3's check_env passes without a warning", _stable_baselines3, "Mend what it names."),
    (
        "examples are well-formed and the same each time",
        _examples,
        "Give unique ids, tuples of texts and JSON-able meta; draw from keys, not from a generator that goes on.",
    ),
    (
        "the builtin splits are disjoint and the same in every call",
        _splits,
        "Draw the names and facts of each split from values of its own (envs/names.py shows how).",
    ),
    (
        "at least 95% of prompts and labels fit their budgets",
        _budgets,
        "Raise max_prompt_tokens or max_new_tokens of the task, or write shorter.",
    ),
    (
        "a seed decides everything, and other seeds differ",
        _seeds,
        "The reward or the task draws from somewhere else; draw from keys instead.",
    ),
    (
        "masks say what may come next, where answers are constrained and only there",
        _masks,
        "Look at the task's pieces(): it must depend on the example and the pieces said, on nothing else.",
    ),
    ("oracle >= heuristic >= random", _anchors, "Mend oracle() or heuristic(), or choose a reward that tells good answers from bad ones."),
    (
        "the components of a reward add up to it",
        _scores,
        "Mend the reward's explain(): components are the weighted terms of the outermost sum.",
    ),
    ("rewards token by token add up to the score", _deltas, "The reward must depend on prompt, response, references and meta only."),
    (
        "spec and state survive JSON and pickle",
        _specs,
        "Register with names, paths and specification strings instead of objects; define the task at the top of a module.",
    ),
    (
        "the vector environment does what single ones do",
        _vectors,
        "A reward must score each sample by itself, not by its neighbours in the batch.",
    ),
)
