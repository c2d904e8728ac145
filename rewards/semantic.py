"""Similarity of meaning: the cosine between sentence embeddings."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym._models import model_folder
from tokengym._transformers import quiet
from tokengym.rewards.base import Sample, Values
from tokengym.rewards.loading import fast_linears, utf8
from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.weights import State, state

__all__ = ["MINILM", "Semantic"]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_ON_CPU = 16  # texts per forward pass
_KEPT = 16384  # embeddings per encoder: 24 MB at 384 numbers each


class Semantic(ReferenceReward):
    """Cosine between the embeddings of the response and of the nearest reference, by a sentence-transformers model.

    An empty text is like an empty one (1.0) and like no other (0.0): the embedding of nothing is near to some texts.
    Embeddings are cached by text and computed in one batch; the model is loaded at the first use and shared by all rewards of its name.
    The default model reads the first 256 tokens and knows English best. The 0/1 form is ``threshold(semantic, at=0.8)``.

    Range -1 to 1, higher is better, needs references. Equal texts score 1 within 1e-6; in a batch of another composition scores
    move by about 1e-6. Source: Reimers and Gurevych 2019, arXiv:1908.10084.

    Args:
        model: a name of :func:`tokengym._models.model_folder`, a local folder, or a hub id. all-MiniLM-L6-v2 needs no network where
            the extra ``minilm`` is installed.
        batch_size: texts per forward pass; on a CPU at most 16, since more are no faster there and are padded more.
        device: "auto", "cpu", "cuda", ...
        references: "max" takes the nearest reference, "mean" the mean over all of them.
    Raises:
        FileNotFoundError: the model has a name here, but must be pulled first.
        ValueError: nobody knows the model, or ``batch_size`` is below 1.
    """

    name = "semantic"
    range = (-1.0, 1.0)
    cost = "neural"

    def __init__(self, model: str = MINILM, batch_size: int = 64, device: str = "auto", references: str = "max") -> None:
        super().__init__(references)
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} texts; expected at least 1")
        model_folder(model)  # an unknown name is refused here, not in the middle of a run
        self.model = model
        self.batch_size = batch_size
        self.device = device

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) cosines, NaN where a sample has no reference.

        Raises:
            ImportError: sentence-transformers is not installed.
            RuntimeError: the model cannot be loaded.
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        rows: list[int] = []  # (P,) sample of each pair of response and reference
        place: dict[str, int] = {}  # text -> its row among the embeddings
        left: list[int] = []  # (P,) embedding of the response
        right: list[int] = []  # (P,) embedding of the reference
        matches: list[list[float]] = [[] for _ in batch]
        for row, sample in enumerate(batch):
            if isinstance(sample.references, str):
                raise TypeError(f"references={sample.references!r} is a text; expected a tuple of texts: ({sample.references!r},)")
            response = sample.response.strip()
            references = [reference.strip() for reference in sample.references]
            for reference in references:
                if not response or not reference:
                    matches[row].append(float(response == reference))
                    continue
                rows.append(row)
                left.append(place.setdefault(response, len(place)))
                right.append(place.setdefault(reference, len(place)))
        if rows:
            vectors = _encoder(self.model, self.device).embed(list(place), self.batch_size)  # (texts, D)
            cosines = np.einsum("pd,pd->p", vectors[left], vectors[right], dtype=np.float64)
            for row, cosine in zip(rows, np.clip(cosines, -1.0, 1.0).tolist(), strict=True):
                matches[row].append(cosine)
        return np.array([self.pool(each) for each in matches], dtype=np.float64)


class _Encoder:
    """A loaded model and the embeddings it gave last."""

    def __init__(self, name: str, device: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ImportError("the reward 'semantic' needs sentence-transformers: pip install 'sentence-transformers>=5'") from error
        folder = model_folder(name)
        options = {"dtype": "float32", "use_safetensors": True}
        try:
            with quiet():
                self._model: Any = SentenceTransformer(folder, device=None if device == "auto" else device, model_kwargs=options)
        except (OSError, ValueError) as error:
            remedy = "pip install 'tokengym[minilm]'" if name == MINILM else "download it into a folder and pass the folder"
            fault = "holds no model that can be read" if os.path.isdir(folder) else "is not on this machine and could not be fetched"
            raise RuntimeError(f"the reward 'semantic' has no model: {folder!r} {fault}. Remedy: {remedy}. ({error})") from error
        fast_linears(self._model)
        self._kept: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()

    def embed(self, texts: Sequence[str], batch_size: int) -> npt.NDArray[np.float32]:
        """(len(texts), D) embeddings of length 1, in the order of ``texts``."""
        kept = self._kept
        new = [text for text in texts if text not in kept]
        if new:
            if self._model.device.type == "cpu":
                batch_size = min(batch_size, _ON_CPU)
            vectors = self._model.encode(  # longest texts first
                [utf8(text) for text in new],
                batch_size=batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
            kept.update(zip(new, np.asarray(vectors, dtype=np.float32), strict=True))
        found = np.stack([kept[text] for text in texts])
        for text in texts:
            kept.move_to_end(text)
        while len(kept) > _KEPT:
            kept.popitem(last=False)
        return found


def _encoder(name: str, device: str) -> _Encoder:
    """Loaded once, and again where the weights in a local folder were written anew."""
    return _loaded(name, device, state(name))


@lru_cache(maxsize=4)
def _loaded(name: str, device: str, now: State) -> _Encoder:
    return _Encoder(name, device)
