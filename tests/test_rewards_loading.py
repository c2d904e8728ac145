"""Models are loaded silently, from safetensors alone, and what is missing is named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

from tests.scoring_models import classifier_folder, language_model_folder
from tokengym.rewards import loading
from tokengym.rewards.loading import fast_linears, load, micro_batches, utf8


def test_a_model_comes_ready_to_score(capfd: pytest.CaptureFixture[str]) -> None:
    folder = language_model_folder()
    capfd.readouterr()
    model, tokenizer = load(folder, "AutoModelForCausalLM", "auto")
    assert not model.training and model.dtype == torch.float32 and not any(each.requires_grad for each in model.parameters())
    assert tokenizer.backend_tokenizer is not None
    assert capfd.readouterr() == ("", "")


def test_micro_batches_hold_rows_of_like_length_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_TOKENS", {"cpu": 10, "cuda": 100})
    assert list(micro_batches([3, 20, 5, 1, 5], "cpu")) == [[1], [2, 4], [0, 3]]
    assert list(micro_batches([3, 20, 5, 1, 5], "cuda:0")) == [[1, 2, 4, 0, 3]]
    assert list(micro_batches([], "cpu")) == [] and list(micro_batches([0, 0], "cpu")) == [[0, 1]]


def test_without_transformers_the_error_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match="pip install 'torch>=2.8' 'transformers>=5.17'"):
        load("builtin:tiny", "AutoModelForCausalLM", "cpu")


def test_a_folder_without_a_model_and_a_model_that_is_nowhere_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="holds no model that can be read. Expected a folder with config.json, model.safetensors"):
        load(str(tmp_path), "AutoModelForCausalLM", "cpu")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(loading, "model_folder", lambda name: str(tmp_path / "absent"))
    with pytest.raises(RuntimeError, match="'owner/name': it is not on this machine and could not be fetched"):
        load("owner/name", "AutoModelForCausalLM", "cpu")


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(classifier_folder(), tmp_path / "model"))
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(RuntimeError, match="holds no model that can be read"):
        load(str(folder), "AutoModelForSequenceClassification", "cpu")


def test_a_tokenizer_that_knows_more_than_its_model_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(classifier_folder(), tmp_path / "model"))
    shutil.copyfile(Path(language_model_folder()) / "tokenizer.json", folder / "tokenizer.json")
    with pytest.raises(RuntimeError, match="its tokenizer knows more tokens than its model"):
        load(str(folder), "AutoModelForSequenceClassification", "cpu")


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch was built without oneDNN")
def test_linear_layers_by_onednn_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "mkl_is_slow", lambda: True)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(24, 40), torch.nn.GELU(), torch.nn.Linear(40, 8, bias=False))
    texts = torch.randn(3, 7, 48)[..., ::2]  # not contiguous
    with torch.inference_mode():
        before = model(texts)
        fast_linears(model)
        assert isinstance(model[0].forward, loading._OneDNN) and isinstance(model[2].forward, loading._OneDNN)
        assert (model(texts) - before).abs().max() < 1e-6


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch was built without oneDNN")
def test_an_activation_that_a_layer_does_along_with_its_product_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.tensor([[2, 4, 5, 6, 3]])
    found = []
    for slow in (False, True):
        monkeypatch.setattr(loading, "mkl_is_slow", lambda slow=slow: slow)
        model, _ = load(classifier_folder(), "AutoModelForSequenceClassification", "cpu")
        assert isinstance(model.bert.encoder.layer[0].intermediate.intermediate_act_fn, torch.nn.Identity) is slow
        with torch.inference_mode():
            found.append(model(input_ids=ids).logits)
    assert (found[0] - found[1]).abs().max() < 1e-5


def test_linear_layers_are_left_alone_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "mkl_is_slow", lambda: False)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    fast_linears(model)
    assert "forward" not in vars(model[0])


def test_halves_of_surrogate_pairs_become_question_marks() -> None:
    assert utf8("a\ud83db🙂") == "a?b🙂"
