"""Answers to time a reward with: 50-word summaries, new ones in every batch, their references coming back, as in training."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from tokengym.envs import load_examples
from tokengym.rewards import Sample

__all__ = ["SPECS", "Workload"]

SPECS: Mapping[str, str] = {
    "length_window": "length_window(low=20, high=60)",
    "regex": "regex(pattern='[A-Z].*[.]')",
}
"""Rewards that cannot be made without arguments -> how they are timed."""

_LABELS = ("business", "culture", "disaster", "science", "sport")
_KEPT = 0.5  # share of the reference's words that a response repeats


class Workload:
    """A stream of answers.

    Args:
        batch: B, answers at a time.
        words: length of a response and of a reference.
        seed: of everything that is drawn.
    """

    def __init__(self, batch: int = 64, words: int = 50, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        reports = load_examples("builtin:TextSumm-v0", split="train", size=400)
        self._words = [word for report in reports for word in str(report.prompt).split()]
        self._length = words
        self._prompts = [str(reports[row % len(reports)].prompt) for row in range(batch)]
        self._references = [self._window() for _ in range(batch)]
        self._sources = [self._response(reference) for reference in self._references]

    def next(self, needs: str) -> list[Sample]:
        """(B,) new answers of the form that a reward with these ``needs`` reads; reference, facts and prompt of a row stay the same."""
        said, meta = next(((make, meta) for key, (make, meta) in self._forms().items() if key in needs), (None, {}))
        found = []
        for prompt, reference, source in zip(self._prompts, self._references, self._sources, strict=True):
            response = self._response(reference) if said is None else said()
            facts = {"facts": tuple(word for word in reference if word[:1].isupper())[:4], "source": source}
            found.append(Sample(prompt, response, (" ".join(reference),), {**facts, **meta}))
        return found

    def _window(self) -> list[str]:
        start = self._rng.randrange(len(self._words) - self._length)
        return self._words[start : start + self._length]

    def _response(self, reference: list[str]) -> str:
        draw, pick = self._rng.random, self._rng.choice
        return " ".join([word if draw() < _KEPT else pick(self._words) for word in reference])

    def _forms(self) -> dict[str, tuple[Callable[[], str], dict[str, Any]]]:
        """Need -> (how an answer is written, the meta it is held against)."""
        rng = self._rng
        schema = {"type": "object", "properties": {"city": {"type": "string"}, "guests": {"type": "integer"}}, "required": ["city"]}
        name = "Marta Silva"
        return {
            "meta['label']": (lambda: f"The label is {rng.choice(_LABELS)}.", {"label": "sport", "labels": _LABELS}),
            "meta['entities']": (lambda: f"{name} (PERSON), {rng.choice(self._words)} (PLACE)", {"entities": [[name, "PERSON"]]}),
            "meta['tags']": (lambda: rng.choice(("B-PLACE O O", "O B-PLACE O")), {"tags": ["B-PLACE", "O", "O"]}),
            "meta['relevance']": (lambda: " ".join(map(str, rng.sample(range(1, 11), 10))), {"relevance": [3, 0, 1, 0, 2, 0, 0, 1, 0, 0]}),
            "meta['slots']": (lambda: f"city={rng.choice(self._words)}; guests=2", {"slots": {"city": "Leeds", "guests": "2"}}),
            "meta['schema']": (lambda: json.dumps({"city": rng.choice(self._words), "guests": 2}), {"schema": schema}),
            "meta['reasoning_gym']": (lambda: str(rng.randrange(100)), {"reasoning_gym": {"dataset": "basic_arithmetic", "seed": 0}}),
            "meta['tests']": (lambda: f"def f(x):\n    return x + {rng.random()}\n", {"tests": "assert f(1) > 0"}),
        }
