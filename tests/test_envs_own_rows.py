"""envs/files.py: columns that are picked by their names alone, and class labels in rows of the hub's kind."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium
import pytest

import tokengym  # noqa: F401  (registers the ids)
from tokengym.envs import Example, Turn, load_examples
from tokengym.envs.files import mapped, read_hub, to_examples


class Table(list[dict[str, Any]]):
    """Rows, and what the datasets library says of their columns."""

    features: Any


@pytest.mark.parametrize(
    ("task", "row", "answer"),
    [
        ("TextCode-v0", {"prompt": "def f(x):", "tests": ["assert f(1) == 2"], "output": {"stdout": "x"}}, "def f(x): return x+1"),
        ("TextNER-v0", {"text": "Bob left", "entities": [["Bob", "PERSON"]], "label": [[0, 3, "PERSON"]]}, "Bob (PERSON)"),
        ("TextRank-v0", {"prompt": "q\n1. a\n2. b", "relevance": [0, 1], "answers": [["a"], ["b"]]}, "2 1"),
    ],
)
def test_a_column_that_only_has_the_name_of_references_is_meta(task: str, row: dict[str, Any], answer: str, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    env: Any = gymnasium.make(task, dataset={"path": str(path), "split": "all"}).unwrapped
    env.reset(seed=0)
    for token in env.encode_answer(answer):
        _, reward, _, _, info = env.step(token)
    assert (reward, info["reward_valid"]) == (1.0, True)
    named = list(row)[-1]
    assert env.example.meta[named] == row[named] and mapped(path, "train")[named] == f"meta.{named}"
    with pytest.raises(ValueError, match=f"row 0: column '{named}' "):
        to_examples([row], "x", {"references": named})


def test_a_conversation_beside_such_a_column_still_has_its_last_turn_as_reference() -> None:
    turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]
    assert to_examples([{"messages": turns, "label": {"score": 1}}], "x") == [
        Example("0", (Turn("user", "2+2?"),), ("4",), {"label": {"score": 1}})
    ]


def test_no_column_need_be_the_references(tmp_path: Path) -> None:
    row = {"prompt": "2+2?", "answer": "4"}
    assert to_examples([row], "x", {"references": None}) == [Example("0", "2+2?", (), {"answer": "4"})]
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert mapped(path, "train", {"references": None}) == {"prompt": "prompt", "answer": "meta.answer"}
    assert load_examples({"path": str(path), "split": "all", "columns": {"references": None}})[0].references == ()
    with pytest.raises(ValueError, match=r"columns=\{'facts': None\} maps 'facts' to None; expected a column's name"):
        to_examples([row], "x", {"facts": None})


def test_grades_keep_their_numbers_and_labels_in_structs_get_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(feature: Any) -> Any:
        return SimpleNamespace(feature=feature)

    stars, tongue = SimpleNamespace(names=["no", "some", "good"]), SimpleNamespace(names=["en", "de"])
    features = {"relevance": listed(stars), "about": {"lang": tongue}, "spoken": listed({"lang": tongue}), "old": [tongue]}
    table = Table([{"text": "q", "relevance": [0, 2], "about": {"lang": 1}, "spoken": {"lang": [0, 1]}, "old": [1, -1]}])
    table.features = {"text": object(), **features}
    library = ModuleType("datasets")
    library.load_dataset = lambda path, name, revision: {"train": table, "test": table}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    (row,) = read_hub("owner/name", "test")
    assert row.meta == {"relevance": [0, 2], "about": {"lang": "de"}, "spoken": {"lang": ["en", "de"]}, "old": ["de", None]}
    (row,) = read_hub("owner/name", "test", columns={"relevance": "spoken.lang"})
    assert row.meta["relevance"] == [0, 1]
