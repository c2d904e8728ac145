"""Plays exactly n held-out examples, in order, with anything that has ``predict``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np
from numpy.typing import NDArray

import tokengym  # noqa: F401  (registers the ids)
from tokengym._registry import unknown
from tokengym.benchmarks.corpus import Counted, corpus_value, counted
from tokengym.benchmarks.cost import Meter
from tokengym.envs import TASKS

__all__ = ["Evaluation", "Observation", "Player", "WatchesEpisodes", "default_examples", "eval_env", "evaluate", "masks_of", "row_info"]

Observation = Mapping[str, NDArray[Any]]


@runtime_checkable
class Player(Protocol):
    """What a benchmark can play: Stable-Baselines3's ``predict``, batched."""

    def predict(
        self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[NDArray[Any], Any]:  # fmt: skip
        """The next token of every row: ``(actions (N,) int, state)`` from observations of N rows."""
        ...


@runtime_checkable
class WatchesEpisodes(Protocol):
    """A player that wants to know which example each row plays (the scripted baselines do)."""

    def begin(self, rows: NDArray[np.int64], indices: NDArray[np.int64]) -> None:
        """Rows ``rows`` (K,) have just begun to play examples ``indices`` (K,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What n held-out episodes gave, in the order of the examples.

    Attributes:
        rewards: n scores.
        metrics: metric name to n scores; None where a metric does not apply to an example (it has no facts, say).
        counts: of metrics of all answers together (macro_f1, entity_f1), what they are computed from, see ``corpus.counted``.
        responses, sample_ids, stop_reasons: n strings each.
        tokens: tokens the agent emitted in all episodes together.
        invalid: how many episodes could not be scored (they count as reward 0).
        seconds, peak_bytes: cost, see :class:`tokengym.benchmarks.cost.Meter`.
    """

    rewards: list[float]
    metrics: dict[str, list[float | None]]
    responses: list[str]
    sample_ids: list[str]
    stop_reasons: list[str]
    tokens: int
    invalid: int
    seconds: float
    peak_bytes: int
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Counted] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean reward."""
        return sum(self.rewards) / len(self.rewards)

    @property
    def unscored(self) -> str:
        """That some answers could not be scored, and how many; "" where all could."""
        return f"{self.invalid} of {len(self.rewards)} answers could not be scored and count as 0" if self.invalid else ""

    def summary(self) -> str:
        """One line: the mean reward, and of each metric the mean, or, of one with counts, the metric of all answers together."""
        known = {name: [value for value in values if value is not None] for name, values in self.metrics.items()}
        told = {name: sum(values) / len(values) for name, values in known.items() if values}
        told |= {name: corpus_value(counts) for name, counts in self.counts.items() if name in told}
        means = ", ".join(f"{name} {value:.3f}" for name, value in told.items())
        return f"reward {self.mean:.3f}" + (f" ({means})" if means else "")


def masks_of(player: Any, env: Any) -> Callable[[], NDArray[np.bool_]] | None:
    """What gives the masks of ``env`` (one environment, or several) for ``player.predict(..., action_masks=...)``.

    None where the environment allows every token, or where ``predict`` has no such argument (as sb3-contrib's MaskablePPO has).
    """
    masks: Callable[[], NDArray[np.bool_]] | None = getattr(env, "action_masks", None)
    parameters = inspect.signature(player.predict).parameters if masks is not None else {}
    taken = "action_masks" in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return masks if taken else None


def row_info(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """The info of one row out of a vector environment's dict of arrays; keys whose ``_key`` mask is off for the row are left out."""
    found: dict[str, Any] = {}
    for name, value in infos.items():
        if name.startswith("_"):
            continue
        mask = infos.get(f"_{name}")
        if mask is not None and not mask[row]:
            continue
        found[name] = row_info(value, row) if isinstance(value, Mapping) else value[row]
    return found


def eval_env(env: str, num_envs: int, **kwargs: Any) -> Any:
    """A vector environment that deals the examples of a split in order, one after the other, to whichever row is free.

    Raises:
        ValueError: nobody has registered ``env``.
    """
    if env not in gymnasium.registry and ":" not in env:
        raise unknown("environment", env, TASKS, "For one of another package, write its module first: module:id.")
    return gymnasium.make_vec(env, num_envs=num_envs, deal="shared", order="sequential", **kwargs)


def default_examples(venv: Any, wanted: int) -> int:
    """``wanted``, or all examples of the split where it has fewer."""
    return min(wanted, len(venv.examples))


def _started(infos: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that ``infos`` says have begun an episode, and the example index of each."""
    if "index" not in infos:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    indices = np.asarray(infos["index"])
    rows = np.flatnonzero(infos.get("_index", np.ones(len(indices), bool)))
    return rows, indices[rows].astype(np.int64)


def evaluate(
    player: Player,
    venv: Any,
    examples: int,
    *,
    first: int = 0,
    seed: int = 0,
    deterministic: bool = True,
    progress: Callable[[int], object] | None = None,
) -> Evaluation:
    """Plays examples ``first`` .. ``first + examples - 1`` of ``venv`` once each.

    Args:
        player: anything with ``predict``.
        venv: from :func:`eval_env`.
        examples: how many; exactly these are dealt, so that short episodes are not favoured.
        first: examples that are passed over.
        seed: of the environment (and of nothing else).
        deterministic: passed to ``predict``; True is greedy decoding.
        progress: called with the number of episodes that ended, each time some did.
    Returns:
        The evaluation, in the order of the examples.
    Raises:
        TypeError: ``player`` has no ``predict``, or it returns something else than (actions, state).
        ValueError: the split does not have these examples, or the actions are not one per row.
    """
    if not callable(getattr(player, "predict", None)):
        raise TypeError(
            f"{type(player).__name__} has no predict(obs, state=None, episode_start=None, deterministic=False); a benchmark needs it"
        )
    most = len(venv.examples) - first
    if first < 0 or not 1 <= examples <= most:
        after = f" and {first} are passed over" if first else ""
        raise ValueError(f"examples={examples}; this split has {len(venv.examples)} examples{after}, so expected 1 to {most}")
    finished: dict[int, tuple[float, dict[str, Any]]] = {}
    with Meter() as meter:
        obs, infos = venv.reset(seed=seed, options={"episodes": examples, "first": first})
        episode_start = np.ones(venv.num_envs, dtype=bool)
        earned = np.zeros(venv.num_envs)  # (N,) in the episodes at hand, which pay at the end or token by token
        state: Any = None
        masks = masks_of(player, venv)
        while len(finished) < examples:
            if isinstance(player, WatchesEpisodes):
                player.begin(*_started(infos))
            allowed = {} if masks is None else {"action_masks": masks()}
            result = player.predict(obs, state=state, episode_start=episode_start, deterministic=deterministic, **allowed)
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(f"{type(player).__name__}.predict returned {type(result).__name__}; expected a tuple (actions, state)")
            actions, state = np.asarray(result[0]), result[1]
            if actions.shape != (venv.num_envs,):
                raise ValueError(
                    f"{type(player).__name__}.predict returned actions of shape {actions.shape}; expected {(venv.num_envs,)}, one per row"
                )
            obs, rewards, terminated, truncated, infos = venv.step(actions)
            episode_start = np.asarray(terminated) | np.asarray(truncated)
            earned += rewards
            for row in np.flatnonzero(episode_start):
                info = row_info(infos["final_info"], int(row))
                finished[int(info["deal_index"])] = (float(earned[row]), info)
            earned[episode_start] = 0.0
            if progress is not None and episode_start.any():
                progress(int(episode_start.sum()))
    return _gather(finished, meter, venv)


def _gather(finished: Mapping[int, tuple[float, dict[str, Any]]], meter: Meter, venv: Any) -> Evaluation:
    """Sorts finished episodes by deal and turns them into columns."""
    order = sorted(finished)
    infos = [finished[i][1] for i in order]
    scored: list[dict[str, Any]] = [info.get("metrics", {}) for info in infos]
    names = dict.fromkeys(name for values in scored for name in values)
    metrics = {name: [float(values[name]) if name in values else None for values in scored] for name in names}
    return Evaluation(
        rewards=[finished[i][0] for i in order],
        metrics=metrics,
        responses=[str(info["response"]) for info in infos],
        sample_ids=[str(info["sample_id"]) for info in infos],
        stop_reasons=[str(info["stop_reason"]) for info in infos],
        tokens=sum(int(info["completion_tokens"]) for info in infos),
        invalid=sum(not bool(info.get("reward_valid", True)) for info in infos),
        seconds=meter.seconds,
        peak_bytes=meter.peak_bytes,
        fingerprint=venv.fingerprint(),
        counts=counted(venv, infos),
    )
