"""Reads answers to be scored from JSON lines, and says which line is wrong and what was expected."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tokengym.rewards import Sample

__all__ = ["Answer", "count_lines", "read_answers"]

_KEYS = ("prompt", "response", "references", "meta", "finished")
_ROW = '{"prompt": "...", "response": "...", "references": ["..."]}'


class Answer(NamedTuple):
    """A line of the file: its number (from 1), its "id" if it has one, and what is scored."""

    line: int
    id: Any
    sample: Sample


def count_lines(file: str) -> int | None:
    """Lines of a file; None for standard input."""
    if file == "-" or not Path(file).is_file():
        return None
    with open(file, "rb") as lines:
        return sum(1 for _ in lines)


def read_answers(file: str) -> Iterator[Answer]:
    """The answers of a file ("-": standard input), one by one; empty lines are skipped, keys that nobody knows are ignored.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a line is no answer; the message names the line and what was expected.
    """
    name = "standard input" if file == "-" else file
    with ExitStack() as stack:
        if file == "-":
            lines: Iterable[str] = sys.stdin
        elif not Path(file).is_file():
            raise FileNotFoundError(f"{file} is not a file; expected JSON lines such as {_ROW}, or - for standard input")
        else:
            lines = stack.enter_context(open(file, encoding="utf-8-sig"))
        number = 0
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _answer(line, number, f"{name}, line {number}")
        except UnicodeDecodeError as error:
            raise ValueError(f"{name} is not UTF-8 text, near line {number + 1} ({error.reason})") from None


def _answer(line: str, number: int, where: str) -> Answer:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} is not JSON ({error}); expected an object such as {_ROW}") from None
    if not isinstance(row, Mapping):
        raise ValueError(f"{where} is {_kind(row)}; expected an object such as {_ROW}")
    for key in _KEYS:  # "reference" instead of "references" must not become an answer without any
        close = [] if key in row else difflib.get_close_matches(key, [str(k) for k in row if k not in _KEYS], n=1, cutoff=0.8)
        if close:
            raise ValueError(f"{where} has {close[0]!r}; the key is {key!r}: {_ROW}")
    if "response" not in row:
        raise ValueError(f"{where} has no 'response', the text that is scored; its keys: {', '.join(map(str, row)) or 'none'}")
    values = {key: _checked(key, row.get(key), where) for key in _KEYS}
    return Answer(number, row.get("id"), Sample(**values))


def _checked(key: str, value: Any, where: str) -> Any:
    """A value of a row as :class:`Sample` wants it; what is absent or null gets the default."""
    if key in ("prompt", "response"):
        if isinstance(value, str) or (value is None and key == "prompt"):
            return value or ""
        raise ValueError(f"{where}: {key} is {_kind(value)}; expected a text")
    if key == "references":
        if value is None:
            return ()
        if isinstance(value, str):
            raise ValueError(f"{where}: references is a text; expected a list of texts: {json.dumps([value], ensure_ascii=False)}")
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise ValueError(f"{where}: references is {_kind(value)}; expected a list of texts")
        return tuple(value)
    if key == "meta":
        if value is None or isinstance(value, Mapping):
            return value or {}
        raise ValueError(f"{where}: meta is {_kind(value)}; expected an object")
    if value is None or isinstance(value, bool):
        return value is not False
    raise ValueError(f"{where}: finished is {_kind(value)}; expected true or false")


def _kind(value: Any) -> str:
    names = {str: "a text", list: "a list", dict: "an object", bool: "true or false", type(None): "null"}
    kind = names.get(type(value), "a number")
    odd = next((item for item in value if not isinstance(item, str)), None) if isinstance(value, list) else None
    return kind if odd is None else f"a list with {_kind(odd)} in it"
