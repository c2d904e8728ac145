"""Two language models held against each other, by plain sums over all logits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.scoring_models import language_model_folder
from tokengym.rewards import Sample, make_reward
from tokengym.rewards.lm import joined, language_model
from tokengym.rewards.loading import load
from tokengym.rewards.log_ratio import BOUND, KL, LogRatio

SAMPLES = [
    Sample("Where is the flood?", "In Harwick."),
    Sample("", "Lineth Sharks beat Redmouth United 5-1."),
    Sample("报道说", "周一有人受伤。"),
    Sample("Who?", "🙂 x"),
]


def by_hand(sample: Sample, given_prompt: bool = True) -> tuple[float, float]:
    """Mean log-ratio and mean divergence of builtin:tiny and the model of random weights, from one unpadded row and all its logits."""
    models: list[Any] = [load(name, "AutoModelForCausalLM", "cpu")[0] for name in ("builtin:tiny", language_model_folder())]
    tokenizer = language_model("builtin:tiny", "auto").tokenizer
    prompt = sample.prompt if given_prompt else ""
    before = tokenizer.encode(prompt).ids
    after = tokenizer.encode((" " if prompt else "") + sample.response).ids
    ids = torch.tensor([[1, *before, *after]])
    with torch.inference_mode():
        p, q = (model(input_ids=ids).logits[0, len(before) : -1].double().log_softmax(-1) for model in models)  # (T, V)
    target = torch.tensor(after)[:, None]
    ratio = (p.gather(1, target) - q.gather(1, target)).mean()
    return float(ratio), float((p.exp() * (p - q)).sum(-1).mean())


def test_equal_to_plain_forward_passes() -> None:
    names = ("builtin:tiny", language_model_folder())
    wanted = [by_hand(sample) for sample in SAMPLES]
    assert np.abs(LogRatio(*names).explain(SAMPLES).scores - [ratio for ratio, _ in wanted]).max() < 1e-5
    assert np.abs(KL(*names).explain(SAMPLES).scores - [divergence for _, divergence in wanted]).max() < 1e-5
    alone = by_hand(SAMPLES[0], given_prompt=False)
    assert LogRatio(*names, given_prompt=False).explain(SAMPLES[:1]).scores[0] == pytest.approx(alone[0], abs=1e-5)
    assert KL(*names, given_prompt=False).explain(SAMPLES[:1]).scores[0] == pytest.approx(alone[1], abs=1e-5)


def test_a_batch_is_its_samples_one_by_one_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    reward = KL("builtin:tiny", language_model_folder())
    together = reward.explain(SAMPLES).scores
    assert np.abs(together - [reward.explain([sample]).scores[0] for sample in SAMPLES]).max() < 1e-5
    monkeypatch.setattr(language_model("builtin:tiny", "auto"), "chunk", 2)
    assert np.abs(together - reward.explain(SAMPLES).scores).max() < 1e-5


def test_a_model_does_not_differ_from_itself_and_silence_not_from_silence() -> None:
    for kind in (LogRatio, KL):
        assert kind("builtin:tiny", "builtin:tiny").explain(SAMPLES).scores.tolist() == pytest.approx([0.0] * 4, abs=1e-6)
        assert kind("builtin:tiny", language_model_folder()).explain([Sample("x", " ")]).scores.tolist() == [0.0]


def test_ratios_are_antisymmetric_and_divergences_positive() -> None:
    folder = language_model_folder()
    ahead, back = LogRatio("builtin:tiny", folder).explain(SAMPLES).scores, LogRatio(folder, "builtin:tiny").explain(SAMPLES).scores
    assert np.abs(ahead + back).max() < 1e-6
    assert (KL("builtin:tiny", folder).explain(SAMPLES).scores > 0).all()


def test_of_texts_sampled_from_the_model_both_have_the_same_mean() -> None:
    """On the first token, over the whole vocabulary: the mean log-ratio, weighted by the model, is the divergence."""
    first, second = (language_model(name, "auto") for name in ("builtin:tiny", language_model_folder()))
    with torch.inference_mode():
        p, q = (model.logits(model.hidden(torch.tensor([[1, 0]]))[0]).double().log_softmax(-1)[0] for model in (first, second))
    divergence = KL("builtin:tiny", language_model_folder(), given_prompt=False).explain([Sample("", "x")]).scores[0]
    assert float((p.exp() * (p - q)).sum()) == pytest.approx(divergence, abs=1e-5)


def test_models_of_other_tokenizers_are_compared_by_text_or_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "<unk>": 1, "In": 2, "Harwick": 3, ".": 4}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>"}')
    config = LlamaConfig(vocab_size=5, bos_token_id=0, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    blind = LlamaForCausalLM(config)
    blind.lm_head.weight.data.zero_()
    blind.save_pretrained(str(tmp_path))
    ours = language_model("builtin:tiny", "auto").likelihood
    logp, tokens = ours([joined("Where is the flood?", "In Harwick.")])
    ratio = LogRatio("builtin:tiny", str(tmp_path)).explain(SAMPLES[:1]).scores[0]
    assert ratio == pytest.approx((logp[0] + 3 * math.log(5)) / tokens[0], abs=1e-5)  # three words, each one of five
    with pytest.raises(RuntimeError, match="kl compares distributions over the same tokens"):
        KL("builtin:tiny", str(tmp_path))(SAMPLES)


def test_arguments() -> None:
    reward = make_reward("log_ratio(model='builtin:tiny', reference='builtin', given_prompt=False)")
    assert reward.spec == "log_ratio(model='builtin:tiny', reference='builtin', given_prompt=False)"
    assert reward.range == (-BOUND, BOUND) and reward.higher_is_better
    divergence = make_reward("kl(model='builtin:tiny', reference='builtin')")
    assert divergence.range == (0.0, BOUND) and not divergence.higher_is_better
    with pytest.raises(ValueError, match="'tiny' is not a known model"):
        LogRatio("builtin:tiny", "tiny")
