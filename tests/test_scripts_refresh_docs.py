"""docs/rewards.md tells the truth: its tables are what the code says, and its Python runs."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "rewards.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_current() -> None:
    spec = importlib.util.spec_from_file_location("refresh_docs", ROOT / "scripts" / "refresh_docs.py")
    assert spec is not None and spec.loader is not None
    refresh_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(refresh_docs)
    assert refresh_docs.refreshed(TEXT) == TEXT, "run: make docs"
    assert TEXT.count("<!-- probe ") == 5 and TEXT.count("| oracle |") == 5 and "| `rouge_l` |" in TEXT


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_python_runs(number: int, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", BLOCKS[number]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
