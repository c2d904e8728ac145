"""The committed tokenizer is what its script makes, bit for bit; and the committed model is the one that training.json tells of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from safetensors import safe_open

ROOT = Path(__file__).resolve().parent.parent
BUILTIN = ROOT / "tokengym" / "builtin"


def test_the_script_reproduces_the_committed_files(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "train_tokenizer.py"
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1024 entries" in done.stdout
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (BUILTIN / name).read_bytes(), name


def test_the_weights_have_the_size_that_is_told() -> None:
    told = json.loads((BUILTIN / "training.json").read_text())
    with safe_open(str(BUILTIN / "model.safetensors"), framework="np") as file:
        stored = sum(int(file.get_tensor(name).size) for name in file.keys())  # noqa: SIM118  it is no dict
    assert stored == told["parameters"]
    assert 1_000_000 <= told["parameters"] <= 3_000_000
    assert (BUILTIN / "model.safetensors").stat().st_size < 8 * 2**20
