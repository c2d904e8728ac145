"""The specification grammar: what it reads, and how it points at what it does not."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym._registry import Registry
from tokengym.rewards import REWARDS, BaseReward, Sample, Sum
from tokengym.rewards.grammar import Row, build
from tokengym.rewards.length import Length
from tokengym.rewards.rouge import RougeL

SAMPLE = Sample("", "x b", ("x c",))  # rouge_l 0.5, length(goal=2) 1.0


class Labelled(BaseReward):
    """Takes one argument of each kind."""

    name = "labelled"

    def __init__(self, text: str = "", number: float = 0.0, flag: bool = False, maybe: int | None = 1) -> None:
        self.text, self.number, self.flag, self.maybe = text, number, flag, maybe


class Outsider:
    """A class from outside: only callable."""

    def __init__(self, size: float = 1.0) -> None:
        self.size = size

    def __call__(self, batch: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([self.size])


class Loose:
    """Takes arguments of no one kind, though its defaults are switches."""

    def __init__(self, cache: bool | str = False, strict: bool | None = True, temperature=False) -> None:  # type: ignore[no-untyped-def]
        self.cache, self.strict, self.temperature = cache, strict, temperature

    def __call__(self, batch: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(self.temperature)])


ROWS: Registry[Row] = Registry(
    "reward",
    {
        "rouge_l": RougeL,
        "length": Length,
        "labelled": Labelled,
        "outsider": Outsider,
        "loose": Loose,
        "ready": 0.5 * RougeL(),
        "plain": lambda batch: np.full(len(batch), 4.0),
    },
    hint="HINT",
)


def spec(text: str) -> str:
    return build(text, ROWS).spec


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("rouge_l", "rouge_l"),
        ("rouge_l()", "rouge_l"),
        ("  0.7 * rouge_l+0.3*length( goal = 5 , ) ", "0.7*rouge_l + 0.3*length(goal=5)"),
        ("rouge_l*2", "2.0*rouge_l"),
        ("2*3*rouge_l*.5", "3.0*rouge_l"),
        ("-rouge_l", "-rouge_l"),
        ("+rouge_l - - length", "rouge_l + length"),
        ("-2*rouge_l - 1e-3*length", "-2.0*rouge_l - 0.001*length"),
        ("2*-rouge_l", "-2.0*rouge_l"),
        ("0.5*(rouge_l - 2*length)", "0.5*rouge_l - length"),
        ("rouge_l - (length - rouge_l)", "rouge_l - length + rouge_l"),
        ("((rouge_l))", "rouge_l"),
        ("threshold(rouge_l + length, at=0.5)", "threshold(rouge_l + length, at=0.5)"),
        ("2*clip(rouge_l, low=-1, high=0.5)", "2.0*clip(rouge_l, low=-1.0, high=0.5)"),
        ("clip(threshold(rouge_l, at=1))", "clip(threshold(rouge_l, at=1.0), low=0.0, high=1.0)"),
        ("labelled(text='it\\'s', number=-2.5, flag=true, maybe=None)", "labelled(text='it\\'s', number=-2.5, flag=True, maybe=None)"),
        ('labelled(text="中文 (a, b)")', "labelled(text='中文 (a, b)')"),
        ("rouge_l*length", "rouge_l*length"),
        ("0.5 * rouge_l * length(goal=3) * 2", "rouge_l*length(goal=3)"),
        ("0.5*rouge_l*length + 0.1*length(goal=20)", "0.5*rouge_l*length + 0.1*length"),
        ("length - -rouge_l*-length", "length - rouge_l*length"),
        ("(rouge_l + length)*(rouge_l - length)", "(rouge_l + length)*(rouge_l - length)"),
        ("2*(rouge_l + length)*rouge_l", "2.0*(rouge_l + length)*rouge_l"),
        ("rouge_l*(2*length)*(rouge_l*length)", "2.0*rouge_l*length*rouge_l*length"),
        ("threshold(rouge_l*length, at=1)*rouge_l", "threshold(rouge_l*length, at=1.0)*rouge_l"),
        ("labelled*rouge_l", "labelled*rouge_l"),
        ("outsider", "outsider"),
        ("2*outsider(size=3)", "2.0*outsider(size=3)"),
        ("ready", "0.5*rouge_l"),
        ("plain", "plain"),
    ],
)
def test_reads(text: str, canonical: str) -> None:
    assert spec(text) == canonical
    assert spec(canonical) == canonical


def test_scores_by_hand() -> None:
    assert build("0.5*rouge_l - 2*length(goal=2)", ROWS)([SAMPLE]).tolist() == [-1.75]
    assert build("plain + outsider(size=3)", ROWS)([SAMPLE]).tolist() == [7.0]
    assert build("threshold(rouge_l, at=0.5)", ROWS)([SAMPLE]).tolist() == [1.0]
    product = build("0.5*plain*rouge_l + 0.1*length(goal=2)", ROWS).explain([SAMPLE])
    assert {key: part.tolist() for key, part in product.components.items()} == {"plain*rouge_l": [1.0], "length": [0.1]}


def test_a_default_of_true_or_false_allows_what_the_annotation_allows() -> None:
    text = "loose(cache='disk', strict=None, temperature=0.75)"
    assert build(text, ROWS)([SAMPLE]).tolist() == [0.75] and build(text, ROWS).spec == text
    assert build("labelled(flag=1) - labelled(flag=0)", ROWS).spec == "labelled(flag=1) - labelled(flag=0)"
    assert build(RougeL(stem=1).spec, ROWS).spec == "rouge_l(stem=1)"  # type: ignore[arg-type]


def test_registered_classes_are_written_by_their_registered_name() -> None:
    assert Labelled("a").spec == f"{__name__}:Labelled(text='a')"
    assert build("labelled(text='a')", ROWS).spec == "labelled(text='a')"
    assert Length(goal=3).spec == build("length(goal=3)", ROWS).spec == "length(goal=3)"


@pytest.mark.parametrize(
    ("text", "column", "why"),
    [
        ("", 1, "the specification is empty"),
        ("   ", 1, "the specification is empty"),
        ("rouge_k", 1, "'rouge_k' is not a known reward. Did you mean 'rouge_l'? Known: clip, labelled, length, "),
        ("rouge_l + lenght", 11, "Did you mean 'length'?"),
        ("treshold(rouge_l, at=1)", 1, "Did you mean 'threshold'?"),
        ("rouge_l length", 9, "expected +, - or * before 'length'"),
        ("0.5 rouge_l", 1, "the number 0.5 stands alone"),
        ("0.5", 1, "the number 0.5 stands alone; multiply it with a reward"),
        ("rouge_l + 1", 11, "the number 1 stands alone"),
        ("rouge_l +", 10, "expected a number or a reward's name, found the end"),
        ("rouge_l * length(goal=0)", 18, "goal=0 words"),
        ("rouge_l * 1e999", 9, "weight inf of rouge_l is not a finite number"),
        ("rouge_l * lenght", 11, "Did you mean 'length'?"),
        ("rouge_l * * 2", 11, "expected a number or a reward's name, found '*'"),
        ("(rouge_l", 9, "expected ')' to close the '(' of column 1, found the end"),
        ("rouge_l)", 8, "expected +, - or the end, found ')'"),
        ("rouge_l / 2", 9, "there is no division"),
        ("my_module:", 10, "':' has no meaning here; a reward from a module is written 'my_module:my_reward'"),
        ("my_package.polite", 11, "'.' has no meaning here; a reward from a module is written"),
        ("outsider(size=?)", 15, "'?' stands for a value that could not be written"),
        ("rouge_l @ 2", 9, "'@' has no meaning here"),
        ("labelled(text='abc)", 15, "this text has no closing '"),
        ("length(gaol=3)", 8, "'gaol' is not a known argument of 'length'. Did you mean 'goal'? Known: goal."),
        ("rouge_l(goal=3)", 9, "'goal' is not a known argument of 'rouge_l'. Known: "),
        ("length(3)", 8, "expected an argument by name"),
        ("length(goal=3", 14, "expected ')' to close the arguments of 'length', found the end"),
        ("length(goal=3 goal=4)", 15, "expected ')' to close the arguments of 'length', found 'goal'"),
        ("length(goal=3, goal=4)", 16, "'goal' is given twice to 'length'"),
        ("length(goal=0)", 8, "goal=0 words; a length reward needs a goal of at least 1"),
        ("length(goal='many')", 8, "goal='many' words"),
        ("length(goal=1e999)", 13, "the number given as goal is too large"),
        ("labelled(text=abc)", 15, "texts stand in quotes: text='abc'"),
        ("labelled(flag=no)", 15, "True, False or None as flag; yes or no is written flag=False"),
        ("labelled(flag='no')", 10, "flag='no'; expected True or False, without quotes"),
        ("labelled(number=1, flag=2)", 20, "flag=2; expected True or False, without quotes"),
        ("labelled(flag=None)", 10, "flag=None; expected True or False, without quotes"),
        ("labelled(text=5)", 10, "text=5; expected a text in quotes"),
        ("labelled(text=-'a')", 16, "expected a number, a quoted text, True, False or None as text"),
        ("labelled(number=)", 17, "expected a number, a quoted text, True, False or None as number"),
        ("threshold(rouge_l)", 1, "'threshold' needs the argument 'at': threshold(..., at=...)"),
        ("threshold(at=0.5)", 1, "'threshold' needs a reward as its first argument"),
        ("threshold(0.5, at=0.5)", 11, "the number 0.5 stands alone"),
        ("threshold(rouge_l, length, at=0.5)", 20, "expected an argument by name"),
        ("clip(rouge_l, low=2)", 15, "low=2 is not below high=1.0"),
        ("ready(a=1)", 7, "'ready' is a ready reward and takes no arguments"),
        ("1" * 299 + "*1e300*rouge_l", 300, "weight inf of rouge_l is not a finite number"),
        ("1e999*rouge_l", 6, "weight inf of rouge_l is not a finite number"),
        ("9" * 400 + "*rouge_l", 401, "weight inf of rouge_l is not a finite number"),
        ("(" * 60 + "rouge_l", 51, "more than 50 brackets within each other"),
        ("__import__('os')", 1, "'__import__' is not a known reward"),
    ],
)
def test_errors_point_at_the_column(text: str, column: int, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        build(text, ROWS)
    message = str(caught.value)
    assert f"column {column}: " in message and why in message
    assert message.splitlines()[-1] == "  " + " " * (column - 1) + "^"


def test_unknown_names_end_with_the_hint_of_the_table() -> None:
    with pytest.raises(ValueError, match="HINT"):
        build("nothing_like_it", ROWS)


def _multiply(rewards: list[BaseReward]) -> BaseReward:
    return functools.reduce(operator.mul, rewards)


def _terms() -> st.SearchStrategy[BaseReward]:
    leaves: st.SearchStrategy[BaseReward] = st.one_of(
        st.just(RougeL()),
        st.integers(1, 99).map(Length),
        st.builds(Labelled, st.text(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none() | st.integers()),
    )
    weights = st.floats(-1e6, 1e6, allow_subnormal=False)
    sums: st.SearchStrategy[BaseReward] = st.lists(st.tuples(weights, leaves), min_size=1, max_size=4).map(Sum)
    products: st.SearchStrategy[BaseReward] = st.lists(st.one_of(leaves, sums), min_size=2, max_size=4).map(_multiply)
    return st.one_of(sums, st.lists(st.tuples(weights, st.one_of(leaves, products)), min_size=1, max_size=3).map(Sum))


@given(_terms())
def test_every_specification_reads_back(reward: BaseReward) -> None:
    assert build(reward.spec, ROWS).spec == reward.spec


@given(st.text(alphabet="rouge_l length()*+-=,.'\"0123 9中\n", max_size=40))
def test_any_text_is_read_or_refused_with_a_column(text: str) -> None:
    try:
        build(text, ROWS)
    except ValueError as error:
        assert ", column " in str(error)


def test_the_builtin_table_is_read() -> None:
    assert build("0.7*rouge_l + 0.3*semantic - 0.02*length(goal=10)", REWARDS).spec == "0.7*rouge_l + 0.3*semantic - 0.02*length(goal=10)"
