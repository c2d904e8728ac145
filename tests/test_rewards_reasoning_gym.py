"""rewards/reasoning_gym.py: scores as the package gives them, and answers that are never evaluated."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest

from tokengym.rewards import Sample, make_reward

pytestmark = pytest.mark.skipif(importlib.util.find_spec("reasoning_gym") is None, reason="the package reasoning-gym is not installed")
REWARD = make_reward("reasoning_gym")


def score(dataset: str, answer: str, seed: int = 5) -> float:
    return float(REWARD([Sample("", answer, meta={"reasoning_gym": {"dataset": dataset, "seed": seed}})])[0])


def test_scores_are_the_packages_own() -> None:
    assert score("products", "737598") == 1.0  # 914 * 807
    assert score("products", " 737598\n") == 1.0
    assert score("products", "The product is 737598") == pytest.approx(6 / 21)  # a part where the answer is among other words
    assert score("products", "737597") == score("products", "") == 0.0
    assert score("time_intervals", "67 days, 01:04:00") == 1.0


def test_any_right_answer_counts() -> None:
    from tokengym.rewards.reasoning_gym import entry

    asked = entry("countdown", 5)
    assert score("countdown", asked["answer"]) == score("countdown", f"0 + {asked['answer']}".removeprefix("0 + ")) == 1.0
    assert score("countdown", f"({asked['answer']})") == 1.0  # written in another way
    assert score("countdown", "1 + 1") < 0.1
    assert score("polynomial_multiplication", f"0 + {entry('polynomial_multiplication', 5)['answer']}") == 1.0


@pytest.mark.parametrize("dataset", ["binary_matrix", "countdown", "intermediate_integration", "n_queens", "polynomial_multiplication"])
@pytest.mark.parametrize(
    "attack", ["open({path!r}, 'w')", "__import__('pathlib').Path({path!r}).touch()", "[open(p, 'w') for p in [{path!r}]]"]
)
def test_an_answer_is_never_run(dataset: str, attack: str, tmp_path: Path) -> None:
    path = tmp_path / "written"
    assert score(dataset, attack.format(path=str(path))) <= 0.05
    assert not path.exists()


@pytest.mark.parametrize("dataset", ["countdown", "polynomial_multiplication", "intermediate_integration", "simple_integration"])
@pytest.mark.parametrize("bomb", ["9**9**9**9", "9**999999999", "((9**99)**99)**99", "9 ** 99 ** 99", "N(1, 99999999)", "2**(99)**99"])
def test_no_answer_fills_the_memory(dataset: str, bomb: str) -> None:
    assert score(dataset, bomb) <= 0.05


def test_moves_are_not_repeated_without_end() -> None:
    from tokengym.rewards.reasoning_gym import _MOVES

    assert _MOVES.fullmatch("U R2 F' D3 x10") and score("rubiks_cube", "U R2 F' D3") > 0.0
    assert score("rubiks_cube", "U99999999") == score("rubiks_cube", "R2 U" + "9" * 30) == 0.0


@pytest.mark.parametrize("dataset", ["coin_flip", "intermediate_integration", "polynomial_multiplication", "simple_integration"])
@pytest.mark.parametrize("bomb", ["1e999999999", "0.1e-99999999", "1e99999_9999", "1e9,999,999,999", "9E+99999999"])
def test_no_number_is_written_out_without_end(dataset: str, bomb: str) -> None:
    assert score(dataset, bomb) == 0.0


def test_no_formula_is_simplified_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    from tokengym.rewards import reasoning_gym

    right = reasoning_gym.entry("simple_integration", 5)["answer"]
    assert score("simple_integration", f"0 + {right}") == 1.0  # in a process of its own, which is ready from here on
    monkeypatch.setattr(reasoning_gym._elsewhere, "seconds", 1.0)
    assert score("intermediate_integration", "(sin(x)+cos(x)+exp(x)+log(x)+sqrt(x)+1)**6") == 0.0
    monkeypatch.undo()
    assert score("simple_integration", f"0 + {right}") == 1.0  # another helper


def test_what_is_no_answer_earns_nothing_where_the_package_pays_for_it() -> None:
    from tokengym.rewards.reasoning_gym import entry

    for nothing in ("nan", "NaN", "nan+nani", "(nan)"):
        assert score("complex_arithmetic", nothing) == 0.0
    assert entry("complex_arithmetic", 5)["answer"] == "-5.0 + 20.0i" and score("complex_arithmetic", "-5 + 20i") == 1.0
    assert score("complex_arithmetic", "-5 + 19i") == pytest.approx(np.exp(-1))  # near, as the package counts it
    assert entry("coin_flip", 1)["answer"] == "0.3125"
    for answer, right in {"0.3125": 1, "5/16": 1, "0.31254": 1, "0": 0, "0.3": 0, "0.5": 0, "1/0": 0, "nan": 0, "0.3125 or so": 0}.items():
        assert score("coin_flip", answer, seed=1) == right
    known = str(entry("game_of_life_halting", 5)["answer"])
    other = {"True": "False", "False": "True"}[known]
    assert score("game_of_life_halting", known) == score("game_of_life_halting", known.lower()) == 1.0
    assert score("game_of_life_halting", other) == score("game_of_life_halting", "0") == score("game_of_life_halting", "") == 0.0


def test_a_scorer_that_trips_gives_nothing() -> None:
    assert score("prime_factorization", "hello world") == 0.0


def test_formulas_that_calculus_needs_are_read() -> None:
    from tokengym.rewards.reasoning_gym import _CALCULUS, _LISTS, _POLYNOMIAL, _SUMS

    assert _CALCULUS.fullmatch("x**2*exp(x)/2 - sin(3*x)**2 + x**(-1/2) + log(x) + C") and _CALCULUS.fullmatch("2**x")
    assert _POLYNOMIAL.fullmatch("-12*x**7 + 3*x*y - (z + 1)**2") and not _POLYNOMIAL.fullmatch("x**100")
    assert _SUMS.fullmatch("(3 + 4) * 5 - 6/2") and not _SUMS.fullmatch("3**4")
    assert _LISTS.fullmatch("[[0, 1], [1, 0]]") and not _LISTS.fullmatch("f(1)")


def test_the_same_seed_is_the_same_question_and_global_generators_stay() -> None:
    from tokengym.rewards.reasoning_gym import entry

    for name in ("list_functions", "pool_matrix"):  # these draw from Python's and NumPy's global generators
        before = random.getstate(), repr(np.random.get_state())
        first = dict(entry(name, 11))
        assert (random.getstate(), repr(np.random.get_state())) == before
        random.random()
        np.random.random()
        entry.cache_clear()
        assert dict(entry(name, 11)) == first


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match="Did you mean 'gcd'"):
        score("gdc", "1")
    with pytest.raises(ValueError, match="seed=-1"):
        score("gcd", "1", seed=-1)
    with pytest.raises(TypeError, match="expected {'dataset': a name, 'seed': a whole number}"):
        REWARD([Sample("", "1", meta={"reasoning_gym": "gcd"})])
    assert REWARD.explain([Sample("", "1")]).valid.tolist() == [False]
