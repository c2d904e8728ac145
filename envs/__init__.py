"""Language tasks as Markov decision processes over tokens: the table of tasks and the public names, loaded when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tokengym.envs.base import Example, Parts, Task, Turn
from tokengym.envs.tasks import TASKS

if TYPE_CHECKING:
    from tokengym.envs.bio import bio_tags
    from tokengym.envs.check import check_text_env
    from tokengym.envs.data import DATASETS, load_examples
    from tokengym.envs.entity_report import NERReport, ner_report, ner_tags
    from tokengym.envs.env import TextGenEnv
    from tokengym.envs.padding import left_pad
    from tokengym.envs.text_action import AnyText, TextAction
    from tokengym.envs.tokenizer import TextTokenizer, load_tokenizer
    from tokengym.envs.vector import TextGenVectorEnv

__all__ = [
    "DATASETS",
    "TASKS",
    "AnyText",
    "Example",
    "NERReport",
    "Parts",
    "Task",
    "TextAction",
    "TextGenEnv",
    "TextGenVectorEnv",
    "TextTokenizer",
    "Turn",
    "bio_tags",
    "check_text_env",
    "left_pad",
    "load_examples",
    "load_tokenizer",
    "ner_report",
    "ner_tags",
]

_ROWS = {
    "TextSumm-v0": "tokengym.envs.summ:TextSumm",
    "TextDialogue-v0": "tokengym.envs.dialogue:TextDialogue",
    "TextQA-v0": "tokengym.envs.qa:TextQA",
    "TextClassify-v0": "tokengym.envs.classify:TextClassify",
    "TextNER-v0": "tokengym.envs.ner:TextNER",
    "TextTranslate-v0": "tokengym.envs.translate:TextTranslate",
    "TextEdit-v0": "tokengym.envs.edit:TextEdit",
    "TextComplete-v0": "tokengym.envs.complete:TextComplete",
    "TextCode-v0": "tokengym.envs.code:TextCode",
    "TextRank-v0": "tokengym.envs.rank:TextRank",
}
for _name, _row in _ROWS.items():
    TASKS.register(_name, _row)

_LAZY = {
    "AnyText": "tokengym.envs.text_action",
    "DATASETS": "tokengym.envs.data",
    "NERReport": "tokengym.envs.entity_report",
    "TextAction": "tokengym.envs.text_action",
    "TextGenEnv": "tokengym.envs.env",
    "TextGenVectorEnv": "tokengym.envs.vector",
    "TextTokenizer": "tokengym.envs.tokenizer",
    "bio_tags": "tokengym.envs.bio",
    "check_text_env": "tokengym.envs.check",
    "left_pad": "tokengym.envs.padding",
    "load_examples": "tokengym.envs.data",
    "load_tokenizer": "tokengym.envs.tokenizer",
    "ner_report": "tokengym.envs.entity_report",
    "ner_tags": "tokengym.envs.entity_report",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
