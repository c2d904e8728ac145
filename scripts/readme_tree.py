"""Writes the file tree at the end of README.md from the first line of each file: python scripts/readme_tree.py."""

from __future__ import annotations

import ast
import re
from pathlib import Path

__all__ = ["tree", "with_tree"]

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "tokengym": "the ground floor, and links to the four folders that are installed inside it",
    "rewards": "text in, numbers out; knows no environment and no agent",
    "envs": "tasks as Markov decision processes over tokens; knows no agent, imports no torch",
    "agents": "policies and learning; knows spaces, tensors and a policy",
    "benchmarks": "puts the three together: runs, statistics, tables, the command line",
    "scripts": "what the committed files were made with",
    "examples": "small programs to start from",
    "tests": "one file for each source file, and these, which look at the whole",
}
FILES = {
    ".ci/run": "what must pass before a change lands",
    "CHANGELOG.md": "what each version brought",
    "CONTRIBUTING.md": "how to add a task, a reward, an agent or a suite, each with a real diff",
    "LICENSE": "Apache-2.0",
    "Makefile": "make setup, table, test, lint, clean",
    "constraints.txt": "one full set of versions that is tested together",
    "pyproject.toml": "the package, its dependencies and the tools' settings",
    "docs/results.md": "what the figures say, and a sweep over label noise",
    "results/quick": "what `make table` wrote: results.jsonl, table.md, table.tex, table.csv, curves.png",
    "tokengym/builtin": "tokenizer and weights of builtin:tiny, and how they came about",
}
_BEGIN, _END = "<!-- tree: scripts/readme_tree.py -->\n```\n", "```\n<!-- end of tree -->\n"


def _phrase(path: Path) -> str:
    """The first line of a Python file."""
    document = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    line = document.partition("\n")[0].replace("``", "").strip().removesuffix(".")
    return line or (f"python -m {path.parent.name}" if path.name == "__main__.py" else "")


def _shown(folder: str, path: Path) -> bool:
    """Tests that belong to one source file are left out; so are files without a word of their own."""
    if folder != "tests":
        return path.name != "py.typed"
    return re.match(r"test_(rewards|envs|agents|benchmarks|scripts)_|conftest", path.name) is None


def tree() -> str:
    """The tree as text: a line for each file and folder with a phrase beside it."""
    rows: list[tuple[str, str]] = [(name, phrase) for name, phrase in FILES.items() if "/" not in name or name == ".ci/run"]
    for folder, phrase in FOLDERS.items():
        files = [path for path in sorted((ROOT / folder).glob("*.py")) if _shown(folder, path)]
        if files:
            rows.append((f"{folder}/", phrase))
            rows += [(f"  {path.name}", _phrase(path)) for path in files]
            rows += [(f"  {name.partition('/')[2]}/", text) for name, text in FILES.items() if name.startswith(f"{folder}/")]
    rows += [(name, FILES[name]) for name in ("docs/results.md", "results/quick")]
    column = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{column}}{phrase}".rstrip() + "\n" for name, phrase in rows)


def with_tree(readme: str) -> str:
    """``readme`` with the tree between its two marks brought up to date. Raises ValueError where the marks are missing."""
    head, begin, rest = readme.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"README.md lacks the marks around its file tree, {_BEGIN!r} and {_END!r}")
    return f"{head}{begin}{tree()}{end}{tail}"


if __name__ == "__main__":
    file = ROOT / "README.md"
    file.write_text(with_tree(file.read_text("utf-8")), "utf-8")
