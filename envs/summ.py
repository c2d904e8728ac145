"""TextSumm-v0: a news report to its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.options import option
from tokengym.envs.sentences import sentences
from tokengym.envs.world import LANGUAGES, Generated, Report, report

__all__ = ["TextSumm"]


def _label(story: Report, good: str, noise: float) -> str:
    """What somebody in a hurry writes, with probability ``noise``: the opening sentence (3/5), generalities (1/5), a mix-up (1/5)."""
    draw = story.draw
    if not draw.chance(noise):
        return good
    flaw = draw.pick(("lead", "lead", "lead", "vague", "mixed"))
    if flaw == "lead":
        return story.lead
    if flaw == "vague":
        return story.tell(draw.pick(story.genre.vague))
    fact = draw.pick(tuple(story.genre.wrong))
    return story.tell(draw.pick(story.genre.summary), swap={fact: story.genre.wrong[fact]})


class TextSumm(Task):
    """Write the summary of a news report.

    Description:
        One episode is one report. A good summary names the event's four key facts in one sentence and none of the
        background, whose numbers and names are there to be mixed up. A row of the builtin data::

            prompt      A fire hit Radthorpe on Sunday, and rescue teams worked for hours. At least 78 people were injured,
                        police said. In 1974, an unattended stove led to a similar fire in Winhaven, with 84 people
                        injured. The cause was a faulty heater, said the fire service. ...
            references  A fire in Radthorpe caused by a faulty heater injured 78 people.
            facts       fire, Radthorpe, 78, a faulty heater

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: the report, ``Summary:``, and the summary so far, as token ids.
    Rewards: 0.6 ROUGE-2 with the references, which reads the order of words, and 0.4 faithfulness to the known facts, at the end.
    Starting State: a report of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics ROUGE-1/2/L and faithfulness.
    Arguments: ``language`` ("en", "zh"); ``label_noise``, the share of flawed labels in the training split (validation
        and test are clean): of the flawed, 3/5 repeat the report's opening, 1/5 stay vague, 1/5 mix up a detail.
    Version History: v0.
    """

    name = "TextSumm-v0"
    # With ROUGE-L in place of ROUGE-2, keywords of the report and shuffled summaries earn more than its opening: `tokengym probe`.
    reward = "0.6*rouge_2 + 0.4*faithfulness"
    metrics = ("rouge_1", "rouge_2", "rouge_l", "faithfulness")
    max_prompt_tokens = 160
    max_new_tokens = 40
    datasets: ClassVar[tuple[str, ...]] = ("aclsum",)

    @dataclass(frozen=True, kw_only=True)
    class Options:
        language: str = option("en", known=tuple(LANGUAGES))  # of the builtin data, and of the words around other data: "en" or "zh"
        label_noise: float = option(0.6, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if self.options.language == "zh":  # a character is almost two tokens
            self.max_prompt_tokens, self.max_new_tokens = 224, 56

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        language, noise = self.options.language, self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            story = report(split, f"summ/{index}", language, extras=1 + index % 2)
            good = [story.tell(template) for template in story.draw.some(story.genre.summary, 2)]
            label = _label(story, good[0], noise)
            references = tuple(good) if label == good[0] else (label,)
            meta = {"facts": story.facts, "answer": good[0], "genre": story.genre.name}
            return Example(f"summ-{language}-{split}-{index}", story.text, references, meta)

        return Generated(make, size)

    def parts(self, example: Example) -> Parts:
        chinese = self.options.language == "zh"
        tail, instruction = ("\n摘要:", "用一句话概括这篇报道。") if chinese else ("\nSummary:", "Summarize the text in one sentence.")
        return Parts("", example.text, tail, keep="start", instruction=instruction)

    def heuristic(self, example: Example) -> str:
        """Lead-3: the first three sentences, as far as the budget goes; hard to beat on real news."""
        opening = sentences(example.text)[:3]
        return ("" if self.options.language == "zh" else " ").join(opening)
