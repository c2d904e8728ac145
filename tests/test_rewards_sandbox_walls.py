"""Programs that reach out of the sandbox, with walls left out one by one, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tokengym.rewards import sandbox
from tokengym.rewards.sandbox import Limits, SandboxUnavailable, Verdict, active_layers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are confined on Linux only")

LIMITS = Limits(cpu_s=1, wall_s=3.0, memory_bytes=256 * 2**20, threads=8)
TESTS = "assert f(2) == 4\nassert f(-3) == 9\nassert f(12) == 144"
GOOD = "def f(x):\n    return x * x\n"
EQUAL = "class A:\n    __eq__ = lambda s, o: True\ndef f(x):\n    return A()"
OUTSIDE = ("/tmp/tokengym-outside", "/var/tmp/tokengym-outside", "/dev/shm/tokengym-outside")


def programs_against(folder: Path, port: int) -> dict[str, str]:
    """They know a folder that everybody may write to, and no other address than the given port on loopback."""
    kept, targets = str(folder / "kept"), [str(folder / "new"), str(folder / "kept"), "../outside", *OUTSIDE]
    return {
        "writes": f"for path in {targets}:\n    try:\n        open(path, 'w').write('x')\n    except OSError:\n        pass\n",
        "truncates": f"import os\ntry:\n    os.close(os.open({kept!r}, os.O_RDONLY | os.O_TRUNC))\nexcept OSError:\n    pass\n"
        f"os.truncate({kept!r}, 0)",
        "renames": f"import os\nos.rename({kept!r}, 'mine')",
        "deletes": f"import os\nos.unlink({kept!r})",
        "changes its mode": f"import os\nos.chmod({kept!r}, 0)",
        "changes its time": f"import os\nos.utime({kept!r}, (0, 0))",
        "links": f"import os\nos.symlink({str(folder)!r}, 'link')\nopen('link/new', 'w').write('x')",
        "connects": f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=1).sendall(b'x')",
        "connects by raw calls": "import ctypes\nlibc = ctypes.CDLL(None)\nn = libc.socket(2, 1, 0)\n"
        f"address = bytes([2, 0, {port >> 8}, {port & 255}, 127, 0, 0, 1]) + bytes(8)\n"
        "if n < 0 or libc.connect(n, address, 16):\n    raise OSError",
        "connects by io_uring": "import ctypes\nif ctypes.CDLL(None).syscall(425, 8, bytes(120)) < 0:\n    raise OSError",
        "forks": "import os\nos.fork()",
        "forks a daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)",
        "10 GB": "data = bytearray(10 * 2**30)",
        "signals": "import os\nos.kill(os.getppid(), 9)",
        "exits": "import os\nos._exit(0)",
        "is equal to everything": EQUAL,
    }


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        yield server


def assert_untouched(folder: Path, server: socket.socket) -> None:
    assert os.listdir(folder) == ["kept"] and (folder / "kept").read_text() == "kept"
    assert (folder / "kept").stat().st_mode & 0o777 == 0o666 and (folder / "kept").stat().st_mtime > 1e9
    assert not any(map(os.path.exists, OUTSIDE))
    with pytest.raises(TimeoutError):
        server.accept()


def assert_all_earn_nothing(programs: dict[str, str], found: Sequence[Verdict]) -> None:
    *bad, good = found
    assert tuple(good)[:3] == ("passed", 3, 3), good
    for name, (status, passed, _, detail) in zip(programs, bad, strict=True):
        assert passed == 0 and status in ("error", "failed"), (name, status, passed, detail)


def openly(folder: Path) -> None:
    """A file and a folder that everybody may write to."""
    (folder / "kept").write_text("kept")
    (folder / "kept").chmod(0o666)
    for above in (folder, *list(folder.parents)[:2]):
        above.chmod(0o777)


@pytest.mark.parametrize("skip", [(), ("namespaces",), ("landlock",), ("uid",), ("namespaces", "landlock", "uid")], ids=str)
def test_programs_that_reach_out_are_held_with_walls_left_out(skip: Sequence[str], tmp_path: Path, listener: socket.socket) -> None:
    openly(tmp_path)
    programs = programs_against(tmp_path, listener.getsockname()[1])
    with sandbox._Sandbox(LIMITS, False, skip) as box:
        found = box.run([(code, sandbox._units(TESTS)) for code in (*programs.values(), GOOD)], 4)
        assert not any(box.layers[wall] for wall in skip)
    assert_all_earn_nothing(programs, found)
    assert_untouched(tmp_path, listener)


def test_an_ordinary_user_is_protected_too(tmp_path: Path, listener: socket.socket) -> None:
    """What root's tests cannot show: the program runs as the same user as everything else."""
    python = next((path for path in (sys.executable, "/usr/bin/python3") if os.getuid() == 0 and usable_by_others(path)), None)
    if python is None:
        pytest.skip("needs root, to become an ordinary user, and a Python that such a user can run")
    openly(tmp_path)
    os.chown(tmp_path / "kept", 12345, 12345)
    programs = programs_against(tmp_path, listener.getsockname()[1])
    start = sandbox._START.partition("from tokengym")[0] + (
        "import json\nfrom tokengym.rewards.sandbox import *\nfrom tokengym.rewards import sandbox\n"
        "limits = Limits(cpu_s=1, wall_s=3.0, memory_bytes=2**28)\njobs = json.loads(sys.argv[2])\nout = [active_layers()]\n"
        "for skip in [], ['namespaces'], ['landlock'], ['namespaces', 'landlock']:\n"
        "    with sandbox._Sandbox(limits, False, skip) as box:\n"
        "        out.append(box.run([(code, sandbox._units(tests)) for code, tests in jobs], 4))\nprint(json.dumps(out))"
    )
    jobs = json.dumps([(code, TESTS) for code in (*programs.values(), GOOD)])
    command = [python, "-c", start, str(Path(sandbox.__file__).resolve().parent), jobs]
    done = subprocess.run(command, user=12345, group=12345, extra_groups=[], env={}, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    layers, *rounds = json.loads(done.stdout)
    assert layers["seccomp"] and not layers["uid"]
    for found in rounds:
        assert_all_earn_nothing(programs, found)
    assert_untouched(tmp_path, listener)


def usable_by_others(python: str) -> bool:
    code = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([python, "-c", code], user=12345, group=12345, extra_groups=[], cwd="/", capture_output=True).returncode == 0
    except OSError:
        return False


def test_without_the_filter_it_refuses_unless_told_otherwise() -> None:
    with pytest.raises(SandboxUnavailable, match="unconfined=True"):
        sandbox._Sandbox(LIMITS, False, ["seccomp"]).__enter__()
    with sandbox._Sandbox(LIMITS, True, ["seccomp", "uid", "landlock", "namespaces"]) as box:
        assert not box.layers["seccomp"]
        programs = (GOOD, "import os\nos._exit(0)", "while True:\n    pass", "data = bytearray(10 * 2**30)", EQUAL)
        found = box.run([(code, sandbox._units(TESTS)) for code in programs], 2)
        assert [verdict.status for verdict in found] == ["passed", "error", "timeout", "error", "failed"]


def test_says_which_walls_stand() -> None:
    layers = active_layers()
    assert layers["limits"] and layers["seccomp"]
    assert set(layers) == {"limits", "uid", "namespaces", "landlock", "seccomp", "writable"}


def test_when_the_caller_is_killed_nothing_goes_on(tmp_path: Path) -> None:
    code = "from tokengym.rewards.sandbox import *\nrun_tests('while True: pass', 'assert f()', Limits(cpu_s=300, wall_s=300.0))"
    deadline = time.monotonic() + 30
    with subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}) as caller:
        running: list[str] = []
        while len(running) < 3 and time.monotonic() < deadline:  # the server, the program and its tests
            time.sleep(0.01)
            if list(tmp_path.glob("tokengym-sandbox-*/0")):  # the scratch folder: the program is about to start
                running = processes_naming(tmp_path)
        caller.send_signal(signal.SIGKILL)
    assert len(running) >= 3
    while processes_naming(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def processes_naming(folder: Path) -> list[str]:
    """Processes with this folder on their command line: a sandbox's server and all that it forks."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            pass
    return found
