"""Options of tasks: how a field says what it takes, and the one place where a value is held against that."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tokengym._registry import unknown

__all__ = ["check_options", "not_builtin", "option"]

_WORDS: dict[Any, str] = {bool: "True or False", int: "a whole number", float: "a number", str: "a text", type(None): "None"}


def option(
    default: Any,
    *,
    known: Sequence[str] = (),
    least: float | None = None,
    most: float | None = None,
    builtin: bool = False,
    later: bool = False,
) -> Any:
    """A field of a task's ``Options`` of which more is said than its type.

    Args:
        default: where nobody gives another value.
        known: all texts that it can be; empty: any.
        least: the lowest number.
        most: the highest number.
        builtin: only the builtin data heeds it, and a named set whose loader has a parameter of its name.
        later: it came after results had been published, so fingerprints hold it only where it differs from the default.
    """
    said = {"known": tuple(known), "least": least, "most": most, "builtin": builtin, "later": later}
    return field(default=default, metadata=said)


def check_options(options: Any) -> None:
    """Holds each field that differs from its default against its declared type, and against what :func:`option` says of it.

    Types are bool, int, float, str, None, literals, and unions of these; a field of any other type is left alone.

    Raises:
        ValueError: the value is of another kind, outside its range, or not among the known ones.
    """
    if not is_dataclass(options) or isinstance(options, type):
        return
    try:
        hints = get_type_hints(type(options))
    except (NameError, TypeError, AttributeError):  # a type that is only there for type checkers
        hints = {}
    for each in fields(options):
        value, said = getattr(options, each.name), each.metadata
        if value is each.default:
            continue
        declared = hints.get(each.name, Any)
        least, most = said.get("least"), said.get("most")
        fits = _fits(value, declared)
        if fits and (least is not None or most is not None):
            fits = (least is None or value >= least) and (most is None or value <= most)  # which nan is not
        if not fits:
            raise ValueError(f"{each.name}={value!r}; expected {_words(declared)}{_range(least, most)}")
        if said.get("known") and value not in said["known"]:
            raise unknown(each.name, value, said["known"])


def not_builtin(options: Any, heeded: Sequence[str] = ()) -> dict[str, Any]:
    """The options that were given a value and that only the builtin data heeds, ``heeded`` aside."""
    if not is_dataclass(options) or isinstance(options, type):
        return {}
    told = {each.name: each.default for each in fields(options) if each.metadata.get("builtin") and each.default is not MISSING}
    return {name: getattr(options, name) for name in told if getattr(options, name) != told[name] and name not in heeded}


def _fits(value: object, declared: Any) -> bool:
    """Whether a value is of a type; True where the type is none of those that are checked."""
    if get_origin(declared) in (Union, types.UnionType):
        return any(_fits(value, each) for each in get_args(declared))
    if get_origin(declared) is Literal:
        return value in get_args(declared)
    if declared not in _WORDS:
        return True
    if isinstance(value, bool):  # which is an int to Python
        return declared is bool
    return isinstance(value, (int, float) if declared is float else declared)


def _words(declared: Any) -> str:
    if get_origin(declared) in (Union, types.UnionType):
        return " or ".join(map(_words, get_args(declared)))
    if get_origin(declared) is Literal:
        return "one of " + ", ".join(map(repr, get_args(declared)))
    return _WORDS.get(declared, "another value")


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    return f", {least:g} or more" if least is not None else f", {most:g} or less" if most is not None else ""
