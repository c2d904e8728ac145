"""The documents tell the truth: their Python runs, and what they repeat of the code is what stands there."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_python_runs(number: int, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[number]], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{BLOCKS[number]}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def test_the_first_block_is_short() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) <= 12


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/results.md", "docs/performance.md"])
def test_trees_diffs_and_figures_are_up_to_date(document: str) -> None:
    spec = importlib.util.spec_from_file_location("refresh_docs", ROOT / "scripts" / "refresh_docs.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = (ROOT / document).read_text("utf-8")
    assert script.refreshed(text) == text, "run: make docs"


def test_the_diffs_of_contributing_apply(tmp_path: Path) -> None:
    """Taken back and applied again, each diff leaves the files as they are."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    diffs = re.findall(r"```diff\n(.*?)```", text, re.DOTALL)
    assert len(diffs) == 4  # a task, a reward, an agent, a suite
    for diff in diffs:
        names = re.findall(r"^\+\+\+ b/(\S+)$", diff, re.MULTILINE)
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
        for way in (["--reverse"], []):
            subprocess.run(["git", "apply", *way, "-"], cwd=tmp_path, input=diff, text=True, check=True)
        assert all((tmp_path / name).read_bytes() == (ROOT / name).read_bytes() for name in names)


def test_every_file_that_is_linked_exists() -> None:
    local = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_the_task_of_contributing_pays_for_capitals_only(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (tmp_path / "shout.py").write_text(re.findall(r"```python\n(# shout\.py\n.*?)```", text, re.DOTALL)[0])
    plays = """
import gymnasium, tokengym
from tokengym.envs import TextAction, check_text_env

check_text_env(gymnasium.make("shout:Shout-v0"))
env = TextAction(gymnasium.make("Shout-v0", split="test"))
for answer in ("TEST 0", "Test 0", "test 0"):
    env.reset(seed=0, options={"index": 0})
    print(env.step(answer)[1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", plays],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["1.0", "0.0", "0.0"], done.stderr[-2000:]
