"""Likelihoods of texts, held against plain forward passes of transformers: one text, no padding, all logits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.scoring_models import language_model_folder
from tokengym._models import model_folder
from tokengym.rewards import lm as module
from tokengym.rewards.lm import LanguageModel, Text, joined, language_model

TEXTS = [
    joined("Marta Silva opened 35 homes in Harwick on Monday."),
    joined("Where is the flood?", "In Harwick, according to the report."),
    joined("报道说", "周一有人受伤。"),
    joined("x"),
    joined("🙂 שלום عليكم"),
    joined("a prompt of some length, longer than the others are, to be padded against", "and a short answer"),
    joined("Who?", "It says <eos> and <pad> and <sep>."),
]


@pytest.fixture(scope="module")
def tiny() -> LanguageModel:
    return LanguageModel("builtin:tiny", "cpu")


def plain(model: Any, tokenizer: Any, text: Text, bos: int) -> tuple[float, int]:
    """Sum of log-probabilities and number of tokens, from all logits of one unpadded row."""
    before = [i for piece in text.before for i in tokenizer.encode(piece, add_special_tokens=False).ids]
    ids = [bos, *before, *tokenizer.encode(text.scored, add_special_tokens=False).ids]
    with torch.inference_mode():
        logp = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    scored = range(1 + len(before), len(ids))
    return sum(float(logp[at - 1, ids[at]]) for at in scored), len(scored)


def expected(folder: str, texts: list[Text], bos: int = 1) -> list[tuple[float, int]]:
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    from tokengym._transformers import quiet

    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.encode_special_tokens = True
    with quiet():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return [plain(model, tokenizer, text, bos) for text in texts]


def test_equal_to_plain_forward_passes(tiny: LanguageModel) -> None:
    logp, tokens = tiny.likelihood(TEXTS)
    wanted = expected(model_folder("builtin:tiny"), TEXTS)
    assert tokens.tolist() == [count for _, count in wanted]
    assert np.abs(logp / tokens - [total / count for total, count in wanted]).max() < 1e-5


def test_equal_to_plain_forward_passes_of_models_with_rules_of_their_own(tmp_path: Path) -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel

    shape: dict[str, Any] = {"vocab_size": 1024, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    gemma = Gemma2Config(
        **shape,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        final_logit_softcapping=0.3,
        sliding_window=8,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    for number, model in enumerate((Gemma2ForCausalLM(gemma), GPT2LMHeadModel(GPT2Config(**shape, n_embd=16, n_layer=1, n_head=2)))):
        folder = tmp_path / str(number)
        model.save_pretrained(str(folder))
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(Path(model_folder("builtin")) / name, folder / name)
        logp, tokens = LanguageModel(str(folder), "cpu").likelihood(TEXTS)
        assert np.abs(logp / tokens - [total / count for total, count in expected(str(folder), TEXTS)]).max() < 1e-5


def test_a_batch_is_its_texts_one_by_one_in_any_order(tiny: LanguageModel) -> None:
    tiny._kept.clear()
    together = tiny.likelihood(TEXTS).mean()
    tiny._kept.clear()
    assert np.abs(tiny.likelihood(TEXTS[::-1]).mean()[::-1] - together).max() < 1e-5
    for text, value in zip(TEXTS, together, strict=True):
        tiny._kept.clear()
        assert tiny.likelihood([text]).mean()[0] == pytest.approx(value, abs=1e-5)


def test_chunks_of_logits_and_small_batches_change_nothing(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny._kept.clear()
    whole = tiny.likelihood(TEXTS).mean()
    tiny._kept.clear()
    monkeypatch.setattr(tiny, "chunk", 3)
    monkeypatch.setattr("tokengym.rewards.loading._TOKENS", {"cpu": 8})
    shapes: list[tuple[int, ...]] = []
    head = tiny.logits

    def spy(hidden: Any) -> Any:
        shapes.append(tuple(hidden.shape))
        return head(hidden)

    monkeypatch.setattr(tiny, "logits", spy)
    assert np.abs(tiny.likelihood(TEXTS).mean() - whole).max() < 1e-5
    assert max(rows for rows, _ in shapes) == 3


def test_the_side_of_padding_and_the_template_of_the_tokenizer_do_not_matter(tiny: LanguageModel, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_folder("builtin:tiny"), tmp_path / "left"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": "left", "add_bos_token": True}))
    assert np.abs(LanguageModel(str(folder), "cpu").likelihood(TEXTS).mean() - tiny.likelihood(TEXTS).mean()).max() < 1e-5


def test_a_text_without_tokens_has_no_mean(tiny: LanguageModel) -> None:
    assert tiny.likelihood([Text((), "")]).tokens.tolist() == [0.0]
    assert np.isnan(tiny.likelihood([Text(("before",), "")]).mean()).all()
    assert tiny.likelihood([]).mean().shape == (0,)


@pytest.mark.parametrize(
    ("before", "after", "stretches"),
    [  # window of 8: (what the model reads before the scored tokens, how many are scored)
        (0, 8, [(0, 8)]),
        (3, 5, [(3, 5)]),
        (0, 13, [(0, 8), (4, 4), (7, 1)]),  # the last window is a full one too
        (5, 7, [(5, 3), (4, 4)]),
        (8, 3, [(5, 3)]),
        (30, 9, [(4, 4), (4, 4), (7, 1)]),
        (7, 1, [(7, 1)]),
        (5, 0, []),
    ],
)
def test_windows_of_a_long_text_by_hand(tiny: LanguageModel, before: int, after: int, stretches: list[tuple[int, int]]) -> None:
    text = Text(("x" * before,) if before else (), "y" * after)
    assert len(tiny.tokenizer.encode("x" * before).ids) == before and len(tiny.tokenizer.encode("y" * after).ids) == after
    windows = tiny.windows([text], limit=8)
    assert [(len(window.ids) - 1 - window.scored, window.scored) for window in windows] == stretches
    assert all(window.ids[0] == tiny.bos and len(window.ids) <= 9 and window.row == 0 for window in windows)
    whole = [i for piece in (*text.before, text.scored) for i in tiny.tokenizer.encode(piece).ids]
    assert [i for window in windows for i in window.ids[-window.scored :]] == whole[before:]


def test_a_text_longer_than_the_model_is_read_through_windows(tiny: LanguageModel) -> None:
    text = joined("Marta Silva opened 35 homes. " * 100)
    assert (windows := tiny.windows([text])) and len(windows) == 3 and len(windows[0].ids) == 1025
    logp, tokens = tiny.likelihood([text])
    from tokengym.rewards.loading import load

    model, _ = load("builtin:tiny", "AutoModelForCausalLM", "cpu")
    total = 0.0
    with torch.inference_mode():
        for window in windows:
            ids = torch.tensor([window.ids])
            found = model(input_ids=ids[:, :-1]).logits[0].log_softmax(-1).gather(1, ids[0, 1:, None])
            total += float(found[-window.scored :].double().sum())
    assert tokens[0] == len(tiny.tokenizer.encode(text.scored).ids)
    assert logp[0] / tokens[0] == pytest.approx(total / tokens[0], abs=1e-5)


def test_pieces_are_joined_as_environments_join_them() -> None:
    assert joined(" x ") == Text((), "x")
    assert joined("Summary:", " x ") == Text(("Summary:",), " x")
    assert joined("Summary:\n", "x") == Text(("Summary:\n",), "x")
    assert joined("", " ", "x") == Text((), "x")
    assert joined("p", "r", "Answer:", "x") == Text(("p", " r", " Answer:"), " x")
    assert joined("p", "") == Text(("p",), "")


def test_what_was_asked_before_is_remembered_within_bounds(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tiny.likelihood(TEXTS[:3])
    monkeypatch.setattr(tiny, "batches", lambda windows: pytest.fail("computed again") if windows else iter(()))
    assert tiny.likelihood([TEXTS[2], TEXTS[0], TEXTS[2]]).logp.tolist() == first.logp[[2, 0, 2]].tolist()
    monkeypatch.undo()
    monkeypatch.setattr(module, "_KEPT", 2)
    assert np.isfinite(tiny.likelihood(TEXTS).logp).all() and list(tiny._kept) == TEXTS[-2:]


def test_a_model_is_loaded_once_and_shared() -> None:
    assert language_model("builtin:tiny", "auto") is language_model("builtin:tiny", "auto")


def test_a_model_without_a_first_token_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(language_model_folder(), tmp_path / "model"))
    for name, keys in (("config.json", ("bos_token_id",)), ("tokenizer_config.json", ("bos_token", "eos_token"))):
        settings = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({key: None if key in keys else value for key, value in settings.items()}))
    with pytest.raises(RuntimeError, match="has no token to begin a text with"):
        LanguageModel(str(folder), "cpu")


def test_half_of_a_surrogate_pair_is_read_as_a_question_mark(tiny: LanguageModel) -> None:
    assert tiny.likelihood([joined("a \ud83d b")]).logp[0] == pytest.approx(tiny.likelihood([joined("a ? b")]).logp[0], abs=1e-4)
