"""Episodes that are over: what they earned, and what the infos of their last step say; and those of a first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tokengym.envs.infos import Columns, known_first, row_infos
from tokengym.envs.prompts import Prompt
from tokengym.rewards import BaseReward, Sample, Sum

__all__ = ["FINISHED", "Ended", "Names", "Scored", "begun_columns", "potentials", "score_episodes", "told_apart"]

FINISHED = frozenset({"eos", "stop", "complete"})
"""Reasons by which the agent itself ended its answer."""

_GRID = 2.0**44  # scores are rounded to 1/_GRID (6e-14), so that sums of their differences are exact in float64
_COARSE = 2.0**8  # float64 has no more than _GRID steps for each 1 from here on


class Ended(NamedTuple):
    """An episode that is over, or, for delta rewards, its text so far (``reason`` is "" then).

    ``completion`` are the agent's tokens, of all its turns; ``said`` its turns as texts, where the task has several.
    """

    prompt: Prompt
    deal: int
    completion: npt.NDArray[np.int32]  # (T,)
    reason: str
    said: tuple[str, ...] = ()


class Scored(NamedTuple):
    """What a batch of episodes earned, and the infos of their last steps."""

    scores: list[float]
    columns: Columns

    @property
    def infos(self) -> list[dict[str, Any]]:
        """The infos one by one."""
        return row_infos(self.columns, len(self.scores))


class Names(NamedTuple):
    """What the infos call the metrics, and those terms of the reward that they do not call by their components' names."""

    metrics: tuple[str, ...]
    terms: Mapping[str, str]


def told_apart(reward: BaseReward, metrics: Sequence[BaseReward]) -> Names:
    """Names of metrics and terms; where one would stand for two scores, as "ndcg" for ndcg(k=3) and ndcg, their specifications do."""
    terms = list(zip(reward.keys, (term for _, term in reward.terms), strict=True)) if isinstance(reward, Sum) else [(reward.name, reward)]
    specs: dict[str, set[str]] = {}
    for each in (*metrics, *(term for _, term in terms)):
        specs.setdefault(each.name, set()).add(each.spec)
    shared = {metric.name for metric in metrics if len(specs[metric.name]) > 1}
    return Names(
        tuple(metric.spec if metric.name in shared else metric.name for metric in metrics),
        {key: term.spec + key.removeprefix(term.name) for key, term in terms if term.name in shared},
    )


def score_episodes(
    episodes: Sequence[Ended], samples: Sequence[Sample], reward: BaseReward, metrics: Sequence[BaseReward], names: Names, turns: bool
) -> Scored:
    """Scores and infos, in one call of the reward and of each metric.

    Args:
        episodes: (B,) which are over, at least one.
        samples: (B,) the same as texts.
        reward: what is paid.
        metrics: what is told beside it; one that is ``reward`` itself is not computed again.
        names: what the infos call them, see :func:`told_apart`.
        turns: whether the infos tell how many turns there were.
    """
    earned, components, paid = reward.listed(samples)
    measured: dict[str, list[float | None]] = {}
    for name, metric in zip(names.metrics, metrics, strict=True):
        scores, _, valid = (earned, components, paid) if metric is reward else metric.listed(samples)
        if all(valid):
            measured[name] = [*scores]
        else:  # of two metrics of one name, the last that is known
            before = measured.get(name, [None] * len(samples))
            measured[name] = [score if ok else other for score, ok, other in zip(scores, valid, before, strict=True)]
    if names.terms:
        components = {names.terms.get(name, name): part for name, part in components.items()}
    columns: dict[str, Any] = {
        "sample_id": [episode.prompt.example.id for episode in episodes],
        "index": [episode.prompt.index for episode in episodes],
        "deal_index": [episode.deal for episode in episodes],
        "response": [sample.response for sample in samples],
        "reward_components": components,
        "reward_valid": paid,
        "metrics": known_first(measured),
        "stop_reason": [episode.reason for episode in episodes],
        "completion_tokens": [len(episode.completion) for episode in episodes],
    }
    if turns:
        columns["turns"] = [len(episode.said) for episode in episodes]
    return Scored(list(map(_rounded, earned)), columns)


def potentials(samples: Sequence[Sample], reward: BaseReward) -> list[float]:
    """Scores of unfinished texts, for delta rewards; NaN where a text cannot be scored."""
    scores, _, valid = reward.listed(samples)
    return [_rounded(score) if ok else float("nan") for score, ok in zip(scores, valid, strict=True)]


def begun_columns(prompts: Sequence[Prompt], deals: Sequence[int]) -> Columns:
    """The infos of first observations; a deal is -1 where the example was picked, not dealt."""
    return {
        "sample_id": [prompt.example.id for prompt in prompts],
        "index": [prompt.index for prompt in prompts],
        "deal_index": list(deals),
        "prompt_tokens": [len(prompt.ids) for prompt in prompts],
        "prompt_cut": [prompt.cut for prompt in prompts],
    }


def _rounded(score: float) -> float:
    return round(score * _GRID) / _GRID if -_COARSE < score < _COARSE else score
