"""Rows of JSONL, CSV and Parquet files and of Hugging Face hub data sets, turned into Examples through a column map."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokengym._registry import unknown
from tokengym.envs.base import Example, Turn

__all__ = ["SUFFIXES", "read_hub", "read_path", "to_examples"]

SUFFIXES = (".jsonl", ".csv", ".parquet")
_COLUMNS = {  # field of Example: names that are understood without a column map, best first
    "id": ("id", "sample_id", "guid"),
    "prompt": ("prompt", "document", "article", "text", "source", "passage", "input", "question"),
    "references": ("references", "reference", "summary", "highlights", "answers", "answer", "target", "response", "output", "label"),
}
_SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid", "dev"), "test": ("test",)}


def read_path(path: Path, split: str | None, columns: Mapping[str, str] | None = None) -> list[Example]:
    """The examples of ``split`` in a file, a folder of files, or a pattern with ``{split}`` in it.

    A folder holds train.jsonl, validation.jsonl and test.jsonl (or .csv, .parquet). In one single file the rows of a split are
    those whose column "split" says so; without that column, a tenth of the rows each, by the hash of their ids, are validation
    and test. ``split=None`` takes every row.

    Raises:
        FileNotFoundError, ValueError: no such file, an unknown kind of file, a split without rows, a column that is not there.
    """
    if "{split}" in str(path) or path.is_dir():
        names = [split] if split is not None else list(_SPLITS)
        return [e for name in names for e in to_examples(_rows(_file_of_split(path, name)), str(path), columns)]
    rows = list(_rows(path))
    if split is None:
        return to_examples(rows, str(path), columns)
    if rows and "split" in rows[0]:
        known = {str(row.get("split")) for row in rows}
        chosen = [{k: v for k, v in row.items() if k != "split"} for row in rows if str(row.get("split")) in _SPLITS.get(split, (split,))]
        if not chosen:
            raise unknown(f"split of {path}", split, known)
        return to_examples(chosen, str(path), columns)
    examples = to_examples(rows, str(path), columns)
    part = _tenths(examples, split)
    if not part:
        raise ValueError(
            f"{path} holds {len(examples)} rows, too few to set some aside for split={split!r}; "
            "add a column 'split', or pass dataset={'path': ..., 'split': 'all'} to use every row"
        )
    return part


def read_hub(
    name: str, split: str | None, revision: str | None = None, config: str | None = None, columns: Mapping[str, str] | None = None
) -> list[Example]:
    """The examples of a hub data set, read with the ``datasets`` library.

    Raises:
        ImportError: ``datasets`` is not installed.
        ValueError: the hub knows no such data set, split or column.
    """
    try:
        import datasets  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError(f"dataset={name!r} is a hub id; reading it takes the datasets library: pip install datasets") from error
    loaded = datasets.load_dataset(name, name=config, revision=revision)
    found = {key: rows for key, rows in loaded.items()}
    if split is None:
        chosen = list(found)
    else:
        chosen = [key for key in _SPLITS.get(split, (split,)) if key in found][:1]
        if not chosen:
            raise unknown(f"split of {name}", split, found)
    return [e for key in chosen for e in to_examples((dict(row) for row in found[key]), name, columns)]


def to_examples(rows: Iterable[dict[str, Any]], name: str, columns: Mapping[str, str] | None = None) -> list[Example]:
    """Rows as Examples: ``columns`` maps "id", "prompt" and "references" to the rows' own column names; the rest becomes meta.

    Raises:
        ValueError: a column that the rows do not have, or two rows with one id.
    """
    columns = dict(columns or {})
    for field in columns:
        if field not in _COLUMNS:
            raise unknown("field of Example to map a column to", field, _COLUMNS)
    examples: list[Example] = []
    seen: set[str] = set()
    for number, row in enumerate(rows):
        prompt = _column(row, "prompt", columns, name)
        key = _column(row, "id", columns, name, needed="id" in columns)
        labels = _column(row, "references", columns, name, needed="references" in columns)
        if prompt is None:
            raise ValueError(f"{name}, row {number}: no prompt; columns are {sorted(row)}; map one with columns={{'prompt': NAME}}")
        identity = str(row[key]) if key else str(number)
        if identity in seen:
            raise ValueError(f"{name}, row {number}: the id {identity!r} occurs twice; ids must be unique")
        seen.add(identity)
        meta = row.get("meta")
        meta = dict(meta) if isinstance(meta, Mapping) else {}
        rest = {k: v for k, v in row.items() if k not in (prompt, key, labels, "meta")}
        examples.append(Example(identity, _prompt(row[prompt]), _references(row[labels] if labels else None), {**rest, **meta}))
    return examples


def _column(row: Mapping[str, Any], field: str, columns: Mapping[str, str], name: str, needed: bool = False) -> str | None:
    """The row's column for a field of Example."""
    if field in columns:
        if columns[field] not in row and needed | (field == "prompt"):
            raise unknown(f"column of {name}", columns[field], row)
        return columns[field]
    return next((column for column in _COLUMNS[field] if column in row), None)


def _prompt(value: Any) -> str | tuple[Turn, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(Turn(turn["role"], turn["content"]) if isinstance(turn, Mapping) else Turn(*turn) for turn in value)
    return str(value)


def _references(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(str(each) for each in value)
    return (str(value),)


def _file_of_split(path: Path, split: str) -> Path:
    spellings = _SPLITS.get(split, (split,))
    if path.is_dir():
        candidates = [path / f"{spelling}{suffix}" for spelling in spellings for suffix in SUFFIXES]
    else:
        candidates = [Path(str(path).replace("{split}", spelling)) for spelling in spellings]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"no file for split={split!r} of {path}; looked for {', '.join(c.name for c in candidates)}")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _json_row(line, path, number)
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)
    elif path.suffix == ".parquet":
        try:
            import pyarrow.parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError as error:
            raise ImportError(f"{path} is a Parquet file; reading it takes pyarrow: pip install pyarrow") from error
        yield from pyarrow.parquet.read_table(path).to_pylist()
    else:
        raise ValueError(f"{path} is none of the files that can be read: {', '.join(SUFFIXES)}")


def _json_row(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"{path}, line {number}: expected one JSON object a line, got {type(row).__name__}")
    return row


def _tenths(examples: list[Example], split: str) -> list[Example]:
    """A tenth of the rows (rounded down) for test, a tenth for validation, the rest for training; by hash, in file order."""
    ranked = sorted(range(len(examples)), key=lambda i: hashlib.sha256(examples[i].id.encode()).digest())
    tenth = len(examples) // 10
    places = {"test": ranked[:tenth], "validation": ranked[tenth : 2 * tenth], "train": ranked[2 * tenth :]}
    if split not in places:
        raise unknown("split", split, places)
    return [examples[i] for i in sorted(places[split])]
