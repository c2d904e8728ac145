"""Small Python functions with docstring, examples and tests, composed from ``operations.py``; splits differ in the compositions.

The builtin world's own programs run here in plain Python to find the results that examples and tests show: they are our text and
no model's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokengym.envs.draw import Draw
from tokengym.envs.names import SPLITS
from tokengym.envs.operations import BRANCHES, PIPELINES, WORDS, Branch, Op, Pipeline

__all__ = ["Program", "compositions", "program"]

_SHOWN, _TESTS = 2, 6  # examples in the docstring, tests
_TRIES = 40  # inputs that are drawn in search of one that tells the program from its near misses
_FUNCTIONS = (
    "answer apply build change compute convert create derive find follow handle make obtain perform prepare process produce reply run solve"
    " tell treat turn work"
).split()
_PARAMETERS = {
    "numbers": "values numbers data items nums scores",
    "digits": "n number value code year",
    "range": "n count size limit end",
    "text": "text line phrase note title",
    "words": "words names tokens labels parts",
    "letters": "word text name key token",
    "number": "n x number value amount",
    "word": "word text name key token",
}
_Composition = tuple[Pipeline | Branch, tuple[Op | None, ...]]


@dataclass(frozen=True)
class Program:
    """A task and its solution.

    Attributes:
        composition: names of its steps, without constants and names; in exactly one split.
        stub: signature and docstring, with examples.
        code: the solution.
        misses: programs that forget one of the steps, without those that pass all tests, where the step makes no difference; may be none.
        tests: statements that the solution passes; none of their inputs is shown in the docstring, and of their results at most half are.
        draw: goes on where the program ended.
    """

    composition: str
    stub: str
    code: str
    misses: tuple[str, ...]
    tests: tuple[str, ...]
    draw: Draw


@cache
def compositions(split: str) -> tuple[str, ...]:
    """The names of the compositions that belong to ``split``: 8 tenths for training, 1 for validation, 1 for test."""
    return tuple(name for name in _all() if _split_of(name) == split)


def program(split: str, key: str) -> Program:
    """The program with this key. Same arguments, same program.

    Raises:
        ValueError: unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r}: the builtin world has splits {SPLITS}")
    draw = Draw(f"code/{split}/{key}")
    while (made := _drawn(draw, draw.pick(compositions(split)))) is None:
        continue
    return made


def _drawn(draw: Draw, composition: str) -> Program | None:
    """A program of this composition; None where its results are too much alike to tell it from a constant."""
    maker, steps = _all()[composition]
    function = draw.pick(_FUNCTIONS)
    written = _pipeline(draw, steps) if isinstance(maker, Pipeline) else _branch(draw, maker, steps)
    kind, parameters, says, bodies = written
    texts = [f"def {function}({parameters}):\n    {body}" for body in bodies]
    calls = _calls(draw, kind, [_run(text, function) for text in texts])
    tested, known = Counter(result for _, result in calls[_SHOWN:]), {result for _, result in calls[:_SHOWN]}
    if max(tested.values()) > _TESTS // 2 or sum(tested[result] for result in known) > _TESTS // 2:
        return None
    doc = says[:1].upper() + says[1:]
    shown = "".join(f"\n    >>> {function}({given})\n    {result}" for given, result in calls[:_SHOWN])
    stub = f'def {function}({parameters}):\n    """{doc}.\n{shown}\n    """'
    tests = tuple(f"assert {function}({given}) == {result}" for given, result in calls[_SHOWN:])
    misses = tuple(text for text in texts[1:] if not _passes(text, tests))
    return Program(composition, stub, texts[0], misses, tests, draw)


@cache
def _all() -> dict[str, _Composition]:
    """Name to steps, of every composition that there is."""
    found: dict[str, _Composition] = {}
    for maker in (*PIPELINES, *BRANCHES):
        for steps in _steps(maker):
            start = (maker.kind,) if isinstance(maker, Branch) else ()
            found["/".join((*start, *("-" if step is None else step.name for step in steps)))] = (maker, steps)
    return found


def _steps(maker: Pipeline | Branch) -> Iterator[tuple[Op | None, ...]]:
    if isinstance(maker, Branch):
        yield from ((test, yes, no) for test in maker.tests for yes in maker.results for no in maker.results if yes is not no)
        return
    for source in maker.sources:
        for keep in (None, *maker.keeps):
            for change in (None, *maker.changes):
                name = "" if change is None else change.name
                for fold in maker.numeric.get(name, maker.folds):
                    if (keep or change) and (fold.name != "different" or name in maker.merging):
                        yield source, keep, change, fold


def _split_of(name: str) -> str:
    tenth = Draw(f"code/composition/{name}").number(0, 9)
    return "train" if tenth < 8 else SPLITS[tenth - 7]


def _constant(draw: Draw, step: Op) -> str:
    return repr(draw.pick(step.letters)) if step.letters else str(draw.number(step.low, step.high))


def _pipeline(draw: Draw, steps: tuple[Op | None, ...]) -> tuple[str, str, str, list[str]]:
    """Kind of input, parameters, docstring, and the bodies: the right one first, then those that forget a step."""
    source, keep, change, fold = steps
    if source is None or fold is None:
        raise ValueError("a pipeline has a source and a fold")
    p = draw.pick(_PARAMETERS[source.name].split())
    says, condition, value = draw.pick(source.says).format(p=p), "", "x"
    if keep is not None:
        k = _constant(draw, keep)
        says, condition = draw.pick(keep.says).format(x=says, k=k), " if " + keep.code.format(k=k)
    if change is not None:
        k = _constant(draw, change)
        says, value = draw.pick(change.says).format(x=says, k=k), change.code.format(k=k)
    says = draw.pick(fold.says).format(x=says)
    elements = source.code.format(p=p)

    def body(value: str, condition: str, result: str = fold.code) -> str:
        return "return " + result.format(x=f"{value} for x in {elements}{condition}")

    misses = [body(value, "")] if keep is not None else []
    if change is not None and not _mixed(change, fold):
        misses.append(body("x", condition))
    return source.name, p, says, [body(value, condition), *(misses or [body(value, condition, "[{x}]")])]


def _mixed(change: Op, fold: Op) -> bool:
    """Without this change there would be texts where ``fold`` expects numbers."""
    return change.name in ("length", "place") and fold.name in ("sum", "largest", "smallest")


def _branch(draw: Draw, maker: Branch, steps: tuple[Op | None, ...]) -> tuple[str, str, str, list[str]]:
    p = "" if maker.kind == "pair" else draw.pick(_PARAMETERS[maker.kind].split())
    drawn = [(step, _constant(draw, step)) for step in steps if step is not None]
    test, yes, no = (step.code.format(p=p, k=k) for step, k in drawn)
    if_says, yes_says, no_says = (draw.pick(step.says).format(p=p, k=k) for step, k in drawn)
    says = draw.pick(("return {1} if {0}, else {2}", "if {0}, return {1}; if not, {2}", "give {1} when {0} and {2} otherwise"))
    bodies = [f"if {test}:\n        return {yes}\n    return {no}", f"return {yes}", f"return {no}"]
    return maker.kind, p or "a, b", says.format(if_says, yes_says, no_says), bodies


def _run(text: str, function: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    exec(text, scope)  # our own program, see the top of the file
    made: Callable[..., Any] = scope[function]
    return made


def _passes(text: str, tests: tuple[str, ...]) -> bool:
    scope: dict[str, Any] = {}
    try:
        exec("\n".join((text, *tests)), scope)  # as above
    except AssertionError:
        return False
    return True


def _given(draw: Draw, kind: str) -> tuple[Any, ...]:
    """Arguments for one call."""
    if kind == "numbers":
        return ([draw.number(-5, 14) for _ in range(draw.number(3, 5))],)
    if kind == "digits":
        return (draw.number(100, 99_999),)
    if kind == "range":
        return (draw.number(3, 16),)
    if kind == "number":
        return (draw.number(-20, 45),)
    if kind == "pair":
        return draw.number(1, 24), draw.number(2, 9)
    words = draw.some(WORDS, 1 if kind in ("letters", "word") else draw.number(3, 4))
    return (words,) if kind == "words" else (" ".join(words),)


def _calls(draw: Draw, kind: str, programs: list[Callable[..., Any]]) -> list[tuple[str, str]]:
    """Arguments and results, as text: all arguments differ, and where possible all results, and each near miss fails on some."""
    right, misses = programs[0], programs[1:]
    calls: dict[str, str] = {}
    while len(calls) < _SHOWN + _TESTS:
        miss = misses[len(calls) % len(misses)]
        for left in range(_TRIES, -1, -1):
            given = _given(draw, kind)
            text, result = ", ".join(map(repr, given)), right(*given)
            told = miss(*given) != result
            if text not in calls and (left == 0 or (told and (repr(result) not in calls.values() or left < _TRIES // 2))):
                calls[text] = repr(result)
                break
    return list(calls.items())
