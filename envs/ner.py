"""TextNER-v0: a sentence to the entities that it names, with their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.bio import cut_words, listing, span_tags
from tokengym.envs.draw import Draw
from tokengym.envs.entity_report import ner_report
from tokengym.envs.mentions import TYPES, mentions, nothing
from tokengym.envs.ner_rules import guessed
from tokengym.envs.options import option
from tokengym.envs.world import Generated

__all__ = ["TextNER"]

_LANGUAGES = ("en", "zh")
_EMPTY = 20  # one text in so many names nothing


def _flawed(entities: Sequence[tuple[str, str]], draw: Draw, joint: str) -> list[tuple[str, str]]:
    """What a tired annotator lists: one entity left out (1/2), taken for another type (1/4 or more), or cut short (1/4 or less)."""
    listed = list(entities)
    if not listed:
        return listed
    place = draw.number(0, len(listed) - 1)
    surface, kind = listed[place]
    flaw = draw.pick(("missed", "missed", "type", "cut"))
    if flaw == "missed":
        return listed[:place] + listed[place + 1 :]
    words = cut_words(surface)
    if flaw == "cut" and len(words) > 1:
        listed[place] = (joint.join(words[1:]), kind)
    else:
        listed[place] = (surface, draw.pick([other for other in TYPES if other != kind]))
    return listed


class TextNER(Task):
    """List the entities of a sentence, each with its type.

    Description:
        One episode is one text of one or two sentences. Towns give their names to teams, founders to firms, and firms, bridges and
        hospitals bear names of towns and families, so that context decides; one text in 20 names nothing ("none"). The truth is
        exact: every name, date, time, sum and number stands in a slot with a type. A row of the builtin data::

            prompt      On Friday, 906 people cycled from Denstead to Thornham. Garoni, who advised Rasolt & Basali in 2016,
                        now works for Bruetti & Lareri.
            references  Friday (DATE); 906 (NUMBER); Denstead (PLACE); Thornham (PLACE); Garoni (PERSON); Rasolt & Basali
                        (ORG); 2016 (DATE); Bruetti & Lareri (ORG)
            tags        O B-DATE O B-NUMBER O O O B-PLACE O B-PLACE O B-PERSON O O O B-ORG I-ORG I-ORG ...

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: the text, ``Entities:``, and the list so far, as token ids.
    Rewards: F1 of the listed entities, surface and type exact, at the end.
    Starting State: a text of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics entity F1 and exact match of the whole list.
        ``tokengym.envs.ner_report(examples, responses)`` gives precision, recall, F1 and support of each type.
    Arguments: ``language`` ("en", "zh"); ``label_noise``, the share of flawed labels in the training split (validation and test are
        clean): of the flawed, half leave out an entity, the others give one a wrong type or lose its first word.
    Version History: v0.
    """

    name = "TextNER-v0"
    reward = "entity_f1"
    metrics = ("entity_f1", "exact")
    max_prompt_tokens = 112
    max_new_tokens = 128

    @dataclass(frozen=True, kw_only=True)
    class Options:
        language: str = option("en", known=_LANGUAGES)  # of the builtin data, and of the words around other data: "en" or "zh"
        label_noise: float = option(0.3, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        language, noise = self.options.language, self.options.label_noise if split == "train" else 0.0
        joint = "" if language == "zh" else " "

        def make(index: int) -> Example:
            empty = index % _EMPTY == _EMPTY - 1
            told = nothing(split, index // _EMPTY, language) if empty else mentions(split, f"ner/{index}", language)
            listed = _flawed(told.entities, told.draw, joint) if told.draw.chance(noise) else told.entities
            meta = {
                "entities": told.entities,
                "tags": tuple(span_tags(told.text, told.spans)),
                "words": tuple(cut_words(told.text)),
                "answer": listing(told.entities),
            }
            return Example(f"ner-{language}-{split}-{index}", told.text, (listing(listed),), meta)

        return Generated(make, size)

    def parts(self, example: Example) -> Parts:
        kinds = ", ".join(str(kind) for kind in example.meta.get("types") or TYPES)
        if self.options.language == "zh":
            return Parts(
                "", example.text, "\n实体:", instruction=f"按“名称 (类型); 名称 (类型)”列出文中的实体,没有则写 none。类型:{kinds}。"
            )
        told = f'List the entities of the text as "surface (TYPE); surface (TYPE)", or "none". Types: {kinds}.'
        return Parts("", example.text, "\nEntities:", instruction=told)

    def oracle(self, example: Example) -> str:
        if "answer" in example.meta or "entities" not in example.meta:
            return super().oracle(example)
        return listing((str(surface), str(kind)) for surface, kind in example.meta["entities"])

    def heuristic(self, example: Example) -> str:
        """Capitals, digits and a few telling words, with the type that the words around suggest."""
        return listing(guessed(example.text, self.options.language))

    def report(self, examples: Sequence[Example], responses: Sequence[str]) -> str:
        """The usual table: precision, recall, F1 and support of each type, and their averages."""
        return ner_report(examples, responses).text
