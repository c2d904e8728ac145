"""What a genre of news is: how its facts are drawn, and the sentences, summaries and questions that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names

__all__ = ["Genre", "Question"]


@dataclass(frozen=True)
class Question:
    """A question about one slot of an event.

    Attributes:
        ask: the question, a template.
        slot: whose value is the answer.
        wrong: another slot of the same kind, which a careless reader takes for it.
        full: the answer as a whole sentence, a template.
    """

    ask: str
    slot: str
    wrong: str
    full: str


@dataclass(frozen=True)
class Genre:
    """Templates are in the language of :meth:`tokengym.envs.draw.Draw.text`.

    Attributes:
        name: for metadata.
        slots: draws the facts and the distractors of one event.
        facts: the slots that a good summary names.
        leads: opening sentences; they catch the reader and give one or two facts.
        body: groups of sentences, one of each group is written; together they give all facts.
        extra: background that is true but beside the point, with numbers and names that must not get into a summary.
        recap: how a later report looks back on the event, all facts in one sentence.
        summary: good summaries, all facts, nothing else.
        vague: summaries that leave the particulars out.
        wrong: fact to distractor: what a careless summary mixes up.
        questions: what can be asked.
    """

    name: str
    slots: Callable[[Draw, Names], Mapping[str, str]]
    facts: tuple[str, ...]
    leads: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    extra: tuple[str, ...]
    recap: tuple[str, ...]
    summary: tuple[str, ...]
    vague: tuple[str, ...]
    wrong: Mapping[str, str]
    questions: tuple[Question, ...]
