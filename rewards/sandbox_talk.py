"""How the process with the tests and the process with the program talk: calls and plain data as JSON over a socket, no pickle.

What arrives is rebuilt from builtin types. An object of a class of the other side arrives as a :class:`Proxy`, which forwards calls,
attributes and operators, but is never asked whether it equals plain data: it would say yes.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import struct
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tokengym.rewards.sandbox_proxy import OPERATORS, Proxy

__all__ = ["Peer", "PeerGone"]

_LONGEST = 16 * 2**20  # bytes of one message
_EXACT = 2**53  # ints beyond travel in hexadecimal, which is read in linear time

_TO_TEXT: dict[type, Callable[[Any], Any]] = {
    Decimal: str,
    Fraction: str,
    date: date.isoformat,
    datetime: datetime.isoformat,
    time: time.isoformat,
    bytes: bytes.hex,
    bytearray: bytearray.hex,
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    complex: lambda value: [value.real, value.imag],
    range: lambda value: [value.start, value.stop, value.step],
}
_FROM_TEXT: dict[str, Callable[[Any], Any]] = {
    "Decimal": Decimal,
    "Fraction": Fraction,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "timedelta": lambda parts: timedelta(*parts),
    "complex": lambda parts: complex(*parts),
    "range": lambda parts: range(*parts),
}
_SEQUENCES: dict[type, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset", deque: "deque"}
_FROM_SEQUENCE: dict[str, Callable[[Any], Any]] = {kind.__name__: kind for kind in _SEQUENCES}
_MAPPINGS: dict[type, str] = {dict: "dict", Counter: "Counter", OrderedDict: "OrderedDict", defaultdict: "defaultdict"}
# The content of an object whose class extends one of these, as the type itself; str(x) of an Enum would be its name.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__pos__,
    float: float.__pos__,
    str: str.__str__,
    bytes: bytes,
    tuple: tuple,
    list: list,
}
_PLAIN |= {set: set, frozenset: frozenset, dict: dict, deque: deque}
# Functions and classes of these are named, not asked of the program, which could have put its own in their place.
_KNOWN = {
    "collections",
    "copy",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "re",
    "statistics",
}
_BUILTIN_TYPES = {name for name, value in vars(builtins).items() if isinstance(value, type)}
_STOPPING = ("send", "throw")  # methods of a generator, which end it with StopIteration
_CLOSED = (type, types.ModuleType, types.FunctionType, types.GeneratorType, types.CodeType, types.FrameType, types.TracebackType)


class PeerGone(BaseException):
    """The other process has ended, or says what makes no sense."""


class Peer:
    """One end of the talk. Both ends may ask; whoever waits for an answer serves the other's questions meanwhile.

    Args:
        channel: descriptor of a stream socket, read and written by this object alone.
        root: what the other side may look names up in, or None.
        stops: whether the tests await StopIteration just now, from whatever function it comes.
    """

    def __init__(self, channel: int, root: object = None, stops: Callable[[], bool] = lambda: False) -> None:
        self.channel = channel
        self._stops = stops
        self.gone = False
        self.trusting = root is not None  # the program's side lets the tests do anything with its objects
        self._shared: list[Any] = [root]
        self._numbers: dict[int, int] = {}
        self._proxies: dict[int, Proxy] = {}
        self._errors: dict[tuple[str, str], type[BaseException]] = {}
        self._stopping: set[int] = set()  # the other side's numbers of such methods

    def ask(self, action: str, number: int, arguments: Sequence[Any] = (), keywords: Mapping[str, Any] | None = None) -> Any:
        """Has the other side do something with the object that it calls ``number``.

        Raises:
            PeerGone: there is no other side any more.
            BaseException: what the action raised there, rebuilt from builtin exceptions.
        """
        keywords = keywords or {}
        self.send(["?", action, number, [self.pack(value) for value in arguments], {key: self.pack(v) for key, v in keywords.items()}])
        while True:
            message = self.receive()
            sort = message[0]
            if sort == "?":
                self.serve(message)
                continue
            try:
                _, value, extra = message
                if sort == "!":
                    raise self._raised(action, number, self._error(value, extra))
                for key, content in extra.items():
                    _restore(keywords[key] if key in keywords else arguments[int(key)], self.unpack(content))
                answer = self.unpack(value)
                if action == "get" and arguments[0] in _STOPPING and type(answer) is Proxy:
                    self._stopping.add(answer._number)
                return answer
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
                if sort == "!":
                    raise
                raise RuntimeError(f"the program's answer cannot be read: {error!r}") from None

    def serve(self, message: list[Any]) -> None:
        """Does what the other side asks and answers."""
        try:
            _, action, number, packed, packed_keywords = message
            arguments = [self.unpack(value) for value in packed]
            keywords = {str(key): self.unpack(value) for key, value in packed_keywords.items()}
            answer = self.pack(self._perform(action, number, arguments, keywords))
            changed = {}
            for key, value in (*enumerate(arguments), *keywords.items()):
                if isinstance(value, list | dict | set | bytearray | deque):  # the caller sees what was done to its arguments
                    after = self.pack(value)
                    if after != (packed[key] if isinstance(key, int) else packed_keywords[key]):
                        changed[str(key)] = after
            self.send(["=", answer, changed])
        except PeerGone:
            raise
        except BaseException as error:
            self.send(["!", _family(error), self._told(error)])

    def send(self, message: object) -> None:
        data = json.dumps(message).encode("ascii")
        if len(data) > _LONGEST:
            raise ValueError(f"an answer of {len(data)} bytes is longer than the {_LONGEST} that are allowed")
        view = memoryview(struct.pack("<I", len(data)) + data)
        try:
            while view:
                view = view[os.write(self.channel, view) :]
        except OSError:
            self._lost()

    def receive(self) -> list[Any]:
        (size,) = struct.unpack("<I", self._read(4))
        if size > _LONGEST:
            self._lost()
        try:
            message = json.loads(self._read(size))
        except (ValueError, RecursionError):
            self._lost()
        if not isinstance(message, list) or not message or message[0] not in ("?", "=", "!"):
            self._lost()
        return list(message)

    def pack(self, value: Any) -> Any:
        """``value`` as JSON: scalars as they are, the rest as a list that begins with the name of its type."""
        kind = type(value)
        if value is None or kind in (bool, str, float):
            return value
        if kind is int:
            return value if -_EXACT < value < _EXACT else ["int", hex(value)]
        if kind in _SEQUENCES:
            return [_SEQUENCES[kind], [self.pack(item) for item in value]]
        if kind in _MAPPINGS:
            return [_MAPPINGS[kind], [[self.pack(key), self.pack(item)] for key, item in value.items()]]
        if kind in _TO_TEXT:
            return [kind.__name__, _TO_TEXT[kind](value)]
        if kind is Proxy and value._peer is self:
            return ["yours", value._number]
        if kind is types.ModuleType:
            return ["module", value.__name__]
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ != "builtins":
            return ["exception", _family(value)]
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
            module, name = value.__module__, value.__name__
            if (module == "builtins" and name in _BUILTIN_TYPES) or (
                module in _KNOWN and getattr(sys.modules.get(module), name, None) is value
            ):
                return ["known", module, name]
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._shared)
            self._shared.append(value)
        return ["mine", number]

    def unpack(self, value: Any) -> Any:
        """The value that ``pack`` wrote, of builtin types all through."""
        if not isinstance(value, list):
            if isinstance(value, dict):
                raise ValueError("a message of an unknown form")
            return value
        kind, content, *more = value
        if kind == "int":
            return int(content, 16)
        if kind in _FROM_SEQUENCE:
            return _FROM_SEQUENCE[kind]([self.unpack(item) for item in content])
        if kind in _MAPPINGS.values():
            found = {self.unpack(key): self.unpack(item) for key, item in content}
            return (
                found if kind == "dict" else Counter(found) if kind == "Counter" else OrderedDict(found) if kind == "OrderedDict" else found
            )
        if kind in _FROM_TEXT:
            return _FROM_TEXT[kind](content)
        if kind == "mine":
            return self._proxies.setdefault(content, Proxy(self, content))
        if kind == "yours":
            return self._shared[content]
        if kind == "exception":
            return self._class(content)
        if kind == "module" and content.partition(".")[0] in sys.stdlib_module_names:
            return importlib.import_module(content)  # this process's own, which the program has not touched
        if kind == "known" and content == "builtins" and more[0] in _BUILTIN_TYPES:
            return getattr(builtins, more[0])
        if kind == "known" and content in _KNOWN and not more[0].startswith("_"):
            return getattr(importlib.import_module(content), more[0])
        raise ValueError(f"a value of the unknown kind {kind!r}")

    def _perform(self, action: str, number: int, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        target = self._shared[number]
        if action == "call":
            return target(*arguments, **keywords)
        if action == "plain":
            return (
                next(([content(target)] for base, content in _PLAIN.items() if isinstance(target, base)), None) if self.trusting else None
            )
        if action in ("get", "set", "del"):
            name = arguments[0]
            if not self.trusting and (name.startswith("_") or isinstance(target, _CLOSED)):
                raise AttributeError(f"the tests keep {name!r} to themselves")
            if action == "get":
                return getattr(target, name)
            return setattr(target, *arguments) if action == "set" else delattr(target, name)
        return OPERATORS[action](target, *arguments)

    def _told(self, error: BaseException) -> Any:
        """The arguments of an exception where they are plain, else its text."""
        try:
            packed = [self.pack(value) for value in error.args]
            if any(isinstance(value, list) and value[0] not in _FROM_TEXT for value in packed):
                return [str(error)[:1000]]
            return packed
        except Exception:
            return ["an exception that cannot be shown"]

    def _error(self, family: Sequence[Sequence[str]], arguments: Sequence[Any]) -> BaseException:
        kind = self._class(family)
        try:
            return kind(*[self.unpack(value) for value in arguments])
        except Exception:
            return RuntimeError(f"{kind.__name__}: {arguments}")

    def _raised(self, action: str, number: int, error: BaseException) -> BaseException:
        """To the tests StopIteration comes from iterators alone: from a function that they map it would end the loop, its tests undone.

        From other functions it comes only while the tests await it.
        """
        stops = isinstance(error, StopIteration | StopAsyncIteration)
        if self.trusting or not stops or action == "__next__" or number in self._stopping or self._stops():
            return error
        return RuntimeError(f"the program raised {type(error).__name__}")

    def _class(self, family: Sequence[Sequence[str]]) -> type[BaseException]:
        """The builtin exception, or one made here for the other side's class, so that ``except`` clauses can name it."""
        module, name = family[0]
        found = getattr(builtins, str(name), None) if module == "builtins" else self._errors.get((module, name))
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            if module == "builtins" or len(family) < 2:
                raise ValueError(f"an exception of the unknown kind {name!r}")
            found = self._errors[module, name] = type(str(name), (self._class(family[1:]),), {})
        return found

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            try:
                part = os.read(self.channel, min(size, 2**20))
            except OSError:
                part = b""
            if not part:
                self._lost()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _lost(self) -> None:
        self.gone = True
        raise PeerGone("the program has ended")


def _family(error: BaseException | type[BaseException]) -> list[tuple[str, str]]:
    """(module, name) of an exception's class and of those that it extends."""
    kind = error if isinstance(error, type) else type(error)
    return [(base.__module__, base.__name__) for base in kind.__mro__ if base is not object]


def _restore(old: Any, new: Any) -> None:
    """Makes a mutable ``old`` equal to ``new`` in place, keeping the containers inside it where both have one."""
    if type(old) is not type(new):
        return
    if isinstance(old, list | deque):
        kept = [_kept(a, b) for a, b in zip(old, new, strict=False)]
        rest = list(new)[len(kept) :]
        old.clear()
        old.extend(kept + rest)
    elif isinstance(old, dict):
        merged = {key: _kept(old[key], value) if key in old else value for key, value in new.items()}
        old.clear()
        old.update(merged)
    elif isinstance(old, set):
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray):
        old[:] = new


def _kept(old: Any, new: Any) -> Any:
    if type(old) is type(new) and isinstance(old, list | dict | set | bytearray | deque):
        _restore(old, new)
        return old
    return new
