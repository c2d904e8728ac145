"""What ``tokengym train --agent NAME --help`` says of a learner: its options, with the comments that stand beside them in its file."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

from tokengym.agents import AGENTS
from tokengym.benchmarks.train_defaults import DEFAULTS

__all__ = ["asked_learner", "learner_help"]

_WIDE = 120  # columns
_INDENT = " " * 6


def asked_learner(words: Sequence[str]) -> str:
    """The learner that the words behind ``tokengym train`` name where they ask for help; "" where they name none, or do not ask."""
    if not {"-h", "--help"} & set(words):
        return ""
    named = [word.partition("=")[2] for word in words if word.startswith("--agent=")]
    named += [after for word, after in zip(words, words[1:], strict=False) if word == "--agent"]
    return named[-1] if named and named[-1] in AGENTS else ""


def learner_help(name: str) -> str:
    """The options of the learner called ``name``, its own before those that all have, with the values that ``tokengym train`` begins with.

    Raises:
        ValueError: there is no such learner.
    """
    config = AGENTS.find(name).Config
    fields = {field.name: field for field in dataclasses.fields(config)}
    lines = [f"options of {name}, for --set ({config.__name__} in Python):"]
    told: set[str] = set()
    for kind in config.__mro__[:-1]:  # all but object
        comments = dict(_comments(kind))
        for option in [option for option in comments if option not in told]:
            told.add(option)
            lines.append(f"  {option}={_default(fields[option])}{_elsewhere(name, option)}")
            lines += textwrap.wrap(comments[option], _WIDE, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return "\n".join(lines)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    return "" if field.default_factory is dataclasses.MISSING else repr(field.default_factory())


def _elsewhere(name: str, option: str) -> str:
    """The values with which the command replaces the default of an option, if it does."""
    sizes = {"tiny": "the builtin model", "large": "any other"}
    told = [f"{DEFAULTS[size][name][option]!r} for {whom}" for size, whom in sizes.items() if option in DEFAULTS[size].get(name, {})]
    return f"  (this command: {', '.join(told)})" if told else ""


def _comments(kind: type) -> Iterator[tuple[str, str]]:
    """The fields that a dataclass names itself, and the comment beside each, with the lines of comment that go on with it."""
    source = inspect.getsource(kind)
    comments = [token for token in tokenize.generate_tokens(StringIO(source).readline) if token.type == tokenize.COMMENT]
    text = {token.start[0]: token.string.lstrip("# ") for token in comments}  # line -> comment
    alone = {token.start[0] for token in comments if token.line.lstrip().startswith("#")}
    body = next(node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            line = node.end_lineno or node.lineno
            parts = [text.get(line, "")]
            while (line := line + 1) in alone:
                parts.append(text[line])
            yield node.target.id, " ".join(parts)
