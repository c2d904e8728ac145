"""The walls around a process that runs untrusted Python: limits, a user of its own, namespaces, Landlock and a system call filter.

Runs inside the sandbox's own processes (sandbox_child.py) and imports only the standard library. Linux on x86-64 and aarch64 has all
walls; each needs no privilege except the user of its own, which only root can hand out.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Collection, Mapping
from typing import NamedTuple

from tokengym.rewards.sandbox_calls import ARCHITECTURES, bpf_filter

__all__ = ["House", "build", "confine", "probe"]

_NEW_NS, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _SET_NO_NEW_PRIVS = 1, 4, 22, 38
_READ_FILE, _READ_DIR, _WRITE_FILE, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1 << 5, 1 << 8, 1 << 14
_FIRST_UID = 2_000_000_000  # users that no system hands out; 1,024 for each process id, so that no two sandboxes share one
_OPEN_FILES = 64
_ANY_PID = 0x7EADBEEF  # more than any process id

_libc = ctypes.CDLL(None, use_errno=True)


class House(NamedTuple):
    """What the server has built once for all of its children.

    Attributes:
        root: folder that holds the scratch folders.
        layers: wall -> whether it stands.
        ruleset: descriptor of the Landlock rules that all children share, or -1.
        abi: Landlock's version, 0 where there is none.
        shown: folders and files outside the scratch folders that children read at all; ``ruleset`` says what in them.
        uid: the first of the users that the children become, or -1 where they stay who they are.
        calls: the filter of system calls, with ``_ANY_PID`` where a process's own id belongs; b"" for none.
        nested: True where each child makes a user namespace of its own, which counts its threads by itself.
    """

    root: str
    layers: dict[str, bool]
    ruleset: int
    abi: int
    shown: tuple[str, ...]
    uid: int
    nested: bool
    calls: bytes

    @property
    def writable(self) -> bool:
        """Whether children can write to their scratch folders: only where Landlock keeps them from writing elsewhere."""
        return self.layers["landlock"] or not self.layers["seccomp"]


def build(root: str, pid: int, skip: Collection[str] = ()) -> House:
    """Moves this process into namespaces of its own and prepares the walls; what the kernel refuses is left out and reported.

    The process must fork once afterwards: the child is the first process of the new process namespace.

    Args:
        root: folder for the scratch folders, writable for this process.
        pid: a number that no other live sandbox on this machine has.
        skip: walls to leave out ("uid", "namespaces", "landlock", "seccomp"), for tests.
    """
    is_root = os.geteuid() == 0
    linux = sys.platform == "linux"
    layers = {"limits": True, "uid": False, "namespaces": False, "landlock": False, "seccomp": False}
    if linux and "namespaces" not in skip:
        layers["namespaces"] = _own_namespaces(is_root)
    reachable = is_root and "uid" not in skip and _library_for_everyone(root, linux and layers["namespaces"])
    layers["uid"] = reachable
    abi = ruleset = -1
    shown: tuple[str, ...] = ()
    if linux and "landlock" not in skip:
        abi, ruleset, shown = _library_rules(root)
        layers["landlock"] = ruleset >= 0
    layers["seccomp"] = linux and "seccomp" not in skip and os.uname().machine in ARCHITECTURES and sys.maxsize > 2**32
    nested = layers["namespaces"] and not is_root
    uid = _FIRST_UID + pid % 2**21 * 1024 if reachable else -1
    threads = reachable or not is_root  # the limit on processes does not bind root
    calls = b""
    if layers["seccomp"]:
        calls = bpf_filter(os.uname().machine, _ANY_PID, writable=layers["landlock"], threads=threads)
    return House(root, layers, ruleset, max(abi, 0), shown, uid, nested, calls)


def confine(house: House, scratch: str, limits: Mapping[str, float], slot: int) -> None:
    """Puts this process, freshly forked and with one thread, behind all walls. There is no way back.

    Args:
        house: what ``build`` returned.
        scratch: the only folder it may write to; "" for none.
        limits: ``cpu_s``, ``memory_bytes``, ``file_bytes``, ``threads``.
        slot: 0 to 1,023; no two live children share one, nor do they share a user.
    Raises:
        OSError: a wall that ``house`` reports could not be put up.
    """
    parent = os.getppid()
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")  # when memory runs out, the kernel ends this process before any other
    os.chdir(scratch or "/")
    cpu = int(limits["cpu_s"])
    for name, soft, hard in (
        ("CORE", 0, 0),
        ("CPU", cpu, cpu + 1),
        ("AS", int(limits["memory_bytes"]), int(limits["memory_bytes"])),
        ("FSIZE", int(limits["file_bytes"]), int(limits["file_bytes"])),
        ("NOFILE", _OPEN_FILES, _OPEN_FILES),
        ("NPROC", int(limits["threads"]), int(limits["threads"])),
        ("MEMLOCK", 0, 0),
        ("MSGQUEUE", 0, 0),
        ("SIGPENDING", _OPEN_FILES, _OPEN_FILES),
    ):
        _limit(name, soft, hard)
    if house.nested:
        _check(_libc.unshare(_NEW_USER), "unshare")
    if sys.platform == "linux":
        _prctl(_SET_NO_NEW_PRIVS, 1)
    if house.layers["landlock"]:
        _landlock(house, scratch)
    if house.uid >= 0:
        os.setgroups([])
        os.setresgid(house.uid + slot, house.uid + slot, house.uid + slot)
        os.setresuid(house.uid + slot, house.uid + slot, house.uid + slot)
    if sys.platform == "linux":
        header, none = struct.pack("<Ii", 0x20080522, 0), bytes(24)
        _check(_libc.capset(header, none), "capset")
        _prctl(_SET_DUMPABLE, 0)
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
    if house.calls:
        code = house.calls.replace(struct.pack("<I", _ANY_PID), struct.pack("<I", os.getpid()))
        buffer = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
        _check(_libc.prctl(_SET_SECCOMP, ctypes.c_ulong(2), program), "seccomp")


def probe(house: House, scratch: str, limits: Mapping[str, float], slot: int) -> list[str]:
    """Tries, behind the walls, what they must prevent; what was possible, in words. Opens no connection and harms nothing.

    Call it in a child of its own: it confines the caller.
    """
    parent = os.getppid()
    confine(house, scratch, limits, slot)
    holes = []
    for words, attempt in (
        ("open a socket", lambda: socket.socket(socket.AF_INET).close()),
        ("start a process", lambda: os.fork() or os._exit(0)),
        ("signal another process", lambda: os.kill(parent, 0)),
        ("write outside the scratch folder", lambda: os.close(os.open(f"{house.root}/probe", os.O_WRONLY | os.O_CREAT))),
        ("raise its own limits", lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1))),
        ("run a program", lambda: os.execv(sys.executable, [sys.executable, "-c", ""])),
    ):
        try:
            attempt()
        except (OSError, ValueError):
            continue
        holes.append(words)
    return holes


def die_with_parent() -> None:
    """The kernel ends this process when its parent ends."""
    if sys.platform == "linux":
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)


def _own_namespaces(is_root: bool) -> bool:
    """New network, process, IPC and host name spaces; an ordinary user gets them inside a new user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    wanted = _NEW_NET | _NEW_PID | _NEW_IPC | _NEW_UTS
    if is_root:
        return bool(_libc.unshare(wanted | _NEW_NS) == 0 and _libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0)
    if _libc.unshare(wanted | _NEW_USER):
        return False
    try:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(line)
    except OSError:
        raise RuntimeError("the kernel made a user namespace but refused its map of users; run the sandbox as another user") from None
    return True


def _library_for_everyone(root: str, own_mounts: bool) -> bool:
    """Makes the standard library readable to users without rights, by showing it at another place where a folder above bars them."""
    stdlib = os.path.dirname(os.__file__)
    if not _open_to_all(root):  # a private folder for temporary files
        return False
    if _open_to_all(stdlib):
        return True
    if not own_mounts:
        return False
    here, there = os.path.dirname(stdlib), os.path.join(root, "library")
    os.mkdir(there, 0o755)
    if _libc.mount(here.encode(), there.encode(), None, 0x1000 | 0x4000, None):  # MS_BIND | MS_REC; seen in this namespace only
        return False
    _libc.mount(None, there.encode(), None, 0x1000 | 0x20 | 0x1, None)  # MS_REMOUNT: read-only
    moved = [path.replace(here, there, 1) for path in sys.path]
    for module in list(sys.modules.values()):
        if getattr(module, "__path__", None):
            module.__path__ = [path.replace(here, there, 1) for path in module.__path__]
    sys.path[:] = moved
    sys.path_importer_cache.clear()
    return True


def _open_to_all(path: str) -> bool:
    folders = [path[:at] for at, letter in enumerate(path) if letter == "/" and at] + [path]
    return all(os.stat(folder).st_mode & 0o001 for folder in folders)


def _library_rules(root: str) -> tuple[int, int, tuple[str, ...]]:
    """(Landlock's version, descriptor of the rules, what they are about): the library without installed packages, and ``root``."""
    abi = _libc.syscall(444, None, 0, 1)
    if abi < 1:
        return 0, -1, ()
    ruleset = _new_ruleset(abi)
    stdlib = next(path for path in sys.path if os.path.isfile(os.path.join(path, "os.py")))  # where it is shown
    inside = [entry.path for entry in os.scandir(stdlib) if not entry.name.endswith("-packages")]
    libraries = [entry.path for entry in os.scandir(os.path.dirname(stdlib)) if ".so" in entry.name]
    multiarch = getattr(sys.implementation, "_multiarch", "none")
    system = [
        f"/lib/{multiarch}",
        f"/usr/lib/{multiarch}",
        "/lib64",
        "/usr/lib64",
        "/usr/share/zoneinfo",
        "/etc/ld.so.cache",
        "/dev/urandom",
    ]
    for path in (*inside, *libraries, *system):
        _allow(ruleset, path, _READ_FILE | _READ_DIR)
    _allow(ruleset, stdlib, _READ_DIR)  # the import system lists it
    _allow(ruleset, "/dev/null", _READ_FILE | _WRITE_FILE)
    _allow(ruleset, root, _written(abi))
    return abi, ruleset, (stdlib, *libraries, *system)


def _landlock(house: House, scratch: str) -> None:
    """The shared rules, and on top of them: of all scratch folders this one only."""
    own = _new_ruleset(house.abi)
    for path in house.shown:
        _allow(own, path, _READ_FILE | _READ_DIR)
    _allow(own, "/dev/null", _READ_FILE | _WRITE_FILE)
    if scratch:
        _allow(own, scratch, _written(house.abi))
    for ruleset in (house.ruleset, own):
        _check(_libc.syscall(446, ruleset, 0), "landlock_restrict_self")
        os.close(ruleset)


def _written(abi: int) -> int:
    """Rights over a scratch folder: plain files only; no folders, links, pipes, sockets or devices can be made."""
    return _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | (_TRUNCATE if abi >= 3 else 0)


def _new_ruleset(abi: int) -> int:
    """Handles everything that this version knows: files, TCP, abstract sockets, signals."""
    files = (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1
    attributes = struct.pack("<QQQ", files, 3, 3)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    return _check(_libc.syscall(444, attributes, len(attributes), 0), "landlock_create_ruleset")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # this system has no such file
    try:
        if not os.path.isdir(path):
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
        rule = struct.pack("<Qi", rights, beneath)
        _check(_libc.syscall(445, ruleset, 1, rule, 0), "landlock_add_rule")
    finally:
        os.close(beneath)


def _limit(name: str, soft: int, hard: int) -> None:
    kind = getattr(resource, f"RLIMIT_{name}", None)
    if kind is None:
        return
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:  # whoever started us may have set a lower one
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _prctl(option: int, value: int, more: int = 0) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(more), ctypes.c_ulong(0), ctypes.c_ulong(0)), f"prctl {option}")


def _check(result: int, call: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {errno.errorcode.get(code, code)}")
    return result
