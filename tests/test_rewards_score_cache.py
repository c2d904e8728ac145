"""Scores on disk: keyed by content, whole or absent, under several processes."""

from __future__ import annotations

import math
import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from tokengym.rewards import Sample
from tokengym.rewards.score_cache import ScoreCache, content_key

SAMPLE = Sample("p", "r", ("a", "b"), {"label": "x", "n": [1, 2]})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "new" / "scores.sqlite")
    assert cache.read(["a"]) == {}
    cache.write({"a": 0.1, "b": -1e-300}, "judge 1")
    assert cache.read(["b", "a", "c"]) == {"a": 0.1, "b": -1e-300}
    assert pickle.loads(pickle.dumps(cache)).read(["a"]) == ScoreCache(str(cache.path)).read(["a"]) == {"a": 0.1}
    assert [path.name for path in cache.path.parent.iterdir()] == ["scores.sqlite"]  # one file


def test_the_first_value_of_a_key_is_kept(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "s")
    cache.write({"a": 1.0}, "judge")
    cache.write({"a": 2.0, "b": 3.0}, "judge")
    assert cache.read(["a", "b"]) == {"a": 1.0, "b": 3.0}


def test_many_keys(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "s")
    scores = {f"key {i}": i / 7 for i in range(3000)}
    cache.write(scores, "judge")
    assert cache.read(scores) == scores


def test_a_write_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "s")
    cache.write({"a": 1.0}, "judge")
    with pytest.raises(RuntimeError, match="cannot be written"):
        cache.write({"b": 2.0, "c": [3.0]}, "judge")  # type: ignore[dict-item]
    assert cache.read(["a", "b", "c"]) == {"a": 1.0}
    code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.executemany("INSERT INTO scores VALUES (?, 1.0, 'x')", [(f"lost {i}",) for i in range(20000)])
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code, str(cache.path)]).returncode == -9
    assert cache.read(["a", *(f"lost {i}" for i in range(20000))]) == {"a": 1.0}
    cache.write({"b": 2.0}, "judge")
    assert cache.read(["a", "b"]) == {"a": 1.0, "b": 2.0}


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    code = """
import sys
from tokengym.rewards.score_cache import ScoreCache
cache, number = ScoreCache(sys.argv[1]), int(sys.argv[2])
for i in range(25):
    cache.write({f"{number} {i}": float(i), f"shared {i}": float(number)}, "judge")
    assert cache.read([f"{number} {i}"]) == {f"{number} {i}": float(i)}
"""
    path = tmp_path / "s"
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(number)]) for number in range(4)]
    assert [process.wait(120) for process in running] == [0, 0, 0, 0]
    cache = ScoreCache(path)
    assert cache.read([f"{n} {i}" for n in range(4) for i in range(25)]) == {f"{n} {i}": float(i) for n in range(4) for i in range(25)}
    shared = cache.read([f"shared {i}" for i in range(25)])
    assert len(shared) == 25 and set(shared.values()) <= {0.0, 1.0, 2.0, 3.0}


def test_what_cannot_be_scored_is_kept_too_where_the_file_takes_it(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "new")
    cache.write({"a": math.nan, "b": 0.5}, "judge")
    found = cache.read(["a", "b", "c"])
    assert math.isnan(found["a"]) and found == {"a": found["a"], "b": 0.5}
    with closing(sqlite3.connect(tmp_path / "old")) as connection, connection:  # as the first versions made it
        connection.execute("CREATE TABLE scores (key TEXT PRIMARY KEY, value REAL NOT NULL, service TEXT NOT NULL) WITHOUT ROWID")
        connection.execute("INSERT INTO scores VALUES ('z', 0.25, 'judge')")
    old = ScoreCache(tmp_path / "old")
    old.write({"a": math.nan, "b": 0.5}, "judge")
    assert old.read(["a", "b", "z"]) == {"b": 0.5, "z": 0.25}


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database\n" * 100)
    with pytest.raises(RuntimeError, match=r"cache '.*text' cannot be read \(file is not a database\); give another file, or move"):
        ScoreCache(tmp_path / "text").read(["a"])
    with pytest.raises(RuntimeError, match=r"cache '.*text' cannot be written \(file is not a database\)"):
        ScoreCache(tmp_path / "text").write({"a": 1.0}, "judge")
    sqlite3.connect(tmp_path / "empty").close()
    (tmp_path / "empty").touch()
    assert ScoreCache(tmp_path / "empty").read(["a"]) == {}


def test_keys_follow_the_content_and_nothing_else() -> None:
    key = content_key("judge\n1", SAMPLE)
    assert (
        key == "92897732142decb67dd94a2c97374cc5e8509a006ed7a1d38217fa78865f3ff6" and len(key) == 64
    )  # the same in each process and on each machine
    same = [
        SAMPLE._replace(references=["a", "b"]),  # type: ignore[arg-type]
        SAMPLE._replace(meta={"n": (1, 2), "label": "x"}),
        SAMPLE._replace(meta=MappingProxyType({"label": "x", "n": np.array([1, 2])})),
    ]
    assert {content_key("judge\n1", sample) for sample in same} == {key}
    others = [
        SAMPLE._replace(prompt="pr", response=""),
        SAMPLE._replace(response="R"),
        SAMPLE._replace(references=("ab",)),
        SAMPLE._replace(references=("b", "a")),
        SAMPLE._replace(meta={"label": "x"}),
        SAMPLE._replace(meta={"label": "x", "n": ["1", "2"]}),
        SAMPLE._replace(finished=False),
    ]
    assert len({key, content_key("judge\n2", SAMPLE), *(content_key("judge\n1", sample) for sample in others)}) == 9


def test_any_text_and_set_has_a_key() -> None:
    for text in ("", "\ud800", "\x00", "שלום 中文 🙂", "x" * 1_000_000):
        assert len(content_key("judge", Sample(text, text))) == 64
    assert content_key("j", Sample("", "", (), {"s": {"b", "a"}})) == content_key("j", Sample("", "", (), {"s": frozenset("ab")}))


def test_what_json_does_not_know_has_none() -> None:
    with pytest.raises(TypeError, match="is 'object'; a sample that is sent to a service holds what JSON knows"):
        content_key("judge", Sample("", "", (), {"x": object()}))
    with pytest.raises(TypeError, match="are not texts"):
        content_key("judge", Sample("", "", (), {"x": {1: 2}}))
