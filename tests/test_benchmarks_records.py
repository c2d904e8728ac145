"""results.jsonl: round trips, whole files, and what is refused in one table."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path

import pytest

from tests.result_rows import failed, result_rows
from tokengym.benchmarks import records
from tokengym.benchmarks.records import check_comparable, read_records, savable, without_repeats, write_records, write_whole


def test_records_round_trip(tmp_path: Path) -> None:
    rows = result_rows()
    write_records(tmp_path / "deep" / "results.jsonl", rows)
    assert read_records(tmp_path / "deep") == rows == read_records(tmp_path / "deep" / "results.jsonl")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["results.jsonl"]  # nothing is left beside it


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_whole(path, "old")
    with pytest.raises(ValueError, match="JSON"):
        write_records(path, [{"reward": float("nan")}])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_line_separators_in_answers_are_no_ends_of_lines(tmp_path: Path) -> None:
    rows = result_rows()
    rows[0]["eval"]["responses"][0] = "one\u2028two\u0085three\x0bfour\r\nfive"
    write_records(tmp_path / "results.jsonl", rows)
    assert read_records(tmp_path) == rows
    write_records(tmp_path / "results.jsonl", [])
    assert read_records(tmp_path) == []


def test_what_json_cannot_say_is_saved_all_the_same(tmp_path: Path) -> None:
    row = failed(result_rows()[9], "ValueError: half a character \ud83d")
    nan, inf = float("nan"), float("inf")
    row["training"] = {"start_tokens": [0], "reward_tokens": [1, 2, 3], "reward": [0.5, nan, 0.7], "kl_tokens": [4], "kl": [inf]}
    row["agent"]["config"] = {"max_grad_norm": inf, "updates": 3}
    saved = savable(row)
    assert saved["error"] == r"ValueError: half a character \ud83d"
    assert saved["training"] == {"start_tokens": [0], "reward_tokens": [1, 3], "reward": [0.5, 0.7]}
    assert saved["agent"]["config"] == {"max_grad_norm": None, "updates": 3}
    write_records(tmp_path / "results.jsonl", [saved])
    assert read_records(tmp_path) == [saved] == [savable(saved)]
    assert all(savable(whole) == whole for whole in result_rows())


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file" / "results.jsonl", tmp_path / "file" / "deep" / "results.jsonl"):
        with pytest.raises(NotADirectoryError, match="is no folder, so results.jsonl cannot be written into it"):
            write_whole(path, "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder could not be written: Is a directory$"):
        write_whole(tmp_path / "folder", "text")
    assert (tmp_path / "file").read_text() == "mine" and len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "results.jsonl"
    write_whole(path, "old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"results.jsonl could not be written: File too large; what it held before is still there$"):
            write_whole(path, "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a results.jsonl"):
        read_records(tmp_path)
    path = tmp_path / "results.jsonl"
    path.write_text("not json\n")
    with pytest.raises(ValueError, match="line 1 is not a results record"):
        read_records(path)
    path.write_text(json.dumps({"schema": 99}) + "\n")
    with pytest.raises(ValueError, match="schema 99; this version reads schema 1"):
        read_records(path)


def test_another_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"schema": 1}\n{"error": "caf\xe9"}\n')
    with pytest.raises(ValueError, match=r"results.jsonl, line 2 is not UTF-8 text .*: save it as UTF-8$"):
        read_records(path)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("status", "Done", 'status is "Done"; expected "done" or "failed"'),
        ("cost", None, "cost.train_tokens is missing; expected a number or null"),
        ("eval", None, "eval.n is missing; expected a whole number"),
        ("env.id", 3, "env.id is 3; expected a text"),
        ("seed", "1000", 'seed is "1000"; expected a whole number'),
        ("seed", True, "seed is true; expected a whole number"),
        ("agent", [], "agent.name is missing; expected a text"),
        ("eval.reward", [0.5] * 7, "eval.reward has 7 entries; expected a list of 8, each entry a number"),
        ("eval.reward", [0.5] * 7 + [None], "eval.reward[7] is null; expected a list of 8, each entry a number"),
        ("eval.reward", [[0.5]] * 8, "eval.reward[0] is [0.5]; expected a list of 8, each entry a number"),
        ("eval.sample_ids", ["a"] * 9, "eval.sample_ids has 9 entries; expected a list of 8, each entry a text"),
        ("eval.responses", "text", 'eval.responses is "text"; expected a list of 8, each entry a text'),
        ("eval.metrics.exact", [1] * 6, "eval.metrics.exact has 6 entries; expected a list of 8, each entry a number or null"),
        ("training.reward", [0.5], "training.reward has 1 entries; expected a list of 5"),
        ("agent.start", 3, "agent.start is 3; expected a text or null"),
        ("agent", {"name": "sft", "kind": "sft", "config": {}, "budget": 0, "train_kwargs": {}}, "agent.start is missing; expected a text"),
        ("model", {}, "model.name is missing; expected a text or null"),
        ("model", None, "model.name is missing; expected a text or null"),
        ("training.else", [0.5], "training.else_tokens is missing; expected a list of numbers"),
        ("training.reward", None, "training.reward is null; expected a list of 5"),
        ("used.labels", "many", 'used.labels is "many"; expected a number or null'),
    ],
)
def test_records_that_were_changed_by_hand_are_refused(path: str, value: object, message: str, tmp_path: Path) -> None:
    rows = result_rows(envs=("TextQA-v0",))
    part, *names, last = rows[9], *path.split(".")
    for name in names:
        part = part[name]
    part[last] = value
    write_records(tmp_path / "results.jsonl", rows)
    with pytest.raises(ValueError, match=re.escape(f"results.jsonl, line 10: {message}")):
        read_records(tmp_path)


def test_figures_that_an_agent_did_not_tell_and_failures_are_read(tmp_path: Path) -> None:
    row, lost = result_rows()[:2]
    row["used"], row["cost"]["train_tokens"] = {"labels": None, "reward_calls": None}, None
    write_records(tmp_path / "results.jsonl", [row, failed(lost)])
    assert read_records(tmp_path) == [row, failed(lost)]


def test_records_that_say_the_same_count_once() -> None:
    rows = result_rows()
    again = deepcopy(rows[:2])
    again[0]["cost"]["wall_s"] = 99.0  # another run of the same thing
    assert without_repeats([*rows, *again]) == rows
    check_comparable(without_repeats([*rows, *again]))
    for part, name, value in (("eval", "responses", ["else"] * 8), ("eval", "reward", [0.1] * 8), ("data", "sha256", "else")):
        other = deepcopy(rows[0])
        other[part][name] = value
        assert len(without_repeats([*rows, other])) == len(rows) + 1
        with pytest.raises(ValueError, match="two records for environment TextQA-v0, agent random, seed 1000"):
            check_comparable(without_repeats([*rows, other]))
    with pytest.raises(ValueError, match="two records for"):
        check_comparable(without_repeats([*rows, failed(rows[0])]))


@pytest.mark.parametrize(
    ("part", "name", "word"), [("env", "fingerprint", "env"), ("data", "sha256", "data"), ("tokenizer", "fingerprint", "tokenizer")]
)
def test_rows_with_other_fingerprints_are_refused(part: str, name: str, word: str) -> None:
    rows = result_rows()
    check_comparable(rows)
    rows[4][part][name] = "another"
    with pytest.raises(ValueError, match=f"another {word} than"):
        check_comparable(rows)


def test_rows_with_other_examples_or_twice_are_refused() -> None:
    rows = result_rows()
    with pytest.raises(ValueError, match="two records for environment TextQA-v0, agent random, seed 1000"):
        check_comparable([*rows, rows[0]])
    rows[3]["eval"]["n"] = 7
    with pytest.raises(ValueError, match="another examples than"):
        check_comparable(rows)


def test_other_held_out_examples_are_refused() -> None:
    rows = result_rows()
    rows[4]["data"]["first"] = 200
    with pytest.raises(ValueError, match="another first example than .*: first example 200 against 0"):
        check_comparable(rows)


def test_runs_of_one_agent_that_were_trained_otherwise_are_refused() -> None:
    rows = [row for row in result_rows(envs=("TextQA-v0",)) if row["agent"]["name"] == "sft"]
    for row in rows:
        row["agent"] |= {"config": {"updates": 50, "folder": "a"}, "train_kwargs": {"size": 384}}
    rows[1]["agent"]["config"] = {"updates": 50, "folder": "b", "new_option": 3}  # neither decides a result
    check_comparable(rows)
    rows[2]["agent"] |= {"config": {"updates": 200}, "train_kwargs": {"size": 2000}, "budget": 7}
    rows[2]["model"] = {"name": "smollm2-135m"}
    told = (
        "TextQA-v0: agent sft with seed 3000 was trained otherwise than with seed 1000: model smollm2-135m against builtin:tiny, "
        "budget 7 against 0, train_kwargs size 2000 against 384, updates 200 against 50. They cannot be one row"
    )
    with pytest.raises(ValueError, match=told):
        check_comparable(rows)


def test_the_committed_results_are_each_one_table_and_no_two_suites_are() -> None:
    folders = [path.parent for path in sorted((Path(__file__).parent.parent / "results").glob("*/results.jsonl"))]
    runs = {folder.name: read_records(folder) for folder in folders}
    assert {"quick", "algorithms"} <= set(runs)
    for rows in runs.values():
        check_comparable(rows)
    for pair in (("quick", "algorithms"), ("algorithms", "quick")):
        with pytest.raises(ValueError, match="render them apart"):
            check_comparable([*runs[pair[0]], *runs[pair[1]]])


def test_stamps() -> None:
    assert records.digest({"b": 1, "a": 2}) == records.digest({"a": 2, "b": 1}) != records.digest({"a": 2})
    assert {"python", "gymnasium", "torch", "numpy"} <= set(records.versions())
    assert records.system()["cores"] >= 1
    assert set(records.code_state()) == {"commit", "dirty"}
