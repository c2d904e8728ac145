"""Alarms of a training run: what usually goes wrong in reinforcement learning on text, noticed in its figures and said in words.

Each alarm is a function of the run's history, which gives a sentence with the likely cause, or None; its thresholds stand above it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["ALARMS", "alarms", "answer_figures"]

History = Sequence[Mapping[str, float]]

_UPDATES = 3  # in a row, before a figure of single updates is believed


def answer_figures(infos: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What the alarms ask of a collection: the share of answers that are cut off by a token budget, and that have no text."""
    known = [info for info in infos if "stop_reason" in info]
    if not known:
        return {}
    cut_off = sum(info["stop_reason"] in ("max_tokens", "context") for info in known)
    empty = sum(not str(info.get("response", "")).strip() for info in known)
    return {"cut_off": cut_off / len(known), "empty": empty / len(known)}


def alarms(history: History, metric: str = "reward", said: Mapping[str, str] | None = None) -> dict[str, str]:
    """The alarms that the last update of ``history`` raises, name to sentence, without those that were ``said`` before.

    Args:
        history: of the agent; one dict of figures per update.
        metric: what "validation" in it measures.
        said: alarms of this run so far.
    """
    found = {}
    for name, alarm in ALARMS.items():
        text = None if said and name in said else alarm(history, metric)
        if text is not None:
            found[name] = text
    return found


def _last(history: History, name: str) -> list[float]:
    """The figure in the last updates, as many as it takes to believe it; none where it is missing in one of them."""
    values = [stats[name] for stats in history[-_UPDATES:] if name in stats]
    return values if len(values) == _UPDATES else []


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# The training reward of the updates between the last two validations is above that of those before by this share of its size, and
# the last three validations fall, by this share together.
_RISE = _FALL = 0.05


def _reward_hacking(history: History, metric: str) -> str | None:
    at = [i for i, stats in enumerate(history) if "validation" in stats]
    if len(at) < 3 or at[-1] != len(history) - 1:
        return None
    first, second, third = (history[i]["validation"] for i in at[-3:])
    before, after = (
        [stats["reward"] for stats in history[start + 1 : end + 1] if "reward" in stats]
        for start, end in ((at[-3], at[-2]), (at[-2], at[-1]))
    )
    if not before or len(after) < min(_UPDATES, len(before)) or not first > second > third:  # the last ones may be few
        return None
    was, now = _mean(before), _mean(after)
    if now - was <= _RISE * max(abs(was), 1e-6) or first - third <= _FALL * max(abs(first), 1e-6):
        return None
    likely = (
        "the policy learns the training examples by heart; use more of them, fewer updates, or patience=2"
        if metric == "reward"
        else f"the reward is being gamed: it pays for something that {metric} does not. Read samples.jsonl, try `tokengym probe`, "
        "raise kl_beta, or mend the reward"
    )
    return (
        f"the training reward rises ({was:.3f} -> {now:.3f}) while {metric} on held-out examples falls "
        f"({first:.3f} -> {second:.3f} -> {third:.3f}). Likely {likely}. The best weights so far are kept."
    )


_KL_HIGH = 30.0  # nats per sequence: five times the target of the adaptive controller
_KL_LOW = -1.0  # nats per sequence: a mean of k1 below 0 is noise, this far below is a mistake


def _kl_high(history: History, metric: str) -> str | None:
    values = _last(history, "kl")
    if not values or min(values) <= _KL_HIGH:
        return None
    return (
        f"the KL to the starting model is {values[-1]:.1f} nats per sequence (over {_KL_HIGH:.0f} in {_UPDATES} updates): the policy has "
        "left what the model knew as language. Likely the learning rate is too high or kl_beta too low"
    )


def _kl_negative(history: History, metric: str) -> str | None:
    values = _last(history, "kl")
    if not values or max(values) >= _KL_LOW:
        return None
    return (
        f"the estimated KL to the starting model is {values[-1]:.1f} nats per sequence, and a KL is never negative: the answers were not "
        "drawn from the policy whose log-probabilities were recorded. Likely another temperature, a sampling filter, or dropout"
    )


_CLIPPED = 0.4  # of the agent's tokens
_STEP_KL = 0.2  # nats per token between the policy that played and the one that learns


def _ratio(history: History, metric: str) -> str | None:
    clipped, moved = _last(history, "clip_fraction"), _last(history, "approx_kl")
    if (clipped and min(clipped) > _CLIPPED) or (moved and min(moved) > _STEP_KL):
        return (
            f"one update moves the policy too far: {clipped[-1] if clipped else 0.0:.0%} of the tokens' ratios are clipped, "
            f"{moved[-1] if moved else 0.0:.2f} nats per token from the policy that played (bounds {_CLIPPED:.0%}, {_STEP_KL}). "
            "Likely the learning rate is too high, or epochs too many; target_kl stops an update in time"
        )
    return None


_RATIO_ERROR = 1e-2  # in float32 it is below 1e-4, with bfloat16 weights rollout and update pass agree by construction


def _first_ratio(history: History, metric: str) -> str | None:
    error = history[-1].get("first_ratio_error", 0.0)
    if error <= _RATIO_ERROR:
        return None
    return (
        f"before the first step of an update the ratio of new to old policy is off by {error:.3g}, and should be 1 to within 1e-4: "
        "rollout and update pass disagree on the same tokens. Likely dropout, a wrong mask or position, or weights that changed in between"
    )


_ENTROPY_SHARE = 0.1  # of the entropy in the first updates
_ENTROPY_LOW = 0.1  # nats per token


def _entropy(history: History, metric: str) -> str | None:
    values = [stats["entropy"] for stats in history if "entropy" in stats]
    if len(values) <= 2 * _UPDATES or len(last := _last(history, "entropy")) < _UPDATES:
        return None
    began = _mean(values[:_UPDATES])
    if max(last) > min(_ENTROPY_LOW, _ENTROPY_SHARE * began):
        return None
    return (
        f"the policy's entropy collapsed ({began:.3f} -> {last[-1]:.3f} nats per token): it gives one answer per prompt and explores no "
        "more. Fine if that answer is right; else likely the learning rate is too high or kl_beta too low (PPO: entropy_coefficient helps)"
    )


_ALL = 0.95  # of the answers of a collection


def _cut_off(history: History, metric: str) -> str | None:
    values = _last(history, "cut_off")
    if not values or min(values) < _ALL:
        return None
    return (
        f"{values[-1]:.0%} of the answers run into the token limit: they never end by themselves. Likely max_new_tokens is too small for "
        "the task, the model was never taught to stop (a few steps of SFT do), or the reward pays for length"
    )


def _empty(history: History, metric: str) -> str | None:
    values = _last(history, "empty")
    if not values or min(values) < _ALL:
        return None
    return (
        f"{values[-1]:.0%} of the answers are empty. Likely saying nothing earns more than a wrong answer does (try `tokengym probe`), "
        "or the prompt already ends with what ends an answer"
    )


_UNSCORED = 0.2  # of the answers of a collection


def _unscored(history: History, metric: str) -> str | None:
    values = _last(history, "valid")
    if not values or max(values) > 1 - _UNSCORED:
        return None
    return (
        f"{1 - values[-1]:.0%} of the answers could not be scored and teach nothing. Likely the reward needs references that these "
        "examples lack, or a service or a model behind it does not answer"
    )


ALARMS: dict[str, Callable[[History, str], str | None]] = {
    "reward_hacking": _reward_hacking,
    "kl_high": _kl_high,
    "kl_negative": _kl_negative,
    "ratio": _ratio,
    "first_ratio": _first_ratio,
    "entropy": _entropy,
    "cut_off": _cut_off,
    "empty": _empty,
    "unscored": _unscored,
}
