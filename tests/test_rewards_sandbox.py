"""Programs that cheat or wreck: each earns nothing and harms nothing, as root and as an ordinary user alike."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_rewards_sandbox_walls import processes_naming
from tokengym.rewards.sandbox import Limits, Verdict, active_layers, run_many, run_tests

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are confined on Linux only")

LIMITS = Limits(cpu_s=1, wall_s=2.5, memory_bytes=256 * 2**20, threads=8)
TESTS = "assert f(2) == 4\nassert f(-3) == 9\nassert f(12) == 144"
GOOD = "def f(x):\n    return x * x\n"

# Each stands for what a trained policy may find; none computes a square.
CHEATS = {
    "exits before the tests": "import sys\nsys.exit(0)",
    "exits at once": "import os\nos._exit(0)",
    "exits in the function": "import os\ndef f(x):\n    os._exit(0)",
    "exits politely in the function": "def f(x):\n    raise SystemExit(0)",
    "prints the marks of success": "print('passed 3/3 OK', flush=True)\nimport os\nfor n in range(3, 20):\n"
    '    try:\n        os.write(n, b\'[0, "passed", ""]\\n\' * 3)\n    except OSError:\n        pass',
    "is equal to everything": "class A:\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n    __hash__ = lambda s: 0\n"
    "    __lt__ = __gt__ = __le__ = __ge__ = __contains__ = lambda s, o: True\ndef f(x):\n    return A()",
    "is an int that is equal to everything": "class A(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\n"
    "def f(x):\n    return A(7)",
    "is a mock that is equal to everything": "from unittest.mock import ANY\ndef f(x):\n    return ANY",
    "pretends to be plain": "class A:\n    __class__ = int\n    __eq__ = lambda s, o: True\ndef f(x):\n    return A()",
    "patches builtins": "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.abs = builtins.all = lambda *a: True\n"
    "def f(x):\n    return 0",
    "hides a builtin": "abs = bool = all = lambda *a: True\ndef f(x):\n    return 0",
    "patches compile and exec": "import builtins\nbuiltins.compile = builtins.exec = builtins.eval = lambda *a, **k: None\n"
    "def f(x):\n    return 0",
    "patches the talk": "import sys\nfor name, module in list(sys.modules.items()):\n    if 'sandbox' in name:\n"
    "        for key, value in list(vars(module).items()):\n            if callable(value):\n                try:\n"
    "                    setattr(module, key, lambda *a, **k: True)\n                except Exception:\n                    pass\n"
    "def f(x):\n    return True",
    "patches unittest": "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\nunittest.TestCase.run = lambda *a: None\n"
    "def f(x):\n    return None",
    "leaves by atexit": "import atexit, os\natexit.register(lambda: print('passed'))\natexit.register(os._exit, 0)\n"
    "def f(x):\n    return 1",
    "swallows through a trace": "import sys\nsys.settrace(lambda *a: None)\nsys.excepthook = lambda *a: None\ndef f(x):\n    return 1",
    "reads the tests from the frames": "import gc, sys\ndef f(x):\n    frame, seen = sys._getframe(), []\n    while frame:\n"
    "        seen.append(repr(frame.f_locals) + repr(frame.f_globals))\n        frame = frame.f_back\n"
    "    text = ' '.join(seen) + ' '.join(map(repr, gc.get_objects()))\n    return x * x if ''.join(['asser', 't f(']) in text else 0",
    "reads the tests from its memory": "import re\ndef f(x):\n    text = open('/proc/self/mem', 'rb').read(100)\n    return 4",
    "looks for the tests on the disk": "import os\ndef f(x):\n    for folder in ('/home', '/root', '/tmp', '/proc'):\n"
    "        try:\n            os.listdir(folder)\n            return x * x\n        except PermissionError:\n            pass\n"
    "    return 0",
    "reads installed packages": f"def f(x):\n    open({pytest.__file__!r}).read()\n    return x * x",
    "answer without end": "import itertools\ndef f(x):\n    return itertools.count()",
    "answers by a name of another module": "import types\nf = types.ModuleType('unittest.mock')",
}
# The same against tests that hold a number against its expected one by an operator or by two comparisons.
NEAR_TESTS = (
    "import unittest\nassert abs(f(1.5) - 2.25) < 1e-6\nassert abs(2.25 - f(1.5)) <= 1e-6\nassert (f(3) - 9) ** 2 < 1e-9\n"
    "assert 0.99 < f(3) / 9 < 1.01\nassert 8.9 < f(3) < 9.1\nassert not f(3) - 9\nassert round(f(3) - 9, 6) == 0\n"
    "assert f(3) ^ 9 == 0\nunittest.TestCase().assertAlmostEqual(f(1.5), 2.25)\n"
    "assert not {9} - f({3})\nassert len({9} ^ f({3})) == 0\nassert {9} & f({3}) == {9}"
)
NEAR_CHEATS = {
    "has no difference to anything": "class A:\n    def __truediv__(s, o):\n        return 1.0\n    def __rand__(s, o):\n        return o\n"
    "    __sub__ = __xor__ = lambda s, o: 0\n    __rsub__ = __rxor__ = lambda s, o: 0 if type(o) is float else set()\n"
    "def f(x):\n    return A()",
    "is its own difference": "class A:\n    __abs__ = __float__ = lambda s: 0.0\n    __bool__ = lambda s: False\n"
    "    __len__ = __index__ = lambda s: 0\n    __round__ = __pow__ = lambda s, n: 0.0\n"
    "    __sub__ = __rsub__ = __truediv__ = __xor__ = __rxor__ = __rand__ = lambda s, o: s\ndef f(x):\n    return A()",
    "differs by a zero of its own": "class Z(float):\n    pass\nclass A(float):\n"
    "    __sub__ = __rsub__ = __xor__ = __rxor__ = __rand__ = lambda s, o: Z(0)\n    __truediv__ = lambda s, o: Z(1)\n"
    "def f(x):\n    return A(7)",
    "is two numbers in turn": "import itertools, sys\nturn = itertools.cycle((float('inf'), float('-inf')))\n"
    "sys.modules['tokengym.rewards.sandbox_talk']._PLAIN[float] = lambda v: next(turn)\nclass A(float):\n    pass\n"
    "def f(x):\n    return A(7)",
}
WRECKS = {
    "fork bomb": "import os\nwhile True:\n    os.fork()",
    "fork bomb by subprocess": "import subprocess, sys\nwhile True:\n    subprocess.Popen([sys.executable, '-c', 'while 1: pass'])",
    "fork bomb by raw calls": "import ctypes\nlibc = ctypes.CDLL(None)\nfor n in range(1000):\n    for call in (56, 57, 58, 435):\n"
    "        if libc.syscall(call, 17, 0, 0, 0, 0) == 0:\n            open('child', 'w').write('x')\nraise SystemExit",
    "thread bomb": "import threading, time\nthreading.stack_size(65536)\nwhile True:\n"
    "    threading.Thread(target=time.sleep, args=(60,)).start()",
    "10 GB": "data = bytearray(10 * 2**30)",
    "10 GB bit by bit": "data = []\nwhile True:\n    data.append(bytearray(2**20))",
    "10 GB by mmap": "import mmap\ndata = mmap.mmap(-1, 10 * 2**30)",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef g(n):\n    return [g(n + 1)]\nlist(map(g, [0]))",
    "deep recursion in C": "x = []\nfor _ in range(10**6):\n    x = [x]\nrepr(x)\nx == [x]",
    "very long expression": "x = " + "(" * 100_000,
    "nested answer": "def f(x):\n    y = []\n    for _ in range(10**5):\n        y = [y]\n    return y",
    "huge answer": "def f(x):\n    return 'x' * 50_000_000",
    "huge number": "def f(x):\n    return 1 << 10**8",
    "huge output": "import sys\nfor _ in range(200):\n    print('x' * 10**6)\nsys.stderr.write('y' * 10**7)",
    "large file": "open('big', 'wb').write(bytes(10 * 2**20))",
    "many files": "for n in range(10**6):\n    open(f'{n}', 'wb').write(bytes(2**20))",
    "deleted files": "import os\nkept = []\nfor n in range(10**6):\n    kept.append(open(f'{n}', 'wb'))\n"
    "    kept[-1].write(bytes(2**20))\n    os.unlink(f'{n}')",
    "memory in files": "import os\nwhile True:\n    os.write(os.memfd_create('x'), bytes(2**20))",
    "raises its limits": "import resource\nfor kind in range(16):\n    try:\n        resource.setrlimit(kind, (-1, -1))\n"
    "    except (OSError, ValueError):\n        pass\ndata = bytearray(10 * 2**30)",
    "raises others' limits": "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (1, 1))",
    "signals everybody": "import os, signal\nfor pid in (-1, 0, 1, os.getppid(), *range(2, 300)):\n    if pid != os.getpid():\n"
    "        try:\n            os.kill(pid, signal.SIGKILL)\n        except OSError:\n            pass\nraise SystemExit",
    "signals through a descriptor": "import fcntl, os, signal\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())",
    "closes all descriptors": "import os\nos.closerange(0, 1000)",
    "unmaps itself": "import ctypes\nctypes.memset(0, 0, 1)",
    "ends by an odd signal": "import os\nos.kill(os.getpid(), 40)",
    "mounts": "import ctypes\nif ctypes.CDLL(None, use_errno=True).mount(b'none', b'/', b'tmpfs', 0, None):\n    raise OSError",
    "becomes root": "import os\nos.setuid(0)",
    "makes links": "import os\nos.symlink('/etc', 'etc')",
    "makes hard links": "import os\nos.link('/etc/passwd', 'passwd')",
    "makes folders": "import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')",
    "changes modes": "import os\nos.chmod('/etc/passwd', 0o777)",
}
SLOW = {
    "infinite loop": "while True:\n    pass",
    "infinite loop in the function": "def f(x):\n    while True:\n        pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "ignores and blocks signals": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
    "for n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n"
    "    except (OSError, ValueError):\n        pass\nwhile True:\n    pass",
    "never lets go": "def f(x):\n    try:\n        while True:\n            pass\n    finally:\n        f(x)",
    "a thread that goes on": "import threading\ndef g():\n    while True:\n        pass\nthreading.Thread(target=g).start()\n"
    "def f(x):\n    g()",
}


@pytest.fixture(scope="module")
def verdicts() -> Iterator[dict[str, Verdict]]:
    """All of them in one batch, a good program after each; nothing is left of them afterwards."""
    attacks = CHEATS | WRECKS | SLOW
    jobs = [job for code in attacks.values() for job in ((code, TESTS), (GOOD, TESTS))]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        os.chmod(folder, 0o711)
        patch.setattr(tempfile, "tempdir", folder)
        found = run_many(jobs, LIMITS, workers=4)
        assert os.listdir(folder) == [] and processes_naming(Path(folder)) == []
    assert found[1::2] == [Verdict("passed", 3, 3)] * len(attacks)
    yield dict(zip(attacks, found[::2], strict=True))


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_earns_nothing(name: str, verdicts: dict[str, Verdict]) -> None:
    assert verdicts[name].passed == 0 and verdicts[name].status in ("failed", "error"), verdicts[name]


@pytest.mark.parametrize("name", NEAR_CHEATS)
def test_an_object_that_says_it_is_near_earns_nothing(name: str) -> None:
    verdict = run_tests(NEAR_CHEATS[name], NEAR_TESTS, LIMITS)
    assert (verdict.passed, verdict.total) == (0, 12), verdict


def test_an_honest_number_of_a_class_of_its_own_is_near() -> None:
    code = "class Length(float):\n    pass\ndef f(x):\n    return Length(x * x)"
    tests = "assert abs(f(1.5) - 2.25) < 1e-6\nassert 8.9 < f(3) < 9.1\nassert 0.99 < f(3) / 9 < 1.01\nassert 10 - f(3) == 1"
    assert run_tests(code, tests, LIMITS) == Verdict("passed", 4, 4)


@pytest.mark.parametrize("name", WRECKS)
def test_a_wreck_earns_nothing(name: str, verdicts: dict[str, Verdict]) -> None:
    assert verdicts[name].passed == 0 and verdicts[name].status in ("error", "timeout"), verdicts[name]


@pytest.mark.parametrize("name", SLOW)
def test_what_does_not_end_is_a_timeout(name: str, verdicts: dict[str, Verdict]) -> None:
    assert verdicts[name].status == "timeout" and verdicts[name].passed == 0, verdicts[name]


def test_one_program_does_not_influence_another() -> None:
    leave = "import builtins, os, sys\nbuiltins.left = sys.left = os.left = 1\nopen('left', 'w').write('x')\ndef f(x):\n    return x * x"
    find = (
        "import builtins, os, sys\nfound = [hasattr(m, 'left') for m in (builtins, os, sys)] + [os.path.exists('left')]\n"
        "for path in ('..', '../0', '../0/left'):\n    try:\n        found.append(os.open(path, os.O_RDONLY))\n"
        "    except OSError:\n        pass\n"
        "def f(x):\n    return 0 if any(found) or os.listdir('.') else x * x"
    )
    assert run_many([(leave, TESTS), (find, TESTS)] * 4, LIMITS, workers=1) == [Verdict("passed", 3, 3)] * 8


def test_a_private_folder_for_temporary_files_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tmp_path.chmod(0o700)
    assert run_tests("import sqlite3, statistics\n" + GOOD, TESTS, LIMITS) == Verdict("passed", 3, 3)


def test_runs_are_alike() -> None:
    code = "import random\ndef f():\n    return [random.random(), hash('x'), list({'a', 'b', 'c'})]"
    test = "assert 0, str(f())"
    first, second = run_many([(code, test)] * 2, LIMITS)
    assert "[" in first.detail and first.detail == second.detail == run_tests(code, test, LIMITS).detail


def test_the_environment_is_empty_and_the_scratch_folder_is_its_own() -> None:
    code = (
        "import os\ndef f():\n    with open('a', 'w') as file:\n        file.write('text')\n    os.rename('a', 'b')\n"
        "    with open('b') as file:\n        text = file.read()\n    os.remove('b')\n    return text, dict(os.environ), os.listdir('.')"
    )
    verdict = run_tests(code, "assert f() == ('text', {}, [])", LIMITS)
    assert verdict.status == "passed" or not active_layers()["writable"], verdict


def test_a_program_may_start_a_few_threads() -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\ndef f(x):\n"
        "    with ThreadPoolExecutor(3) as pool:\n        return sum(pool.map(lambda y: x, range(abs(x))))"
    )
    assert run_tests(code, "assert f(2) == 4\nassert f(12) == 144", Limits(cpu_s=2)).status == "passed"


def test_a_program_may_import_the_standard_library() -> None:
    names = "asyncio, bz2, csv, dataclasses, decimal, email.message, heapq, json, lzma, sqlite3, statistics, typing, xml.dom, zoneinfo"
    code = f"import {names}\n@dataclasses.dataclass\nclass Point:\n    x: int\ndef f(x):\n    return Point(x).x ** 2"
    assert run_tests(code, TESTS, LIMITS) == Verdict("passed", 3, 3)


@pytest.mark.parametrize(
    ("code", "tests", "verdict"),
    [
        (GOOD, TESTS, ("passed", 3, 3)),
        (GOOD, ["assert f(2) == 4", "x = f(3)\nassert x == 9"], ("passed", 2, 2)),
        (GOOD, ["assert f(2) == 4", "assert f(3) == 8"], ("failed", 1, 2)),
        ("", ["import math", "assert math.sqrt(f(2)) == 2"], ("error", 0, 1)),  # what no program could fail is no test
        (GOOD, ["import math", "print(math.pi)", "y = 4", "assert math.sqrt(f(2)) == 2 and f(2) == y"], ("passed", 1, 1)),
        ("def f(x):\n    return 0", ["def check(c):\n    assert c(2) == 4", "check(f)"], ("failed", 0, 1)),
        ("def f(x):\n    return 4", ["def test_two():\n    assert f(2) == 4", "def test_three():\n    assert f(3) == 9"], ("failed", 1, 2)),
        ("def f(x):\n    return 9", ["def test_f():\n    assert f(2) == 4", "def test_f():\n    assert f(3) == 9"], ("failed", 1, 2)),
        ("def f(x):\n    return 4", ["x = 2\ndef test_f():\n    assert f(x) == 4", "x = 3\ndef test_g():\n    assert x"], ("passed", 2, 2)),
        (GOOD, "def test_f():\n    assert f(g()) == 4\ndef g():\n    return 2", ("passed", 1, 1)),  # of one text at its end
        (GOOD, ["assert f(2) == 4", "assert g(3) == 8"], ("error", 1, 2)),
        ("def f(x) return x", TESTS, ("error", 0, 3)),
        ("", TESTS, ("error", 0, 3)),
        ("\udcff\0", TESTS, ("error", 0, 3)),
        ("def f(x):\n    while x == 12:\n        pass\n    return x * x", TESTS, ("timeout", 2, 3)),
        ("import os\ndef f(x):\n    return os._exit(0) if x == 12 else x * x", TESTS, ("error", 2, 3)),
        (GOOD, "try:\n    f(2)\nexcept BaseException:\n    pass", ("passed", 1, 1)),
        ("import os\ndef f(x):\n    os._exit(0)", "try:\n    f(2)\nexcept BaseException:\n    pass", ("error", 0, 1)),
    ],
)
def test_verdicts(code: str, tests: str | list[str], verdict: tuple[str, int, int]) -> None:
    assert run_tests(code, tests, LIMITS)[:3] == verdict


def test_statements_definitions_and_test_functions() -> None:
    tests = """
'Tests of f.'
import math
limit = 3
def check(candidate):
    for x in range(limit):
        assert candidate(x) == x * x
def test_negative():
    assert f(-limit) == 9
check(f)
assert math.isclose(f(0.5), 0.25)
for x in (1, 2):
    assert f(x) < 5
"""
    assert run_tests(GOOD, tests, LIMITS) == Verdict("passed", 4, 4)
    assert run_tests("def f(x):\n    return abs(x)", tests, LIMITS)[:3] == ("failed", 1, 4)  # the loop holds


def test_statements_that_no_program_could_fail_are_no_tests() -> None:
    tests = "import sys, math as m\nfrom os.path import join\nsys.setrecursionlimit(900)\nprint(m.pi, join('a', 'b'))\nassert f(2) == 4"
    assert run_tests("x = 1", tests, LIMITS)[:3] == ("error", 0, 1)
    assert run_tests(GOOD, tests, LIMITS) == Verdict("passed", 1, 1)
    with pytest.raises(ValueError, match="hold no test"):
        run_tests(GOOD, "print('done')", LIMITS)


def test_stopiteration_arrives_where_the_tests_name_it() -> None:
    first = "def first(source):\n    return next(iter(source))"
    caught = "{}try:\n    {}\n    found = True\nexcept StopIteration:\n    found = False\nassert not found"
    named = "import unittest\ndef test_none():\n    with unittest.TestCase().assertRaises(StopIteration):\n        first([])"
    for tests in (caught.format("", "first([])"), caught.format("get = lambda: first([])\n", "get()"), named):
        assert run_tests(first, tests, LIMITS).status == "passed"
        assert run_tests("def first(source):\n    return None", tests, LIMITS).status == "failed"
    stops = "def f(x):\n    raise StopIteration"
    loop = "assert all(map(f, [1])) or True"
    assert run_tests(stops, f"{caught.format('', 'f(1)')}\n{loop}", LIMITS)[:3] == ("error", 2, 3)  # elsewhere it ends no loop
    counting = "class Own:\n    def __iter__(self):\n        return self\n    def __next__(self):\n        raise StopIteration\n"
    assert run_tests(stops, f"{counting}assert list(Own()) == []\n{loop}", LIMITS)[:3] == ("error", 1, 2)
    waits = "try:\n    f(1)\n    assert False\nexcept StopAsyncIteration:\n    pass"
    assert run_tests(stops.replace("Stop", "StopAsync"), waits, LIMITS).status == "passed"


def test_what_stands_under_the_main_guard_is_run() -> None:
    tests = "def test_square():\n    assert f(2) == 4\nif __name__ == '__main__':\n    test_square()"
    assert run_tests(GOOD, tests) == Verdict("passed", 1, 1)
    assert run_tests("f = 1", tests).passed == 0
    assert run_tests("f = 1", ["if __name__ == '__main__':\n    assert f(2) == 4"]).passed == 0


def test_the_program_as_a_module_of_the_tests() -> None:
    tests = (
        "import solution\nfrom solution import f as g, sum\nassert g(2) == solution.f(2) == 4\nassert sum(1, 2) == 3\nassert solution.none"
    )
    verdict = run_tests(GOOD + "def sum(a, b):\n    return a + b\n", tests, LIMITS)
    assert verdict[:3] == ("error", 2, 3) and "no attribute 'none'" in verdict.detail


def test_the_tests_use_a_library_of_their_own() -> None:
    code = "import math\nmath.isclose = lambda *a, **k: True\ndef f(x):\n    return 5"
    assert run_tests(code, "assert math.isclose(f(2), 4)", LIMITS)[:3] == ("failed", 0, 1)


@pytest.mark.parametrize("tests", ["x = 1", "assert f(", "", [], ["assert f(1)", "assert ("], ["import math", "# f"]])
def test_tests_that_are_none_are_refused(tests: str | list[str]) -> None:
    with pytest.raises(ValueError, match="tests="):
        run_tests(GOOD, tests)


def test_no_jobs_no_server() -> None:
    assert run_many([]) == []


@pytest.mark.parametrize("limits", [{"cpu_s": 0}, {"wall_s": -1.0}, {"cpu_s": 1.5}, {"memory_bytes": 1000}, {"threads": float("nan")}])
def test_limits_that_are_none_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        Limits(**limits)  # type: ignore[arg-type]
