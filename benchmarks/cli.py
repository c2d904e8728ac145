"""The command line ``tokengym``: reads the options, hands them to the module that does the work, and turns errors into one message."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import select
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from tokengym import __version__
from tokengym._registry import unknown
from tokengym.benchmarks.arguments import unknown_option
from tokengym.benchmarks.learner_help import asked_learner, learner_help
from tokengym.benchmarks.options import COMMANDS, Bench, DataShow, Eval, Play, Probe, Score, Table, Train

__all__ = ["main"]

_UNREAD = 141  # what a shell says of a tool that SIGPIPE ended


def _overview() -> str:
    """What ``tokengym --help`` prints."""
    width = max(map(len, COMMANDS)) + 2
    lines = [
        "usage: tokengym COMMAND [OPTIONS]",
        "",
        "Reinforcement learning on text: language tasks as Gymnasium environments, and benchmarks for agents that play them.",
        "",
        "commands (tokengym COMMAND --help explains the options of each, tokengym --version says which version this is):",
        *(f"  {name:<{width}}{about}" for name, (_, about) in COMMANDS.items()),
        "",
        "to begin with:",
        "  tokengym envs                                             what there is to play",
        "  tokengym train TextQA-v0 --agent sft                      imitate labels, two minutes",
        "  tokengym bench --suite quick                              the ten-minute table of all agents",
    ]
    return "\n".join(lines)


def _parse(arguments: Sequence[str]) -> Any:
    """The options that ``arguments`` give.

    Raises:
        ValueError: there is no such command.
        SystemExit: help was asked for, or an option is wrong, which has been said.
    """
    import tyro

    words = 2 if " ".join(arguments[:2]) in COMMANDS else 1
    name = " ".join(arguments[:words])
    if name not in COMMANDS:
        known = {first for command in COMMANDS for first in (command, command.partition(" ")[0])}
        if name in known:  # "models" alone, or with an unknown second word
            name = " ".join(arguments[:2])
        raise unknown("command", name, COMMANDS)
    kind = COMMANDS[name][0]
    if wrong := unknown_option(kind, arguments[words:]):
        print(f"tokengym {name}: error: {wrong}", file=sys.stderr)
        raise SystemExit(2)
    try:
        return tyro.cli(kind, prog=f"tokengym {name}", args=_joined(kind, arguments[words:]), config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit:
        if kind is Train and (learner := asked_learner(arguments[words:])):
            print(f"\n{learner_help(learner)}")
        raise


def _joined(kind: type, words: Sequence[str]) -> list[str]:
    """``words`` with each list once and at the end: of `--agent A --agent B` the parser would keep B only."""
    known = {f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(kind) if field.default == ()}
    lists: dict[str, list[str]] = {}
    others: list[str] = []
    now = others
    for word in words:
        name, equals, value = word.partition("=")
        name = name.replace("_", "-")
        if name in known:
            now = lists.setdefault(name, [])
            if equals:  # one value, and what follows is not for this list
                now.append(value)
                now = others
            continue
        if word.startswith("--"):
            now = others
        now.append(word)
    return [*others, *(word for name, values in lists.items() for word in (name, *values))]


def _named(argument: str) -> str:
    """ "my_package:Echo-v0" as "Echo-v0", once my_package was imported, which registers it; as ``gymnasium.make`` reads it."""
    module, colon, name = argument.partition(":")
    if colon and re.fullmatch(r"[\w.]+", module) and re.fullmatch(r"[\w-]+-v\d+", name) and module != "builtin":
        importlib.import_module(module)
        return name
    return argument


def _run(command: Any, line: str) -> None:
    """Carries a command out; each loads only what it needs."""
    if isinstance(command, Bench):
        from tokengym.benchmarks.bench import bench

        bench(command, line)
    elif isinstance(command, Train):
        from tokengym.benchmarks.train import train

        train(command, line)
    elif isinstance(command, Eval | Table):
        from tokengym.benchmarks.show import evaluate_agent, print_tables

        evaluate_agent(command) if isinstance(command, Eval) else print_tables(command)
    elif isinstance(command, Probe):
        from tokengym.benchmarks.probe import probe

        probe(command)
    elif isinstance(command, Play):
        from tokengym.benchmarks.play import play

        play(command)
    elif isinstance(command, DataShow):
        from tokengym.benchmarks.data_show import data_show

        data_show(command)
    elif isinstance(command, Score):
        from tokengym.benchmarks.score import score

        score(command)
    else:
        from tokengym.benchmarks.listing import show

        show(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 after an error, 2 for a wrong command line, 130 after Ctrl-C.

    Errors are one message without a traceback; with TOKENGYM_TRACEBACK=1 in the environment the traceback is shown. Errors of kinds that
    only code from outside raises, and mistakes here, have both. Where nobody reads on (``| head``), it is 141 and there is no message.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _main(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _unread():
            raise
        return _UNREAD
    return code


def _unread() -> bool:
    """Whether nobody reads stdout or stderr any more; what is left for them is dropped then, or it would fail again at the end."""
    broken = [stream for stream in (sys.stdout, sys.stderr) if _is_broken(stream)]
    for stream in broken:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    return bool(broken)


def _is_broken(stream: Any) -> bool:
    """Whether ``stream`` is a pipe whose other end is closed."""
    try:
        pipe = select.poll()
        pipe.register(stream.fileno(), 0)  # errors are told without being asked for
        return bool(pipe.poll(0))
    except (AttributeError, OSError, ValueError):  # no poll on this system, or no file behind the stream
        return False


def _find_modules_here() -> None:
    """Makes my_module:MyReward be found where the user is; last, so that it hides nothing."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        raise FileNotFoundError("the current folder does not exist any more; change into another one") from None
    if here not in sys.path:
        sys.path.append(here)


def _main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if arguments[0] == "--version":
        print(f"tokengym {__version__}")
        return 0
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    command = None
    try:
        _find_modules_here()
        command = _parse([_named(argument) for argument in arguments])
        _run(command, f"tokengym {shlex.join(arguments)}")
    except KeyboardInterrupt as stop:
        if getattr(command, "quiet", False) and stop.args:  # nobody has said yet what is kept, and how to go on
            print(f"tokengym: {stop}", file=sys.stderr)
        return 130
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # rich turns the one into the other
            return _UNREAD
        if command is None:  # the parser's own
            return stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
        print(f"tokengym: error: code from outside called sys.exit({stop.code!r}){_place(stop)}, so there is no result", file=sys.stderr)
        return stop.code if isinstance(stop.code, int) and stop.code else 1
    except (ValueError, TypeError, KeyError, OSError, ImportError, RuntimeError) as error:
        if isinstance(error, BrokenPipeError) and _unread():
            return _UNREAD
        if os.environ.get("TOKENGYM_TRACEBACK"):
            raise
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"tokengym: error: {text}", file=sys.stderr)
        return 2 if command is None and isinstance(error, ValueError) else 1
    except Exception as error:
        print(f"tokengym: error: {type(error).__name__}: {error}{_place(error)}", file=sys.stderr)
        traceback.print_exception(error)
        return 1
    return 0


def _place(error: BaseException) -> str:
    """Where an exception was raised."""
    if isinstance(error, SyntaxError):  # says so itself
        return ""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({last.filename}, line {last.lineno})"


if __name__ == "__main__":
    raise SystemExit(main())
