"""What decides a reward besides its specification: code that is not this package's, and weights that are somebody's own.

Results by one name are only comparable where these are the same.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tokengym.rewards.base import BaseReward, Product, Sum
from tokengym.rewards.service import Service
from tokengym.rewards.weights import weights_digest

__all__ = ["outside_code"]


def outside_code(reward: BaseReward) -> list[str]:
    """sha256 of all that decides ``reward`` from outside, sorted; none where all of it is ours and stands in its specification.

    These are: each file outside this package in which a part of it is written (a class counts with those it extends; of what a file
    imports nothing is read), the version of a service, the arguments of a ``functools.partial``, and the weights of a local folder
    that a part names as its ``model`` or ``reference``.
    """
    found: set[str] = set()
    for part in _parts(reward):
        found.update(_digest(kind) for kind in _kinds(part) if not _ours(kind.__module__))
        found.update(_values(part))
    return sorted(found)


def _parts(reward: Any) -> Iterator[Any]:
    """``reward`` and what it is made of: terms, factors, a wrapped reward, a function, the function of a partial and its arguments."""
    yield reward
    inner: list[Any] = []
    if isinstance(reward, Sum):
        inner = [term for _, term in reward.terms]
    elif isinstance(reward, Product):
        inner = list(reward.factors)
    elif isinstance(reward, BaseReward):
        inner = [getattr(reward, "reward", None), getattr(reward, "function", None)]
    elif isinstance(reward, partial):
        inner = [reward.func, *reward.args, *reward.keywords.values()]
    for each in inner:
        if callable(each):
            yield from _parts(each)


def _kinds(part: Any) -> list[Any]:
    """What has a place in a file: a function itself, of an object its classes."""
    if inspect.isroutine(part):
        return [part]
    return [kind for kind in type(part).__mro__ if kind.__module__ not in ("builtins", "typing", "abc", "functools")]


def _values(part: Any) -> Iterator[str]:
    """sha256 of what no file of code says."""
    if isinstance(part, Service):
        yield _sha256(f"{part.name} {part.version}")
    if isinstance(part, partial):
        yield _sha256("\n".join([*map(_told, part.args), *(f"{key}={_told(part.keywords[key])}" for key in sorted(part.keywords))]))
    for key in ("model", "reference"):
        named = getattr(part, key, None)
        weights = weights_digest(named) if isinstance(named, str) else None
        if weights:
            yield weights


def _told(value: object) -> str:
    """A value as JSON; what JSON does not know counts by its class."""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return f"{type(value).__module__}:{type(value).__qualname__}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _ours(module: str) -> bool:
    return module.partition(".")[0] == "tokengym"


def _digest(kind: Any) -> str:
    """Of the file where ``kind`` is written; where there is none (typed into a session), of its own lines; else of its name."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file and Path(file).is_file():
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    try:
        return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
    except (OSError, TypeError):
        return hashlib.sha256(f"{kind.__module__}:{kind.__qualname__}".encode()).hexdigest()
