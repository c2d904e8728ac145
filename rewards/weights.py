"""The weights of a model in a local folder, which may be written anew while the folder's name stays: what tells one state from the next."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from tokengym._models import model_folder

__all__ = ["State", "state", "weights_digest"]

State: TypeAlias = tuple[tuple[str, int, int], ...]
"""Of each file of weights its path in the folder, when it was written (nanoseconds), and its size (bytes)."""

_seen: dict[str, State] = {}  # by the folder's name


def state(name: str) -> State:
    """Of the safetensors files of a local folder, and of the folders in it of which a sentence encoder is made.

    Where these files are gone, what was last seen of them, so that a model that has been loaded goes on.

    Returns:
        () for a model of this package, of the cache or of the hub.
    """
    folder = Path(name)
    if not name or not folder.is_dir() or model_folder(name) != name:
        return _seen.get(name, ())
    files = sorted(file for place in (folder, *_modules(folder)) for file in place.glob("*.safetensors"))
    found = [(file, file.stat()) for file in files]
    now = tuple((file.relative_to(folder).as_posix(), about.st_mtime_ns, about.st_size) for file, about in found)
    if now:
        _seen[name] = now
    return now or _seen.get(name, ())


def _modules(folder: Path) -> list[Path]:
    """The folders in ``folder`` that its modules.json names, as sentence-transformers writes it."""
    try:
        named = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        return [folder / module["path"] for module in named if module["path"]]
    except (OSError, ValueError, TypeError, KeyError):  # no encoder, or one that will not load
        return []


def weights_digest(name: str) -> str | None:
    """sha256 of a local folder's weights; None where :func:`state` is empty, or where they are gone and nobody has read them before."""
    now = state(name)
    try:
        return _digest(name, now) if now else None
    except FileNotFoundError:
        return None


@lru_cache(maxsize=64)
def _digest(name: str, now: State) -> str:
    """``now`` only tells one state of the files from the next: a copy of them has the same sha256."""
    whole = hashlib.sha256()
    for path, _, size in now:
        whole.update(f"{path} {size}\n".encode())
        with open(Path(name) / path, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()
