"""Model folders for tests of rewards: a tiny classifier of random weights, and a tiny language model that knows nothing."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["WORDS", "classifier_folder", "language_model_folder", "save_classifier"]

WORDS = "[PAD] [UNK] [CLS] [SEP] on monday marta silva opened 35 homes in harwick bob closed 40 leeds a superb dull day 北 京 . ?".split()


def save_classifier(folder: Path, labels: tuple[str, ...] = ("bad", "good"), seed: int = 0, scale: float = 1.0, **changes: Any) -> str:
    """Writes a one-layer BERT over ``WORDS`` with that many labels, and returns its path.

    Args:
        folder: where to; made if absent.
        labels: names of the labels; a single one makes a preference model.
        seed: of the weights.
        scale: deviation of the weights.
        changes: other values for its configuration.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification

    values = {
        "vocab_size": len(WORDS),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
        "initializer_range": scale,
        "pad_token_id": 0,
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = BertForSequenceClassification(BertConfig(**{**values, **changes}))
    model.save_pretrained(str(folder))
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.BertNormalizer(lowercase=True)])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(WORDS[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "model_max_length": 40,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "chat_template": "{% for message in messages %}[CLS] {{ message['content'] }} [SEP]{% endfor %}",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return str(folder)


@functools.cache
def classifier_folder() -> str:
    """A classifier with the labels "bad" and "good", for this process."""
    return save_classifier(_fresh())


@functools.cache
def language_model_folder() -> str:
    """A language model of random weights with the builtin tokenizer, for this process."""
    from tests.tiny_model import save_tiny_model

    return save_tiny_model(_fresh())


def _fresh() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tokengym-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
