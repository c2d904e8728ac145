"""The real data set ``aclsum-aspects``: sentences of papers, and which aspect of the work each one tells: challenge, approach or outcome.

Source: the sentences that the annotators of :mod:`tokengym.envs.aclsum` marked in abstract, introduction and conclusion.
"""

from __future__ import annotations

from typing import Any

from tokengym.envs.aclsum import ASPECTS, rows, untokenized
from tokengym.envs.base import Example
from tokengym.envs.named import NamedSet

__all__ = ["SET", "load"]


def load(split: str) -> list[Example]:
    """The examples of ``split``, one for each sentence that was marked for one aspect and no other: 1,588 / 718 / 1,391. A row::

        id          E09-1056:abstract:0
        prompt      Handling terminology is an important matter in a translation workflow.
        references  challenge

    Papers are in one split only; a sentence that stands twice in a paper is asked once.

    Raises:
        ImportError: the package aclsum is not installed.
    """
    return [example for row in rows(split) for example in _examples(row)]


def _examples(row: dict[str, Any]) -> list[Example]:
    found: dict[str, Example] = {}
    for part, sentences in row["sentences"].items():
        for place, sentence in enumerate(sentences):
            marked = [aspect for aspect in ASPECTS if row["highlights"][aspect][part][place]]
            text = untokenized(sentence)
            if len(marked) == 1 and text not in found:
                meta = {"label": marked[0], "labels": list(ASPECTS), "answer": marked[0], "ask": "Aspect", "paper": row["id"], "part": part}
                found[text] = Example(f"{row['id']}:{part}:{place}", text, (marked[0],), meta)
    return list(found.values())


SET = NamedSet(
    tasks=("TextClassify-v0",),
    load=load,
    package="aclsum",
    licence="MIT; the papers' texts are CC BY 4.0",
    source="Takeshita et al., ACLSum, NAACL 2024",
)
