"""reasoning-gym: the score that the package of this name gives an answer to one of its questions, made again from its seed."""

from __future__ import annotations

import contextlib
import io
import math
import random
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from tokengym._registry import unknown
from tokengym.rewards.base import Sample
from tokengym.rewards.limited import Limited
from tokengym.rewards.one_by_one import OneByOne

__all__ = ["ReasoningGym", "dataset_names", "entry", "score_here"]

# reasoning-gym reads answers to these with Python's eval or sympy's parse_expr, which would run what an agent writes, or works numbers
# out that fill the memory. Such an answer is passed on only if it is made of what an answer is made of; any other earns 0.
_LISTS = re.compile(r"[\w\s\[\]'\",.-]*")  # no brackets that call, no operators
_SUMS = re.compile(r"(?:[\d\s.+\-/()]|\*(?!\*))*")
_POLYNOMIAL = re.compile(r"(?:[\d\s.+\-/()]|(?<![A-Za-z])[a-z](?![A-Za-z])|\*(?!\*)|\*\*\s*\d{1,2}(?!\d|\s*\*\*))*")
_CALCULUS = re.compile(
    r"(?:[\d\s.+\-/()]|(?<![A-Za-z])(?:[a-zCX]|a?(?:sin|cos|tan)h?|exp|log|sqrt|pi)(?![A-Za-z])|\*(?!\*)"
    r"|\*\*\s*(?:\d{1,2}|\(-?\d{1,2}(?:/\d{1,2})?\)|[a-z])(?![\dA-Za-z]|\s*\*\*))*"
)
_MOVES = re.compile(r"(?:\D|(?<!\d)\d{1,3}(?!\d))*")  # a count is how often a scorer turns the cube
_ANY = re.compile(r"[\s\S]*")  # what is too large is refused below
_READ = {
    "coin_flip": _ANY,
    "binary_matrix": _LISTS,
    "complex_arithmetic": re.compile(r"[^nN]*"),  # no "nan", which to the scorer lies at no distance from any number
    "n_queens": _LISTS,
    "spiral_matrix": _LISTS,
    "string_insertion": _LISTS,
    "countdown": _SUMS,
    "rubiks_cube": _MOVES,
    "puzzle24": _SUMS,
    "polynomial_multiplication": _POLYNOMIAL,
    "simple_integration": _CALCULUS,
    "intermediate_integration": _CALCULUS,
}
_LONGEST = 2_000  # characters of an answer that is evaluated
_TOWER = re.compile(r"\*\*[^+*]*\)\s*\*\*")  # a power of a power: its value may not fit into any memory
_HUGE = re.compile(r"[\d.][eE][+-]?[\d_]{4,}")  # a number such as 1e999999999, which some scorers write out digit by digit


def _close(response: str, answer: str) -> bool:
    """Whether a number or a fraction is the probability asked for, within the package's own tolerance."""
    try:
        return abs(Fraction(response.replace(",", "")) - Fraction(answer)) <= Fraction(1, 10_000)
    except (ValueError, ZeroDivisionError):
        return False


def _same(response: str, answer: str) -> bool:
    return response.casefold() == answer.casefold()


# The package's scorers of these pay for what is no answer: "0" begins like "0.25", and any text at all is true.
_CHECKED: Mapping[str, Callable[[str, str], bool]] = {"coin_flip": _close, "game_of_life_halting": _same}

_SIMPLIFIED = ("simple_integration", "intermediate_integration")  # sympy may simplify a short formula for hours
_elsewhere = Limited("tokengym.rewards.reasoning_gym:score_here", seconds=10.0)


class ReasoningGym(OneByOne):
    """What reasoning-gym's own ``score_answer`` gives the response: 1.0 where it is right; some data sets give a part for a near miss.

    The question is made again from the data set's name and the seed, so the sample must come from the version that is installed. A few
    of the package's scorers evaluate the response as Python, as a formula or as moves; here one that is more than a list of values, a
    formula or moves, or that needs numbers without end, earns 0.0 unseen, and so does one that makes a scorer fail, or work for more
    than ten seconds. Where the package pays for what is no answer, the answer is checked here: "nan" earns 0.0 in complex_arithmetic,
    coin_flip gives no part for first digits that agree (1.0 within 0.0001, else 0.0), game_of_life_halting wants True or False.

    Range 0 to 1, higher is better, needs ``meta["reasoning_gym"]``: {"dataset": its name there, "seed": 0 to 2**32 - 1}. Source:
    Stojanovski et al. 2025, arXiv:2505.24760.

    Raises:
        ImportError: when scoring, if the package reasoning-gym is not installed.
        TypeError: when scoring, if meta["reasoning_gym"] is no such mapping.
    """

    name = "reasoning_gym"
    needs = "meta['reasoning_gym']"

    def rate(self, sample: Sample) -> float:
        """The score of one sample, NaN where it says of no question."""
        return _score(sample)


def _score(sample: Sample) -> float:
    about = sample.meta.get("reasoning_gym")
    if about is None:
        return math.nan
    if not isinstance(about, Mapping) or not isinstance(about.get("dataset"), str) or not isinstance(about.get("seed"), int):
        raise TypeError(f"meta['reasoning_gym'] is {about!r:.80}; expected {{'dataset': a name, 'seed': a whole number}}")
    name, asked = about["dataset"], entry(about["dataset"], about["seed"])
    response = sample.response.strip()
    if name in _READ and response != asked["answer"]:
        huge = _TOWER.search(response) or _HUGE.search(response.replace(",", ""))  # they leave commas out
        if huge or len(response) > _LONGEST or not _READ[name].fullmatch(response):
            return 0.0
        if name in _SIMPLIFIED:
            try:
                return float(_elsewhere(name, about["seed"], response))
            except TimeoutError:
                return 0.0
    return score_here(name, about["seed"], response)


def score_here(dataset: str, seed: int, response: str) -> float:
    """The package's own score of a response, however long that takes (of two data sets, ours); 0.0 where its scorer fails."""
    asked = entry(dataset, seed)
    if dataset in _CHECKED:
        return float(_CHECKED[dataset](response, str(asked["answer"])))
    with _quiet():
        try:
            score = float(_scorer(dataset).score_answer(response, asked))
        except Exception:  # some scorers trip over an answer that is not of the expected form
            score = 0.0
    return min(max(score, 0.0), 1.0) if score == score else 0.0


def dataset_names() -> tuple[str, ...]:
    """The data sets of the installed reasoning-gym that can be made from a seed alone, in alphabetical order.

    Raises:
        ImportError: it is not installed.
    """
    return tuple(sorted(name for name in _library().DATASETS if name != "composite"))  # that one needs the names of others


@lru_cache(maxsize=4096)
def entry(dataset: str, seed: int) -> Mapping[str, Any]:
    """The one question of a reasoning-gym data set with this seed: {"question", "answer", "metadata"}; the same call, the same question.

    Raises:
        ImportError: reasoning-gym is not installed.
        ValueError: it has no such data set, or the seed is not from 0 to 2**32 - 1.
    """
    library = _library()
    if dataset not in library.DATASETS:
        raise unknown("dataset of reasoning-gym", dataset, dataset_names())
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed}; reasoning-gym takes seeds from 0 to {2**32 - 1}")
    python, numbers = random.getstate(), np.random.get_state()
    random.seed(seed)  # what two of the data sets draw from the global generators must follow from the seed, too
    np.random.seed(seed)
    try:
        with _quiet():
            made: Mapping[str, Any] = library.create_dataset(dataset, seed=seed, size=1)[0]
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
    return made


@lru_cache(maxsize=256)
def _scorer(dataset: str) -> Any:
    return _library().create_dataset(dataset, seed=0, size=1)


def _library() -> ModuleType:
    try:
        import reasoning_gym.factory
    except ImportError as error:
        raise ImportError("this needs the package reasoning-gym: pip install 'tokengym[reasoning]', or reasoning-gym") from error
    found: ModuleType = reasoning_gym.factory
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Some data sets print their progress, and some scorers let Python warn of what it reads."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
