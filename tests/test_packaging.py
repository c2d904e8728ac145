"""What a user gets: sdist -> wheel -> a clean virtual environment in which an environment can be made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("rewards", "envs", "agents", "benchmarks")


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it, made from a copy so that the checkout stays clean."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in ("tokengym", *FOLDERS):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    # No build isolation: setuptools is here already, and nothing needs the network.
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", source / "dist", source, cwd=source)
    return source / "dist"


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean virtual environment that holds the wheel, and sees this one's libraries behind it."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False)
    interpreter = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    (wheel,) = built.glob("*.whl")
    _run(sys.executable, "-m", "pip", "--python", interpreter, "install", "-q", "--no-deps", "--no-index", wheel, cwd=home)
    purelib = Path(_run(interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    # A .pth file inside a folder that is added this way is not read, so the checkout's own editable install stays out.
    (purelib / "libraries.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}) + "\n")
    return interpreter


def test_the_wheel_holds_every_module_and_data_file(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"tokengym/{path.name}" for path in (ROOT / "tokengym").glob("*.py")}
    expected |= {f"tokengym/{folder}/{path.name}" for folder in FOLDERS for path in (ROOT / folder).glob("*.py")}
    expected |= {f"tokengym/builtin/{path.name}" for path in (ROOT / "tokengym" / "builtin").iterdir() if path.is_file()}
    expected |= {"tokengym/py.typed"}
    assert expected <= names
    assert {name for name in names if ".dist-info/" not in name} == expected  # no tests, no scripts, no bare `agents`
    assert {"tokengym/builtin/tokenizer.json", "tokengym/builtin/model.safetensors"} <= names


def test_the_sdist_can_be_built_again_and_carries_the_licence(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "envs/__init__.py", "tokengym/builtin/tokenizer.json"} <= names


def test_an_environment_is_made_in_a_clean_install(python: Path, tmp_path: Path) -> None:
    code = (
        "import gymnasium, tokengym, tokengym.envs\n"
        "env = gymnasium.make('TextSumm-v0', reward='rouge_l')\n"
        "obs, info = env.reset(seed=0)\n"
        "env.step(int(env.unwrapped.tokenizer.eos_token_id))\n"
        "print(tokengym.__file__); print(tokengym.envs.__file__); print(info['prompt_tokens'] > 0)\n"
    )
    package, envs, has_prompt = _run(python, "-I", "-c", code, cwd=tmp_path).split()
    installed = python.parent.parent.resolve()
    assert Path(package).resolve().is_relative_to(installed)
    assert Path(envs).resolve().is_relative_to(installed)
    assert has_prompt == "True"


def test_the_command_is_installed(python: Path, tmp_path: Path) -> None:
    script = python.parent / ("tokengym.exe" if sys.platform == "win32" else "tokengym")
    assert "bench" in _run(script, "--help", cwd=tmp_path)
    assert "bench" in _run(python, "-I", "-m", "tokengym", "--help", cwd=tmp_path)


def _pins(file: str) -> dict[str, Version]:
    """Library -> the version that a file of constraints pins."""
    lines = (Requirement(line) for line in (ROOT / file).read_text().splitlines() if "==" in line and not line.startswith("#"))
    return {str(canonicalize_name(line.name)): Version(next(iter(line.specifier)).version) for line in lines}


def test_what_test_oldest_tries_are_the_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.findall(r"^OLDEST_EXTRAS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split(",")
    asked = [*project["dependencies"], *(line for extra in extras if extra != "dev" for line in project["optional-dependencies"][extra])]
    bounds = {
        str(canonicalize_name(line.name)): Version(each.version)
        for line in map(Requirement, asked)
        for each in line.specifier
        if each.operator == ">="
    }
    tried, tested = _pins("constraints-oldest.txt"), _pins("constraints.txt")
    assert tried.pop("torch") == tested["torch"] >= bounds.pop("torch")  # the one that is not tried at its lowest
    assert tried == bounds
    assert all(version <= tested[name] for name, version in tried.items())
