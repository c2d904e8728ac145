"""The system calls that a sandboxed program may make, as a filter that the kernel runs (seccomp-bpf). All others are refused.

No sockets, no new processes, no other programs, no signals to others, no links, folders, modes or owners of files.
"""

from __future__ import annotations

import errno
import struct

__all__ = ["ARCHITECTURES", "bpf_filter"]

# name: number on x86-64, number on aarch64 (-1: not there)
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "close": (3, 57),
    "close_range": (436, 436),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "stat": (4, -1),
    "lstat": (6, -1),
    "getdents64": (217, 61),
    "access": (21, -1),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, -1),
    "readlinkat": (267, 78),
    "getcwd": (79, 17),
    "uname": (63, 160),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "time": (201, -1),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getpgrp": (111, -1),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getgroups": (115, 158),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "sysinfo": (99, 179),
    "dup": (32, 23),
    "dup2": (33, -1),
    "dup3": (292, 24),
    "pipe": (22, -1),
    "pipe2": (293, 59),
    "poll": (7, -1),
    "ppoll": (271, 73),
    "select": (23, -1),
    "pselect6": (270, 72),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, -1),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    "flock": (73, 32),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "alarm": (37, -1),
    "pause": (34, -1),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "umask": (95, 166),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "getcpu": (309, 168),
    "fadvise64": (221, 223),
}
# Only where Landlock confines them to the scratch folder.
_WRITING = {
    "unlink": (87, -1),
    "unlinkat": (263, 35),
    "rename": (82, -1),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "ftruncate": (77, 46),
}
_OPEN, _OPENAT, _FCNTL, _KILL, _TGKILL = (2, -1), (257, 56), (72, 25), (62, 129), (234, 131)
_CLONE, _CLONE3, _PRLIMIT, _IOCTL, _ARCH_PRCTL = (56, 220), (435, 435), (302, 261), (16, 29), (158, -1)

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*

_THREAD = 0x10000  # CLONE_THREAD
_NAMESPACES = 0x7E020080  # CLONE_NEW*
_WRITES = 0o3 | 0o100 | 0o1000  # O_ACCMODE, O_CREAT, O_TRUNC
_FCNTL_SAFE = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # duplicate, flags, locks; not the ones that send signals to other processes
_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def bpf_filter(machine: str, pid: int, *, writable: bool, threads: bool) -> bytes:
    """The filter as an array of ``sock_filter`` of 8 bytes each.

    Args:
        machine: "x86_64" or "aarch64".
        pid: the process's own id, the only one that it may signal or limit.
        writable: allow to open files for writing and to remove them (Landlock says which).
        threads: allow to start threads.
    """
    column = list(ARCHITECTURES).index(machine)
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, 0),
    ]

    def when(call: tuple[int, int], argument: int, mask: int, values: tuple[int, ...]) -> None:
        """Allows ``call`` where its argument, masked, is one of ``values``, else refuses it."""
        if call[column] < 0:
            return
        block = [(_LOAD, 0, 0, 16 + 8 * argument), (_AND, 0, 0, mask)]
        block += [(_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
        block += [(_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
        code.extend([(_EQUAL, 0, len(block), call[column]), *block])

    def answer(call: tuple[int, int], number: int) -> None:
        if call[column] >= 0:
            code.extend([(_EQUAL, 0, 1, call[column]), (_RETURN, 0, 0, _ERRNO | number)])

    # Landlock before version 3 does not know truncation: opening to read and truncate at once is never allowed.
    modes = tuple(mode for mode in (0, 1, 2, 0o100, 0o101, 0o102, 0o1001, 0o1002, 0o1101, 0o1102)) if writable else (0,)
    when(_OPEN, 1, _WRITES, modes)
    when(_OPENAT, 2, _WRITES, modes)
    when(_FCNTL, 1, 0xFFFFFFFF, _FCNTL_SAFE)
    when(_KILL, 0, 0xFFFFFFFF, (pid,))
    when(_TGKILL, 0, 0xFFFFFFFF, (pid,))
    when(_PRLIMIT, 0, 0xFFFFFFFF, (0, pid))
    when(_ARCH_PRCTL, 0, 0xFFFFFFFF, (0x1002,))  # ARCH_SET_FS
    if threads:
        when(_CLONE, 0, _THREAD | _NAMESPACES, (_THREAD,))
    answer(_CLONE3, errno.ENOSYS)  # its flags lie in memory, which a filter cannot read; the C library falls back to clone
    answer(_IOCTL, errno.ENOTTY)
    allowed = [numbers[column] for numbers in (_ALLOWED | _WRITING if writable else _ALLOWED).values() if numbers[column] >= 0]
    code += [(_EQUAL, len(allowed) - at, 0, number) for at, number in enumerate(allowed)]
    code += [(_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in code)
