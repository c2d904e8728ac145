"""``tokengym score``: rewards as metrics of a file of answers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tokengym.benchmarks.answers import Answer, count_lines, read_answers
from tokengym.benchmarks.options import Score
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.stats import LEVEL, over_examples
from tokengym.benchmarks.waiting import Waiting
from tokengym.rewards import BaseReward, make_reward
from tokengym.rewards.counts import CountReward, CountRow

__all__ = ["Scored", "Tally", "corpus_interval", "score"]

_REPEATS = 1000  # of the bootstrap
_CHUNK = 4_000_000  # numbers that the bootstrap holds at a time


class Scored(NamedTuple):
    """What a file earned from one reward.

    Attributes:
        value, low, high: the mean over the answers and its 95% t interval; of a metric with counts, the metric of all answers together
            and its 95% bootstrap interval. ``low`` and ``high`` are NaN for a single answer.
        corpus: whether it is a metric with counts.
        lowest, highest: of the single answers.
        components: their means; they add up to the mean.
        scored: answers that could be scored.
        invalid: lines of those that could not.
    """

    value: float
    low: float
    high: float
    corpus: bool
    lowest: float
    highest: float
    components: dict[str, float]
    scored: int
    invalid: list[int]


class Tally:
    """The scores of one reward, batch after batch.

    Args:
        spec: what the user called it.
        reward: the reward itself.
    """

    def __init__(self, spec: str, reward: BaseReward) -> None:
        self.spec, self.reward = spec, reward
        self._scores: list[npt.NDArray[np.float64]] = []
        self._components: dict[str, list[npt.NDArray[np.float64]]] = {}
        self._counts: list[CountRow] = []
        self._invalid: list[int] = []

    def add(self, batch: Sequence[Answer]) -> list[dict[str, Any]]:
        """Scores a batch; for each answer {"score", "components"}, None where it could not be scored.

        Raises:
            ValueError: the reward refuses an answer; the message names its line.
        """
        samples = [answer.sample for answer in batch]
        try:
            scores, components, valid = self.reward.explain(samples)
        except (TypeError, ValueError, KeyError):
            if self.reward.cost != "remote":  # nobody is asked, and paid, once more
                self._refuse(batch)
            raise
        self._scores.append(scores[valid])
        for name, values in components.items():
            self._components.setdefault(name, []).append(values[valid])
        if isinstance(self.reward, CountReward):
            self._counts += self.reward.rows(samples)
        self._invalid += [answer.line for answer, known in zip(batch, valid.tolist(), strict=True) if not known]
        told: list[dict[str, Any]] = []
        for row, known in enumerate(valid.tolist()):
            found: dict[str, Any] = {"score": float(scores[row]) if known else None}
            if len(components) > 1:
                found["components"] = {name: float(values[row]) for name, values in components.items()} if known else None
            told.append(found)
        return told

    def _refuse(self, batch: Sequence[Answer]) -> None:
        """Raises the ValueError of the first answer that the reward refuses alone, too."""
        for answer in batch:
            try:
                self.reward.explain([answer.sample])
            except (TypeError, ValueError, KeyError) as error:
                text = error.args[0] if isinstance(error, KeyError) and error.args else error
                raise ValueError(f"line {answer.line}, {self.spec}: {text}") from error

    def result(self) -> Scored:
        """The figures of all that was added.

        Raises:
            ValueError: there was no answer, or none could be scored.
        """
        scores = np.concatenate(self._scores) if self._scores else np.zeros(0)
        if not len(scores):
            needs = f", which needs {self.reward.needs}" if self.reward.needs else ""
            raise ValueError(f"none of the {len(self._invalid)} answers could be scored by {self.spec}{needs}")
        value, low, high = over_examples(scores)[:3]
        if isinstance(self.reward, CountReward):
            counts = self.reward.stack(self._counts)
            value = float(self.reward.reduce(counts))
            low, high = corpus_interval(self.reward, counts, np.random.default_rng(0))
        return Scored(
            value=value,
            low=low,
            high=high,
            corpus=isinstance(self.reward, CountReward),
            lowest=float(scores.min()),
            highest=float(scores.max()),
            components={name: float(np.concatenate(values).mean()) for name, values in self._components.items()},
            scored=len(scores),
            invalid=self._invalid,
        )


def corpus_interval(reward: CountReward, counts: npt.NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """95% percentile interval of a metric with counts: the examples are drawn anew 1,000 times.

    Args:
        reward: the metric.
        counts: (N, C), as ``reward.stack`` gives them; rows of NaN are left out.
        rng: source of the draws.
    Returns:
        The lower and the upper bound; NaN where fewer than two examples are counted.
    """
    counts = counts[~np.isnan(counts).any(axis=1)]
    total = len(counts)
    if total < 2:
        return math.nan, math.nan
    values: list[float] = []
    while len(values) < _REPEATS:
        draws = min(_REPEATS - len(values), max(1, _CHUNK // total))
        weights = rng.multinomial(total, np.full(total, 1 / total), size=draws)  # (draws, N)
        values += reward.reduce(counts, weights).tolist()
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _batches(answers: Iterable[Answer], size: int) -> Iterator[list[Answer]]:
    answers = iter(answers)
    while batch := list(islice(answers, size)):
        yield batch


def _value(found: Scored) -> str:
    if math.isnan(found.low):
        return f"{found.value:.4f}"
    if found.corpus:
        return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"
    return f"{found.value:.4f} ± {(found.high - found.low) / 2:.4f}"


def _lines(tally: Tally, found: Scored) -> list[list[str]]:
    """The table rows of one reward: its own, and one for each component."""
    how = "all answers together" if found.corpus else "mean"
    how += "" if tally.reward.higher_is_better else ", lower is better"
    rows = [[tally.spec, _value(found), how, f"{found.lowest:.4f}", f"{found.highest:.4f}", f"{found.scored:,}"]]
    if len(found.components) > 1:
        rows += [[f"  {name}", f"{mean:.4f}", "component", "", "", ""] for name, mean in found.components.items()]
    return rows


def score(options: Score) -> None:
    """Carries out the command: scores the file, prints the figures, and writes the scores of each line where asked for.

    Raises:
        ValueError: a wrong line, an unknown reward, an empty file, or answers that lack what the reward needs.
    """
    if not options.reward:
        raise ValueError("nothing to score with; add --reward SPEC, as in --reward rouge_l (`tokengym rewards` lists them)")
    if options.out and Path(options.out).resolve() == Path(options.file).resolve():
        raise ValueError(f"--out {options.out} is the file of answers itself, which would be lost; name another file")
    tallies = [Tally(spec, make_reward(spec)) for spec in dict.fromkeys(options.reward)]
    written: list[str] = []
    count = 0
    with Waiting("scoring", count_lines(options.file), show=not options.quiet) as waiting:
        for batch in _batches(read_answers(options.file), options.batch):
            told = [tally.add(batch) for tally in tallies]
            count += len(batch)
            if options.out:
                for row, answer in enumerate(batch):
                    known = {} if answer.id is None else {"id": answer.id}
                    scores = {tally.spec: found[row] for tally, found in zip(tallies, told, strict=True)}
                    written.append(json.dumps({"line": answer.line, **known, "rewards": scores}) + "\n")
            waiting.advance(len(batch))
    if not count:
        raise ValueError(f"{options.file} holds no answers")
    results = [tally.result() for tally in tallies]
    if options.out:
        write_whole(Path(options.out), "".join(written))
    if options.quiet:
        for tally, found in zip(tallies, results, strict=True):
            print(f"{tally.spec}: {_value(found)}")
        return
    columns = ["reward", "value, 95% interval", "over the answers", "lowest", "highest", "scored"]
    rows = [row for tally, found in zip(tallies, results, strict=True) for row in _lines(tally, found)]
    print_rows(columns, rows, right=["lowest", "highest", "scored"])
    for tally, found in zip(tallies, results, strict=True):
        if found.invalid:
            needs = f", for want of {tally.reward.needs}" if tally.reward.needs else ""
            print(f"{tally.spec}: {len(found.invalid)} of {count} answers could not be scored{needs}, first on line {found.invalid[0]}")
    if options.out:
        print(f"Written to {options.out}")
