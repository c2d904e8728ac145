"""How fast rewards, environments, rollouts and training are: python -m tokengym.benchmarks.throughput rewards|env|rollout|train."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from tyro.conf import Positional, arg

from tokengym._registry import unknown
from tokengym.benchmarks.catalogue import card
from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.rates import Environment, Rate, environment
from tokengym.benchmarks.records import write_whole
from tokengym.benchmarks.rollout_speed import Rollouts, rollout_speed
from tokengym.benchmarks.stepping import Envs, stepping
from tokengym.benchmarks.train_speed import Trainings, train_speed
from tokengym.benchmarks.waiting import Waiting
from tokengym.benchmarks.workload import SPECS, Workload
from tokengym.rewards import REWARDS, Sample, make_reward

__all__ = [
    "BESIDE",
    "COLUMNS",
    "Beside",
    "Contender",
    "Findings",
    "Rewards",
    "cells",
    "contender",
    "main",
    "measure",
    "read_findings",
    "throughput",
]

_ROUND_SECONDS = 0.1  # that a contender is timed for in each round, at least
_MOST_BATCHES = 64  # per round
_SETUP_ERRORS = (ValueError, TypeError, OSError, ImportError, RuntimeError)  # what an absent model or package ends in

Scorer = Callable[[Sequence[Sample]], object]


@dataclass(frozen=True, kw_only=True)
class Rewards:
    """Texts per second of each reward, beside rouge-score and sentence-transformers called pair by pair.

    Responses are new in every batch, references come back, as in training. What is compared is timed in turns; ratios are taken
    within a round.
    """

    names: Positional[tuple[str, ...]] = ()
    """Rewards, by name or specification. Default: all that are registered."""
    rounds: int = 7
    """How often everything is timed; medians are printed."""
    batch: int = 64
    """Answers per call."""
    words: int = 50
    """Words of a response and of a reference."""
    json: Annotated[str, arg(help_behavior_hint="")] = ""
    """Write the same figures into this file."""
    quiet: bool = False
    """Print no bar."""


class Contender(NamedTuple):
    """Something that scores a batch, and what its answers must look like (see :meth:`Workload.next`)."""

    name: str
    score: Scorer
    needs: str


class Beside(NamedTuple):
    """Another package that computes the same.

    Attributes:
        name: what the table calls it.
        module: what must be installed.
        make: its scorer.
        wanted: how many times as fast ours ought to be.
    """

    name: str
    module: str
    make: Callable[[], Scorer]
    wanted: float


def _rouge_score(*kinds: str) -> Scorer:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(kinds, use_stemmer=False)

    def pair_by_pair(batch: Sequence[Sample]) -> list[float]:
        scores = (scorer.score(sample.references[0], sample.response) for sample in batch)
        return [sum(score[kind].fmeasure for kind in kinds) for score in scores]

    return pair_by_pair


def _sentence_transformers() -> Scorer:
    from sentence_transformers import SentenceTransformer, util

    from tokengym._models import model_folder
    from tokengym._transformers import quiet
    from tokengym.rewards.semantic import MINILM

    with quiet():
        model = SentenceTransformer(model_folder(MINILM))

    def one_by_one(batch: Sequence[Sample]) -> list[float]:
        return [
            float(util.cos_sim(*(model.encode(text, show_progress_bar=False) for text in (sample.response, sample.references[0]))))
            for sample in batch
        ]

    return one_by_one


_ROUGE = "rouge-score, pair by pair"
BESIDE: Mapping[str, Beside] = {
    "rouge_1": Beside(_ROUGE, "rouge_score", lambda: _rouge_score("rouge1"), 20.0),
    "rouge_2": Beside(_ROUGE, "rouge_score", lambda: _rouge_score("rouge2"), 20.0),
    "rouge_l": Beside(_ROUGE, "rouge_score", lambda: _rouge_score("rougeL"), 20.0),
    "rouge_1 + rouge_2 + rouge_l": Beside(_ROUGE, "rouge_score", lambda: _rouge_score("rouge1", "rouge2", "rougeL"), 20.0),
    "semantic": Beside("sentence-transformers, one by one", "sentence_transformers", _sentence_transformers, 5.0),
}
"""Reward -> what it is timed beside. The three of ROUGE at once are how ``rouge-score`` is mostly called."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One reward's figures; ``ratio`` is how many times as fast as ``beside`` it is."""

    name: str
    cost: str
    rate: Rate
    beside: str = ""
    beside_rate: Rate | None = None
    ratio: Rate | None = None
    wanted: float | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A finished run. ``skipped``: what could not be timed, and why."""

    batch: int
    words: int
    rounds: int
    rows: list[Row]
    skipped: dict[str, str]
    environment: Environment = field(default_factory=environment)


def contender(name: str, workload: Workload) -> Contender:
    """The reward called ``name``, ready: its model is loaded and it has scored a batch.

    Raises:
        ValueError: it needs arguments that nobody can guess, or can score none of the answers; and whatever its making raises.
    """
    spec = SPECS.get(name, name)
    if spec in REWARDS and card(spec).required:
        raise ValueError(f"cannot be made without {', '.join(card(spec).required)}; name it with arguments: {spec}(...)")
    reward = make_reward(spec)
    if not reward.explain(workload.next(reward.needs)).valid.any():
        raise ValueError(f"none of the answers here could be scored; it needs {reward.needs or 'something else'}")
    return Contender(name, reward, reward.needs)


def measure(
    contenders: Sequence[Contender],
    workload: Workload,
    rounds: int,
    seconds: float = _ROUND_SECONDS,
    progress: Callable[[int], object] | None = None,
) -> dict[str, list[float]]:
    """Texts per second in each round.

    Args:
        contenders: timed in turns, starting with another one in each round, since the machine is not the same all the time.
        workload: where the answers come from; writing them is not timed.
        rounds: how many.
        seconds: that each is timed for in a round, by as many batches as that takes, up to 64.
        progress: called with 1 for each contender in each round.
    """
    batches = {}
    for each in contenders:
        answers = workload.next(each.needs)
        start = time.perf_counter()
        each.score(answers)
        batches[each.name] = min(_MOST_BATCHES, max(1, math.ceil(seconds / max(time.perf_counter() - start, 1e-9))))
    rates: dict[str, list[float]] = {each.name: [] for each in contenders}
    for number in range(rounds):
        first = number % max(len(contenders), 1)
        for each in (*contenders[first:], *contenders[:first]):
            work = [workload.next(each.needs) for _ in range(batches[each.name])]
            start = time.perf_counter()
            for answers in work:
                each.score(answers)
            took = time.perf_counter() - start
            rates[each.name].append(sum(map(len, work)) / took)
            if progress is not None:
                progress(1)
    return rates


def throughput(options: Rewards, compare: bool = True) -> Findings:
    """Times what ``options`` name; with ``compare``, beside other packages too.

    Raises:
        ValueError: a number is below 1.
    """
    for name in ("rounds", "batch", "words"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} {getattr(options, name)}; expected at least 1")
    workload = Workload(options.batch, options.words)
    ready: dict[str, list[Contender]] = {}  # reward -> itself, and what it is timed beside
    skipped: dict[str, str] = {}
    for name in options.names or dict.fromkeys((*REWARDS, *BESIDE)):
        try:
            ready[name] = [contender(name, workload)]
        except _SETUP_ERRORS as error:
            skipped[name] = str(error)
            continue
        beside = BESIDE.get(name) if compare else None
        if beside is not None and find_spec(beside.module) is None:
            skipped[beside.name] = f"needs the package {beside.module.replace('_', '-')}"
        elif beside is not None:
            try:
                ready[name].append(Contender(f"{name} by {beside.name}", beside.make(), "references"))
            except _SETUP_ERRORS as error:
                skipped[beside.name] = str(error)
    rates: dict[str, list[float]] = {}
    with Waiting("timing", options.rounds * sum(map(len, ready.values())), show=not options.quiet) as waiting:
        for group in ready.values():
            rates |= measure(group, workload, options.rounds, progress=waiting.advance)
    rows = [_row(name, group, rates) for name, group in ready.items()]
    return Findings(batch=options.batch, words=options.words, rounds=options.rounds, rows=rows, skipped=skipped)


def _row(name: str, group: Sequence[Contender], rates: Mapping[str, list[float]]) -> Row:
    ours, cost = rates[name], make_reward(SPECS.get(name, name)).cost
    if len(group) == 1:
        return Row(name=name, cost=cost, rate=Rate.of(ours))
    theirs = rates[group[1].name]
    ratio = Rate.of([one / other for one, other in zip(ours, theirs, strict=True)])
    beside = BESIDE[name]
    return Row(name=name, cost=cost, rate=Rate.of(ours), beside=beside.name, beside_rate=Rate.of(theirs), ratio=ratio, wanted=beside.wanted)


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


COLUMNS = ("reward", "cost", "texts/s", "lowest to highest", "beside", "its texts/s", "ratio", "wanted")
"""Headings of the table."""


def cells(row: Row) -> list[str]:
    """A row of the table, one text for each of ``COLUMNS``."""
    beside = ["", "", "", ""]
    if row.beside_rate is not None and row.ratio is not None:
        verdict = f"{row.wanted:g}x" if row.wanted and row.ratio.median >= row.wanted else f"{row.wanted:g}x, MISSED"
        beside = [row.beside, _count(row.beside_rate.median), "{:.1f}x ({:.1f} to {:.1f})".format(*row.ratio), verdict]
    spread = f"{_count(row.rate.lowest)} to {_count(row.rate.highest)}"
    return [row.name, row.cost, _count(row.rate.median), spread, *beside]


def _print(found: Findings) -> None:
    print(f"Batches of {found.batch}, {found.words} words a text, responses new each time, medians of {found.rounds} rounds")
    print_rows(COLUMNS, map(cells, found.rows), right=["texts/s", "lowest to highest", "its texts/s", "ratio"])
    for name, reason in found.skipped.items():
        print(f"skipped {name}: {reason}")
    print(found.environment.line())


def _to_json(found: Findings) -> str:
    rows = []
    for row in found.rows:
        rates = {name: value._asdict() for name in ("rate", "beside_rate", "ratio") if (value := getattr(row, name)) is not None}
        rows.append({"name": row.name, "cost": row.cost, "beside": row.beside, "wanted": row.wanted, **rates})
    numbers = {name: getattr(found, name) for name in ("batch", "words", "rounds", "skipped")}
    return json.dumps({**numbers, "rows": rows, **asdict(found.environment)}, ensure_ascii=False, indent=1) + "\n"


def read_findings(path: Path) -> Findings:
    """What ``--json`` wrote into ``path``. Raises FileNotFoundError, or KeyError and TypeError where the file holds something else."""
    told = json.loads(path.read_text("utf-8"))
    rows = []
    for row in told["rows"]:
        rates = {name: Rate(**row[name]) for name in ("rate", "beside_rate", "ratio") if name in row}
        rows.append(Row(name=row["name"], cost=row["cost"], beside=row["beside"], wanted=row["wanted"], **rates))
    where = Environment(system=told["system"], versions=told["versions"])
    numbers = {name: told[name] for name in ("batch", "words", "rounds", "skipped")}
    return Findings(rows=rows, environment=where, **numbers)


def _rewards(options: Rewards) -> None:
    found = throughput(options)
    _print(found)
    if options.json:
        write_whole(Path(options.json), _to_json(found))


_COMMANDS: Mapping[str, tuple[type, Callable[[Any], None]]] = {
    "rewards": (Rewards, _rewards),
    "env": (Envs, stepping),
    "rollout": (Rollouts, rollout_speed),
    "train": (Trainings, train_speed),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 after an error, 2 for a wrong command line."""
    import tyro

    arguments = sys.argv[1:] if arguments is None else list(arguments)
    prog = "python -m tokengym.benchmarks.throughput"
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: {prog} {'|'.join(_COMMANDS)} [OPTIONS]")
        return 0
    try:
        if arguments[0] not in _COMMANDS:
            raise unknown("thing to time", arguments[0], _COMMANDS)
        kind, run = _COMMANDS[arguments[0]]
        run(tyro.cli(kind, prog=f"{prog} {arguments[0]}", args=arguments[1:], config=(tyro.conf.FlagCreatePairsOff,)))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
    except (*_SETUP_ERRORS, KeyError) as error:
        print(f"throughput: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
