"""Places: "my_package.my_module:MyReward" leads to a reward from outside this package."""

from __future__ import annotations

import copy
import importlib

from tokengym._registry import unknown
from tokengym.rewards.base import BaseReward, Custom, Product, Sum
from tokengym.rewards.written import UNWRITABLE

__all__ = ["called", "imported"]


def imported(place: str) -> object:
    """What stands at "module:name": a class whose objects are rewards, a ready reward, or a function over a batch.

    The module is imported, which runs it. A class is only returned if its objects can be called, so that a specification cannot
    make just any object of any library.

    Raises:
        ValueError: there is no such module, it fails, there is no such name in it, or it names no reward.
    """
    module, _, path = place.partition(":")
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            remedy = "install the package that holds it, or set PYTHONPATH to the folder where it lies"
            raise ValueError(f"there is no module {error.name!r}; {remedy}") from error
        raise ValueError(f"importing {module!r} failed: {error}") from error
    except Exception as error:
        raise ValueError(f"importing {module!r} failed: {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            known = [known for known in dir(found) if not known.startswith("_")]
            raise ValueError(str(unknown(f"name in {module!r}", name, known)))
        found = getattr(found, name)
    expected = "expected a class whose objects can be called with a batch, such an object, or a function over a batch"
    if isinstance(found, type):
        if not any("__call__" in vars(kind) for kind in found.__mro__):
            raise ValueError(f"{place!r} is a class without __call__; {expected}")
    elif not callable(found):
        raise ValueError(f"{place!r} is {type(found).__name__!r}, no reward; {expected}")
    return found


def called(reward: BaseReward, alias: str, name: str | None, ready: bool) -> BaseReward:
    """``reward`` with a specification that reads back, where its own would not.

    Args:
        reward: what was found or made.
        alias: how the specification calls it: a registered name or a place.
        name: overrides the name of a function's reward.
        ready: ``alias`` leads to this very object; otherwise to its class, and its arguments follow.
    """
    if isinstance(reward, Custom):
        return Custom(reward.function, name=name or reward.name, spec=alias) if ready else reward
    if isinstance(reward, Sum | Product):
        return reward  # written by its parts
    own = reward.spec
    if UNWRITABLE not in own and "<" not in own if ready else type(reward).__module__.startswith("tokengym."):
        return reward
    twin = copy.copy(reward)  # the registered object stays as it is
    twin._alias, twin._ready = alias, ready
    return twin
