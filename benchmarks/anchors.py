"""``tokengym envs --anchors``: what random tokens, the rule without learning and the best known answer earn, and in which order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tokengym.benchmarks.printed import print_rows
from tokengym.benchmarks.probe import findings
from tokengym.benchmarks.stats import Estimate
from tokengym.benchmarks.waiting import Waiting

__all__ = ["Anchors", "anchors", "print_anchors"]

COLUMNS = ("id", "data", "reward", "random", "heuristic", "oracle", "examples", "")


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """What the three policies earn on the same validation examples.

    Attributes:
        env, dataset, reward, examples: what was played.
        random, heuristic, oracle: means over the examples, 95% intervals.
        lead, room: of the heuristic over random, of the oracle over the heuristic: mean differences on the same examples.
        invalid: answers of the heuristic or the oracle that could not be scored.
    """

    env: str
    dataset: str
    reward: str
    examples: int
    random: Estimate
    heuristic: Estimate
    oracle: Estimate
    lead: Estimate
    room: Estimate
    invalid: int

    @property
    def warnings(self) -> list[str]:
        """Where oracle >= heuristic > random does not hold on these examples, beyond doubt."""
        found = []
        if self.room.mean < 0:
            found.append(f"the oracle earns {-self.room.mean:.3f} less than the heuristic")
        if not self.lead.low > 0:
            found.append(f"the heuristic is not clearly above random: {_gap(self.lead)}")
        if self.invalid:
            found.append(f"{self.invalid} answers of the heuristic and the oracle could not be scored")
        return [f"{self.env} with {self.dataset}: {warning}" for warning in found]


def anchors(env: str, dataset: str = "builtin", examples: int = 200, progress: Callable[[int], object] | None = None) -> Anchors:
    """Plays the three policies on the first ``examples`` validation examples of ``dataset``, with the default reward.

    Raises:
        ValueError, ImportError: as in :func:`tokengym.benchmarks.probe.findings`.
    """
    found = findings(env, dataset=dataset, examples=examples, progress=progress, cheats=())
    rows = {row.policy: row for row in found.rows}
    behind = rows["random"].gain  # random minus heuristic
    return Anchors(
        env=env,
        dataset=dataset,
        reward=found.reward,
        examples=found.examples,
        random=rows["random"].reward,
        heuristic=rows["heuristic"].reward,
        oracle=rows["oracle"].reward,
        lead=behind._replace(mean=-behind.mean, low=-behind.high, high=-behind.low),
        room=rows["oracle"].gain,
        invalid=rows["heuristic"].invalid + rows["oracle"].invalid,
    )


def print_anchors(pairs: Iterable[tuple[str, str]], examples: int, quiet: bool = False) -> None:
    """Prints the table of (id, data set) pairs and the warnings; only these when ``quiet``. A set that cannot be read says why."""
    if examples < 2:
        raise ValueError(f"examples={examples}; an interval needs at least 2")
    wanted = list(pairs)
    rows, warnings = [], []
    with Waiting("anchors", 3 * examples * len(wanted), show=not quiet) as waiting:
        for env, dataset in wanted:
            try:
                found = anchors(env, dataset, examples, waiting.advance)
            except (ImportError, ValueError) as error:  # a package that is missing, or data for measurement only
                rows.append((env, dataset, *[""] * 5, str(error)))
                continue
            warnings += found.warnings
            scores = (found.random, found.heuristic, found.oracle)
            verdict = "WARNING" if found.warnings else "ok"
            rows.append((env, dataset, found.reward, *map(_score, scores), str(found.examples), verdict))
    if not quiet:
        print_rows(COLUMNS, rows, right=COLUMNS[3:7])
        print("Means and 95% intervals over validation examples, with the default reward. ok: oracle >= heuristic > random.")
    for warning in warnings:
        print(f"WARNING: {warning}")


def _score(found: Estimate) -> str:
    return f"{found.mean:.3f}" if math.isnan(found.half) else f"{found.mean:.3f} ± {found.half:.3f}"


def _gap(found: Estimate) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
