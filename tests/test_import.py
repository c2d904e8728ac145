"""`import tokengym` is light: it registers names and loads nothing that is not needed yet."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "transformers", "datasets", "sentence_transformers", "stable_baselines3", "matplotlib", "peft", "accelerate")


def _loaded(code: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter imports while it runs ``code``."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_importing_tokengym_loads_no_heavy_library() -> None:
    loaded = _loaded("import tokengym")
    assert "gymnasium" in loaded  # the reading works
    assert loaded.isdisjoint(HEAVY)


def test_an_environment_is_made_without_torch() -> None:
    """An episode of the default task needs numpy and the tokenizer, but no model library."""
    code = "import gymnasium, tokengym; e = gymnasium.make('TextQA-v0', reward='token_f1', metrics=False); e.reset(seed=0); e.step(5)"
    assert _loaded(code).isdisjoint({"torch", "transformers", "datasets", "sentence_transformers"})


def test_the_ids_are_found_without_an_import_of_ours() -> None:
    code = "import gymnasium; print(gymnasium.make('tokengym:TextSumm-v0').spec.id)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "TextSumm-v0"
