"""TextComplete-v0: the beginning of a report and the reporter's notes to how it goes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.options import option
from tokengym.envs.outline import CLOSING, TONES, Outline, outline
from tokengym.envs.sentences import sentences
from tokengym.envs.world import LANGUAGES, Generated

__all__ = ["TextComplete"]


def _label(begun: Outline, good: str, noise: float) -> str:
    """What a tired reporter writes, with probability ``noise``: half of it (2/5), a mix-up (2/5), the opening over again (1/5)."""
    draw, story = begun.draw, begun.story
    if not draw.chance(noise):
        return good
    flaw = draw.pick(("half", "half", "mixed", "mixed", "again"))
    if flaw == "again":
        return begun.opening
    if flaw == "half":
        return story.body[0]
    wrong = {story.slots[fact]: story.slots[other] for fact, other in story.genre.wrong.items() if story.slots[fact] in good}
    fact = draw.pick(tuple(wrong)) if wrong else ""
    return re.sub(rf"(?<!\d){re.escape(fact)}(?!\d)", wrong[fact], good) if fact else begun.opening


class TextComplete(Task):
    """Go on with a report that somebody has begun, from the notes.

    Description:
        One episode is the opening of a report with notes of what it has still to tell. The next sentences tell the notes, in their order,
        as a report does; they neither repeat the opening nor pick up the numbers and names of its background. A row of the builtin data::

            prompt      Notes: people injured: 69; cause: a leaking tank
                        Report: A blast struck Birkovo on Tuesday, and help is on its way. In 1980, a welding spark led to a
                        similar blast in Pendon, with 23 people injured.
            references  Doctors reported that 69 people were injured. The cause was a leaking tank, according to investigators. | ...
            facts       69, a leaking tank

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: notes, opening, and the continuation so far, as token ids.
    Rewards: 0.8 ROUGE-2 with the best of the known continuations, 0.2 faithfulness to the facts that are still to be told, minus 0.2 times
        the share of repeated runs of three words, at the end.
    Starting State: the beginning of a report of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics ROUGE-2, ROUGE-L, faithfulness and repetition.
    Arguments: ``language`` ("en", "zh"); ``tone`` ("", "positive", "negative"): with a tone the continuation ends with a remark of that
        feeling, to be paid by ``reward="0.6*rouge_2 + 0.2*faithfulness + 0.2*sentiment(target='positive') - 0.2*repetition(n=3)"``;
        ``label_noise``, the share of flawed labels in the training split (validation and test are clean): of the flawed, 2/5 stop halfway,
        2/5 mix up a detail, 1/5 say the opening again.
    Version History: v0.
    """

    name = "TextComplete-v0"
    reward = "0.8*rouge_2 + 0.2*faithfulness - 0.2*repetition(n=3)"
    metrics = ("rouge_2", "rouge_l", "faithfulness", "repetition")
    max_prompt_tokens = 176
    max_new_tokens = 96
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        language: str = option("en", known=tuple(LANGUAGES))  # of the builtin data, and of the words around other data: "en" or "zh"
        tone: str = option("", known=TONES, builtin=True)  # of the closing remark: "positive", "negative", or "" for none
        label_noise: float = option(0.3, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        language, tone = self.options.language, self.options.tone
        noise = self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            begun = outline(split, f"complete/{index}", language, told=2, tone=tone)
            good = begun.continuations[0]
            label = _label(begun, good, noise)
            references = begun.continuations if label == good else (label,)
            meta = {
                "notes": dict(begun.notes),
                "opening": begun.opening,
                "facts": begun.facts,
                "answer": good,
                "genre": begun.story.genre.name,
            }
            return Example(f"complete-{tone or 'plain'}-{language}-{split}-{index}", self._page(begun), references, meta)

        return Generated(make, size)

    def _page(self, begun: Outline) -> str:
        if self.options.language == "zh":
            return f"笔记:{';'.join(f'{label}:{value}' for label, value in begun.notes.items())}\n报道:{begun.opening}"
        return f"Notes: {'; '.join(f'{label}: {value}' for label, value in begun.notes.items())}\nReport: {begun.opening}"

    def parts(self, example: Example) -> Parts:
        chinese = self.options.language == "zh"
        instruction = "根据笔记续写报道,不要重复。" if chinese else "Continue the text with what its notes say; do not repeat it."
        return Parts("", example.text, "", keep="end", instruction=instruction)

    def heuristic(self, example: Example) -> str:
        """Each note that the opening has not told, as a sentence of its own; where there are no notes, the last sentence once more."""
        if "notes" not in example.meta:
            return sentences(example.text)[-1]
        opening = str(example.meta["opening"]).lower()
        notes = {label: value for label, value in example.meta["notes"].items() if value.lower() not in opening}
        (speaker, tone), chinese = CLOSING[self.options.language], self.options.language == "zh"
        remark = notes.pop(speaker, "") if notes.pop(tone, "") else ""
        if chinese:
            return "".join(f"{label}是{value}。" for label, value in notes.items()) + (f"{remark}说。" if remark else "")
        said = [f"{value} {label}." if value.isdigit() else f"The {label} was {value}." for label, value in notes.items()]
        return " ".join([*said, f"So said {remark}."] if remark else said)
