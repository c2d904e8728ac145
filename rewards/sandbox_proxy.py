"""An object of the sandbox's other process: calls, attributes and operators go there, comparisons with plain data are made here.

Where a test says ``abs(f(2) - 4) < 1e-6``, the operator would tell the program what is expected, and an object whose difference to
everything is 0 would pass. So differences, quotients and their like with plain data are worked out here where the object extends a
builtin type. Of any other object only a number may be taken off, and what comes of it stays an object: it is never plain data.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

__all__ = ["OPERATORS", "Proxy"]


class _Asks(Protocol):
    trusting: bool

    def ask(self, action: str, number: int, arguments: Sequence[Any] = (), keywords: Mapping[str, Any] | None = None) -> Any: ...


class Proxy:
    """An object of the other process.

    Args:
        peer: this end of the talk.
        number: what the other side calls the object.
        told: whether a plain number went into it by an operator; then no operator makes plain data of it.
    """

    __slots__ = ("_content", "_number", "_peer", "_told")
    _content: list[Any] | None
    _number: int
    _peer: _Asks
    _told: bool

    def __init__(self, peer: _Asks, number: int, told: bool = False) -> None:
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_told", told)
        object.__setattr__(self, "_content", None)

    def __getattr__(self, name: str) -> Any:
        return self._peer.ask("get", self._number, [name])

    def __setattr__(self, name: str, value: Any) -> None:
        self._peer.ask("set", self._number, [name, value])

    def __delattr__(self, name: str) -> None:
        self._peer.ask("del", self._number, [name])

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._peer.ask("call", self._number, arguments, keywords)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # so that isinstance(point, tuple) holds for a namedtuple
        plain = _plain(self)
        return type(plain[0]) if plain else Proxy

    def __hash__(self) -> int:
        plain = _plain(self)
        return hash(plain[0]) if plain else hash(self._number)

    def __bool__(self) -> bool:
        plain = _plain(self)
        return bool(plain[0] if plain else _asked(self, "__bool__", (), self._told))

    def __contains__(self, item: Any) -> bool:
        plain = _plain(self)
        if not plain:
            raise TypeError("an object of the program's own class is not asked whether it holds something: write list(x)")
        return item in plain[0]

    def __eq__(self, other: object) -> bool:
        return bool(_compare(self, other, operator.eq))

    def __ne__(self, other: object) -> bool:
        return bool(_compare(self, other, operator.ne))

    def __lt__(self, other: Any) -> bool:
        return bool(_compare(self, other, operator.lt))

    def __le__(self, other: Any) -> bool:
        return bool(_compare(self, other, operator.le))

    def __gt__(self, other: Any) -> bool:
        return bool(_compare(self, other, operator.gt))

    def __ge__(self, other: Any) -> bool:
        return bool(_compare(self, other, operator.ge))


def _plain(proxy: Proxy) -> list[Any]:
    """[the content] where the object extends a builtin type, a namedtuple for instance; [] otherwise.

    What cannot change is asked for once: the two comparisons of ``3 < x < 4`` must not see two numbers.
    """
    if proxy._told:
        return []
    if proxy._content is not None:
        return proxy._content
    answer = proxy._peer.ask("plain", proxy._number)
    found = answer if type(answer) is list and answer and not isinstance(answer[0], Proxy) else []
    if not found or isinstance(found[0], _FIXED):
        object.__setattr__(proxy, "_content", found)
    return found


def _compare(proxy: Proxy, other: object, compare: Callable[[Any, Any], Any]) -> Any:
    """Between two objects of the program, the program decides; its object against plain data is compared by its plain content, here."""
    if isinstance(other, Proxy):
        return other is proxy and compare is operator.eq or proxy._peer.ask(f"__{compare.__name__}__", proxy._number, [other])
    plain = _plain(proxy)
    if plain:
        return compare(plain[0], other)
    if compare in (operator.eq, operator.ne):
        return compare is operator.ne
    raise TypeError("an object of the program's own class is not ordered against plain data")


def _method(name: str) -> Callable[..., Any]:
    def forward(self: Proxy, *arguments: Any) -> Any:
        return _asked(self, name, arguments, self._told)

    return forward


def _telling_method(name: str) -> Callable[..., Any]:
    """An operator by which a test, of all operators, holds an answer against an expected one."""

    def forward(self: Proxy, *arguments: Any) -> Any:
        other = arguments[0]
        if self._peer.trusting or type(other) is Proxy or isinstance(other, str | bytes):
            return _asked(self, name, arguments, self._told)
        plain = _plain(self)
        if plain:
            return OPERATORS[name](plain[0], other)
        if not isinstance(other, _NUMBERS):
            raise TypeError(f"{name} of an object of the program's own class and plain data: the program would tell its own result")
        return _asked(self, name, arguments, True)

    return forward


def _asked(proxy: Proxy, name: str, arguments: Sequence[Any], told: bool) -> Any:
    """The other side's result of an operator; one that was told a number may only be an object, which stays told."""
    answer = proxy._peer.ask(name, proxy._number, arguments)
    if not told or name in _HARMLESS:
        return answer
    if type(answer) is not Proxy:
        raise TypeError(f"{name} made plain data of an object of the program's own class that was told a number: compare with literals")
    return Proxy(proxy._peer, answer._number, told=True)


_FIXED = (int, float, str, bytes, frozenset)
_NUMBERS = (int, float, complex, Decimal, Fraction)
_HARMLESS = ("__str__", "__repr__", "__setitem__", "__delitem__", "__exit__")
_TELLING = ("sub", "truediv", "floordiv", "mod", "divmod", "and_", "or_", "xor")
_BINARY = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and_", "or_", "xor")
OPERATORS: dict[str, Callable[..., Any]] = {
    "__len__": len,
    "__iter__": iter,
    "__next__": next,
    "__reversed__": reversed,
    "__str__": str,
    "__repr__": repr,
    "__bool__": bool,
    "__int__": int,
    "__float__": float,
    "__index__": operator.index,
    "__abs__": abs,
    "__round__": round,
    "__neg__": operator.neg,
    "__pos__": operator.pos,
    "__invert__": operator.invert,
    "__divmod__": divmod,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__instancecheck__": lambda kind, value: isinstance(value, kind),
    "__subclasscheck__": lambda kind, value: issubclass(value, kind),
    "__enter__": lambda value: value.__enter__(),
    "__exit__": lambda value, *_: value.__exit__(None, None, None),
}
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
for _name in _BINARY:
    _function = getattr(operator, _name)
    OPERATORS[f"__{_name.strip('_')}__"] = _function
    OPERATORS[f"__r{_name.strip('_')}__"] = lambda value, other, _function=_function: _function(other, value)
_telling = {f"__{_side}{_name.strip('_')}__" for _name in _TELLING for _side in ("", "r")}
for _name in OPERATORS:
    if _name != "__bool__":
        setattr(Proxy, _name, (_telling_method if _name in _telling else _method)(_name))
OPERATORS |= {f"__{_name}__": getattr(operator, _name) for _name in _COMPARISONS}
