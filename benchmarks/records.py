"""results.jsonl: one record per (environment, agent, seed), which is the truth that every table and picture is rendered from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tokengym.benchmarks.record_check import check_record

__all__ = [
    "SCHEMA",
    "Record",
    "check_comparable",
    "code_state",
    "digest",
    "key",
    "marks_of",
    "read_records",
    "savable",
    "system",
    "versions",
    "without_repeats",
    "write_records",
    "write_whole",
]

Record = dict[str, Any]

SCHEMA = 1  # raise it when a key changes its meaning
# Options of a learner that change no result.
_NO_MATTER = ("folder", "log_dir", "tracker", "samples", "checkpoint_every", "alarms", "micro_batch_tokens", "gradient_checkpointing")
_PACKAGES = (
    "tokengym",
    "gymnasium",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "scipy",
    "peft",
    "accelerate",
    "sentence-transformers",
    "datasets",
)


def digest(value: object) -> str:
    """sha256 of ``value`` written as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def key(record: Record) -> tuple[str, str, int]:
    """(environment id, agent name, seed): what there is one record of."""
    return record["env"]["id"], record["agent"]["name"], record["seed"]


@cache
def versions() -> Mapping[str, str]:
    """Versions of Python and of the packages that decide results; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The processor's name as the system tells it; the architecture where it does not."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def system() -> Record:
    """Hardware and operating system: ``processor``, ``cores`` (usable ones), ``accelerator`` (or None), ``platform``."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    accelerator = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "processor": _processor(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "accelerator": accelerator,
        "platform": platform.system() + " " + platform.machine(),
    }


@cache
def code_state() -> Mapping[str, Any]:
    """``commit`` of the checkout that this package runs from and whether it was ``dirty``; both None outside a checkout.

    Read once per process, so that a run is stamped with the state in which it started.
    """
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder.parent:
            return {"commit": None, "dirty": None}
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", ":/", ":(top,exclude)results"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes ``path`` whole or not at all: beside it first, flushed to disk, then renamed.

    Raises:
        OSError: it cannot be written (the disk is full, a folder stands there, a file where its folder should be); says which, and why.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        _write_whole(path, data)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{path.parent} is no folder, so {path.name} cannot be written into it; name another folder") from None
    except OSError as error:
        held = "; what it held before is still there" if path.is_file() else ""
        raise type(error)(f"{path} could not be written: {error.strerror}{held}") from error


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes one JSON line per record, whole or not at all."""
    write_whole(path, "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records))


def savable(record: Record) -> Record:
    """``record`` as it can be written: half a character is escaped, numbers that are not finite become None or leave their curve."""
    training = dict(record["training"])
    for name in [name for name in training if f"{name}_tokens" in training]:
        points = [(t, v) for t, v in zip(training[f"{name}_tokens"], training[name], strict=True) if math.isfinite(v)]
        training[f"{name}_tokens"], training[name] = [t for t, _ in points], [v for _, v in points]
        if not points:
            del training[f"{name}_tokens"], training[name]
    cleaned: Record = _plain({**record, "training": training})
    return cleaned


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_records(path: Path) -> list[Record]:
    """The records of a results.jsonl.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no UTF-8 text; a line is not a record, or of another schema; a part is missing, or of another kind or length.
    """
    if path.is_dir():
        path = path / "results.jsonl"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; expected a results.jsonl, or the folder that holds one, as `tokengym bench` writes it"
        )
    records = []
    text = _text(path)
    lines = text.removesuffix("\n").split("\n") if text else []  # splitlines() would also cut at a U+2028 in an answer
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            schema = record["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number} is not a results record ({error}); expected lines as `tokengym bench` writes them"
            ) from None
        if schema != SCHEMA:
            raise ValueError(
                f"{path}, line {number} has schema {schema}; this version reads schema {SCHEMA}: render it with the version that wrote it"
            )
        check_record(record, f"{path}, line {number}")
        records.append(record)
    return records


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line} is not UTF-8 text ({error.reason}); an editor may have saved it in another encoding: save it as UTF-8"
        ) from None


def _training(record: Record) -> dict[str, Any]:
    """What the runs of one agent on one environment have in common, beside its options."""
    agent = record["agent"]
    common = {"model": record["model"]["name"], "kind": agent["kind"], "start": agent["start"], "budget": agent["budget"]}
    return common | {f"train_kwargs {name}": value for name, value in agent["train_kwargs"].items()}


def _check_alike(one: Record, other: Record) -> None:
    """Raises ValueError where two records of one agent on one environment are of different trainings, and says what differs."""
    ours, theirs = _training(one), _training(other)
    missing = "not set"
    differing = [(name, ours.get(name, missing), theirs.get(name, missing)) for name in dict.fromkeys((*ours, *theirs))]
    options, others = one["agent"]["config"], other["agent"]["config"]
    # an option that one of them lacks was not there yet when its record was written
    differing += [(name, options[name], others[name]) for name in options if name in others and name not in _NO_MATTER]
    told = [f"{name} {a} against {b}" for name, a, b in differing if a != b]
    if told:
        raise ValueError(
            f"{one['env']['id']}: agent {one['agent']['name']} with seed {one['seed']} was trained otherwise than with seed "
            f"{other['seed']}: {', '.join(told)}. They cannot be one row of a table; render them apart"
        )


def marks_of(record: Record) -> dict[str, str]:
    """Fingerprints of what ``record`` was measured on: "env", "data", "tokenizer", "reward"."""
    return {
        "env": record["env"]["fingerprint"],
        "data": record["data"]["sha256"],
        "tokenizer": record["tokenizer"]["fingerprint"],
        "reward": record["reward"]["fingerprint"],
    }


def without_repeats(records: Iterable[Record]) -> list[Record]:
    """``records`` without those that say again what one before them says: the same agent and seed with the same rewards and answers."""
    kept: list[Record] = []
    found: dict[tuple[str, str, int], tuple[Any, ...]] = {}
    for record in records:
        played = record["eval"] or {}
        told = (record["status"], marks_of(record), _training(record), played.get("reward"), played.get("responses"))
        if found.setdefault(key(record), told) is told or found[key(record)] != told:
            kept.append(record)
    return kept


def check_comparable(records: Iterable[Record]) -> None:
    """Refuses records that do not belong into one table.

    Raises:
        ValueError: two records of one environment differ in the fingerprint of the environment, data, tokenizer or reward,
            or in which examples they were evaluated on; two of one agent on one environment differ in its model, options, budget
            or training data; or one (environment, agent, seed) comes twice.
    """
    first: dict[str, tuple[Record, dict[str, Any]]] = {}
    runs: dict[tuple[str, str], Record] = {}
    seen: set[tuple[str, str, int]] = set()
    for record in records:
        if key(record) in seen:
            raise ValueError("two records for environment {}, agent {}, seed {}; a table takes one of each".format(*key(record)))
        seen.add(key(record))
        if record["status"] != "done":
            continue
        marks = {**marks_of(record), "examples": record["eval"]["n"], "first example": record["data"].get("first", 0)}
        other, expected = first.setdefault(record["env"]["id"], (record, marks))
        differing = [name for name in marks if marks[name] != expected[name]]
        if differing:
            told = ", ".join(f"{name} {str(marks[name])[:12]} against {str(expected[name])[:12]}" for name in differing)
            raise ValueError(
                f"{record['env']['id']}: agent {record['agent']['name']} (seed {record['seed']}) was evaluated with another "
                f"{' and '.join(differing)} than agent {other['agent']['name']} (seed {other['seed']}): "
                f"{told}. They cannot stand in one table; render them apart"
            )
        _check_alike(record, runs.setdefault(key(record)[:2], record))
