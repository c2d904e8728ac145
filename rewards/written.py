"""How an object is written into a specification: the place where it is defined, and its arguments as the grammar reads them."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import numpy as np

__all__ = ["UNWRITABLE", "ClassName", "arguments_of", "literal", "place_of"]

UNWRITABLE = "?"
"""Stands for a value that no specification can hold. The grammar refuses it, so that nobody gets another reward than was written."""


class ClassName:
    """The ``name`` of a class that gives itself none: RougeL is "rouge_l"."""

    def __get__(self, made: object, kind: type) -> str:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.__name__).lower()


def literal(value: object) -> str:
    """``value`` as the grammar writes it: a number, a quoted text, True, False or None.

    Raises:
        TypeError: ``value`` is of another kind, or not finite.
    """
    if isinstance(value, np.generic):
        value = value.item()  # numpy's scalars write themselves as np.float64(0.5)
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    raise TypeError(f"{value!r} cannot stand in a specification: expected a finite number, a text, True, False or None")


def arguments_of(made: object) -> str:
    """The constructor's arguments that differ from their defaults, as "(goal=10)", read from attributes of the same names.

    "" where none differs; "?" in the place of a value that is not kept or cannot be written.
    """
    try:
        parameters = inspect.signature(type(made)).parameters
    except (TypeError, ValueError):  # a class written in C
        return ""
    changed: list[str] = []
    for key, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        try:
            value = getattr(made, key)
            if parameter.default is not parameter.empty and _same(value, parameter.default):
                continue
            changed.append(f"{key}={literal(value)}")
        except (AttributeError, TypeError):
            changed.append(f"{key}={UNWRITABLE}")
    return f"({', '.join(changed)})" if changed else ""


def place_of(made: Any) -> str:
    """ "module:name" of a function, or of an object's class with its arguments: what the grammar imports."""
    if inspect.ismethod(made):
        return f"{made.__module__}:{made.__qualname__}({UNWRITABLE})"  # it belongs to an object, which a name does not lead to
    if hasattr(made, "__qualname__"):
        return f"{made.__module__}:{made.__qualname__}"
    return f"{type(made).__module__}:{type(made).__qualname__}{arguments_of(made)}"


def _same(value: object, default: object) -> bool:
    """Equal and of one kind: True is not 1. An array, whose comparison gives no single answer, differs."""
    try:
        return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)
    except ValueError:
        return False
