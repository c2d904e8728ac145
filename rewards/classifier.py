"""A sequence classifier's opinion of the response: the probability of a label, or a preference model's score."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tokengym._models import model_folder
from tokengym._registry import unknown
from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.loading import encode, load, micro_batches, plain_tokenizer, utf8
from tokengym.rewards.weights import State, state

__all__ = ["BOUND", "READS", "UNITS", "Classifier"]

UNITS = ("probability", "margin")
READS = ("response", "pair", "chat")
BOUND = 100.0
"""The largest margin that counts. It keeps ranges finite; no model goes there."""

_ENDLESS = 4096  # tokens, where neither model nor tokenizer names a longest input
_PLACES = ("\ue000", "\ue001")  # private characters: they stand for prompt and response while the chat template is filled


class Classifier(BaseReward):
    """How much a sequence classifier believes in a label, given the response (``AutoModelForSequenceClassification`` of transformers).

    The unit "probability" is the label's softmax probability, or its sigmoid where labels do not exclude each other or the model has one
    output. The unit "margin" is its log-odds: the label's logit less the logsumexp of the others, or the bare logit where there is a
    sigmoid. A preference model (the reward model of RLHF) has one output and no labels: ``unit='margin'`` is its score.

    As a probability, a response without text scores 0.0; as a margin, what the model says of it. Special tokens that somebody wrote into a
    text are plain characters. A text longer than the model reads loses its end; of a pair the longer text does; a conversation loses
    its beginning.

    Range 0 to 1, higher is better; "margin": -100 to 100 (held there), higher is better. In a batch of another composition
    scores move by about 1e-6. Source: preference models, arXiv:2009.01325 and arXiv:2203.02155.

    Args:
        model: a local folder or a hub id; there is none by default.
        label: the name or the number of the label; not needed where the model has one output.
        unit: "probability" or "margin".
        read: "response" reads it alone, "pair" the prompt and the response as two segments (for natural language inference, relevance),
            "chat" both as a conversation in the model's chat template (most preference models).
        device: "auto", "cpu", "cuda", ...
    Raises:
        FileNotFoundError: the model has a name here, but must be pulled first.
        ValueError: nobody knows the model, its label, the unit or the way of reading.
    """

    name = "classifier"
    cost = "neural"

    def __init__(
        self, model: str, label: str | int | None = None, unit: str = "probability", read: str = "response", device: str = "auto"
    ) -> None:
        if unit not in UNITS:
            raise unknown("unit", unit, UNITS)
        if read not in READS:
            raise unknown("way of reading", read, READS)
        config = Path(model_folder(model)) / "config.json"
        labels = json.loads(config.read_text(encoding="utf-8")).get("id2label") if config.is_file() else None
        if labels:  # of a hub id they are known at the first use only
            _index({int(index): str(label) for index, label in labels.items()}, label, model)
        self.model = model
        self.label = label
        self.unit = unit
        self.read = read
        self.device = device
        self.range = (0.0, 1.0) if unit == "probability" else (-BOUND, BOUND)

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) in the chosen unit.

        Raises:
            ImportError: torch or transformers is not installed.
            RuntimeError: the model cannot be loaded, or has no chat template for ``read='chat'``.
            ValueError: the model does not know the label.
        """
        scores = np.zeros(len(batch))
        there = [row for row, sample in enumerate(batch) if self.unit == "margin" or sample.response.strip()]
        if there:
            judge = _judge(self.model, self.device)
            index = _index(judge.labels, self.label, self.model)
            logits = judge.logits([(batch[row].prompt, batch[row].response) for row in there], self.read)  # (N, C)
            margin = logits[:, index]
            if not judge.independent:
                margin = margin - np.logaddexp.reduce(np.delete(logits, index, axis=1), axis=1)
            scores[there] = np.clip(margin, -BOUND, BOUND) if self.unit == "margin" else 0.5 * (1.0 + np.tanh(0.5 * margin))
        return scores


class _Judge:
    """A loaded classifier.

    Attributes:
        labels: number to name.
        independent: each logit stands for itself, and is not held against the others by a softmax.
        limit: tokens that it reads.
    """

    def __init__(self, name: str, device: str) -> None:
        self._model, self._chat = load(name, "AutoModelForSequenceClassification", device)
        config = self._model.config
        self.name = name
        self.labels: dict[int, str] = dict(config.id2label)
        self.independent = len(self.labels) == 1 or config.problem_type in ("multi_label_classification", "regression")
        self.limit = _limit(self._model, self._chat)
        self._plain, self._cut, self._markup = (plain_tokenizer(self._chat) for _ in range(3))
        self._cut.enable_truncation(self.limit, strategy="longest_first")
        self._markup.encode_special_tokens = False
        self._special = [token.content for token in self._markup.get_added_tokens_decoder().values() if token.special]
        # a decoder finds a row's last token by its padding; without a padding token it reads one row at a time
        self._pad: int | None = config.get_text_config().pad_token_id
        self._segments = "token_type_ids" in self._chat.model_input_names

    def logits(self, texts: Sequence[tuple[str, str]], read: str) -> Values:
        """(N, C) logits of N pairs of prompt and response."""
        import torch

        rows = [self._encoded(utf8(prompt), utf8(response), read) for prompt, response in texts]
        found = np.empty((len(rows), len(self.labels)))
        lengths = [len(ids) for ids, _ in rows]
        batches = micro_batches(lengths, str(self._model.device)) if self._pad is not None else ([row] for row in range(len(rows)))
        with torch.inference_mode():
            for batch in batches:
                shape = (len(batch), max(lengths[row] for row in batch))
                inputs = {"input_ids": torch.full(shape, self._pad or 0), "attention_mask": torch.zeros(shape, dtype=torch.long)}
                if self._segments:
                    inputs["token_type_ids"] = torch.zeros(shape, dtype=torch.long)
                for place, row in enumerate(batch):
                    ids, segments = rows[row]
                    inputs["input_ids"][place, : len(ids)] = torch.tensor(ids)
                    inputs["attention_mask"][place, : len(ids)] = 1
                    if self._segments:
                        inputs["token_type_ids"][place, : len(ids)] = torch.tensor(segments)
                out = self._model(**{key: value.to(self._model.device) for key, value in inputs.items()}).logits
                found[batch] = out.double().cpu().numpy()
        return found

    def _encoded(self, prompt: str, response: str, read: str) -> tuple[list[int], list[int]]:
        """Token ids and segment numbers, at least one of each."""
        if read == "chat":
            ids = self._conversation(prompt, response)[-self.limit :]
            return ids, [0] * len(ids)
        found = self._cut.encode(prompt, response) if read == "pair" else self._cut.encode(response)
        return (found.ids, found.type_ids) if found.ids else ([self._pad or 0], [0])

    def _conversation(self, prompt: str, response: str) -> list[int]:
        """Token ids of the chat template, in which only the template's own special tokens are special."""
        if self._chat.chat_template is None:
            raise RuntimeError(f"the classifier {self.name!r} carries no chat template; use read='pair' or read='response'")
        turns = [{"role": role, "content": place} for role, place in zip(("user", "assistant"), _PLACES, strict=True)]
        template: str = self._chat.apply_chat_template(turns, tokenize=False)
        said = dict(zip(_PLACES, (prompt, response), strict=True))
        pieces = re.split("([" + "".join(_PLACES) + "])", template)
        if not any(token in text for text in said.values() for token in self._special):
            return encode(self._markup, "".join(said.get(piece, piece) for piece in pieces))
        return [i for piece in pieces for i in (encode(self._plain, said[piece]) if piece in said else encode(self._markup, piece))]


def _judge(name: str, device: str) -> _Judge:
    """Loaded once, and again where the weights in a local folder were written anew."""
    return _loaded(name, device, state(name))


@lru_cache(maxsize=4)
def _loaded(name: str, device: str, now: State) -> _Judge:
    return _Judge(name, device)


def _index(labels: Mapping[int, str], label: str | int | None, model: str) -> int:
    """The number of ``label``, which may be its name in any letter case."""
    if label is None:
        if len(labels) == 1:
            return next(iter(labels))
        raise ValueError(f"label=None; {model!r} has {len(labels)} labels, name one of them: {', '.join(labels.values())}")
    if isinstance(label, int) and not isinstance(label, bool):
        if label in labels:
            return label
        raise ValueError(f"label={label}; {model!r} numbers its labels 0 to {len(labels) - 1}: {', '.join(labels.values())}")
    exact = [index for index, name in labels.items() if name == label]
    found = exact or [index for index, name in labels.items() if name.casefold() == str(label).casefold()]
    if len(found) == 1:
        return found[0]
    raise unknown("label", label, labels.values(), f"They are the labels of {model!r}.")


def _limit(model: Any, tokenizer: Any) -> int:
    """Tokens that the model reads, special ones included."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None) or math.inf
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            limit -= module.padding_idx + 1  # RoBERTa counts positions from there
    limit = min(limit, tokenizer.model_max_length)
    return int(limit) if limit < 10**9 else _ENDLESS
