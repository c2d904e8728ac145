"""Sentence BLEU, and the counts that BLEU is made of, equal to sacrebleu's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from tokengym.rewards.base import BaseReward, Sample, Values
from tokengym.rewards.tokens import has_cjk, make_room, ngram_counts, shared_ngrams

__all__ = ["Bleu", "BleuCounts", "bleu_counts"]

_ORDERS = (1, 2, 3, 4)
_TOKENIZERS = ("auto", "13a", "char", "intl", "none", "zh")
_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9f]")

_Counts = Mapping[Hashable, int]


class Bleu(BaseReward):
    """Sentence BLEU from 0 to 1: up to 4-grams, exponential smoothing, effective order, as ``sacrebleu.sentence_bleu`` / 100.

    Several references count as BLEU defines it: an n-gram may occur as often as in the reference that has it most,
    and the length is held against the reference nearest in length. 0.0 where no word is shared.

    Range 0 to 1, higher is better, needs references. Source: Papineni et al. 2002; Post 2018, arXiv:1804.08771 (sacrebleu 2).

    Args:
        tokenize: "13a", "zh", "char", "intl" or "none", sacrebleu's tokenizers; "auto" takes "char" where a reference holds kana,
            "zh" where it holds Han characters, and "13a" elsewhere.
        lowercase: compares without case.
    Raises:
        ValueError: ``tokenize`` is none of these.
    """

    name = "bleu"
    needs = "references"

    def __init__(self, tokenize: str = "auto", lowercase: bool = False) -> None:
        if tokenize not in _TOKENIZERS:
            raise ValueError(f"tokenize={tokenize!r}; expected one of {', '.join(_TOKENIZERS)}")
        self.tokenize = tokenize
        self.lowercase = lowercase

    def score(self, batch: Sequence[Sample]) -> Values:
        """(B,) sentence BLEU, NaN where a sample has no reference.

        Raises:
            TypeError: ``references`` is one text instead of a tuple of texts.
        """
        scores = np.empty(len(batch))  # (B,)
        for row, (_, response, references, _, _) in enumerate(batch):
            if isinstance(references, str):
                raise TypeError(f"references={references!r} is a text; expected a tuple of texts: ({references!r},)")
            if references:
                scores[row] = _sentence_bleu(bleu_counts(response, tuple(references), self.tokenize, self.lowercase))
            else:
                scores[row] = math.nan
        return scores


class BleuCounts(NamedTuple):
    """What BLEU needs to know of one response.

    Attributes:
        correct: n-grams that a reference has too, for n = 1, 2, 3, 4.
        total: n-grams of the response.
        size: words of the response.
        expected: words of the reference nearest in length, the shorter of two.
    """

    correct: tuple[int, ...]
    total: tuple[int, ...]
    size: int
    expected: int


def bleu_counts(response: str, references: tuple[str, ...], tokenize: str, lowercase: bool) -> BleuCounts:
    """The counts of one response against at least one reference; the arguments are those of :class:`Bleu`."""
    tokenizer, merged, lengths = _prepared(references, tokenize, lowercase)
    words = tuple(_tokenizer(tokenizer)((response.lower() if lowercase else response).rstrip()).split())
    size = len(words)
    expected = min(lengths, key=lambda length: (abs(length - size), length))
    correct = [0] * len(_ORDERS)
    for place, (n, allowed) in enumerate(zip(_ORDERS, merged, strict=True)):
        correct[place] = shared_ngrams(words, allowed, n)
        if not correct[place]:
            break  # no run of n words in common, hence no longer one either
    return BleuCounts(tuple(correct), tuple([max(size - n + 1, 0) for n in _ORDERS]), size, expected)


def _sentence_bleu(counts: BleuCounts) -> float:
    if not counts.correct[0]:
        return 0.0
    log_precision, order, halvings = 0.0, 0, 0
    for correct, total in zip(counts.correct, counts.total, strict=True):
        if not total:
            break
        order += 1
        if correct:
            log_precision += math.log(correct / total)
        else:
            halvings += 1
            log_precision -= math.log(2.0**halvings * total)
    brevity = min(0.0, 1.0 - counts.expected / counts.size)
    return math.exp(brevity + log_precision / order)


@lru_cache(maxsize=8192)
def _prepared(references: tuple[str, ...], tokenize: str, lowercase: bool) -> tuple[str, tuple[_Counts, ...], tuple[int, ...]]:
    """The tokenizer's name, for each order the highest count of each n-gram over the references, and their lengths in words."""
    make_room(_prepared, sum(map(len, references)), weight=3)  # 8 million characters, of which each takes 75 bytes: 630 MB
    if tokenize == "auto":
        if any(map(_KANA.search, references)):
            tokenize = "char"
        else:
            tokenize = "zh" if any(map(has_cjk, references)) else "13a"
    cut = _tokenizer(tokenize)
    texts = [tuple(cut((reference.lower() if lowercase else reference).rstrip()).split()) for reference in references]
    merged: list[_Counts] = []
    for n in _ORDERS:
        most: dict[Hashable, int] = {}
        for words in texts:
            for gram, count in ngram_counts(words, n).items():
                most[gram] = max(count, most.get(gram, 0))
        merged.append(most)
    return tokenize, tuple(merged), tuple(map(len, texts))


@cache
def _tokenizer(name: str) -> Callable[[str], str]:
    """sacrebleu's tokenizer, imported at first use."""
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise ImportError("the reward 'bleu' needs sacrebleu: pip install 'sacrebleu>=2.4'") from error
    tokenizer: Callable[[str], str] = BLEU(tokenize=name).tokenizer
    return tokenizer
