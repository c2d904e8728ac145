"""What a record must hold for tables to be made of it, and what is wrong with one that somebody changed."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["check_record"]

_TEXT, _WHOLE, _NUMBER, _MAYBE, _OBJECT = "a text", "a whole number", "a number", "a number or null", "an object"
_MAYBE_TEXT = "a text or null"
_KINDS: dict[str, set[type]] = {
    _TEXT: {str},
    _WHOLE: {int},
    _NUMBER: {int, float},
    _MAYBE: {int, float, type(None)},
    _MAYBE_TEXT: {str, type(None)},
    _OBJECT: {dict},
}
# Path of keys -> what stands there.
_PARTS = {
    "seed": _WHOLE,
    "env.id": _TEXT,
    "env.fingerprint": _TEXT,
    "data.sha256": _TEXT,
    "tokenizer.fingerprint": _TEXT,
    "reward.spec": _TEXT,
    "reward.fingerprint": _TEXT,
    "agent.name": _TEXT,
    "agent.kind": _TEXT,
    "agent.config": _OBJECT,
    "agent.budget": _NUMBER,
    "agent.start": _MAYBE_TEXT,
    "agent.train_kwargs": _OBJECT,
    "model.name": _MAYBE_TEXT,
    "used.labels": _MAYBE,
    "used.reward_calls": _MAYBE,
    "cost.train_tokens": _MAYBE,
    "cost.wall_s": _NUMBER,
    "cost.peak_memory_bytes": _NUMBER,
    "training": _OBJECT,
}
_OF_DONE = {"eval.n": _WHOLE, "eval.invalid": _WHOLE, "eval.metrics": _OBJECT}


class _Missing:
    """Stands for what a record does not have."""


def check_record(record: dict[str, Any], where: str) -> None:
    """Refuses a record of which no table can be made.

    Args:
        record: one line of results.jsonl, read.
        where: its file and line, for the error.
    Raises:
        ValueError: a part is missing, or of another kind or length than it was written with.
    """
    status = _find(record, "status")
    if status not in ("done", "failed"):
        raise ValueError(f'{where}: status is {_shown(status)}; expected "done" or "failed"')
    for path, kind in (_PARTS | _OF_DONE if status == "done" else _PARTS).items():
        value = _find(record, path)
        if type(value) not in _KINDS[kind]:
            raise ValueError(f"{where}: {path} is {_shown(value)}; expected {kind}")
    curves = record["training"]
    for name in curves:
        beside = name if name.endswith("_tokens") else f"{name}_tokens"
        tokens = curves.get(beside, _Missing)
        if type(tokens) is not list:
            raise ValueError(f"{where}: training.{beside} is {_shown(tokens)}; expected a list of numbers")
        _check_list(curves[name], _NUMBER, len(tokens), f"{where}: training.{name}")
    if status == "done":
        played = record["eval"]
        columns = {"eval.reward": _NUMBER, "eval.responses": _TEXT, "eval.sample_ids": _TEXT, "eval.stop_reasons": _TEXT}
        for path, kind in {**columns, **{f"eval.metrics.{name}": _MAYBE for name in played["metrics"]}}.items():
            _check_list(_find(record, path), kind, played["n"], f"{where}: {path}")


def _check_list(values: Any, kind: str, length: int, where: str) -> None:
    wanted = f"expected a list of {length}, each entry {kind}"
    if type(values) is not list:
        raise ValueError(f"{where} is {_shown(values)}; {wanted}")
    if len(values) != length or not values:
        raise ValueError(f"{where} has {len(values)} entries; {wanted}")
    wrong = [place for place, value in enumerate(values) if type(value) not in _KINDS[kind]]
    if wrong:
        raise ValueError(f"{where}[{wrong[0]}] is {_shown(values[wrong[0]])}; {wanted}")


def _find(record: dict[str, Any], path: str) -> Any:
    value: Any = record
    for name in path.split(".", 2):  # a metric's name may hold a dot
        value = value.get(name, _Missing) if isinstance(value, dict) else _Missing
    return value


def _shown(value: Any) -> str:
    return "missing" if value is _Missing else json.dumps(value, ensure_ascii=False)[:60]
