"""The reward for programs: shares of tests, programs in fences, samples that cannot be scored."""

from __future__ import annotations

import math
import pickle
import sys
import textwrap

import pytest

from tokengym.rewards import Sample, make_reward
from tokengym.rewards.code import UnitTests, extract_code

linux = pytest.mark.skipif(sys.platform != "linux", reason="programs are confined on Linux only")

TESTS = "assert half(4) == 2\nassert half(7) == 3\nassert half(-2) == -1\nassert half(0) == 0"
HALF = "def half(n):\n    return n // 2\n"
TRUNCATED = "def half(n):\n    return n / 2\n"  # wrong for 7


def samples(*responses: str) -> list[Sample]:
    return [Sample("Write half(n), rounded down.", response, meta={"tests": TESTS}) for response in responses]


@linux
def test_share_of_tests_passed() -> None:
    found = UnitTests().explain(samples(HALF, TRUNCATED, "def half(n):\n    return 0", "half = 1", "I cannot.", ""))
    assert found.scores.tolist() == [1.0, 0.75, 0.25, 0.0, 0.0, 0.0]
    assert found.valid.all()


@linux
def test_all_or_nothing() -> None:
    reward = make_reward("unit_tests(all_or_nothing=True)")
    assert reward(samples(HALF, TRUNCATED)).tolist() == [1.0, 0.0]
    assert reward.spec == "unit_tests(all_or_nothing=True)"


@linux
def test_a_sample_without_tests_is_not_valid_and_the_others_are_scored() -> None:
    batch = [Sample("", HALF), *samples(HALF), Sample("", HALF, meta={"tests": []})]
    found = UnitTests().explain(batch)
    assert found.valid.tolist() == [False, True, False] and found.scores.tolist() == [0.0, 1.0, 0.0]


@linux
def test_tests_as_a_sequence() -> None:
    sample = Sample("", TRUNCATED, meta={"tests": ["assert half(4) == 2\nassert half(7) == 3", "assert half(0) == 0"]})
    assert UnitTests().score([sample]).tolist() == [0.5]


def test_broken_tests_are_the_task_s_fault() -> None:
    with pytest.raises(ValueError, match="are not Python"):
        UnitTests().score([Sample("", HALF, meta={"tests": "assert half("})])


@linux
def test_time_and_memory_come_from_the_specification() -> None:
    slow = "def half(n):\n    while n == 7:\n        pass\n    return n // 2"
    assert make_reward("unit_tests(cpu_s=1)").explain(samples(slow)).scores.tolist() == [0.25]
    large = "def half(n):\n    return len(bytearray(200 * 2**20)) * 0 + n // 2"
    assert make_reward("unit_tests(memory_mb=128)").explain(samples(large)).scores.tolist() == [0.0]
    assert make_reward("unit_tests").explain(samples(large)).scores.tolist() == [1.0]


@pytest.mark.parametrize("spec", ["unit_tests(workers=-1)", "unit_tests(cpu_s=0)", "unit_tests(memory_mb=0)", "unit_tests(wall_s=0)"])
def test_limits_that_make_no_sense(spec: str) -> None:
    with pytest.raises(ValueError, match=spec[11:14]):
        make_reward(spec)


@pytest.mark.parametrize("tests", [5, ["assert half(2) == 1", 5], {"assert half(2) == 1": 1}])
def test_tests_of_another_shape_are_refused(tests: object) -> None:
    with pytest.raises(TypeError, match="expected one text of Python statements, or a sequence of such texts"):
        UnitTests().explain([Sample("", HALF, meta={"tests": tests})])


def test_pickles() -> None:
    reward = UnitTests(cpu_s=2)
    assert pickle.loads(pickle.dumps(reward)).spec == reward.spec == "unit_tests(cpu_s=2)"


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (HALF, HALF),
        ("", ""),
        (f"```\n{HALF}```", HALF),
        (f"Here:\n```python\n{HALF}```\nDone.", HALF),
        (f"```python\nx = 1\n```\nBetter:\n```py\n{HALF}```", HALF),
        (f"Here:\n```python\n{HALF}", HALF),
        (f"```python\nx = 1\n```\nBetter:\n```python\n{HALF}", HALF),
        (f"  ```python\r\n{HALF}  ```", HALF),
        (f"- so:\n  ```python\n{textwrap.indent(HALF, '  ')}  ```", HALF),  # in a list
        (f"  ```python\n  x = 1\n\n{textwrap.indent(HALF, '    ')}", f"x = 1\n\n{textwrap.indent(HALF, '  ')}"),
        ("  ```\n\tif x:\n\t\ty()\n  ```", "if x:\n\ty()\n"),  # no more than there is, in tabs
        ("    ```\n    if x:\n\ty()\n    ```", "    if x:\n\ty()\n"),  # spaces and tabs have nothing in common
        ("  ```\n  if x:\n  \ty()\n  ```", "if x:\n\ty()\n"),
        ("```\n  x = 1\n```", "  x = 1\n"),
        ("x = '```'\n", "x = '```'\n"),
        ("```", ""),
    ],
)
def test_the_program_in_a_response(response: str, code: str) -> None:
    assert extract_code(response) == code


def test_a_very_long_response_is_searched_in_linear_time() -> None:
    assert extract_code("```\nx\n" * 50_000) == "x\n"
    assert math.isnan(UnitTests().score([Sample("", "x" * 10**7)])[0])
