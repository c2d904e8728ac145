"""scripts/site_hooks.py: what the site does to links and to its navigation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "scripts" / "site_hooks.py")
    assert spec is not None and spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    return hooks


HOOKS = _hooks()


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("a.md", "see [run.py](../benchmarks/run.py).", "see `benchmarks/run.py`."),
        ("a.md", "see [the table](../results/t.md#x).", "see the table (`results/t.md`)."),
        ("a.md", "see [b](b.md) and [c](https://c.org).", "see [b](b.md) and [c](https://c.org)."),
        ("envs/a.md", "see [b](../b.md) and [`c`](../../c).", "see [b](../b.md) and `c`."),
    ],
)
def test_links(file: str, text: str, expected: str) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri=file))
    assert HOOKS.on_page_markdown(text, page, config=None, files=None) == expected


def test_the_navigation_gets_the_pages(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "index.md").write_text("| id |\n|---|\n| [B-v0](B-v0.md) |\n| [A-v0](A-v0.md) |\n")
    config = {"docs_dir": str(tmp_path), "nav": [{"Home": "index.md"}, {"Environments": ["envs/index.md"]}]}
    nav = HOOKS.on_config(config)["nav"]
    assert nav[1] == {"Environments": ["envs/index.md", {"B-v0": "envs/B-v0.md"}, {"A-v0": "envs/A-v0.md"}]}


def test_every_document_stands_in_the_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r"^ +- (?:[\w-]+: )?(\S+\.md)", config, re.MULTILINE))
    assert named == {"envs/index.md", *(file.name for file in (ROOT / "docs").glob("*.md"))}
