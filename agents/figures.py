"""What a validation's episodes come to: the mean reward, and each metric as a table would have it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tokengym.agents.rollout import Rollout

__all__ = ["validation_figures"]


def validation_figures(rollout: Rollout, venv: Any) -> dict[str, float]:
    """The mean of the rewards that could be scored, and by name the mean of each metric, or, of one with counts, that of all answers.

    Where no answer could be scored, the mean reward is NaN, which beats no other score.

    Args:
        rollout: whole episodes.
        venv: that played them, and was not reset since; of other vector envs than tokengym's, metrics are means.
    """
    columns: dict[str, list[float]] = {"reward": rollout.scores[rollout.valid].tolist() or [math.nan]}
    for info in rollout.infos:
        for metric, value in info.get("metrics", {}).items():
            columns.setdefault(metric, []).append(value)
    figures = {name: float(np.mean(column)) for name, column in columns.items()}
    inner = getattr(venv, "unwrapped", venv)
    engine = getattr(inner, "engine", None)
    named = () if engine is None else zip(engine.metric_names, engine.metrics, strict=True)
    counted = {name: metric.corpus for name, metric in named if hasattr(metric, "corpus") and name in figures}
    if counted:
        samples = [inner.sample(int(info["index"]), str(info["response"]), str(info["stop_reason"])) for info in rollout.infos]
        figures |= {name: corpus(samples) for name, corpus in counted.items()}
    return figures
