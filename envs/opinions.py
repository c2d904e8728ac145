"""Reviews of the builtin world whose verdict is known by construction: praise, blame, negation, contrast, hearsay; English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokengym.envs.draw import Draw
from tokengym.envs.names import SPLITS, Names
from tokengym.envs.opinions_en import ENGLISH
from tokengym.envs.opinions_zh import CHINESE
from tokengym.envs.review import Aspect, Reviews

__all__ = ["VERDICTS", "Opinion", "opinion"]

VERDICTS = ("positive", "negative", "neutral")
_LANGUAGES: Mapping[str, Reviews] = {"en": ENGLISH, "zh": CHINESE}
_OTHER = {"positive": "negative", "negative": "positive"}
_NEGATED = 0.35  # share of remarks that say "not bad" for good


@dataclass(frozen=True)
class Opinion:
    """A review.

    Attributes:
        text: what somebody wrote.
        verdict: one of :data:`VERDICTS`; what the writer holds of the thing as a whole.
        glance: what the first words sound like, which a hasty reader takes for the verdict.
        form: "agree" (all remarks point one way), "contrast" (good and bad, and a verdict), "heard" (others say otherwise).
        draw: goes on where the writing ended, for whatever is derived next.
    """

    text: str
    verdict: str
    glance: str
    form: str
    draw: Draw


class _Writer:
    """The words of one review."""

    def __init__(self, draw: Draw, split: str, reviews: Reviews) -> None:
        names = Names(draw, split)
        self.draw, self.reviews = draw, reviews
        self.thing = draw.pick(reviews.things)
        self.slots = {**reviews.slots(draw, names), "again": self.thing.again}
        *self.aspects, self.fact = draw.some(self.thing.aspects, 3)

    def tell(self, templates: tuple[str, ...], **slots: str) -> str:
        return self.draw.text(self.draw.pick(templates), {**self.slots, **slots})

    def remark(self, aspect: Aspect, polarity: str) -> str:
        """A clause that praises or blames; it begins with a small letter (but for "I")."""
        negated = self.draw.chance(_NEGATED)
        word = self.draw.pick(aspect.words(_OTHER[polarity] if negated else polarity))
        told = self.tell(self.reviews.negated if negated else self.reviews.plain, aspect=aspect.noun, word=word)
        return told if told.startswith("I ") else told[:1].lower() + told[1:]

    def sentence(self, remark: str) -> str:
        return remark[:1].upper() + remark[1:] + self.reviews.stop

    def verdict(self, verdict: str) -> str:
        return self.tell(self.reviews.verdicts[verdict])

    def facts(self, count: int) -> list[str]:
        """Sentences that say nothing for or against."""
        slots = {**self.slots, "aspect": self.fact.noun}
        return [self.draw.text(template, slots) for template in self.draw.some(self.reviews.facts, count)]


def opinion(split: str, key: str, language: str = "en", neutral: bool = True) -> Opinion:
    """The review with this key. Same arguments, same review.

    Args:
        split: whose names are used: "train", "validation" or "test"; every review holds a name that belongs to it.
        key: any text; "classify/17".
        language: "en" or "zh".
        neutral: whether reviews without a verdict for or against are among them.
    Raises:
        ValueError: unknown split or language.
    """
    if split not in SPLITS or language not in _LANGUAGES:
        raise ValueError(f"split={split!r}, language={language!r}: the builtin world has splits {SPLITS} and languages {tuple(_LANGUAGES)}")
    draw = Draw(f"opinion/{language}/{split}/{key}")
    reviews = _LANGUAGES[language]
    writer = _Writer(draw, split, reviews)
    verdict = draw.pick(VERDICTS if neutral else VERDICTS[:2])
    form = draw.pick(("agree", "agree", "contrast", "contrast", "contrast", "heard"))
    write = {"agree": _agree, "contrast": _contrast, "heard": _heard}[form]
    told, glance = write(writer, verdict)
    intro = draw.text(draw.pick(reviews.intros).replace("{did}", writer.thing.did), writer.slots)
    return Opinion(reviews.joint.join([intro, *told]), verdict, glance, form, draw)


def _agree(writer: _Writer, verdict: str) -> tuple[list[str], str]:
    """All remarks point one way; the verdict may be left to them."""
    if verdict == "neutral":
        told = writer.facts(2)
    else:
        first, second = (writer.remark(aspect, verdict) for aspect in writer.aspects)
        together = writer.draw.chance(0.5)
        told = [writer.tell(writer.reviews.both, first=first, second=second)] if together else [*map(writer.sentence, (first, second))]
        told.insert(writer.draw.number(0, len(told)), *writer.facts(1))
    return (told + [writer.verdict(verdict)] if writer.draw.chance(0.5) else told), verdict


def _contrast(writer: _Writer, verdict: str) -> tuple[list[str], str]:
    """Something good and something bad; the verdict is said, at the end or at the beginning."""
    glance = writer.draw.pick(VERDICTS[:2])
    first, second = writer.remark(writer.aspects[0], glance), writer.remark(writer.aspects[1], _OTHER[glance])
    told = [writer.tell(writer.reviews.contrasts, first=first, second=second)]
    told.insert(len(told) * writer.draw.chance(0.7), writer.verdict(verdict))
    return told, glance


def _heard(writer: _Writer, verdict: str) -> tuple[list[str], str]:
    """Others say otherwise than the writer, who has the last word."""
    glance = _OTHER.get(verdict) or writer.draw.pick(VERDICTS[:2])
    aspect, draw = writer.aspects[0], writer.draw
    if verdict == "neutral":
        return [writer.tell(writer.reviews.others[glance]), writer.verdict(verdict)], glance
    told = writer.tell(
        writer.reviews.heard, aspect=aspect.noun, word=draw.pick(aspect.words(verdict)), said=draw.pick(aspect.words(glance))
    )
    return [told, *([writer.verdict(verdict)] if draw.chance(0.5) else writer.facts(1))], glance
