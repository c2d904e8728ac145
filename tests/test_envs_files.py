"""envs/files.py: rows of files and hub sets as Examples."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs import Example, Turn
from tokengym.envs.files import read_hub, read_path, to_examples


class Table(list[dict[str, Any]]):
    """Rows, and what the datasets library says of their columns."""

    features: Any


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return path


def test_rows_become_examples() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 7, "article": "text", "summary": "short", "year": 2020},
        {"article": "你好", "summary": ["a", "b"], "meta": {"k": 1}},
    ]
    assert to_examples(rows, "x") == [
        Example("7", "text", ("short",), {"year": 2020}),
        Example("1", "你好", ("a", "b"), {"k": 1}),
    ]


def test_columns_are_mapped_and_checked() -> None:
    rows = [{"body": "text", "gold": "short"}]
    assert to_examples(rows, "x", {"prompt": "body", "references": "gold"}) == [Example("0", "text", ("short",))]
    with pytest.raises(ValueError, match="'bod' is not a known column of x, row 0. Did you mean 'body'"):
        to_examples(rows, "x", {"prompt": "bod"})
    with pytest.raises(ValueError, match=r"no prompt among its columns \['body', 'gold'\]"):
        to_examples(rows, "x")
    with pytest.raises(ValueError, match="Did you mean 'prompt'"):
        to_examples(rows, "x", {"promt": "body"})


def test_columns_lead_into_nested_values_and_to_keys_of_meta() -> None:
    rows = [
        {"context": "Ada was born in 1815.", "q": "When?", "answers": {"text": ["1815", "in 1815"], "start": [16, 13]}, "facts": "1815"}
    ]
    columns = {"prompt": "context", "references": "answers.text", "question": "q", "facts": "facts", "meta.from": "answers.start"}
    assert to_examples(rows, "x", columns) == [
        Example("0", "Ada was born in 1815.", ("1815", "in 1815"), {"question": "When?", "facts": ["1815"], "from": [16, 13]})
    ]
    listed = [{"text": "t", "spans": [{"type": "PER"}, {"type": "LOC"}], "tags": '["B-PER", "O"]'}]
    assert to_examples(listed, "x", {"labels": "spans.type", "tags": "tags"})[0].meta == {
        "labels": ["PER", "LOC"],
        "tags": ["B-PER", "O"],
        "spans": listed[0]["spans"],
    }
    with pytest.raises(ValueError, match="'txet' is not a known column of x, row 0, column answers. Did you mean 'text'"):
        to_examples(rows, "x", {"references": "answers.txet"})
    with pytest.raises(ValueError, match="column 'context' is a str, so there is no 'context.text'"):
        to_examples(rows, "x", {"prompt": "context.text"})
    with pytest.raises(ValueError, match="'qestion' is not a known field.*Did you mean 'question'.*Any other key"):
        to_examples(rows, "x", {"qestion": "q"})
    with pytest.raises(ValueError, match="'facst' is not a known column of x, row 0. Did you mean 'facts'"):
        to_examples(rows, "x", {"facts": "facst"})


def test_conversations_are_read() -> None:
    rows = [{"prompt": [{"role": "user", "content": "hi"}], "response": "ho"}]
    assert to_examples(rows, "x")[0].prompt == (Turn("user", "hi"),)


def test_ids_must_be_unique() -> None:
    with pytest.raises(ValueError, match="'a' occurs twice"):
        to_examples([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], "x")


def test_a_folder_has_a_file_per_split(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        write(tmp_path / f"{name}.jsonl", [{"id": name, "text": name}])
    assert [e.id for e in read_path(tmp_path, "validation")] == ["val"]
    assert [e.id for e in read_path(tmp_path / "{split}.jsonl", "test")] == ["test"]
    assert [e.id for e in read_path(tmp_path, None)] == ["train", "val", "test"]
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="no file for split='test'"):
        read_path(tmp_path, "test")


def test_a_split_column_decides(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"text": "a", "split": "train"}, {"text": "b", "split": "dev"}])
    assert [e.prompt for e in read_path(path, "validation")] == ["b"]
    assert "split" not in read_path(path, "train")[0].meta
    with pytest.raises(ValueError, match="'test' is not a known split"):
        read_path(path, "test")


def test_one_file_is_split_by_the_hash_of_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"id": f"r{i}", "text": "a"} for i in range(25)])
    parts = {split: {e.id for e in read_path(path, split)} for split in ("train", "validation", "test")}
    assert {split: len(ids) for split, ids in parts.items()} == {"train": 21, "validation": 2, "test": 2}
    assert len(set.union(*parts.values())) == 25 == len(read_path(path, None))


def test_a_file_too_small_to_split_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"text": "a"}, {"text": "b"}])
    assert len(read_path(path, "train")) == 2
    with pytest.raises(ValueError, match="too few to set some aside for split='test'"):
        read_path(path, "test")


def test_csv_and_bad_files(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('text,answer\n"a, b",c\n', encoding="utf-8")
    assert read_path(tmp_path / "d.csv", None) == [Example("0", "a, b", ("c",))]
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n{oops\n')
    with pytest.raises(ValueError, match="bad.jsonl, line 2: not JSON"):
        read_path(tmp_path / "bad.jsonl", None)
    (tmp_path / "d.xml").write_text("<a/>")
    with pytest.raises(ValueError, match="none of the files that can be read: .jsonl, .csv, .parquet"):
        read_path(tmp_path / "d.xml", None)


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed; it comes with the datasets library")
    table = pytest.importorskip("pyarrow").table({"text": ["a"], "answer": ["b"]})
    parquet.write_table(table, tmp_path / "d.parquet")
    assert read_path(tmp_path / "d.parquet", None) == [Example("0", "a", ("b",))]


def test_a_hub_set_is_read_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    library = ModuleType("datasets")

    def load_dataset(path: str, name: str | None, revision: str | None) -> dict[str, list[dict[str, str]]]:
        asked.append((path, name, revision))
        return {"train": [{"text": "a"}], "dev": [{"text": "b"}]}

    library.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    assert read_hub("owner/name", "validation", revision="v2") == [Example("0", "b")]
    assert asked == [("owner/name", None, "v2")]
    with pytest.raises(ValueError, match="'test' is not a known split of owner/name"):
        read_hub("owner/name", "test")


def test_a_hub_set_of_one_split_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("datasets")
    library.load_dataset = lambda path, name, revision: {"train": [{"text": str(i)} for i in range(20)]}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    parts = [{e.id for e in read_hub("owner/name", split)} for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [16, 2, 2] and len(set.union(*parts)) == 20
    assert len(read_hub("owner/name", None)) == 20


def test_folders_of_the_hubs_kind(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the datasets library is not installed")
    whole = datasets.Dataset.from_list([{"article": f"text {i}", "summary": "s"} for i in range(20)])
    saved = tmp_path / "saved"
    whole.save_to_disk(str(saved))
    assert len(read_path(saved, "train")) == 16 and len(read_path(saved, None)) == 20
    both = tmp_path / "both"
    datasets.DatasetDict({"train": whole, "val": whole.select(range(3))}).save_to_disk(str(both))
    assert [e.prompt for e in read_path(both, "validation")] == ["text 0", "text 1", "text 2"]
    clone = tmp_path / "clone"
    (clone / "data").mkdir(parents=True)
    for name, rows in (("train", 20), ("test", 2)):
        write(clone / "data" / f"{name}-00000-of-00001.jsonl", [{"article": f"text {i}", "summary": "s"} for i in range(rows)])
    assert read_path(clone, "test")[1] == Example("1", "text 1", ("s",))


def test_class_labels_are_read_by_their_names(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the datasets library is not installed")
    tags = datasets.ClassLabel(names=["O", "B-PER"])
    kinds = {"label": datasets.ClassLabel(names=["World", "Sports"]), "tags": datasets.Sequence(tags), "year": datasets.Value("int64")}
    features = datasets.Features({"text": datasets.Value("string"), **kinds})
    rows = {"text": ["a", "b", "c"], "label": [1, 0, -1], "tags": [[0, 1], [], [1]], "year": [0, 1, 2]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "d"))
    assert read_path(tmp_path / "d", None) == [
        Example("0", "a", ("Sports",), {"label": "Sports", "tags": ["O", "B-PER"], "year": 0}),
        Example("1", "b", ("World",), {"label": "World", "tags": [], "year": 1}),
        Example("2", "c", (), {"label": None, "tags": ["B-PER"], "year": 2}),  # -1: nobody has labelled it
    ]
    env: Any = gymnasium.make("TextClassify-v0", dataset={"path": str(tmp_path / "d"), "split": "all"}, labels=["World", "Sports"])
    env.reset(seed=0, options={"index": 0})
    assert env.unwrapped.task.parts(env.unwrapped.example).instruction == "Answer with one of these words: World, Sports."


def test_class_labels_are_read_without_the_library_too(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table([{"text": "a", "label": 1}])
    table.features = {"text": object(), "label": SimpleNamespace(names=["no", "yes"])}
    library = ModuleType("datasets")
    library.load_dataset = lambda path, name, revision: {"train": table, "test": table}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    assert read_hub("owner/name", "test") == [Example("0", "a", ("yes",), {"label": "yes"})]


def test_a_folder_without_data_says_what_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", ModuleType("datasets"))
    with pytest.raises(FileNotFoundError, match="holds no data; looked for files such as train.jsonl"):
        read_path(tmp_path, "train")


def test_without_datasets_the_error_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match="pip install datasets"):
        read_hub("owner/name", "train")


def test_a_row_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    write(tmp_path / "d.jsonl", [{"prompt": "a"}, {"prompt": "b"}, {"answer": "c"}, {"prompt": None}])
    with pytest.raises(ValueError, match=r"d.jsonl, row 2 has no prompt among its columns \['answer'\].*data show: --columns prompt=NAME"):
        read_path(tmp_path / "d.jsonl", None)
    with pytest.raises(ValueError, match="'prompt' is not a known column of .*d.jsonl, row 2. Known: answer"):
        read_path(tmp_path / "d.jsonl", None, {"prompt": "prompt"})
    with pytest.raises(ValueError, match="row 0 has nothing in its column 'prompt'"):
        to_examples([{"prompt": None}], "d")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text("")
    (tmp_path / "d.csv").write_text("prompt,references\n")
    for name in ("d.jsonl", "d.csv"):
        with pytest.raises(ValueError, match=f"{name} is empty"):
            read_path(tmp_path / name, "train")


def test_the_folder_one_stands_in_is_read_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    library = ModuleType("datasets")

    def load_dataset(path: str, name: str | None) -> dict[str, list[dict[str, str]]]:
        asked.append(path)
        if len(asked) > 1:
            raise RuntimeError("no features")
        return {"train": [{"text": "a"}]}

    library.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "some.jsonl", [{"text": "a"}])
    assert read_path(Path("."), None) == [Example("0", "a")] and asked == [str(tmp_path.resolve())]
    with pytest.raises(
        ValueError, match=r"the folder \. cannot be read as one data set \(no features\); looked for files such as train.jsonl"
    ):
        read_path(Path("."), None)


def test_a_label_is_the_reference_and_stays_in_meta() -> None:
    assert to_examples([{"text": "a", "label": "good"}], "x") == [Example("0", "a", ("good",), {"label": "good"})]
    assert to_examples([{"text": "a", "label": 1}], "x") == [Example("0", "a", ("1",), {"label": "1"})]
    assert to_examples([{"text": "a", "kind": 1}], "x", {"label": "kind"}) == [Example("0", "a", (), {"label": "1"})]
    assert to_examples([{"text": "a", "label": ""}], "x", cells=True) == [Example("0", "a")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_files_as_spreadsheets_write_them(tmp_path: Path, delimiter: str) -> None:
    rows = [["text", "answer", "facts"], ["a, b; c", '["d", "e"]', '["f"]'], ["g", "", "h"], ["i", "[1815]", ""]]
    with (tmp_path / "d.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    assert read_path(tmp_path / "d.csv", None) == [
        Example("0", "a, b; c", ("d", "e"), {"facts": ["f"]}),
        Example("1", "g", (), {"facts": ["h"]}),
        Example("2", "i", ("[1815]",)),
    ]


def test_lists_in_texts_are_read_in_csv_files_only(tmp_path: Path) -> None:
    write(tmp_path / "d.jsonl", [{"text": "a", "answer": '["d", "e"]'}])
    assert read_path(tmp_path / "d.jsonl", None) == [Example("0", "a", ('["d", "e"]',))]
    (tmp_path / "d.jsonl").write_text('{"text": "a"}\n', encoding="utf-8-sig")
    assert read_path(tmp_path / "d.jsonl", None) == [Example("0", "a")]


def test_files_that_cannot_be_read_name_themselves(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("text,answer\ncaf\u00e9,b\n", encoding="latin-1")
    with pytest.raises(ValueError, match=r"d.csv is not UTF-8 text .*save it as UTF-8 .*iconv -f LATIN1 -t UTF-8 d.csv > new.csv"):
        read_path(tmp_path / "d.csv", None)
    (tmp_path / "d.csv").write_text("text,answer\na,b\nc, d,e\n")
    with pytest.raises(ValueError, match="d.csv, row 1 has more cells than the header; put quotes around texts that hold ','"):
        read_path(tmp_path / "d.csv", None)
    (tmp_path / "d.csv").write_text("text,answer\n" + "a" * 200_000 + ",b\n")
    with pytest.raises(ValueError, match="d.csv cannot be read as CSV: field larger than field limit"):
        read_path(tmp_path / "d.csv", None)


def test_the_assistants_last_turn_is_the_reference() -> None:
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    assert to_examples([{"messages": talk}], "x") == [Example("0", (Turn("user", "hi"),), ("ho",))]
    kept = to_examples([{"messages": talk, "answer": "hey"}], "x")[0]
    assert kept == Example("0", (Turn("user", "hi"), Turn("assistant", "ho")), ("hey",))
    assert to_examples([{"messages": talk[:1]}], "x") == [Example("0", (Turn("user", "hi"),))]
    with pytest.raises(ValueError, match=r"x, row 0: the prompt .*'human'.* is no conversation; expected turns with 'role' and 'content'"):
        to_examples([{"messages": [{"from": "human", "value": "hi"}]}], "x")


def test_the_message_for_a_missing_prompt_shows_the_whole_data_set() -> None:
    with pytest.raises(ValueError, match=r"map another column to it: dataset=\{'path': ..., 'columns': \{'prompt': NAME\}\}"):
        to_examples([{"body": "a"}], "x")
