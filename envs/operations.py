"""The steps of which the builtin world's small Python functions are made, each with the words that docstrings use for it.

``says`` are phrases over ``{x}`` (what the step is done to), ``{p}`` (the parameter's name) and ``{k}`` (a constant); ``code`` is the
same in Python, where ``x`` is one element. A pipeline takes a source, keeps some elements, changes each and folds them into a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BRANCHES", "PIPELINES", "WORDS", "Branch", "Op", "Pipeline"]


@dataclass(frozen=True)
class Op:
    """One step.

    Attributes:
        name: its part in the name of a composition.
        code: Python.
        says: phrases, one is drawn.
        low, high: range of the constant ``{k}``; none where ``letters`` is given.
        letters: what ``{k}`` is drawn from instead.
    """

    name: str
    code: str
    says: tuple[str, ...]
    low: int = 2
    high: int = 6
    letters: str = ""


@dataclass(frozen=True)
class Pipeline:
    """Sources x keeps x changes x folds.

    Attributes:
        sources: where the elements come from; ``kind`` of input by the source's name, as in ``programs.py``.
        keeps, changes: steps on one element; a program leaves out at most one of the two.
        folds: what becomes of the elements; ``{x}`` in their code is a comprehension without brackets.
        merging: changes that make different elements equal; only after these is it worth while to count different values.
        numeric: changes whose results are numbers, and the folds for them (other folds are for the rest).
    """

    sources: tuple[Op, ...]
    keeps: tuple[Op, ...]
    changes: tuple[Op, ...]
    folds: tuple[Op, ...]
    merging: tuple[str, ...]
    numeric: Mapping[str, tuple[Op, ...]]


@dataclass(frozen=True)
class Branch:
    """``if test: return this``, ``return that``, over one parameter (or two: a and b)."""

    kind: str
    tests: tuple[Op, ...]
    results: tuple[Op, ...]


_KEEP_NUMBERS = (
    Op("even", "x % 2 == 0", ("{x} that are even", "the even ones of {x}")),
    Op("odd", "x % 2 == 1", ("{x} that are odd", "the odd ones of {x}")),
    Op("multiple", "x % {k} == 0", ("{x} divisible by {k}", "{x} that are multiples of {k}"), 3, 5),
    Op("no-multiple", "x % {k} != 0", ("{x} not divisible by {k}", "{x} that are no multiples of {k}"), 3, 5),
    Op("above", "x > {k}", ("{x} greater than {k}", "{x} above {k}")),
    Op("below", "x < {k}", ("{x} less than {k}", "{x} below {k}"), 4, 8),
    Op("except", "x != {k}", ("{x} other than {k}", "{x} except {k}"), 1, 6),
)
_CHANGE_NUMBERS = (
    Op("square", "x * x", ("the squares of {x}", "{x}, each squared")),
    Op("double", "2 * x", ("the doubles of {x}", "{x}, each doubled")),
    Op("plus", "x + {k}", ("{x}, each increased by {k}", "{x}, with {k} added to each"), 1, 9),
    Op("minus", "x - {k}", ("{x}, each decreased by {k}", "{x}, with {k} taken from each"), 1, 9),
    Op("times", "{k} * x", ("{x}, each multiplied by {k}", "{k} times each of {x}"), 3, 9),
    Op("negative", "-x", ("the negatives of {x}", "{x}, each with its sign changed")),
    Op("remainder", "x % {k}", ("the remainders of {x} mod {k}", "{x}, each modulo {k}"), 3, 7),
    Op("half", "x // 2", ("{x}, each halved and rounded down", "the halves of {x}, rounded down")),
)
_FOLD_NUMBERS = (
    Op("sum", "sum({x})", ("return the sum of {x}", "add up {x}")),
    Op("largest", "max([{x}], default=0)", ("return the largest of {x}, 0 if there are none", "find the maximum of {x} (0 if none)")),
    Op("smallest", "min([{x}], default=0)", ("return the smallest of {x}, 0 if there are none", "find the minimum of {x} (0 if none)")),
    Op("ascending", "sorted({x})", ("return {x}, in ascending order", "sort {x}, small to large")),
    Op("descending", "sorted({x})[::-1]", ("return {x}, in descending order", "sort {x}, large to small")),
    Op("list", "[{x}]", ("return a list of {x}", "list {x}")),
    Op("backwards", "[{x}][::-1]", ("return {x}, last one first", "list {x}, from the last to the first")),
    Op("different", "len({{{x}}})", ("count the different values among {x}", "return the number of different values among {x}")),
)
_KEEP_WORDS = (
    Op("longer", "len(x) > {k}", ("{x} longer than {k} letters", "{x} with more than {k} letters"), 3, 5),
    Op("shorter", "len(x) < {k}", ("{x} shorter than {k} letters", "{x} with fewer than {k} letters"), 4, 6),
    Op("starts", "x[0] == {k}", ("{x} that start with {k}", "{x} whose first letter is {k}"), letters="bcfps"),
    Op("ends", "x[-1] == {k}", ("{x} that end in {k}", "{x} whose last letter is {k}"), letters="dert"),
    Op("holds", "{k} in x", ("{x} that contain {k}", "{x} with the letter {k}"), letters="aeiort"),
    Op("lacks", "{k} not in x", ("{x} that lack {k}", "{x} without the letter {k}"), letters="aeiort"),
)
_CHANGE_WORDS = (
    Op("upper", "x.upper()", ("{x}, each in capitals", "{x}, in upper case")),
    Op("title", "x.title()", ("{x}, each with a capital first letter", "{x}, capitalized")),
    Op("reverse", "x[::-1]", ("{x}, each spelled backwards", "{x}, each one reversed")),
    Op("first", "x[0]", ("the first letters of {x}", "the initials of {x}")),
    Op("last", "x[-1]", ("the last letters of {x}", "the final letters of {x}")),
    Op("twice", "x * 2", ("{x}, each written twice", "{x}, each one repeated")),
    Op("length", "len(x)", ("the lengths of {x}", "the numbers of letters of {x}")),
)
_FOLD_WORDS = (
    Op("spaces", '" ".join({x})', ("join with spaces {x}", "return, as a text with spaces, {x}")),
    Op("hyphens", '"-".join({x})', ("join with hyphens {x}", "return, as a text with hyphens, {x}")),
    Op("alphabet", "sorted({x})", ("return {x}, in the order of the alphabet", "sort {x} by the alphabet")),
    Op("list", "[{x}]", ("return a list of {x}", "list {x}")),
    Op("backwards", "[{x}][::-1]", ("return {x}, last one first", "list {x}, from the last to the first")),
    Op("different", "len({{{x}}})", ("count the different ones among {x}", "return the number of different ones among {x}")),
)
_KEEP_LETTERS = (
    Op("vowels", 'x in "aeiou"', ("{x} that are vowels", "the vowels of {x}")),
    Op("consonants", 'x not in "aeiou"', ("{x} that are no vowels", "the consonants of {x}")),
    Op("before", "x < {k}", ("{x} that come before {k}", "{x} before {k} in the alphabet"), letters="hkmpr"),
    Op("after", "x > {k}", ("{x} that come after {k}", "{x} behind {k} in the alphabet"), letters="ehkm"),
    Op("except", "x != {k}", ("{x} other than {k}", "{x} except {k}"), letters="aeiort"),
)
_CHANGE_LETTERS = (
    Op("upper", "x.upper()", ("{x}, each in capitals", "{x}, in upper case")),
    Op("twice", "x * 2", ("{x}, each written twice", "{x}, each one doubled")),
    Op("place", "ord(x) - 96", ("{x}, each as its place in the alphabet (a is 1)", "the places in the alphabet (a is 1) of {x}")),
)
_FOLD_LETTERS = (Op("text", '"".join({x})', ("join {x}", "return, as one text, {x}")), *_FOLD_WORDS[1:-1])
_WORD_SOURCES = (
    Op("text", "{p}.split()", ("the words of {p}", "the words in the text {p}")),
    Op("words", "{p}", ("the words in the list {p}", "the items of {p}")),
)
_NUMBER_SOURCES = (
    Op("numbers", "{p}", ("the numbers in {p}", "the elements of {p}")),
    Op("digits", "map(int, str({p}))", ("the digits of {p}", "the decimal digits of {p}")),
    Op("range", "range(1, {p} + 1)", ("the numbers from 1 to {p}", "the whole numbers 1 to {p}")),
)
PIPELINES = (
    Pipeline(_NUMBER_SOURCES, _KEEP_NUMBERS, _CHANGE_NUMBERS, _FOLD_NUMBERS, ("square", "remainder", "half"), {}),
    Pipeline(_WORD_SOURCES, _KEEP_WORDS, _CHANGE_WORDS, _FOLD_WORDS, ("first", "last"), {"length": _FOLD_NUMBERS[:-1]}),
    Pipeline(
        (Op("letters", "{p}", ("the letters of {p}", "the characters of {p}")),),
        _KEEP_LETTERS,
        _CHANGE_LETTERS,
        _FOLD_LETTERS,
        (),
        {"place": _FOLD_NUMBERS[:-1]},
    ),
)
BRANCHES = (
    Branch(
        "number",
        (
            Op("even", "{p} % 2 == 0", ("{p} is even", "{p} can be divided by 2")),
            Op("multiple", "{p} % {k} == 0", ("{p} is divisible by {k}", "{p} is a multiple of {k}"), 3, 7),
            Op("above", "{p} > {k}", ("{p} is greater than {k}", "{p} is above {k}"), 5, 25),
            Op("negative", "{p} < 0", ("{p} is negative", "{p} is less than 0")),
            Op("ends", "{p} % 10 == {k}", ("the last digit of {p} is {k}", "{p} leaves {k} when divided by 10"), 1, 9),
        ),
        (
            Op("double", "2 * {p}", ("twice {p}", "the double of {p}")),
            Op("square", "{p} * {p}", ("the square of {p}", "{p} squared")),
            Op("plus", "{p} + {k}", ("{p} plus {k}", "the sum of {p} and {k}"), 1, 20),
            Op("minus", "{p} - {k}", ("{p} minus {k}", "{k} less than {p}"), 1, 20),
            Op("times", "{k} * {p}", ("{k} times {p}", "{p} multiplied by {k}"), 3, 9),
            Op("half", "{p} // 2", ("half of {p}, rounded down", "{p} divided by 2 and rounded down")),
            Op("negative", "-{p}", ("minus {p}", "{p} with its sign changed")),
            Op("same", "{p}", ("{p} itself", "{p} as it is")),
        ),
    ),
    Branch(
        "pair",
        (
            Op("greater", "a > b", ("a is greater than b", "b is less than a")),
            Op("even-sum", "(a + b) % 2 == 0", ("the sum of a and b is even", "a + b is even")),
            Op("multiple", "a % b == 0", ("a is a multiple of b", "b divides a")),
            Op("above", "a * b > {k}", ("the product of a and b is above {k}", "a times b is greater than {k}"), 20, 90),
        ),
        (
            Op("sum", "a + b", ("the sum of a and b", "a plus b")),
            Op("difference", "a - b", ("the difference of a and b", "a minus b")),
            Op("reverse", "b - a", ("b minus a", "what is left of b without a")),
            Op("product", "a * b", ("the product of a and b", "a times b")),
            Op("first", "a", ("a itself", "the first one, a")),
            Op("second", "b", ("b itself", "the second one, b")),
            Op("remainder", "a % b", ("the remainder of a divided by b", "a modulo b")),
        ),
    ),
    Branch(
        "word",
        (
            Op("longer", "len({p}) > {k}", ("{p} has more than {k} letters", "{p} is longer than {k} letters"), 3, 5),
            Op("vowel", '{p}[0] in "aeiou"', ("{p} starts with a vowel", "the first letter of {p} is a vowel")),
            Op("ends", "{p}[-1] == {k}", ("{p} ends in {k}", "the last letter of {p} is {k}"), letters="dert"),
            Op("holds", "{k} in {p}", ("{p} contains {k}", "the letter {k} is in {p}"), letters="aeiort"),
        ),
        (
            Op("upper", "{p}.upper()", ("{p} in capitals", "{p} in upper case")),
            Op("reverse", "{p}[::-1]", ("{p} spelled backwards", "{p} reversed")),
            Op("first", "{p}[0]", ("the first letter of {p}", "the initial of {p}")),
            Op("last", "{p}[-1]", ("the last letter of {p}", "the final letter of {p}")),
            Op("twice", "{p} * 2", ("{p} written twice", "{p} repeated")),
            Op("length", "len({p})", ("the length of {p}", "the number of letters of {p}")),
            Op("rest", "{p}[1:]", ("{p} without its first letter", "all but the first letter of {p}")),
        ),
    ),
)
WORDS = (
    "apple bread brick bridge candle carpet cat cheese cloud coat corner desert dinner door eagle engine feather field fire flower forest"
    " garden ginger glass hammer harbor hat ice iron island jacket kettle ladder lake lamp letter market meadow mirror mountain night ocean"
    " onion orange paper pencil pepper pocket river road rose sand ship silver snow spoon star stone street summer table tent tiger tree"
    " umbrella valley village violin water window winter wood yard"
).split()
