"""JSON as a model writes it: bare or in a fenced block, read strictly."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

__all__ = ["MAX_DEPTH", "read_json"]

MAX_DEPTH = 64
"""Objects and lists within one another; deeper values are refused, so that neither reading nor checking exhausts the stack."""

_FENCE = re.compile(r"^ {0,3}```[^\n`]*\n(.*?)^ {0,3}```", re.MULTILINE | re.DOTALL)


def read_json(text: str, fenced: bool = True) -> Any:
    """The JSON value that a response is.

    Strict: NaN and numbers too large to be finite are refused, as is an object that has a key twice (nobody knows which value is meant).

    Args:
        text: the response.
        fenced: whether a response with exactly one Markdown code block (three backticks) is that block, whatever stands around it.
    Raises:
        ValueError: the response is not JSON, or is nested deeper than ``MAX_DEPTH``.
    """
    if fenced:
        blocks = _FENCE.findall(text)
        if len(blocks) == 1:
            text = blocks[0]
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no finite number")


def _check_depth(value: Any) -> None:
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = _containers(item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer))
    if level:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _containers(values: Iterable[Any]) -> list[dict[str, Any] | list[Any]]:
    return [value for value in values if isinstance(value, dict | list)]
