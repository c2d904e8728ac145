"""The talk between tests and program: what arrives equal, what arrives as a proxy, and what a liar can do with it."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards.sandbox_proxy import Proxy
from tokengym.rewards.sandbox_talk import Peer, PeerGone

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@contextmanager
def talking(program: str) -> Iterator[Any]:
    """The program's namespace, asked over a socket, its side served by a thread."""
    ours, theirs = socket.socketpair()
    module = ModuleType("program")
    exec(program, module.__dict__)
    server = Peer(theirs.fileno(), module)

    def serve() -> None:
        try:
            while True:
                server.serve(server.receive())
        except PeerGone:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Proxy(Peer(ours.fileno()), 0)
    finally:
        ours.close()
        thread.join()
        theirs.close()


def iter_nothing() -> Iterator[int]:
    yield from ()


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and left == right and repr(left) == repr(right)


@given(plain)
def test_plain_data_arrives_as_it_is(value: Any) -> None:
    peer = Peer(-1)
    assert same(peer.unpack(json.loads(json.dumps(peer.pack(value)))), value)


@pytest.mark.parametrize(
    "value",
    [
        10**400,
        -(2**53),
        float("inf"),
        "\ud800\U0001f642",
        {1, 2},
        frozenset({"a"}),
        bytearray(b"x"),
        deque([1, 2]),
        Counter("aab"),
        OrderedDict(a=1),
        Decimal("0.10"),
        Fraction(1, 3),
        date(2020, 2, 29),
        datetime(2020, 2, 29, 1, 2, 3, 4),
        time(1, 2),
        timedelta(days=-1, microseconds=5),
        range(1, 9, 2),
        {(1, 2): [None]},
        int,
        ValueError,
        Counter,
    ],
)
def test_more_values_arrive_as_they_are(value: Any) -> None:
    peer = Peer(-1)
    assert same(peer.unpack(json.loads(json.dumps(peer.pack(value)))), value)


def test_a_number_too_long_to_print_arrives() -> None:
    assert Peer(-1).unpack(Peer(-1).pack(10**5000)) == 10**5000


def test_a_defaultdict_arrives_as_a_dict() -> None:
    peer = Peer(-1)
    assert same(peer.unpack(peer.pack(defaultdict(list, a=[1]))), {"a": [1]})


def test_functions_arguments_keywords_and_callbacks() -> None:
    with talking("def f(g, *a, k=0):\n    return [g(x) for x in a] + [k]") as program:
        assert program.f(lambda x: x + 1, 1, 2, k=3) == [2, 3, 3]
        assert program.f(str.upper, "a") == ["A", 0]
        with pytest.raises(ZeroDivisionError):
            program.f(lambda x: x / 0, 1)


def test_only_an_iterator_ends_a_loop_of_the_tests() -> None:
    program_ = """
def f(x):
    raise StopIteration
async def g(x):
    raise StopAsyncIteration
def count(n):
    got = yield n
    return got
def take(source):
    return [source() for _ in range(2)]
class Stops:
    def step(self):
        raise type("Done", (StopIteration,), {})
"""
    with talking(program_) as program:
        for stops in (lambda: all(map(program.f, [1])), lambda: list(zip(map(program.f, [1]), [2], strict=True)), program.Stops().step):
            with pytest.raises(RuntimeError, match="the program raised "):
                stops()
        numbers = program.count(3)
        assert next(numbers) == 3 and next(program.count(4), None) == 4 and list(program.count(5)) == [5]
        with pytest.raises(StopIteration, match="7"):
            numbers.send(7)
        with pytest.raises(StopIteration):
            numbers.__next__()
        assert program.take(iter([1, 2]).__next__) == [1, 2]
        with pytest.raises(RuntimeError, match="StopIteration"):  # of the tests' own iterator, through the program
            program.take(iter([1]).__next__)


def test_changes_to_arguments_come_back_in_place() -> None:
    with talking("def f(x, d):\n    x.sort()\n    d['k'].append(1)\n    d['new'] = 2") as program:
        numbers, inner = [3, 1, 2], [0]
        mapping = {"k": inner}
        program.f(numbers, d=mapping)
        assert numbers == [1, 2, 3] and mapping == {"k": [0, 1], "new": 2} and inner == [0, 1]


def test_objects_of_the_program_s_classes() -> None:
    code = """
from collections import namedtuple
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x); return self
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, n): return self.items[n]
    def __eq__(self, other): return self.items == other.items
    def __add__(self, other): return len(self) + other
    def __radd__(self, other): return other * 10
    def __str__(self): return f"<{len(self)}>"
    def __enter__(self): return self
    def __exit__(self, *_): self.items.clear()
Point = namedtuple("Point", "x y")
class Names(list):
    def first(self): return self[0]
def gen(n):
    yield from range(n)
"""
    with talking(code) as program:
        stack = program.Stack()
        assert stack.push(5) is stack
        assert len(stack) == 1 and list(stack) == [5] and stack[0] == 5 and str(stack) == "<1>"
        assert stack + 1 == 2 and 1 + stack == 10
        assert stack == program.Stack().push(5) and stack != program.Stack()
        assert isinstance(stack, program.Stack) and not isinstance(3, program.Stack)
        stack.name = "s"
        assert stack.name == "s" and not hasattr(stack, "other")
        with stack as inside:
            assert inside is stack
        assert len(stack) == 0
        point = program.Point(1, 2)
        assert point == (1, 2) and point.x == 1 and point[1] == 2 and (1, 2) == point and isinstance(point, tuple) and point < (1, 3)
        assert [point] == [(1, 2)] and 2 in point and {point: 1}[1, 2] == 1
        names = program.Names(["b", "a"])
        assert names == ["b", "a"] and names.first() == "b" and sorted(names) == ["a", "b"]
        assert list(program.gen(3)) == [0, 1, 2] and next(program.gen(1)) == 0


def test_objects_of_the_tests_classes_go_the_other_way() -> None:
    class Node:
        def __init__(self, value: int, after: Any = None) -> None:
            self.value, self.after, self._secret = value, after, 1

    with talking(
        "def f(n):\n    while n.after:\n        n = n.after\n    n.value += 1\n    return n\ndef g(n, name):\n    return getattr(n, name)"
    ) as program:
        last = Node(7)
        assert program.f(Node(1, last)) is last and last.value == 8
        kept: list[tuple[Any, str]] = [(last, "_secret"), (lambda: 0, "__globals__"), (Node, "value"), (iter_nothing(), "gi_frame")]
        for thing, name in kept:
            with pytest.raises(AttributeError, match="to themselves"):
                print(program.g(thing, name), name)


def test_exceptions_arrive_with_their_class_and_their_words() -> None:
    code = "class Odd(ValueError):\n    pass\ndef f(kind, *a):\n    raise kind(*a)\ndef g():\n    raise Odd('x', 1)"
    with talking(code) as program:
        with pytest.raises(KeyError) as caught:
            program.f(KeyError, "k")
        assert caught.value.args == ("k",)
        with pytest.raises(program.Odd) as odd:
            program.g()
        assert odd.value.args == ("x", 1) and isinstance(odd.value, ValueError)
        with pytest.raises(UnicodeDecodeError):
            program.f(bytes.decode, b"\xff")
        with pytest.raises(AttributeError):
            _ = program.missing


def test_an_object_is_never_asked_whether_it_is_plain_data() -> None:
    code = (
        "class A:\n    __eq__ = __lt__ = __contains__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n"
        "class B(int):\n    __eq__ = A.__eq__"
    )
    with talking(code) as program:
        anything = program.A()
        assert anything != 4 and not anything == 4 and 4 != anything and [anything] != [4] and 4 not in [anything]
        assert program.B(3) != 4 and program.B(4) == 4
        for attempt in (lambda: anything < 4, lambda: 4 in anything):
            with pytest.raises(TypeError):
                attempt()


def test_what_an_object_makes_of_a_number_stays_an_object() -> None:
    code = """
class Vector:
    def __init__(self, *x): self.x = x
    def __truediv__(self, n): return Vector(*[x / n for x in self.x])
    def __sub__(self, n): return Vector(*[x - n for x in self.x]) if isinstance(n, int) else 0.0
    def __neg__(self): return Vector(*[-x for x in self.x])
    def __eq__(self, other): return self.x == other.x
    def __abs__(self): return 0.0
    def __str__(self): return str(self.x)
"""
    with talking(code) as program:
        half = program.Vector(2, 4) / 2
        assert half == program.Vector(1, 2) and half.x == (1, 2) and str(half) == "(1.0, 2.0)" and (-half - 1).x == (-2, -3)
        assert abs(program.Vector(1)) == 0.0  # nothing went into it
        attempts: list[Any] = [lambda: half < 1, lambda: abs(half), lambda: program.Vector(1) - 0.5, lambda: program.Vector(1) - {1}]
        for attempt in attempts:
            with pytest.raises(TypeError):
                attempt()


def test_modules_and_library_functions_are_the_tests_own() -> None:
    code = "import math\nfrom math import isclose\nfrom collections import Counter"
    with talking(code) as program:
        import math

        assert program.math is math and program.isclose is math.isclose and program.Counter is Counter


LIES: list[Any] = [
    [],
    {},
    None,
    ["="],
    ["=", 1],
    ["=", 1, []],
    ["=", {"a": 1}, {}],
    ["=", ["list", 5], {}],
    ["=", ["mine", []], {}],
    ["=", ["yours", 99], {}],
    ["=", ["module", "tokengym"], {}],
    ["=", ["known", "builtins", "eval"], {}],
    ["=", ["known", "os", "system"], {}],
    ["=", ["known", "unittest.mock", "ANY"], {}],
    ["=", ["known", "re", "_compiler"], {}],
    ["=", ["dict", [[["list", []], 1]]], {}],
    ["=", ["int", "zz"], {}],
    ["=", ["Decimal", "x"], {}],
    ["=", ["complex", [1, 2, 3]], {}],
    ["=", ["unknown", 1], {}],
    ["=", 1, {"9": 1}],
    ["=", 1, {"x": 1}],
    ["!", [], []],
    ["!", [["builtins", "eval"]], []],
    ["!", [["program", "E"]], []],
    ["!", "x", 1],
    ["?"],
    ["?", "call", 0, [], {}],
    ["?", "get", 0, ["__class__"], {}],
    ["?", "get", -1, [5], {}],
    ["?", "system", 0, [], {}],
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_liar_causes_an_error_and_no_more(lie: Any) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        data = json.dumps(lie).encode()
        theirs.sendall(struct.pack("<I", len(data)) + data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((PeerGone, Exception)) as caught:
            Peer(ours.fileno()).ask("call", 1, [[1]])
        assert not isinstance(caught.value, AssertionError)


@given(st.lists(st.integers(0, 255), max_size=60).map(bytes))
def test_noise_causes_an_error_and_no_more(noise: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(noise)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(PeerGone):
            Peer(ours.fileno()).ask("call", 1)


def test_an_announced_giant_is_not_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("<I", 2**32 - 1) + b"x")
        peer = Peer(ours.fileno())
        with pytest.raises(PeerGone):
            peer.receive()
        assert peer.gone and os.fstat(ours.fileno())
