"""Rows of JSONL, CSV and Parquet files and of Hugging Face hub data sets, turned into Examples through a column map."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from tokengym._registry import unknown
from tokengym.envs.base import Example
from tokengym.envs.fields import parse_json, prompt_of, read_json, references_of, value_at

__all__ = ["SUFFIXES", "mapped", "read_hub", "read_path", "to_examples"]

SUFFIXES = (".jsonl", ".csv", ".parquet")
_COLUMNS = {  # field of Example: names that are understood without a column map, best first
    "id": ("id", "sample_id", "guid"),
    "prompt": ("prompt", "document", "article", "text", "source", "passage", "context", "input", "question", "messages"),
    "references": ("references", "reference", "summary", "highlights", "answers", "answer", "target", "response", "output", "label"),
}
# Keys of meta that tasks and rewards read; a column can be mapped to each by its name, and to any other as "meta.NAME".
_META = ("answer", "candidates", "entities", "facts", "label", "labels", "question", "relevance", "schema", "slots", "tags", "tests")
_TEXTS = ("facts", "labels", "tests")  # of these, where one text means a list of one
_DELIMITERS = (",", ";", "\t")  # of CSV files
_SHOWN = "dataset={'path': ..., 'columns': {'prompt': NAME}} (tokengym data show: --columns prompt=NAME)"
_SAVED = ("dataset_dict.json", "state.json")  # what Dataset.save_to_disk leaves in a folder
_SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid", "dev"), "test": ("test",)}


def read_path(path: Path, split: str | None, columns: Mapping[str, str | None] | None = None) -> list[Example]:
    """The examples of ``split`` in a file, a folder of files, or a pattern with ``{split}`` in it.

    A folder holds train.jsonl, validation.jsonl and test.jsonl (or .csv, .parquet), or it is a data set as the hub has it, or as
    the ``datasets`` library saves it. In one single file the rows of a split are those whose column "split" says so; without that
    column, a tenth of the rows each, by the hash of their ids, are validation and test. ``split=None`` takes every row.

    Text files are UTF-8, with or without a byte order mark. The cells of a CSV file stand between commas, semicolons or tabs, whichever
    gives its header the most columns; lists are written as JSON there (references, facts, ...).

    Raises:
        FileNotFoundError, ValueError: no such file, an unknown kind of file, a split without rows, a column that is not there.
    """
    if path.is_dir() and not any(
        (path / f"{name}{suffix}").is_file() for names in _SPLITS.values() for name in names for suffix in SUFFIXES
    ):
        return read_hub(str(path), split, columns=columns)
    if "{split}" in str(path) or path.is_dir():
        names = [split] if split is not None else list(_SPLITS)
        files = [_file_of_split(path, name) for name in names]
        return [e for file in files for e in to_examples(_rows(file), str(path), columns, file.suffix == ".csv")]
    rows, cells = list(_rows(path)), path.suffix == ".csv"
    if split is None:
        return to_examples(rows, str(path), columns, cells)
    if rows and "split" in rows[0]:
        known = {str(row.get("split")) for row in rows}
        chosen = [{k: v for k, v in row.items() if k != "split"} for row in rows if str(row.get("split")) in _SPLITS.get(split, (split,))]
        if not chosen:
            raise unknown(f"split of {path}", split, known)
        return to_examples(chosen, str(path), columns, cells)
    examples = to_examples(rows, str(path), columns, cells)
    return _part(examples, split, str(path))


def read_hub(
    name: str, split: str | None, revision: str | None = None, config: str | None = None, columns: Mapping[str, str | None] | None = None
) -> list[Example]:
    """The examples of a data set on the hub or in a folder of its kind, read with the ``datasets`` library.

    Where there is one single split, a tenth of its rows each are validation and test, as in a file. Class labels are read by their names,
    also within lists and structs, but for grades: what is the meta "relevance" keeps its numbers.

    Raises:
        ImportError: ``datasets`` is not installed.
        FileNotFoundError: a folder without data.
        ValueError: the hub knows no such data set, split or column, or the library cannot read a folder.
    """
    try:
        import datasets  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        kind = "a folder of the hub's kind" if Path(name).is_dir() else "no file or folder here, so it is a hub id"
        raise ImportError(f"dataset={name!r} is {kind}; reading that takes the datasets library: pip install datasets") from error
    if any((Path(name) / file).is_file() for file in _SAVED):
        loaded = datasets.load_from_disk(name)
    elif Path(name).is_dir():
        loaded = _load_folder(Path(name), config, datasets)
    else:
        loaded = datasets.load_dataset(name, name=config, revision=revision)
    found = {key: loaded[key] for key in loaded} if isinstance(loaded, Mapping) else {"train": loaded}
    if split is not None and len(found) == 1:
        rows = next(iter(found.values()))
        return _part(to_examples(_table_rows(rows, columns), name, columns), split, name)
    if split is None:
        chosen = list(found)
    else:
        chosen = [key for key in _SPLITS.get(split, (split,)) if key in found][:1]
        if not chosen:
            raise unknown(f"split of {name}", split, found)
    return [e for key in chosen for e in to_examples(_table_rows(found[key], columns), name, columns)]


def _table_rows(table: Any, columns: Mapping[str, str | None] | None) -> Iterator[dict[str, Any]]:
    """The rows of a table of the ``datasets`` library, with the names of class labels in place of their numbers."""
    features = getattr(table, "features", None) or {}
    grades = ((columns or {}).get("relevance", "relevance"), "meta.relevance")
    for row in table:
        yield {column: _named(value, features.get(column), column, grades) for column, value in row.items()}


def _named(value: Any, feature: Any, column: str, grades: tuple[str | None, ...]) -> Any:
    """The name of a class label, or of each in a list or struct; None for a number without one, such as -1 in rows nobody has labelled.

    Columns among ``grades`` stay as they are; "a.b" is what the struct "a" has under "b".
    """
    if column in grades:
        return value
    inside = feature[0] if isinstance(feature, list) else getattr(feature, "feature", feature)  # of a list
    if isinstance(value, list):
        return [_named(each, inside, column, grades) for each in value]
    if isinstance(value, Mapping):
        known = inside if isinstance(inside, Mapping) else {}
        return {key: _named(each, known.get(key), f"{column}.{key}", grades) for key, each in value.items()}
    names = getattr(feature, "names", None)
    if names is None or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def _load_folder(folder: Path, config: str | None, datasets: Any) -> Any:
    """What ``datasets.load_dataset`` reads in a folder that has no file named after a split."""
    looked = "looked for files such as train.jsonl, test.csv, data/train-00000-of-00001.parquet"
    if not any(file.suffix in (*SUFFIXES, ".json") for file in folder.rglob("*")):
        raise FileNotFoundError(f"{folder} holds no data; {looked}")
    try:
        return datasets.load_dataset(str(folder.resolve()), name=config)  # "." has no name, which the library asks for
    except Exception as error:  # of many kinds, each in the library's own words
        raise ValueError(f"the folder {folder} cannot be read as one data set ({error}); {looked}; or name one file in it") from error


def mapped(path: Path, split: str | None, columns: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Column of a file, or of a folder's file for ``split`` -> what becomes of it: "id", "prompt", "references", "meta.NAME"."""
    file = _file_of_split(path, split or "train") if "{split}" in str(path) or path.is_dir() else path
    row = next(iter(_rows(file)), {})
    columns = dict(columns or {})
    chosen = {field: _column(row, field, columns, str(path)) for field in ("id", "prompt")}
    cells = file.suffix == ".csv"
    chosen["references"] = columns["references"] if "references" in columns else _answered(row, columns, str(path), cells)[0]
    fields = {column: field for field, column in chosen.items() if column}
    fields |= {column: f"meta.{field.removeprefix('meta.')}" for field, column in columns.items() if column and field not in _COLUMNS}
    return {column: fields.get(column, f"meta.{column}") for column in (*row, *(each for each in fields if each not in row))}


def to_examples(
    rows: Iterable[dict[str, Any]], name: str, columns: Mapping[str, str | None] | None = None, cells: bool = False
) -> list[Example]:
    """Rows as Examples: ``columns`` maps "id", "prompt", "references" and keys of meta to the rows' own column names.

    A dot leads into a column: {"prompt": "context", "references": "answers.text"}. A key of meta that tasks and rewards read is
    mapped by its name ("facts", "label", "question", ...), any other as "meta.NAME"; columns that are not mapped become meta under
    their own names. A column "label" is the reference where there is no other, and stands in meta too, as a text. A conversation
    without references that ends with the assistant's turn has that turn as its reference. Of a mapping, its "text" is the prompt or the
    references, as in SQuAD's answers; a turn's content may be a list of parts of the type "text". A column that was not mapped and
    holds no references, whatever its name, becomes meta; {"references": None} says that no column holds them.

    ``cells`` says that the rows come from a CSV file: all values are texts, and lists among them are JSON.

    Raises:
        ValueError: a column that the rows do not have, two rows with one id, or a prompt or mapped references that are neither texts
            nor turns; the message names the row.
    """
    columns = dict(columns or {})
    for field in columns:
        if field not in _COLUMNS and field not in _META and not field.startswith("meta."):
            hint = 'Any other key of meta is written "meta.NAME".'
            raise unknown("field of Example to map a column to", field, (*_COLUMNS, *_META), hint)
        if columns[field] is None and field != "references":
            raise ValueError(f"columns={columns} maps {field!r} to None; expected a column's name (only 'references' may have none)")
    own = {field: column for field, column in columns.items() if column is not None and field not in _COLUMNS}  # of meta
    examples: list[Example] = []
    seen: set[str] = set()
    for number, row in enumerate(rows):
        place = f"{name}, row {number}"
        prompt = _column(row, "prompt", columns, place)
        key = _column(row, "id", columns, place, needed="id" in columns)
        labels, references = _answered(row, columns, place, cells)
        asked = None if prompt is None else value_at(row, prompt, place)
        if asked is None:
            what = f"nothing in its column {prompt!r}" if prompt else f"no prompt among its columns {sorted(row)}"
            raise ValueError(f"{place} has {what}; every row needs one; map another column to it: {_SHOWN}")
        identity = str(value_at(row, key, place)) if key else str(number)
        if identity in seen:
            raise ValueError(f"{place}: the id {identity!r} occurs twice; ids must be unique")
        seen.add(identity)
        meta = row.get("meta")
        meta = dict(meta) if isinstance(meta, Mapping) else {}
        used = {"meta"} | {column.partition(".")[0] if column not in row else column for column in (prompt, key, labels) if column}
        rest = {k: _meta(k, v) if cells else v for k, v in row.items() if k not in used or k == labels == "label"}
        for field, column in own.items():
            rest.pop(column, None)
            meta[field.removeprefix("meta.")] = _meta(field, value_at(row, column, place))
        meta = {**rest, **meta}
        if isinstance(meta.get("label"), int | float):
            meta["label"] = str(meta["label"])
        if cells:  # an empty one says nothing
            meta = {k: v for k, v in meta.items() if k not in _META or v not in ("", [""])}
        turns = prompt_of(asked, str(prompt), place)
        if labels is None and isinstance(turns, tuple) and len(turns) > 1 and turns[-1].role == "assistant":
            turns, references = turns[:-1], (turns[-1].content,)
        examples.append(Example(identity, turns, references, meta))
    return examples


def _meta(field: str, value: Any) -> Any:
    """A value of meta; files without lists write them as JSON, and one text may stand for a list of one."""
    if isinstance(value, str) and field in _META:
        read = parse_json(value)
        return [read] if field in _TEXTS and isinstance(read, str) else read
    return value


def _column(row: Mapping[str, Any], field: str, columns: Mapping[str, Any], name: str, needed: bool = False) -> str | None:
    """The row's column for a field of Example."""
    if field in columns:
        if needed or field == "prompt":
            value_at(row, columns[field], name)
        return str(columns[field])
    return next((column for column in _COLUMNS[field] if column in row), None)


def _answered(row: Mapping[str, Any], columns: Mapping[str, Any], place: str, cells: bool) -> tuple[str | None, tuple[str, ...]]:
    """The row's column of references, and these; None and () where no column holds any."""
    if "references" in columns:
        column = columns["references"]
        return column, () if column is None else references_of(value_at(row, column, place), column, place, cells)
    found = _column(row, "references", columns, place)
    try:
        return found, () if found is None else references_of(row[found], found, place, cells)
    except ValueError:  # neither texts nor turns: only its name is that of references
        return None, ()


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
    try:
        yield from _read_rows(path)
    except UnicodeDecodeError as error:
        remedy = f"save it as UTF-8 ('CSV UTF-8' in Excel), or convert it: iconv -f LATIN1 -t UTF-8 {path.name} > new{path.suffix}"
        raise ValueError(f"{path} is not UTF-8 text ({error}); {remedy}") from error
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _json_row(line, path, number)
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            delimiter = max(_DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
            for number, row in enumerate(csv.DictReader(chain([header], lines), delimiter=delimiter)):
                if None in row:
                    raise ValueError(
                        f"{path}, row {number} has more cells than the header; put quotes around texts that hold {delimiter!r}"
                    )
                yield row
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
        row = read_json(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"{path}, line {number}: expected one JSON object a line, got {type(row).__name__}")
    return row


def _part(examples: list[Example], split: str, name: str) -> list[Example]:
    """The rows of a set without splits that are set aside for this one."""
    if not examples:
        raise ValueError(f"{name} is empty: there is not one row in it")
    part = _tenths(examples, split)
    if not part:
        raise ValueError(
            f"{name} holds {len(examples)} rows, too few to set some aside for split={split!r}; "
            "take split='train' (--split train), add a column 'split', or pass dataset={'path': ..., 'split': 'all'} to use every row"
        )
    return part


def _tenths(examples: list[Example], split: str) -> list[Example]:
    """A tenth of the rows (rounded down) for test, a tenth for validation, the rest for training; by hash, in file order."""
    ranked = sorted(range(len(examples)), key=lambda i: hashlib.sha256(examples[i].id.encode()).digest())
    tenth = len(examples) // 10
    places = {"test": ranked[:tenth], "validation": ranked[tenth : 2 * tenth], "train": ranked[2 * tenth :]}
    if split not in places:
        raise unknown("split", split, places)
    return [examples[i] for i in sorted(places[split])]
