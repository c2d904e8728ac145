"""TextRank-v0: a query or a reader's history, and numbered candidates, to their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.draw import Draw
from tokengym.envs.options import option
from tokengym.envs.searches import numbered, order_of, search
from tokengym.envs.sentences import overlap
from tokengym.envs.tastes import taste
from tokengym.envs.world import LANGUAGES, Generated

__all__ = ["TextRank"]

_KINDS = {"retrieval": search, "recommendation": taste}
_CANDIDATE = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
_TOKENS = {"en": (120, 61), "zh": (220, 80)}  # default budget of a prompt: for the query, and for each candidate


class TextRank(Task):
    """Put candidates into the order of their relevance, by their numbers.

    Description:
        One episode is one list. With ``kind="retrieval"`` a query names three facts, and a report is graded by how many of them are
        its own; background that mentions them in passing does not count. A row::

            prompt      Query: ferry route, Sunvale, Saluna
                        1. Many like it: the motorway takes people from Warick to Sunvale in 32 minutes. Until now, ...
                        ...
                        4. ... Saluna and Sunvale are linked in 16 minutes by a new ferry route.
                        5. Garwater and Selfield are linked in 32 minutes by a new ferry route. "I will use it every day," said ...
            references  4 1 3 5 2
            relevance   1, 0, 1, 3, 1

        With ``kind="recommendation"`` three books stand for a reader's taste, two traits that are told in changing words; the
        candidates are graded 0 to 3 by these. Every name of a place, person or firm belongs to one split.

        Data of your own brings a query as the prompt, ``candidates``, a list of texts, and their grades as ``relevance``; or a prompt
        in which the candidates stand already, with ``constrained=True`` each in a line with its number ("1. ...").

    Action Space: ``Discrete(V)``, the next token; with ``constrained=True`` only numbers that were not named yet may come, and the answer
        is complete when all were.
    Observation Space: query, numbered candidates, ``Order:``, and the numbers so far, as token ids.
    Rewards: nDCG of the first three places with the grades as gains, at the end; a candidate that is not listed gains nothing.
    Starting State: a list of the split, in drawn order.
    Episode End: the end-of-sequence token, ``max_new_tokens``, or a complete order where answers are constrained.
    Information: as in every environment of the suite; metrics nDCG of the first ten places and the reciprocal rank
        of the first relevant candidate.
    Arguments: ``kind`` ("retrieval", "recommendation"); ``candidates``, 3 to 20 (the default budgets grow with it); ``constrained``;
        ``language`` ("en", "zh"); ``label_noise``, the share of flawed labels in the training split (validation and test are clean):
        half of the flawed follow shared words, half have the best one in another's place. The named set ``aclsum-titles`` asks
        which of several summaries belongs to a paper's title.
    Version History: v0.
    """

    name = "TextRank-v0"
    reward = "ndcg(k=3)"
    metrics = ("ndcg", "mrr")
    max_prompt_tokens = 425
    max_new_tokens = 16

    @dataclass(frozen=True, kw_only=True)
    class Options:
        kind: str = option("retrieval", known=tuple(_KINDS), builtin=True)  # "retrieval" or "recommendation"
        candidates: int = option(5, least=3, most=20)  # in a list, 3 to 20
        constrained: bool = False  # the answer must be a permutation
        language: str = option("en", known=tuple(LANGUAGES))  # of the builtin data, and of the words around other data: "en" or "zh"
        label_noise: float = option(0.3, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        count, (head, each) = self.options.candidates, _TOKENS[self.options.language]
        self.max_prompt_tokens, self.max_new_tokens = head + each * count, 1 + 3 * count  # of this task's options

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        kind, language, count = self.options.kind, self.options.language, self.options.candidates
        noise = self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            made = _KINDS[kind](split, str(index), language, count)
            prompt, answer = numbered(made.query, made.documents), order_of(made.grades)
            label = _flawed(made.draw, prompt, answer) if made.draw.chance(noise) else answer
            meta = {"relevance": made.grades, "answer": answer, "query": made.query}
            return Example(f"rank-{kind}-{language}-{split}-{index}", prompt, (label,), meta)

        return Generated(make, size)

    def arranged(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The rows with their candidates in the prompt.

        Raises:
            ValueError: a row whose candidates, numbered lines and grades are not equally many. Without ``constrained``, a row that has
                grades and no candidates is taken as it is: its prompt may show them in any layout.
        """
        return [_listed(example, self.options.constrained) for example in examples]

    def parts(self, example: Example) -> Parts:
        chinese = self.options.language == "zh"
        tail, instruction = (
            ("\n排序:", "把候选按相关程度排序,只写编号。")
            if chinese
            else ("\nOrder:", "Order the candidates, best first. Write their numbers only.")
        )
        return Parts("", example.text, tail, keep="start", instruction=instruction)

    def heuristic(self, example: Example) -> str:
        """By falling number of words shared with the query; of a history, with each of its lines."""
        return _by_words(example.text)

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        """The numbers that were not named yet; free text where the option says so."""
        if not self.options.constrained:
            return None
        count = len(_CANDIDATE.findall(example.text))
        return [number for number in map(str, range(1, count + 1)) if number not in said]


def _listed(example: Example, constrained: bool) -> Example:
    """The row with ``meta["candidates"]`` numbered in its prompt; without references, the order of its grades is the reference."""
    given, grades, prompt = _list(example.meta.get("candidates")) or (), _list(example.meta.get("relevance")), example.text
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(text, str) for text in given):
        raise ValueError(f"example {example.id!r}: meta['candidates'] is {given!r:.80}; expected a list of texts")
    documents = [" ".join(text.split()) for text in given]
    if documents and not _shows(prompt, documents):
        prompt = numbered(prompt, documents)
    count = len(_CANDIDATE.findall(prompt))
    checked = constrained or len(documents) > 0
    if not count and (checked or not grades):
        raise ValueError(
            f"example {example.id!r} has no candidates to rank; bring them as meta['candidates'], a list of texts, "
            "or in the prompt, each in a line with its number: '1. ...' (unconstrained, with meta['relevance'], in any layout)"
        )
    if documents and count != len(documents):
        raise ValueError(
            f"example {example.id!r} has {len(documents)} candidates and {count} numbered lines in its prompt; "
            "candidates must not be empty, and a query must have no lines such as '1. ...'"
        )
    if not isinstance(grades, Sequence) or not all(isinstance(grade, int | float) for grade in grades):  # of which the reward complains
        return replace(example, prompt=prompt)
    if len(grades) != count and (checked or not grades):
        raise ValueError(f"example {example.id!r} has {count} candidates and {len(grades)} grades in meta['relevance']; expected one each")
    return replace(example, prompt=prompt, references=example.references or (order_of(grades),))


def _list(value: Any) -> Any:
    """An array of numpy's as a list, anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def _shows(prompt: str, documents: list[str]) -> bool:
    """Whether the candidates stand in the prompt already, whatever the white space, each in lines that begin with its number."""
    lines = [" ".join(line.split()) for line in _CANDIDATE.findall(prompt)]
    wrapped = " ".join(prompt.split()).endswith(" ".join(numbered("", documents).split()))  # over several lines
    return lines == documents or (len(lines) == len(documents) and wrapped)


def _by_words(prompt: str) -> str:
    documents = _CANDIDATE.findall(prompt)
    query = _CANDIDATE.split(prompt, maxsplit=1)[0].split("\n")
    return order_of([sum(overlap(line, document) for line in query) for document in documents])


def _flawed(draw: Draw, prompt: str, answer: str) -> str:
    """What somebody in a hurry answers: the order of shared words, or the best one in another's place."""
    if draw.chance(0.5):
        return _by_words(prompt)
    first, *rest = answer.split()
    place = draw.number(1, len(rest))
    return " ".join((*rest[:place], first, *rest[place:]))
