"""The grammar of reward specifications: "0.7*rouge_l + 0.3*semantic - 0.02*length(goal=20)", read by hand and never evaluated.

sum      = ["+" | "-"] product {("+" | "-") product}
product  = factor {"*" factor}                          (at least one factor is a reward)
factor   = NUMBER | "-" factor | "(" sum ")" | (NAME | PLACE) ["(" [argument {"," argument}] ")"]
argument = NAME "=" (["-"] NUMBER | TEXT | "True" | "False" | "None")
         | sum                                          (the first argument of threshold and clip, and only there)

A NAME stands in the table of rewards; a PLACE ("my_package.my_module:MyReward") leads to a reward, a class or a function in any
module that can be imported, which runs that module: read no specifications with places from people whose code you would not run.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, TypeAlias, cast

from tokengym._registry import Registry, unknown
from tokengym.rewards.base import BaseReward, Custom, Reward, as_reward, literal
from tokengym.rewards.compose import Clip, Threshold
from tokengym.rewards.places import called, imported
from tokengym.rewards.written import UNWRITABLE

__all__ = ["WRAPPERS", "Row", "build"]

Row: TypeAlias = Reward | Callable[..., Reward]

WRAPPERS: Mapping[str, Callable[..., BaseReward]] = {"clip": Clip, "threshold": Threshold}
"""Rewards around a reward: their first argument is a sum."""

_LITERALS = {"True": True, "False": False, "None": None, "true": True, "false": False, "none": None}
_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}
_PLACE = "a reward from a module is written 'my_module:my_reward'"
_BROKEN_PLACE = "what is defined inside a function cannot be imported; move it to the top of its module"
_MAX_DEPTH = 50  # brackets within brackets; Python's own stack ends at a few hundred
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<place>[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<mark>[-+*(),=])",
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str  # "number", "place", "name", "text", "mark" or "end"
    text: str
    at: int  # offset of its first character


def build(spec: str, rows: Registry[Row]) -> BaseReward:
    """The reward that ``spec`` describes.

    Args:
        spec: a text of the grammar above.
        rows: name to reward class (its arguments may be given by keyword), or to a ready reward or function (which takes none).
    Raises:
        ValueError: ``spec`` is not of the grammar, or a name, an argument or a value is unknown or refused; the message shows the column.
    """
    return _Parser(spec, rows).whole()


class _Parser:
    """One pass over one text: each method reads what its name says and leaves the next token in place."""

    def __init__(self, spec: str, rows: Registry[Row]) -> None:
        self.spec = spec
        self.rows = rows
        self.tokens = self._scan()
        self.next = 0
        self.depth = 0

    def fail(self, at: int, why: str) -> NoReturn:
        """Raises the error, with the text and a caret under the column (counted from 1)."""
        line = "".join(" " if char.isspace() else char for char in self.spec)
        raise ValueError(f"reward {self.spec!r}, column {at + 1}: {why}\n  {line}\n  {' ' * at}^")

    def _scan(self) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(self.spec):
            match = _TOKEN.match(self.spec, at)
            if match is None:
                char = self.spec[at]
                if char in "'\"":
                    self.fail(at, f"this text has no closing {char}")
                if char == "/":
                    self.fail(at, "there is no division; multiply by a number instead: 0.5*rouge_l")
                if char in ".:":
                    self.fail(at, _BROKEN_PLACE if re.match(r"[\w.:]+<", self.spec[at:]) else f"{char!r} has no meaning here; {_PLACE}")
                if char == UNWRITABLE:
                    self.fail(at, "'?' stands for a value that could not be written into this text; build this reward in Python")
                self.fail(at, f"{char!r} has no meaning here; expected a number, a reward's name, or one of + - * ( ) , =")
            if match.lastgroup != "space":
                tokens.append(_Token(str(match.lastgroup), match.group(), at))
            at = match.end()
        tokens.append(_Token("end", "", at))
        return tokens

    @property
    def here(self) -> _Token:
        return self.tokens[self.next]

    def take(self, *marks: str) -> _Token | None:
        """The next token if it is one of ``marks``, which is then passed."""
        token = self.here
        if token.kind != "mark" or token.text not in marks:
            return None
        self.next += 1
        return token

    def expect(self, mark: str, why: str) -> None:
        if self.take(mark) is None:
            found = self.here
            self.fail(found.at, f"expected {mark!r} {why}, found {repr(found.text) if found.text else 'the end'}")

    def whole(self) -> BaseReward:
        if self.here.kind == "end":
            self.fail(0, f"the specification is empty; expected for example 'rouge_l'. Known rewards: {', '.join(sorted(self.rows))}")
        reward = self.sum()
        rest = self.here
        if rest.kind in ("name", "place"):
            self.fail(rest.at, f"expected +, - or * before {rest.text!r}")
        if rest.kind != "end":
            self.fail(rest.at, f"expected +, - or the end, found {rest.text!r}")
        return reward

    def sum(self) -> BaseReward:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail(self.here.at, f"more than {_MAX_DEPTH} brackets within each other")
        total: BaseReward | None = None
        sign = self.take("+", "-")
        while True:
            start = self.here.at
            term = self.product()
            if not isinstance(term, BaseReward):
                self.fail(start, f"the number {term} stands alone; multiply it with a reward: {term}*rouge_l")
            if sign is not None and sign.text == "-":
                term = -term
            total = term if total is None else total + term
            sign = self.take("+", "-")
            if sign is None:
                self.depth -= 1
                return total

    def product(self) -> BaseReward | float:
        """Numbers are multiplied with each other and weigh the whole: 2*(a + b)*c is 2 times the product of (a + b) and c."""
        weight: float | None = None
        reward: BaseReward | None = None
        first: _Token | None = None
        while True:
            value = self.factor()
            if isinstance(value, BaseReward):
                reward = value if reward is None else reward * value
            else:
                weight = value if weight is None else float(weight) * float(value)
            star = self.take("*")
            if star is None:
                break
            first = first or star
        if reward is None or weight is None:
            return cast(BaseReward | float, weight if reward is None else reward)
        try:
            return weight * reward
        except (ValueError, OverflowError) as error:
            self.fail(cast(_Token, first).at, str(error))

    def factor(self) -> BaseReward | float:
        minus = False
        while self.take("-") is not None:
            minus = not minus
        token = self.here
        value: BaseReward | float
        if token.kind == "number":
            self.next += 1
            value = _number(token.text)
        elif token.kind in ("name", "place"):
            self.next += 1
            value = self.call(token)
        elif self.take("(") is not None:
            value = self.sum()
            self.expect(")", f"to close the '(' of column {token.at + 1}")
        else:
            self.fail(token.at, f"expected a number or a reward's name, found {repr(token.text) if token.text else 'the end'}")
        return -value if minus else value

    def call(self, name: _Token) -> BaseReward:
        if name.kind == "name" and name.text not in self.rows and name.text not in WRAPPERS:
            self.fail(name.at, str(unknown("reward", name.text, [*self.rows, *WRAPPERS], self.rows.hint)))
        wrapper = WRAPPERS.get(name.text) if name.text not in self.rows else None
        inner: list[BaseReward] = []
        arguments: dict[str, Any] = {}
        places: dict[str, int] = {}
        if self.take("(") is not None:
            while self.here.text != ")":
                if self.here.kind == "name" and self.tokens[self.next + 1].text == "=":
                    self.argument(name, arguments, places)
                elif wrapper is not None and not inner and not arguments:
                    inner.append(self.sum())
                else:
                    self.fail(self.here.at, f"expected an argument by name, such as {name.text}(key=1), or ')'")
                if self.take(",") is None:
                    break
            self.expect(")", f"to close the arguments of {name.text!r}")
        if wrapper is not None:
            if not inner:
                self.fail(name.at, f"{name.text!r} needs a reward as its first argument: {name.text}(rouge_l, ...)")
            return self.made(name, wrapper, inner, arguments, places)
        row = self.row(name)
        if isinstance(row, type):
            return self.made(name, row, [], arguments, places)
        if arguments:
            first = next(iter(arguments))
            self.fail(places[first], f"{name.text!r} is a ready reward and takes no arguments; only a class can be given some")
        return called(as_reward(cast(Reward, row)), name.text, name.text if name.kind == "name" else None, ready=True)

    def row(self, name: _Token) -> object:
        if name.kind == "name":
            return self.rows[name.text]
        try:
            return imported(name.text)
        except ValueError as error:
            self.fail(name.at, str(error))

    def argument(self, name: _Token, arguments: dict[str, Any], places: dict[str, int]) -> None:
        key = self.here
        self.next += 2  # the name and "="
        minus = self.take("-") is not None
        token = self.here
        if token.kind == "number":
            number = _number(token.text)
            if math.isinf(number):
                self.fail(token.at, f"the number given as {key.text} is too large")
            value: Any = -number if minus else number
        elif token.kind == "text" and not minus:
            value = re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        elif token.kind == "name" and token.text in _LITERALS and not minus:
            value = _LITERALS[token.text]
        else:
            quoted = f"; texts stand in quotes: {key.text}='{token.text}'" if token.kind == "name" else ""
            if token.text.casefold() in _SWITCHES:
                quoted = f"; yes or no is written {key.text}={_SWITCHES[token.text.casefold()]}"
            self.fail(token.at, f"expected a number, a quoted text, True, False or None as {key.text}{quoted}")
        self.next += 1
        if key.text in arguments:
            self.fail(key.at, f"{key.text!r} is given twice to {name.text!r}")
        arguments[key.text] = value
        places[key.text] = key.at

    def made(
        self, name: _Token, maker: Callable[..., Any], inner: list[BaseReward], arguments: dict[str, Any], places: dict[str, int]
    ) -> BaseReward:
        """``maker(*inner, **arguments)``, its complaints turned into errors with a column."""
        parameters = list(inspect.signature(maker).parameters.values())[len(inner) :]
        taken = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            for key in arguments:
                if key not in taken:
                    self.fail(places[key], str(unknown(f"argument of {name.text!r}", key, taken)))
        empty = [p.name for p in parameters if p.default is p.empty and p.name in taken and p.name not in arguments]
        if empty:
            before = "..., " * len(inner)
            self.fail(name.at, f"{name.text!r} needs the argument {empty[0]!r}: {name.text}({before}{empty[0]}=...)")
        for parameter in parameters:
            if parameter.name in arguments and (wanted := _misfit(parameter, arguments[parameter.name])):
                value = literal(arguments[parameter.name])
                self.fail(places[parameter.name], f"{parameter.name}={value}; expected {wanted}")
        try:
            reward = maker(*inner, **arguments)
        except (TypeError, ValueError) as error:
            self.fail(next(iter(places.values())) if len(places) == 1 else name.at, str(error))
        if isinstance(reward, BaseReward):
            return called(reward, name.text, None, ready=False)
        written = ", ".join(f"{key}={literal(value)}" for key, value in arguments.items())
        return Custom(reward, name.text if name.kind == "name" else None, spec=f"{name.text}({written})" if written else name.text)


def _misfit(parameter: inspect.Parameter, value: object) -> str:
    """What an argument should have been; "" where it will do, or where no annotation says."""
    if parameter.annotation in (bool, "bool") and value not in (False, True):  # 0 and 1 equal them
        return "True or False, without quotes"
    if parameter.annotation in (str, "str") and not isinstance(value, str):
        return "a text in quotes"
    return ""


def _number(text: str) -> float | int:
    return int(text) if text.isdecimal() and len(text) <= 300 else float(text)
