"""The house keeps its floor plan: arrows point down, no circles, flat folders, files of one thing (CONTRIBUTING.md shows the plan)."""

from __future__ import annotations

import ast
import functools
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("rewards", "envs", "agents", "benchmarks")
# The folders that each folder may import besides itself. Everyone may import the ground floor.
ARROWS: dict[str, set[str]] = {"rewards": set(), "envs": {"rewards"}, "agents": set(), "benchmarks": {"envs", "agents", "rewards"}}
GROUND = {"tokengym._mkl", "tokengym._registry", "tokengym._models", "tokengym._transformers"}
# The only two arrows that lead up from the ground floor: ids are registered from the table of tasks, and `python -m tokengym`.
GROUND_ARROWS = {("tokengym", "tokengym.envs"), ("tokengym.__main__", "tokengym.benchmarks.cli")}
MAX_LINES = 350
VAGUE = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
HEAVY = {"torch", "transformers", "datasets", "sentence_transformers", "peft", "accelerate", "stable_baselines3", "sb3_contrib"}


def _modules() -> dict[str, Path]:
    """Full module name -> file, of everything that is installed; the links in tokengym/ are not walked twice."""
    found = {f"tokengym.{path.stem}".removesuffix(".__init__"): path for path in sorted((ROOT / "tokengym").glob("*.py"))}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            found[f"tokengym.{folder}.{inner}".removesuffix(".__init__")] = path
    return found


MODULES = _modules()


def _imports(tree: ast.AST, modules: set[str]) -> set[str]:
    """Names of the modules that the tree imports anywhere: at the top, inside functions and behind TYPE_CHECKING alike."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            # `from tokengym.envs import base` names a module; `from tokengym.envs.base import Task` names what is in one.
            names.update(f"{package}.{alias.name}" if f"{package}.{alias.name}" in modules else package for alias in node.names)
    return names


@functools.cache
def _graph() -> dict[str, set[str]]:
    """Module -> what it imports."""
    return {name: _imports(ast.parse(path.read_text("utf-8")), set(MODULES)) for name, path in MODULES.items()}


def _folder(module: str) -> str | None:
    """The folder of a module of ours, "" for the ground floor, None for other people's modules."""
    parts = module.split(".")
    if parts[0] != "tokengym":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in FOLDERS else ""


def _wrong_arrows(graph: dict[str, set[str]]) -> list[str]:
    wrong = []
    for module, imported in graph.items():
        here = _folder(module)
        for name in sorted(imported):
            there = _folder(name)
            if name.startswith("."):
                wrong.append(f"{module} imports {name}: imports are by full name")
            elif there is None or there == here != "":
                continue
            elif here == "":
                if name not in GROUND and (module, name) not in GROUND_ARROWS:
                    wrong.append(f"{module} (ground floor) imports {name}")
            elif there == "" and name not in GROUND | {"tokengym"}:
                wrong.append(f"{module} imports {name}: of the ground floor only {sorted(GROUND)} are for everyone")
            elif there != "" and there not in ARROWS[here or ""]:
                wrong.append(f"{module} imports {name}: {here} may import {sorted(ARROWS[here or '']) or 'no other folder'}")
    return wrong


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of imports as a list of modules, the first repeated at the end; [] where there is none."""
    done: set[str] = set()
    path: list[str] = []  # the modules between the start and here

    def walk(module: str) -> list[str]:
        if module in path:
            return path[path.index(module) :] + [module]
        if module in done or module not in graph:
            return []
        path.append(module)
        for name in sorted(graph[module]):
            found = walk(name)
            if found:
                return found
        path.pop()
        done.add(module)
        return []

    for module in sorted(graph):
        found = walk(module)
        if found:
            return found
    return []


def test_arrows_point_down() -> None:
    assert _wrong_arrows(_graph()) == []


def test_no_cycles() -> None:
    assert _cycle(_graph()) == []


def test_the_checks_see_a_wrong_arrow_behind_type_checking_and_a_cycle() -> None:
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tokengym.agents.ppo import PPO\n"
    assert _imports(ast.parse(code), set()) == {"typing", "tokengym.agents.ppo"}
    assert len(_wrong_arrows({"tokengym.envs.env": {"tokengym.agents.ppo", "numpy", "tokengym.rewards"}})) == 1
    assert len(_wrong_arrows({"tokengym.envs.env": {".base"}, "tokengym._registry": {"tokengym.envs"}})) == 2
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert _cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_bare_imports_of_the_folders() -> None:
    files = [*MODULES.values(), *(ROOT / "tests").glob("*.py"), *(ROOT / "scripts").glob("*.py"), *(ROOT / "examples").glob("*.py")]
    bare = [(path.name, name) for path in files for name in _imports(ast.parse(path.read_text("utf-8")), set()) if name in FOLDERS]
    assert bare == []


def test_environments_import_no_torch() -> None:
    assert {name for name, imported in _graph().items() if _folder(name) == "envs" for i in imported if i.split(".")[0] == "torch"} == set()


@pytest.mark.parametrize("folder", ["", "rewards", "envs"])
def test_light_folders_import_nothing_heavy_at_the_top(folder: str) -> None:
    """What runs when the module is imported, that is everything outside functions, loads no heavy library."""
    heavy = []
    for name, path in MODULES.items():
        if _folder(name) != folder:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        inside = {inner for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and node not in inside:
                heavy += [(name, i) for i in _imports(node, set()) if i.split(".")[0] in HEAVY]
    assert heavy == []


def test_the_package_list_is_the_folders() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    expected = {"tokengym": "tokengym", **{f"tokengym.{folder}": folder for folder in FOLDERS}}
    assert setuptools["package-dir"] == expected
    assert sorted(setuptools["packages"]) == sorted(expected)


def test_the_folders_are_flat() -> None:
    assert [str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).glob("*/**/*.py")] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_links_lead_to_the_folders(folder: str) -> None:
    link = ROOT / "tokengym" / folder
    if not link.is_symlink():
        pytest.skip("a checkout without links (Windows); everything but type checkers works")
    assert str(link.readlink()) == f"../{folder}"


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


def test_files_do_one_thing() -> None:
    """A file says what it does on its first line, is at most 350 lines long, and is not a drawer for everything."""
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: n for name, n in lines.items() if n > MAX_LINES} == {}
    assert [str(path) for path in MODULES.values() if path.name in VAGUE] == []
    assert [name for name, path in MODULES.items() if path.name != "__main__.py" and not _docstring(path)] == []


def test_every_module_says_what_is_public() -> None:
    def has_all(path: Path) -> bool:
        body = ast.parse(path.read_text("utf-8")).body
        targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
        targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)

    assert [name for name, path in MODULES.items() if path.name != "__main__.py" and not has_all(path)] == []
