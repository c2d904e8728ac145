"""The real data set ``aclsum-titles``: the title of a paper, and summaries of several papers, one of them its own.

Source: the papers of :mod:`tokengym.envs.aclsum`, ranked anew; all are of computational linguistics, so that the others are close.
"""

from __future__ import annotations

from tokengym.envs import aclsum
from tokengym.envs.base import Example
from tokengym.envs.draw import Draw
from tokengym.envs.named import NamedSet
from tokengym.envs.searches import numbered, order_of

__all__ = ["SET", "load"]


def load(split: str, candidates: int = 5) -> list[Example]:
    """The examples of ``split``; id "E09-1056:challenge", relevance 1 for the paper's own summary of this aspect and 0 for the others.

    The others are drawn among the same split's summaries of the same aspect. The prompt of the first test example begins::

        Paper: Improvements in Analogical Learning: ...
        1. ...

    Raises:
        ImportError: the package aclsum is not installed.
    """
    papers = aclsum.load(split)
    return [_example(paper, [other for other in papers if other.meta["aspect"] == paper.meta["aspect"]], candidates) for paper in papers]


def _example(paper: Example, others: list[Example], candidates: int) -> Example:
    draw = Draw(f"aclsum-titles/{paper.id}")
    wrong = draw.some([other for other in others if other.meta["paper"] != paper.meta["paper"]], candidates - 1)
    shown = draw.some([paper, *wrong], candidates)
    relevance = tuple(int(one is paper) for one in shown)
    title = f"Paper: {paper.meta['title']}"
    prompt, answer = numbered(title, [one.references[0] for one in shown]), order_of(relevance)
    return Example(paper.id, prompt, (answer,), {"relevance": relevance, "answer": answer, "query": title, "paper": paper.meta["paper"]})


SET = NamedSet(
    tasks=("TextRank-v0",),
    load=load,
    package="aclsum",
    licence="MIT, texts CC BY 4.0",
    source="Takeshita et al., NAACL 2024; titles and summaries ranked anew",
    max_prompt_tokens=512,
)
