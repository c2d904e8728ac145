"""How likely texts are under a causal language model: the response (fluency), or the reference once the response is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tokengym._models import model_folder
from tokengym._registry import unknown
from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.lm import Text, joined, language_model
from tokengym.rewards.reference import ReferenceReward

__all__ = ["FLOOR", "UNITS", "Fluency", "ReferenceLikelihood"]

FLOOR = -20.0
"""The lowest mean log-probability that counts, in nats per token: one token in 485 million. It keeps ranges finite."""

UNITS: dict[str, tuple[float, float]] = {
    "inverse_perplexity": (0.0, 1.0),
    "logp": (FLOOR, 0.0),
    "perplexity": (1.0, math.exp(-FLOOR)),
}
"""Unit -> range. exp of the mean log-probability (the geometric mean of the tokens' probabilities), the mean itself, exp of minus it."""


class Fluency(BaseReward):
    """How likely the response is under a causal language model: the mean over its tokens of their log-probability.

    By default the score is exp of that mean, one over the perplexity. The end of the text is not scored. An empty response scores the
    worst: 0.0, or ``FLOOR`` nats per token. Texts longer than the model reads are scored through overlapping windows
    (:class:`tokengym.rewards.lm.LanguageModel`). Text that repeats itself is likely under every language model, and so is
    a commonplace: add a reward that knows the task, and take ``repetition`` off.

    Range 0 to 1, higher is better; "logp": -20 to 0, higher is better; "perplexity": 1 to exp(20), lower is better. In a batch of
    another composition scores move by about 1e-6. Source: perplexity, Jelinek et al. 1977, doi:10.1121/1.2016299.

    Args:
        model: "builtin:tiny" (which knows the builtin world's English and Chinese and nothing else), "smollm2-135m", a local folder (that
            of a saved policy too), or a hub id.
        given_prompt: the response is read after the prompt, else alone.
        unit: "inverse_perplexity", "logp" (nats per token) or "perplexity".
        device: "auto", "cpu", "cuda", ...
    Raises:
        FileNotFoundError: the model has a name here, but must be pulled first.
        ValueError: nobody knows the model or the unit.
    """

    name = "fluency"
    cost = "neural"

    def __init__(
        self, model: str = "builtin:tiny", given_prompt: bool = False, unit: str = "inverse_perplexity", device: str = "auto"
    ) -> None:
        if unit not in UNITS:
            raise unknown("unit", unit, UNITS)
        model_folder(model)  # an unknown name is refused here, not in the middle of a run
        self.model = model
        self.given_prompt = given_prompt
        self.unit = unit
        self.device = device
        self.range = UNITS[unit]
        self.higher_is_better = unit != "perplexity"

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) in the chosen unit.

        Raises:
            ImportError: torch or transformers is not installed.
            RuntimeError: the model cannot be loaded.
        """
        texts = [joined(sample.prompt if self.given_prompt else "", sample.response) for sample in batch]
        return _in_unit(_mean_logp(self.model, self.device, texts), self.unit)


class ReferenceLikelihood(ReferenceReward):
    """How likely the reference is under a causal language model that has read the prompt and the response.

    The mean over the reference's tokens of their log-probability, which is minus their cross-entropy; by default exp of that mean.
    It rewards a response for what it tells about the right answer, such as a chain of thought, without a rule that checks the answer.
    The unit "gain" takes off what the model knew without the response: the information in it about the reference, in nats per token.
    With ``given_response=False`` the score is the same for every response: the cross-entropy of the reference under the model, a measure of
    the model. For a policy's own, give the folder that it was saved in.

    A response that contains the reference makes it likely. Texts longer than the model reads are scored through overlapping windows
    (:class:`tokengym.rewards.lm.LanguageModel`).

    Range 0 to 1, higher is better, needs references; "logp": -20 to 0, higher is better; "gain": -20 to 20, higher is better;
    "perplexity": 1 to exp(20), lower is better. Source: arXiv:2505.21493 (the probability of the reference answer after the model's
    own reasoning), arXiv:2506.18254 (its mean over tokens, less that without the reasoning); both add their own weighting.

    Args:
        model: "builtin:tiny", "smollm2-135m", a local folder (that of a saved policy too), or a hub id.
        given_prompt: the model reads the prompt first.
        given_response: the model reads the response before the reference.
        cue: text between the response and the reference, "Answer:" for example.
        unit: "inverse_perplexity", "logp" (nats per token), "gain" or "perplexity".
        references: "max" takes the likeliest reference, "mean" the mean over them.
        device: "auto", "cpu", "cuda", ...
    Raises:
        FileNotFoundError: the model has a name here, but must be pulled first.
        ValueError: nobody knows the model or the unit, or "gain" is asked for without the response.
    """

    name = "reference_likelihood"
    cost = "neural"

    def __init__(
        self,
        model: str = "builtin:tiny",
        given_prompt: bool = True,
        given_response: bool = True,
        cue: str = "",
        unit: str = "inverse_perplexity",
        references: str = "max",
        device: str = "auto",
    ) -> None:
        super().__init__(references)
        if unit not in UNITS and unit != "gain":
            raise unknown("unit", unit, [*UNITS, "gain"])
        if unit == "gain" and not given_response:
            raise ValueError(
                "unit='gain' compares the reference with and without the response; given_response=False leaves nothing to compare"
            )
        model_folder(model)
        self.model = model
        self.given_prompt = given_prompt
        self.given_response = given_response
        self.cue = cue
        self.unit = unit
        self.device = device
        self.range = UNITS.get(unit, (FLOOR, -FLOOR))
        self.higher_is_better = unit != "perplexity"

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) in the chosen unit, NaN where a sample has no reference with text in it.

        Raises:
            ImportError: torch or transformers is not installed.
            RuntimeError: the model cannot be loaded.
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        rows: list[int] = []  # (P,) sample of each pair of response and reference
        texts: list[Text] = []
        bare: list[Text] = []  # the same without the response
        for row, sample in enumerate(batch):
            if isinstance(sample.references, str):
                raise TypeError(f"references={sample.references!r} is a text; expected a tuple of texts: ({sample.references!r},)")
            for reference in filter(str.strip, sample.references):
                prompt = sample.prompt if self.given_prompt else ""
                rows.append(row)
                texts.append(joined(prompt, sample.response if self.given_response else "", self.cue, reference))
                bare.append(joined(prompt, self.cue, reference))
        if self.unit == "gain":
            both = _mean_logp(self.model, self.device, [*texts, *bare])  # (2P,)
            found = both[: len(rows)] - both[len(rows) :]
        else:
            found = _in_unit(_mean_logp(self.model, self.device, texts), self.unit)
        matches: list[list[float]] = [[] for _ in batch]
        for row, match in zip(rows, found.tolist(), strict=True):
            matches[row].append(match)
        return np.array([self.pool(each) for each in matches], dtype=np.float64)


def _mean_logp(model: str, device: str, texts: Sequence[Text]) -> Values:
    """(N,) mean log-probability of each text's scored tokens, at least ``FLOOR``; that and no more where there is no token."""
    means = np.full(len(texts), FLOOR)
    there = [row for row, text in enumerate(texts) if text.scored]
    if there:  # an empty response needs no model
        means[there] = language_model(model, device).likelihood([texts[row] for row in there]).mean()
    floored: Values = np.maximum(means, FLOOR)
    return floored


def _in_unit(means: Values, unit: str) -> Values:
    if unit == "logp":
        return means
    if unit == "perplexity":
        return np.exp(-means)
    scores: Values = np.exp(means)
    scores[means <= FLOOR] = 0.0  # nothing said scores nothing at all
    return scores
