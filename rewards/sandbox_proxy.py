"""An object of the sandbox's other process: calls, attributes and operators go there, comparisons with plain data are made here."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

__all__ = ["OPERATORS", "Proxy"]


class _Asks(Protocol):
    def ask(self, action: str, number: int, arguments: Sequence[Any] = (), keywords: Mapping[str, Any] | None = None) -> Any: ...


class Proxy:
    """An object of the other process."""

    __slots__ = ("_number", "_peer")
    _number: int
    _peer: _Asks

    def __init__(self, peer: _Asks, number: int) -> None:
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_number", number)

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
        return bool(plain[0] if plain else self._peer.ask("__bool__", self._number))

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
    """[the content] where the object extends a builtin type, a namedtuple for instance; [] otherwise."""
    answer = proxy._peer.ask("plain", proxy._number)
    return answer if type(answer) is list and not isinstance(answer[0], Proxy) else []


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
        return self._peer.ask(name, self._number, arguments)

    return forward


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
for _name in OPERATORS:
    if _name != "__bool__":
        setattr(Proxy, _name, _method(_name))
OPERATORS |= {f"__{_name}__": getattr(operator, _name) for _name in _COMPARISONS}
