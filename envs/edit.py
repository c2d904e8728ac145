"""TextEdit-v0: a text with mistakes to the text without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.lexicon import NAMED
from tokengym.envs.mistakes import KINDS, made, mistakes, pieces
from tokengym.envs.options import option
from tokengym.envs.repair import mended
from tokengym.envs.world import LANGUAGES, Generated, Report, report

__all__ = ["TextEdit"]


class TextEdit(Task):
    """Correct a sentence and change nothing else.

    Description:
        One episode is one sentence or two of a report, with two or three mistakes (one where there is no room for more), never in a
        name or number. Spelling: letters transposed, doubled, left out, taken from the neighbouring key or the wrong vowel, and real
        words that sound or look alike; in Chinese, characters that do. Grammar: agreement, tense, articles, number, prepositions, words
        doubled or in the wrong order; in Chinese, characters doubled, forgotten or in the wrong order. A row of the builtin data::

            prompt      In 1989, an old quarry lead to a sinilar landslide in Lanay, with 61 peoplle injured.
            references  In 1989, an old quarry led to a similar landslide in Lanay, with 61 people injured.

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: the text, ``Corrected:``, and the correction so far, as token ids.
    Rewards: 0.9 edit gain, the share of the distance to the reference that was made good, and 0.1 edit similarity, at the end.
        A copy of the text earns the second part only: less than 0.1.
    Starting State: a text of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics exact match, edit similarity and GLEU.
    Arguments: ``kind`` ("spelling", "grammar"); ``language`` ("en", "zh"); ``label_noise``, the share of training labels in which all
        mistakes but one were overlooked (validation and test are clean).
    Version History: v0.
    """

    name = "TextEdit-v0"
    # Edit similarity alone pays a copy 0.95: `tokengym probe TextEdit-v0 --reward edit`.
    reward = "0.9*edit_gain + 0.1*edit"
    metrics = ("exact", "edit", "gleu")
    max_prompt_tokens = 96
    max_new_tokens = 96
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        kind: str = option("spelling", known=KINDS)  # of the mistakes: "spelling" or "grammar"
        language: str = option("en", known=tuple(LANGUAGES))  # of the builtin data, and of the words around other data: "en" or "zh"
        label_noise: float = option(0.1, least=0, most=1, builtin=True)  # share of training labels with mistakes left in them, 0 to 1

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        kind, language = self.options.kind, self.options.language
        noise = self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            story = report(split, f"edit/{kind}/{index}", language, extras=2)
            draw, clean = story.draw, _clean(story, 1 + index % 2, language)
            parts = pieces(clean, language)
            wrong = mistakes(draw, kind, language, parts, _fixed(story), draw.number(2, 3))
            label = made(parts, wrong[1:]) if draw.chance(noise) else clean
            source = made(parts, wrong)
            return Example(f"edit-{kind}-{language}-{split}-{index}", source, (label,), {"answer": clean, "source": source})

        return Generated(make, size)

    def arranged(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Rows that do not say what is to be corrected: it is their prompt."""
        return [e if "source" in e.meta else _sourced(e) for e in examples]

    def parts(self, example: Example) -> Parts:
        chinese = self.options.language == "zh"
        tail, instruction = ("\n改正:", "改正文中的错误。") if chinese else ("\nCorrected:", "Correct the mistakes in the text.")
        return Parts("", example.text, tail, instruction=instruction)

    def heuristic(self, example: Example) -> str:
        """A dictionary of common words, or a few rules of grammar; rare words and real words in the wrong place defeat it."""
        return mended(example.text, self.options.kind, self.options.language)


def _sourced(example: Example) -> Example:
    return replace(example, meta={**example.meta, "source": example.text})


def _clean(story: Report, count: int, language: str) -> str:
    """``count`` sentences of a report, at least one with a name in it."""
    told, names = (story.lead, *story.body, *story.extra), [value for slot, value in story.slots.items() if slot in NAMED]
    first = story.draw.pick([sentence for sentence in told if any(name in sentence for name in names)])
    others = story.draw.some([sentence for sentence in told if sentence != first], count - 1)
    return ("" if language == "zh" else " ").join(story.draw.some((first, *others), count))


def _fixed(story: Report) -> list[str]:
    """Names and numbers: what does not begin with a small letter."""
    return [value for value in story.slots.values() if value and not value[0].islower()]
