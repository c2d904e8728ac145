"""Model folders: what a tokenizer file says of a vocabulary, and how a policy's files appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

__all__ = ["TOKENIZER_FILES", "Vocabulary", "file_of", "whole_folder"]

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
)


class Vocabulary(NamedTuple):
    """``fingerprint``: sha256 of tokenizer.json; ``size``: highest token id + 1."""

    fingerprint: str
    size: int

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Reads a tokenizer.json."""
        content = path.read_bytes()
        tokenizer = json.loads(content)
        entries = tokenizer.get("model", {}).get("vocab", ())
        # byte-pair and word-piece models map a token to its id; unigram models list tokens in the order of their ids
        highest = max(entries.values(), default=-1) if isinstance(entries, dict) else len(entries) - 1
        highest = max([highest, *(token["id"] for token in tokenizer.get("added_tokens", ()))])
        return cls(hashlib.sha256(content).hexdigest(), highest + 1)


def file_of(source: str, name: str) -> Path | None:
    """A file of a model: in its local folder, or of a hub id in the hub's cache or on the hub; None where there is none."""
    if os.path.isdir(source) or os.path.isabs(source):  # a folder that is gone is no hub id
        path = Path(source) / name
        return path if path.is_file() else None
    from transformers.utils.hub import cached_file

    found = cached_file(source, name, _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False)
    return None if found is None else Path(found)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A fresh folder to write into, which becomes ``folder`` at the end, or vanishes if an error comes first.

    A new or empty ``folder`` appears by one rename. Where it holds files already, each new file replaces its namesake by a rename,
    and files of other names stay.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield beside
        files = sorted(path for path in beside.rglob("*") if path.is_file())
        for path in files:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if not folder.exists() or not any(folder.iterdir()):
            beside.chmod(0o777 & ~_umask())
            os.replace(beside, folder)
        else:
            for path in files:
                target = folder / path.relative_to(beside)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
