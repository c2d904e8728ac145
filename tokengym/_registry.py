"""Tables from a name to an object, filled with strings so that nothing heavy is imported before it is asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

__all__ = ["Registry", "unknown"]


def unknown(kind: str, value: object, known: Iterable[str], hint: str = "") -> ValueError:
    """The error for a name that nobody knows: the value, the nearest known name, all known names, and ``hint``."""
    names = sorted(known)
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    close = [name for name in names if "".join(word[:1] for word in name.split("_")) == value] or close  # lr: learning_rate
    guess = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names) if names else "none"
    return ValueError(f"{value!r} is not a known {kind}.{guess} Known: {listed}.{' ' + hint if hint else ''}")


class Registry(Mapping[str, T], Generic[T]):
    """Name to object; a row may be ``"module:attribute"``, which is imported on first use.

    Args:
        kind: what the names name, for error messages ("reward", "task").
        rows: the built-in rows.
        hint: a sentence that every "unknown name" error ends with.
        check: called with a name and its object, when it is registered or else loaded; raises ValueError where the two do not go together.
    """

    def __init__(
        self, kind: str, rows: Mapping[str, str | T], hint: str = "", check: Callable[[str, T], None] = lambda name, found: None
    ) -> None:
        self.kind = kind
        self.hint = hint
        self.check = check
        self._rows: dict[str, Any] = dict(rows)

    def register(self, name: str, row: str | T) -> None:
        """Adds a row. Raises ValueError when ``name`` is taken by another object."""
        if name in self._rows and self._rows[name] != row:
            raise ValueError(f"the {self.kind} {name!r} is registered already, as {self._rows[name]!r}; choose another name")
        if not isinstance(row, str):
            self.check(name, row)
        self._rows[name] = row

    def __getitem__(self, name: str) -> T:
        if name not in self._rows:
            raise KeyError(str(unknown(self.kind, name, self._rows, self.hint)))
        row = self._rows[name]
        if not isinstance(row, str):
            return cast(T, row)
        module, _, attribute = row.partition(":")
        try:
            found = cast(T, getattr(importlib.import_module(module), attribute))
        except (ImportError, AttributeError) as error:
            raise ImportError(f"the {self.kind} {name!r} is registered as {row!r}, which cannot be imported: {error}") from error
        self.check(name, found)
        return found

    def find(self, name: str) -> T:
        """The object, or a ValueError that says "did you mean"."""
        if name not in self._rows:
            raise unknown(self.kind, name, self._rows, self.hint)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
