"""The real data set ``aclsum``: papers of computational linguistics, each with one-sentence summaries of three aspects.

Source: Takeshita et al., "ACLSum: A New Dataset for Aspect-based Summarization of Scientific Publications", NAACL 2024, through
the package aclsum (MIT; the papers' texts are CC BY 4.0). 100 / 50 / 100 papers for train / validation / test, times 3 aspects.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tokengym.envs.base import Example
from tokengym.envs.named import NamedSet, package_folder

__all__ = ["ASPECTS", "SET", "load", "rows", "untokenized"]

ASPECTS = {  # aspect: the first line of the prompt
    "challenge": "In one sentence: what problem does this paper address?",
    "approach": "In one sentence: what do the authors of this paper propose?",
    "outcome": "In one sentence: what did the authors of this paper find?",
}
_FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}


def load(split: str) -> list[Example]:
    """The examples of ``split``; id "E09-1056:challenge", prompt = question, title and abstract, one clean reference.

    The prompt of the first test example begins::

        In one sentence: what problem does this paper address?
        Improvements in Analogical Learning: ...
        Handling terminology is an important matter in a translation workflow. However, ...

    Raises:
        ImportError: the package aclsum is not installed.
    """
    return [example for row in rows(split) for example in _examples(row)]


def rows(split: str) -> list[dict[str, Any]]:
    """The papers of ``split`` as the package has them: id, title, sentences of each part, summaries, marked sentences."""
    lines = (package_folder("aclsum", "aclsum", "aclsum") / "dataset" / _FILES[split]).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _examples(row: dict[str, Any]) -> list[Example]:
    sentences = [s for s in row["sentences"]["abstract"] if re.search("[A-Za-z]", s)]  # some end in a stray page number
    abstract = untokenized(" ".join(sentences))
    return [
        Example(
            id=f"{row['id']}:{aspect}",
            prompt=f"{question}\n{row['title']}\n{abstract}",
            references=(row["summary"][aspect],),
            meta={"aspect": aspect, "title": row["title"], "paper": row["id"]},
        )
        for aspect, question in ASPECTS.items()
    ]


def untokenized(text: str) -> str:
    """The text without the spaces that a tokenizer put around punctuation."""
    text = re.sub(r"\s+([.,;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[])\s+", r"\1", text)
    return re.sub(r"\s+(n't|'s|'re|'ve|'ll|'d)\b", r"\1", text)


SET = NamedSet(
    tasks=("TextSumm-v0",),
    load=load,
    package="aclsum",
    licence="MIT; the papers' texts are CC BY 4.0",
    source="Takeshita et al., ACLSum, NAACL 2024",
    reward="0.5*rouge_2 + 0.5*rouge_l",  # no facts are known
    max_prompt_tokens=800,
    max_new_tokens=112,
)
