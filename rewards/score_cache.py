"""Scores on disk, keyed by content: one SQLite file, which several processes may read and write at the same time."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from tokengym.rewards.sample import Sample

__all__ = ["ScoreCache", "content_key"]

_WAIT = 30.0  # seconds until another process must have finished its write
_AT_ONCE = 500  # keys in one query
# NULL: the service said that the sample cannot be scored. In files made before that was kept, NULL is refused, and the row left out.
_TABLE = "CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, value REAL, service TEXT NOT NULL) WITHOUT ROWID"


def content_key(service: str, sample: Sample) -> str:
    """The sha256 of a service's description and of all that a sample says, in hexadecimal.

    Raises:
        TypeError: ``meta`` holds something that JSON does not know.
    """
    content = [service, _plain(tuple(sample))]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


class ScoreCache:
    """Key to score in one file. A score is there whole or not at all; of two processes that write one key, the first is kept.

    The file is opened for each call and closed again, so that the object can be sent to other processes. The file must lie on a disk of
    this machine: SQLite's locks do not hold on most network drives.

    Args:
        path: the file; it and its folders are made at the first write.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def read(self, keys: Iterable[str]) -> dict[str, float]:
        """The scores of those of ``keys`` that are known; NaN where the sample cannot be scored.

        Raises:
            RuntimeError: the file cannot be read as such a cache.
        """
        wanted = list(keys)
        if not self.path.exists():
            return {}
        found: dict[str, float] = {}
        try:
            with closing(self._open()) as connection:
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'scores'").fetchall():
                    return {}
                for start in range(0, len(wanted), _AT_ONCE):
                    some = wanted[start : start + _AT_ONCE]
                    rows = connection.execute(f"SELECT key, value FROM scores WHERE key IN ({','.join('?' * len(some))})", some)
                    found.update((key, math.nan if value is None else value) for key, value in rows)
        except sqlite3.Error as error:
            raise RuntimeError(f"cache {str(self.path)!r} cannot be read ({error}); give another file, or move this one away") from error
        return found

    def write(self, scores: Mapping[str, float], service: str) -> None:
        """Adds scores in one transaction.

        Args:
            scores: key to score, NaN for a sample that cannot be scored.
            service: which service gave them, for whoever looks into the file.
        Raises:
            RuntimeError: the file cannot be written.
        """
        rows = [(key, value, service) for key, value in scores.items()]  # NaN becomes NULL
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as connection:
                connection.execute("BEGIN IMMEDIATE")  # waits for its turn here; a lock asked for later may be refused at once
                connection.execute(_TABLE)
                connection.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?, ?)", rows)
                connection.execute("COMMIT")  # closed before that, by whatever cause, the file is as it was
        except (sqlite3.Error, OSError) as error:
            raise RuntimeError(f"cache {str(self.path)!r} cannot be written ({error})") from error

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)  # None: transactions begin where they are written


def _plain(value: Any) -> Any:
    """``value`` as lists, mappings by text, texts and numbers, the same for equal contents."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"the keys of {value!r} are not texts; a sample that is sent to a service holds what JSON knows")
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(inner) for inner in value), key=json.dumps)
    raise TypeError(f"{value!r} is {type(value).__name__!r}; a sample that is sent to a service holds what JSON knows")
