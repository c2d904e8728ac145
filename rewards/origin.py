"""The code of rewards that are not this package's: results by one name are only comparable where it is the same."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokengym.rewards.base import BaseReward, Custom, Product, Sum

__all__ = ["outside_code"]


def outside_code(reward: BaseReward) -> list[str]:
    """sha256 of each file outside this package in which a part of ``reward`` is written, sorted; none where all of it is ours.

    A class counts with those it extends. Of what a file imports nothing is read.
    """
    return sorted({_digest(kind) for part in _parts(reward) for kind in _kinds(part) if not _ours(kind.__module__)})


def _parts(reward: Any) -> Iterator[Any]:
    """``reward`` and what it is made of: terms, factors, a wrapped reward, a function."""
    yield reward
    inner: list[Any] = [getattr(reward, "reward", None)]
    if isinstance(reward, Sum):
        inner = [term for _, term in reward.terms]
    elif isinstance(reward, Product):
        inner = list(reward.factors)
    elif isinstance(reward, Custom):
        yield reward.function
    for each in inner:
        if isinstance(each, BaseReward):
            yield from _parts(each)


def _kinds(part: Any) -> list[Any]:
    """What has a place in a file: a function itself, of an object its classes."""
    if inspect.isroutine(part):
        return [part]
    return [kind for kind in type(part).__mro__ if kind.__module__ not in ("builtins", "typing", "abc", "functools")]


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
