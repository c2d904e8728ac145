"""What the words of a command line stand for: numbers with a smallest value, keywords of the environment, maps of columns."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

__all__ = ["Columns", "Count", "MaybeCount", "Number", "Pairs", "Text", "Words", "column_map", "data_set", "env_keywords", "unknown_option"]

# What an environment is told by the commands themselves.
_DECIDED = ("order", "deal", "group_size", "num_envs", "vectorization_mode", "autoreset_mode", "render_mode")


def _whole(least: int) -> PrimitiveConstructorSpec[int]:
    """Reads a whole number, ``least`` or more; the parser names the option where it is another."""

    def read(words: list[str]) -> int:
        try:
            number = int(words[0])
        except ValueError:
            number = least - 1
        if number < least:
            raise ValueError(f"{words[0]}; expected a whole number, {least} or more")
        return number

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=read,
        is_instance=lambda value: value is None or isinstance(value, int),
        str_from_instance=lambda value: [str(value)],
    )


# Kinds of options; without a hint of its own in the help text where the explanation says what the default is.
Count = Annotated[int, _whole(1)]
Number = Annotated[int, _whole(0)]
MaybeCount = Annotated[int | None, _whole(1), arg(help_behavior_hint="")]
Text = Annotated[str, arg(help_behavior_hint="")]
Words = Annotated[tuple[str, ...], arg(metavar="NAME ...", help_behavior_hint="")]
Pairs = Annotated[tuple[str, ...], arg(metavar="NAME=VALUE ...", help_behavior_hint="")]
Columns = Annotated[tuple[str, ...], arg(metavar="FIELD=COLUMN ...", help_behavior_hint="")]


def unknown_option(command: type, words: Iterable[str]) -> str:
    """What is wrong with the first word that is no option of ``command``; "" where all are. The parser asks for missing ones first."""
    named = [field.name for field in dataclasses.fields(command) if not str(field.type).startswith("Positional")]
    known = ["--help", *(f"--{name.replace('_', '-')}" for name in named)]
    for word in words:
        name = word.partition("=")[0].replace("_", "-")
        if word.startswith("--") and len(name) > 2 and name not in known and not name.startswith("--tyro-"):
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            return f"{name} is not a known option.{f' Did you mean {close[0]}?' if close else ''} Known: {', '.join(known)}."
    return ""


def env_keywords(pairs: Sequence[str], command: Any) -> dict[str, Any]:
    """Environment keywords as the command line writes them: numbers, true, false, null and JSON are read, all else is text.

    Args:
        pairs: what stands behind --env-kwargs.
        command: the options of the command, which go before: what has an option of its own is refused here.
    Raises:
        ValueError: not of the form NAME=VALUE, or not for --env-kwargs to say.
    """
    own = {field.name for field in dataclasses.fields(command)}
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"--env-kwargs {pair!r}; expected NAME=VALUE, as in turns=8 or constrained=true")
        if name in own:
            raise ValueError(f"--env-kwargs {pair}: {name} has an option of its own here; write --{name.replace('_', '-')} {value}")
        if name in _DECIDED:
            raise ValueError(f"--env-kwargs {pair}: {name} is for the command to decide; leave it out")
        try:
            found[name] = json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
        except ValueError:
            found[name] = value
    return found


def column_map(pairs: Sequence[str]) -> dict[str, str]:
    """Which columns of a data set are what, as --columns says it. Raises ValueError for what is not of the form FIELD=COLUMN."""
    for pair in pairs:
        field, _, column = pair.partition("=")
        if not (field and column):
            raise ValueError(f"--columns {pair!r}; expected FIELD=COLUMN, as in --columns prompt=article references=summary")
    return {field: column for field, _, column in (pair.partition("=") for pair in pairs)}


def data_set(name: str, columns: Sequence[str]) -> str | dict[str, Any]:
    """The environment's keyword ``dataset``: the name, with its map of columns where there is one."""
    return {"path": name, "columns": column_map(columns)} if columns else name
