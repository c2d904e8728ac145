"""One causal language model held against another: the log-ratio of the response, and the divergence of what each would have said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokengym._models import model_folder
from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.lm import LanguageModel, Text, joined, language_model, per_token

__all__ = ["BOUND", "KL", "LogRatio"]

BOUND = 20.0
"""The largest difference that counts, in nats per token. It keeps ranges finite."""


class _Pair(BaseReward):
    """Two models and the response, read after the prompt or alone."""

    cost = "neural"

    def __init__(self, model: str, reference: str, given_prompt: bool = True, device: str = "auto") -> None:
        for name in (model, reference):
            model_folder(name)  # an unknown name is refused here, not in the middle of a run
        self.model = model
        self.reference = reference
        self.given_prompt = given_prompt
        self.device = device

    def compare(self, first: LanguageModel, second: LanguageModel, texts: Sequence[Text]) -> Values:
        """(N,) nats per token of the model."""
        raise NotImplementedError(f"{type(self).__name__} must define compare(first, second, texts)")

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) nats per token, 0.0 for an empty response.

        Raises:
            ImportError: torch or transformers is not installed.
            RuntimeError: a model cannot be loaded, or the two cannot be compared.
        """
        scores = np.zeros(len(batch))
        there = [row for row, sample in enumerate(batch) if sample.response.strip()]
        if there:  # an empty response needs no model
            texts = [joined(batch[row].prompt if self.given_prompt else "", batch[row].response) for row in there]
            models = language_model(self.model, self.device), language_model(self.reference, self.device)
            scores[there] = np.clip(self.compare(*models, texts), *self.range)
        return scores


class LogRatio(_Pair):
    """How much likelier the response is under ``model`` than under ``reference``: log p_model - log p_reference, per token of ``model``.

    With a model that was trained by DPO and the one that it started from, this is its implicit reward, divided by beta and by the
    number of tokens. Where the responses were sampled from ``model``, the mean of the score is the estimator k1 of the divergence
    of the two, so ``- 0.1*log_ratio(...)`` is a penalty on leaving the reference. The two may cut the text into different tokens.
    An empty response scores 0.0; the end of the text is not scored.

    Range -20 to 20 nats per token, higher is better. Source: the implicit reward of DPO, arXiv:2305.18290; k1,
    http://joschu.net/blog/kl-approx.html.

    Args:
        model: "builtin:tiny", "smollm2-135m", a local folder (that of a saved policy too), or a hub id.
        reference: the other model, in the same way.
        given_prompt: the response is read after the prompt, else alone.
        device: "auto", "cpu", "cuda", ...
    Raises:
        FileNotFoundError: a model has a name here, but must be pulled first.
        ValueError: nobody knows a model.
    """

    name = "log_ratio"
    range = (-BOUND, BOUND)

    def compare(self, first: LanguageModel, second: LanguageModel, texts: Sequence[Text]) -> Values:
        logp, tokens = first.likelihood(texts)
        return per_token(logp - second.likelihood(texts).logp, tokens)


class KL(_Pair):
    """Kullback-Leibler divergence of ``model`` from ``reference`` along the response: what each would have said at every token of it.

    The sum over the whole vocabulary of p_model * (log p_model - log p_reference), after each prefix of the response, averaged
    over its tokens. Where the responses were sampled from ``model``, its mean estimates what k1 estimates, with less variance,
    and it is never negative. Both models must have the same tokenizer. An empty response scores 0.0.

    Range 0 to 20 nats per token, lower is better. Source: the estimator "RB" of arXiv:2504.10637.

    Args:
        model: "builtin:tiny", "smollm2-135m", a local folder (that of a saved policy too), or a hub id.
        reference: the other model, in the same way.
        given_prompt: the response is read after the prompt, else alone.
        device: "auto", "cpu", "cuda", ...
    Raises:
        FileNotFoundError: a model has a name here, but must be pulled first.
        ValueError: nobody knows a model.
    """

    name = "kl"
    range = (0.0, BOUND)
    higher_is_better = False

    def compare(self, first: LanguageModel, second: LanguageModel, texts: Sequence[Text]) -> Values:
        import torch

        if first.tokenizer.get_vocab() != second.tokenizer.get_vocab() or first.bos != second.bos:
            raise RuntimeError(f"kl compares distributions over the same tokens; {first.name!r} and {second.name!r} have different ones")
        sums, counts = np.zeros(len(texts)), np.zeros(len(texts))
        size = min(first.vocabulary, second.vocabulary)  # either may be padded with rows that stand for no token
        chunk = min(first.chunk, second.chunk)
        with torch.inference_mode():
            for places, ids, rows, columns in first.batches(first.windows(texts, min(first.window, second.window))):
                states = [each.hidden(ids)[rows, columns].split(chunk) for each in (first, second)]  # (k, H) each
                found = []
                for ours, theirs in zip(*states, strict=True):
                    p = first.logits(ours)[:, :size].log_softmax(-1)  # (k, V)
                    q = second.logits(theirs)[:, :size].log_softmax(-1)
                    found.append((p.exp() * (p - q)).sum(-1))
                here = np.array(places)[rows.cpu().numpy()]  # (K,)
                np.add.at(sums, here, torch.cat(found).double().cpu().numpy())
                np.add.at(counts, here, 1.0)
        return per_token(sums, counts)
