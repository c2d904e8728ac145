"""TextTranslate-v0: a sentence to its translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.bilingual import Told, told
from tokengym.envs.gloss import gloss
from tokengym.envs.options import option
from tokengym.envs.world import Generated

__all__ = ["BUILTIN_PAIRS", "LANGUAGES", "TextTranslate"]

BUILTIN_PAIRS = ("en-zh", "zh-en")
LANGUAGES = {"en": "English", "zh": "Chinese", "de": "German", "fr": "French", "es": "Spanish", "ja": "Japanese"}
"""Code of a language to its name in English, as the prompt gives it."""


def _codes(pair: object, what: str) -> tuple[str, str]:
    """The two languages of a pair. Raises ValueError, which begins with ``what``, where they are not two different ones of LANGUAGES."""
    codes = pair.split("-") if isinstance(pair, str) else []
    if len(codes) != 2 or codes[0] == codes[1] or not set(codes) <= set(LANGUAGES):
        raise ValueError(f"{what}={pair!r}; expected two different languages of {', '.join(LANGUAGES)}, as in 'en-zh'")
    return codes[0], codes[1]


def _label(event: Told, source: str, good: str, languages: tuple[str, str], noise: float) -> str:
    """What a hurried translator writes, with probability ``noise``: word by word (1/2), or with a detail mixed up (1/2)."""
    draw, (origin, target) = event.draw, languages
    if not draw.chance(noise):
        return good
    if draw.chance(0.5):
        return gloss(source, origin)
    wrong = {**event.genre.wrong, **{other: fact for fact, other in event.genre.wrong.items()}}
    told_slots = [slot for slot in wrong if any(f"{{{slot}}}" in fact.en[0] for fact in event.facts)]
    return event.tell(target, 0, swap={slot: wrong[slot] for slot in draw.some(told_slots, 1)}) if told_slots else gloss(source, origin)


class TextTranslate(Task):
    """Translate a sentence.

    Description:
        One episode is one or two sentences about an event of the builtin world, told in both languages, each with several wordings.
        Names are spelled out by sound, syllable by syllable, as Chinese newspapers do. A row of the builtin data::

            prompt      The flower show in Bridwood begins on Tuesday.
            references  布里德伍德的花展星期二开幕。 | 星期二,花展在布里德伍德开幕。

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: ``English:`` and the sentence, ``Chinese:`` and the translation so far, as token ids.
    Rewards: BLEU and chrF against all references, half each, Chinese by character, at the end.
    Starting State: a sentence of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics BLEU, chrF and TER (an error rate: lower is better).
    Arguments: ``pair``, the two languages, from and to: "en-zh" and "zh-en" for the builtin data; "en-de", "en-fr", "en-es" and "en-ja" for
        ``dataset="django-po"``, which has them in both directions; ``label_noise``, the share of flawed labels in the builtin training
        split (validation and test are clean): of the flawed, half are word by word, half mix up a detail.
    Version History: v0.
    """

    name = "TextTranslate-v0"
    reward = "0.5*bleu + 0.5*chrf"
    metrics = ("bleu", "chrf", "ter")
    max_prompt_tokens = 144
    max_new_tokens = 128
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        pair: str = "en-zh"  # languages, from and to
        label_noise: float = option(0.2, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

        def __post_init__(self) -> None:
            _codes(self.pair, "pair")

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        pair, noise = self.options.pair, self.options.label_noise if split == "train" else 0.0
        if pair not in BUILTIN_PAIRS:
            raise ValueError(
                f"pair={pair!r}: the builtin data has the pairs {', '.join(BUILTIN_PAIRS)}; for others pass dataset='django-po'"
            )
        origin, target = pair.split("-")

        def make(index: int) -> Example:
            event = told(split, f"translate/{index}", facts=1 + index % 2)
            source = event.wordings(origin)[0]
            good = event.wordings(target)
            label = _label(event, source, good[0], (origin, target), noise)
            references = tuple(good) if label == good[0] else (label,)
            return Example(f"translate-{pair}-{split}-{index}", source, references, {"answer": good[0], "pair": pair})

        return Generated(make, size)

    def parts(self, example: Example) -> Parts:
        origin, target = (LANGUAGES[code] for code in self._languages(example))
        return Parts(f"{origin}: ", example.text, f"\n{target}:", instruction=f"Translate the text into {target}.")

    def heuristic(self, example: Example) -> str:
        """Word by word with the builtin world's dictionary; for other languages the text itself, as names stay what they are."""
        origin, target = self._languages(example)
        return gloss(example.text, origin) if {origin, target} == {"en", "zh"} else example.text

    def _languages(self, example: Example) -> tuple[str, str]:
        """Codes of the languages of a row, from and to."""
        return _codes(example.meta.get("pair", self.options.pair), f"example {example.id!r}: meta['pair']")
