"""``tokengym probe``: what policies that cheat earn from a reward, beside the oracle, the heuristic and random tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import tokengym  # noqa: F401  (registers the ids)
from tokengym._registry import unknown
from tokengym.benchmarks.arguments import data_set, env_keywords
from tokengym.benchmarks.cheats import CHEATS, View
from tokengym.benchmarks.options import Probe
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.stats import Estimate, over_examples
from tokengym.benchmarks.waiting import Waiting
from tokengym.envs import TASKS, Example
from tokengym.envs.engine import Ended, Engine

__all__ = ["ANCHORS", "Earned", "Findings", "engine_of", "findings", "played", "probe", "table", "verdict"]

ANCHORS: Mapping[str, str] = {
    "oracle": "the best known answer",
    "heuristic": "the task's rule without learning",
    "random": "random tokens",
}
_BATCH = 64  # answers scored at a time
_CHARACTERS = 24  # per token of the budget: more than any tokenizer needs


@dataclass(frozen=True, kw_only=True)
class Earned:
    """What one policy earned.

    Attributes:
        policy, about: its name and what it does.
        cheats: False for the oracle, the heuristic and random tokens.
        examples: how many it played; fewer than the others where some left it nothing to cheat with.
        reward: mean over these examples, 95% interval.
        components: their means; they add up to the reward.
        tokens: mean length of an answer, in tokens.
        invalid: answers that could not be scored (they count as 0, as in the environment).
        gain: mean difference to the heuristic on the same examples, 95% interval.
    """

    policy: str
    about: str
    cheats: bool
    examples: int
    reward: Estimate
    components: Mapping[str, float]
    tokens: float
    invalid: int
    gain: Estimate

    @property
    def verdict(self) -> str:
        """For a cheat: "BEATS the heuristic" (the interval of the gain lies above 0), "level" (its mean is above 0), or ""."""
        if not self.cheats or self.gain.mean <= 0:
            return ""
        return "BEATS the heuristic" if self.gain.low > 0 else "level"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A finished probe: ``rows`` in the order of :data:`ANCHORS` and :data:`CHEATS`."""

    env: str
    reward: str
    split: str
    dataset: str
    examples: int
    seed: int
    rows: tuple[Earned, ...]

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the reward: cheats that beat the heuristic, and anchors in the wrong order."""
        found = []
        mean = {row.policy: row.reward.mean for row in self.rows}
        for row in self.rows:
            if row.verdict == "BEATS the heuristic":
                found.append(
                    f"{row.policy} ({row.about}) earns {row.gain.mean:+.3f} [{row.gain.low:+.3f}, {row.gain.high:+.3f}] "
                    "over the heuristic: a learner can find this"
                )
        for better, worse in (("oracle", "heuristic"), ("heuristic", "random")):
            if better in mean and mean[better] < mean[worse]:
                found.append(f"the {better} earns {mean[better]:.3f}, less than {worse} with {mean[worse]:.3f}")
        return found

    @property
    def notes(self) -> list[str]:
        """What is not wrong, but near it."""
        level = [row for row in self.rows if row.verdict == "level"]
        return [
            f"{row.policy} ({row.about}) is level with the heuristic: {row.gain.mean:+.3f} [{row.gain.low:+.3f}, {row.gain.high:+.3f}]"
            for row in level
        ]

    def to_json(self) -> str:
        """The same figures as JSON."""
        rows = [{**asdict(row), "reward": _interval(row.reward), "gain": _interval(row.gain), "verdict": row.verdict} for row in self.rows]
        return (
            json.dumps({**asdict(self), "rows": rows, "warnings": self.warnings, "notes": self.notes}, ensure_ascii=False, indent=1) + "\n"
        )


def _interval(found: Estimate) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in found._asdict().items() if name in ("mean", "low", "high")}


def engine_of(env: str, **kwargs: Any) -> Engine:
    """The rules of the environment called ``env``.

    Raises:
        ValueError: nobody has registered ``env``.
        TypeError: it is not a text environment of this package.
    """
    if env not in gymnasium.registry and ":" not in env:
        raise unknown("environment", env, TASKS, "For one of another package, write its module first: module:id.")
    made: Any = gymnasium.make(env, disable_env_checker=True, **kwargs).unwrapped
    if not isinstance(getattr(made, "engine", None), Engine):
        raise TypeError(f"{env} is a {type(made).__name__}; a probe plays environments that extend tokengym.envs.TextGenEnv")
    engine: Engine = made.engine
    return engine


def played(engine: Engine, index: int, answer: str | NDArray[np.int32]) -> Ended:
    """The finished episode of example ``index`` in which the agent says ``answer`` and then ends, as far as the environment lets it.

    Args:
        engine: the environment's rules.
        index: of the example.
        answer: a text, or (T,) token ids.
    """
    prompt = engine.book[index]
    if isinstance(answer, str):
        ids = np.array(engine.book.label(prompt, answer.strip(), engine.max_new_tokens), dtype=np.int32)
    else:
        ids = np.append(answer, engine.tokenizer.eos_token_id)[: engine.max_new_tokens].astype(np.int32)
    for place in np.flatnonzero(engine.ends[ids]).tolist():
        reason = engine.stop_reason(ids[: place + 1])
        if reason:
            return Ended(prompt, -1, ids[: place + 1], reason)
    return Ended(prompt, -1, ids, "max_tokens")


def _answer(engine: Engine, policy: str, index: int, count: int, seed: int) -> str | NDArray[np.int32] | None:
    """What ``policy`` says to example ``index``; None where it has nothing to say."""
    example, task = engine.examples[index], engine.task
    rng = np.random.default_rng(np.random.SeedSequence([seed, index, sum(policy.encode())]))
    if policy == "random":
        return rng.integers(engine.tokenizer.vocab_size, size=engine.max_new_tokens).astype(np.int32)
    if policy == "heuristic":
        return task.heuristic(example)

    def oracle(of: Example) -> str:
        if not of.references and "answer" not in of.meta:
            raise ValueError(f"example {of.id!r} has no reference, so there is no oracle to hold the cheats against")
        return task.oracle(of)

    if policy == "oracle":
        return oracle(example)
    other = engine.examples[(index + max(count // 2, 1)) % len(engine.examples)]
    room = engine.max_new_tokens * _CHARACTERS
    return CHEATS[policy].answer(View(engine.book[index].text, example, other, oracle, room, rng))


def _batches(engine: Engine, policy: str, count: int, seed: int) -> Iterator[list[Ended]]:
    batch: list[Ended] = []
    for index in range(count):
        answer = _answer(engine, policy, index, count, seed)
        if answer is not None:
            batch.append(played(engine, index, answer))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Scores:
    """What a policy's episodes earned, example by example."""

    def __init__(self) -> None:
        self.rewards: dict[int, float] = {}  # index -> score
        self.components: dict[str, list[float]] = {}
        self.tokens: list[int] = []
        self.invalid = 0

    def add(self, engine: Engine, batch: list[Ended]) -> None:
        scored = engine.score(batch)
        for score, info in zip(scored.scores, scored.infos, strict=True):
            self.rewards[info["index"]] = score
            self.tokens.append(info["completion_tokens"])
            self.invalid += not info["reward_valid"]
            for name, value in info["reward_components"].items():
                self.components.setdefault(name, []).append(value)


def findings(
    env: str,
    *,
    reward: Any = None,
    split: str = "validation",
    dataset: Any = "builtin",
    examples: int = 200,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
    cheats: Iterable[str] = tuple(CHEATS),
    **kwargs: Any,
) -> Findings:
    """Plays the anchors and the cheats on the first ``examples`` examples of a split.

    Args:
        env: id of the environment.
        reward: specification or reward; None is the task's own.
        split, dataset: which examples.
        examples: how many (all of the split where it has fewer), 2 or more.
        seed: of random tokens and random orders.
        progress: called with the number of answers that were scored.
        cheats: names of ``CHEATS``.
        kwargs: more keywords of the environment.
    Raises:
        ValueError: an unknown environment, keyword or reward, several turns, fewer than 2 examples, or one without a reference.
    """
    engine = engine_of(env, split=split, dataset=dataset, reward=reward, metrics=False, **kwargs)
    if engine.task.turns > 1:
        raise ValueError(f"{env} is played in {engine.task.turns} turns, and a probe's policies say one answer; leave turns out")
    count = min(examples, len(engine.examples))
    if count < 2:
        raise ValueError(f"examples={count}; an interval needs at least 2")
    earned: dict[str, _Scores] = {}
    for policy in (*ANCHORS, *cheats):
        earned[policy] = scores = _Scores()
        for batch in _batches(engine, policy, count, seed):
            scores.add(engine, batch)
            if progress is not None:
                progress(len(batch))
    usual = earned["heuristic"].rewards
    rows = []
    for policy, scores in earned.items():
        if len(scores.rewards) < 2:
            continue  # a cheat that nearly no example lends itself to
        rows.append(
            Earned(
                policy=policy,
                about=ANCHORS[policy] if policy in ANCHORS else CHEATS[policy].about,
                cheats=policy in CHEATS,
                examples=len(scores.rewards),
                reward=over_examples(list(scores.rewards.values())),
                components={name: float(np.mean(values)) for name, values in scores.components.items()},
                tokens=float(np.mean(scores.tokens)),
                invalid=scores.invalid,
                gain=over_examples([score - usual[index] for index, score in scores.rewards.items()]),
            )
        )
    name = str(dataset["path"]) if isinstance(dataset, Mapping) and "path" in dataset else dataset
    name = name if isinstance(name, str) else type(name).__name__
    return Findings(env=env, reward=engine.reward.spec, split=split, dataset=name, examples=count, seed=seed, rows=tuple(rows))


def _cells(row: Earned, components: list[str]) -> list[str]:
    gain = "" if row.policy == "heuristic" else f"{row.gain.mean:+.3f} [{row.gain.low:+.3f}, {row.gain.high:+.3f}]"
    return [
        row.policy,
        row.about,
        f"{row.reward.mean:.3f} ± {row.reward.half:.3f}",
        *(f"{row.components.get(name, 0.0):.3f}" for name in components),
        gain,
        f"{row.tokens:.0f}",
        str(row.examples),
        row.verdict,
    ]


def table(found: Findings) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, as the command prints them; components where there are several."""
    names = list(dict.fromkeys(name for row in found.rows for name in row.components))
    components = names if len(names) > 1 else []
    columns = ["policy", "what it does", "reward", *components, "gain over the heuristic", "tokens", "examples", ""]
    return columns, [_cells(row, components) for row in found.rows]


def verdict(found: Findings) -> list[str]:
    """The lines under the table: warnings, notes, or that there is nothing to warn of."""
    beaten = any(row.verdict.startswith("BEATS") for row in found.rows)
    warnings = [f"WARNING: {warning}" for warning in found.warnings]
    return [*warnings, *found.notes, *([] if beaten else ["No cheat beats the heuristic."])]


def probe(options: Probe) -> None:
    """Carries out the command: prints the table and the warnings, and writes JSON where asked for."""
    with Waiting(f"probe {options.env}", options.examples * (len(ANCHORS) + len(CHEATS)), show=not options.quiet) as waiting:
        found = findings(
            options.env,
            reward=options.reward or None,
            split=options.split,
            dataset=data_set(options.dataset, options.columns),
            examples=options.examples,
            seed=options.seed,
            progress=waiting.advance,
            **env_keywords(options.env_kwargs, options),
        )
    if options.json:
        write_whole(Path(options.json), found.to_json())
    if not options.quiet:
        columns, rows = table(found)
        print(f"{found.env}, reward {found.reward}, {found.split} split, {found.examples} examples")
        print_rows(columns, rows, right=columns[2:-1])
    for line in verdict(found):
        if not options.quiet or line.startswith("WARNING"):
            print(line)
