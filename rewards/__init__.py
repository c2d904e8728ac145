"""Rewards: texts in, numbers out, always batched. A new one is one file and one row in ``REWARDS``."""

from __future__ import annotations

import importlib

from tokengym._registry import Registry
from tokengym.rewards.base import BaseReward, Custom, Explained, Product, Reward, Sample, Scores, Sum, as_reward, explain
from tokengym.rewards.calls import Limits
from tokengym.rewards.compose import Clip, Threshold
from tokengym.rewards.counts import CountReward
from tokengym.rewards.grammar import Row, build
from tokengym.rewards.reference import ReferenceReward
from tokengym.rewards.service import Service

__all__ = [
    "REWARDS",
    "BaseReward",
    "Clip",
    "CountReward",
    "Custom",
    "Explained",
    "Limits",
    "Product",
    "ReferenceReward",
    "Reward",
    "Sample",
    "Scores",
    "Service",
    "Sum",
    "Threshold",
    "explain",
    "make_reward",
]

_ROWS = {
    "accuracy": "tokengym.rewards.accuracy:Accuracy",
    "bleu": "tokengym.rewards.bleu:Bleu",
    "chrf": "tokengym.rewards.chrf:Chrf",
    "classifier": "tokengym.rewards.classifier:Classifier",
    "compression": "tokengym.rewards.compression:Compression",
    "corpus_bleu": "tokengym.rewards.corpus_bleu:CorpusBleu",
    "distinct": "tokengym.rewards.repetition:Distinct",
    "edit": "tokengym.rewards.edit:Edit",
    "edit_gain": "tokengym.rewards.edit_gain:EditGain",
    "entity_f1": "tokengym.rewards.entity_f1:EntityF1",
    "exact": "tokengym.rewards.exact:Exact",
    "fact_precision": "tokengym.rewards.faithfulness:FactPrecision",
    "fact_recall": "tokengym.rewards.faithfulness:FactRecall",
    "faithfulness": "tokengym.rewards.faithfulness:Faithfulness",
    "fluency": "tokengym.rewards.language_model:Fluency",
    "gleu": "tokengym.rewards.gleu:Gleu",
    "json_schema": "tokengym.rewards.format:JsonSchema",
    "kl": "tokengym.rewards.log_ratio:KL",
    "length": "tokengym.rewards.length:Length",
    "length_window": "tokengym.rewards.length:LengthWindow",
    "log_ratio": "tokengym.rewards.log_ratio:LogRatio",
    "macro_f1": "tokengym.rewards.accuracy:MacroF1",
    "mrr": "tokengym.rewards.ranking:MRR",
    "ndcg": "tokengym.rewards.ranking:NDCG",
    "reasoning_gym": "tokengym.rewards.reasoning_gym:ReasoningGym",
    "reference_likelihood": "tokengym.rewards.language_model:ReferenceLikelihood",
    "regex": "tokengym.rewards.format:Regex",
    "repetition": "tokengym.rewards.repetition:Repetition",
    "rouge_1": "tokengym.rewards.rouge:Rouge1",
    "rouge_2": "tokengym.rewards.rouge:Rouge2",
    "rouge_l": "tokengym.rewards.rouge:RougeL",
    "rouge_lsum": "tokengym.rewards.rouge_lsum:RougeLsum",
    "semantic": "tokengym.rewards.semantic:Semantic",
    "sentiment": "tokengym.rewards.sentiment:Sentiment",
    "slot_f1": "tokengym.rewards.slots:SlotF1",
    "task_success": "tokengym.rewards.slots:TaskSuccess",
    "ter": "tokengym.rewards.ter:Ter",
    "token_f1": "tokengym.rewards.token_f1:TokenF1",
    "turns": "tokengym.rewards.turns:Turns",
    "unit_tests": "tokengym.rewards.code:UnitTests",
}

_HINT = "A reward of your own becomes known by REWARDS.register('my_name', reward), or is written as 'my_module:my_reward'."
REWARDS: Registry[Row] = Registry("reward", _ROWS, hint=_HINT)
"""Name to reward: a class, whose arguments the grammar may give, or a ready reward or function over a batch."""


def __getattr__(name: str) -> type[BaseReward]:
    """The class of a built-in row, imported when it is asked for: ``from tokengym.rewards import RougeL``."""
    for row in _ROWS.values():
        module, _, attribute = row.partition(":")
        if attribute == name:
            found: type[BaseReward] = getattr(importlib.import_module(module), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_reward(spec: str | Reward) -> BaseReward:
    """The reward that a specification names, or the given reward itself.

    Args:
        spec: a specification such as ``"0.7*rouge_l + 0.3*semantic - 0.02*length(goal=20)"`` or ``"my_module:MyReward(size=3)"``
            (the grammar stands in ``grammar.py``), a reward, or a function that takes a batch of samples and returns one number for each.
    Returns:
        A reward with ``name``, ``spec``, ``range``, ``higher_is_better`` and ``explain``.
    Raises:
        ValueError: the text is not of the grammar or names what nobody knows; the message points at the column.
        TypeError: ``spec`` is neither a text nor callable, or a class instead of an instance.
    """
    return build(spec, REWARDS) if isinstance(spec, str) else as_reward(spec)
