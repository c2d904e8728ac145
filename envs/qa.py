"""TextQA-v0: a passage and a question to the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.sentences import overlap, sentences, words
from tokengym.envs.world import Generated, report

__all__ = ["TextQA"]

_NAME = re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z]+)*")
_NUMBER = re.compile(r"\d+(?:-\d+)?")


class TextQA(Task):
    """Answer a question about a passage with a short span of it.

    Description:
        One episode is one question. The passage holds the answer and something that looks like it. A row::

            prompt      Travelers in Walover will soon save time. The bus line runs from Walover to Calington. Passengers
                        need only 51 minutes. Until now, the trip took 80 minutes, via Torwick. ...
            question    How many minutes does the trip take now?
            references  51

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: passage, ``Question:``, the question, ``Answer:``, and the answer so far, as token ids.
    Rewards: half exact match with the references, half ROUGE-L, which reads the order of words, at the end.
    Starting State: a question of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics exact match and token F1.
    Arguments: ``language`` ("en", "zh"); ``label_noise``, the share of flawed labels in the training split (validation
        and test are clean): of the flawed, 3/5 answer in a whole sentence, 2/5 name what only looks like the answer.
    Version History: v0.
    """

    name = "TextQA-v0"
    # Token F1 alone pays the right words in any order in full.
    reward = "0.5*exact + 0.5*rouge_l"
    metrics = ("exact", "token_f1")
    max_prompt_tokens = 176
    max_new_tokens = 24
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        language: str = "en"  # of the builtin data: "en" or "zh"
        label_noise: float = 0.4  # share of flawed training labels, 0 to 1

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if self.options.language == "zh":  # a character is a token, mostly
            self.max_prompt_tokens = 256

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        language, noise = self.options.language, self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            story = report(split, f"qa/{index}", language, extras=1 + index % 2)
            draw, asked = story.draw, story.draw.pick(story.questions)
            answer = label = story.slots[asked.slot]
            full = story.tell(asked.full)
            if draw.chance(noise):
                label = full if draw.chance(0.6) else story.slots[asked.wrong]
            meta = {"question": story.tell(asked.ask), "answer": answer, "facts": (answer,), "genre": story.genre.name}
            return Example(f"qa-{language}-{split}-{index}", story.text, (label,), meta)

        return Generated(make, size)

    def parts(self, example: Example) -> Parts:
        question = str(example.meta.get("question", ""))
        ask, answer, instruction = ("Question", "Answer", "Answer the question with a few words of the text.")
        if self.options.language == "zh":
            ask, answer, instruction = ("问题", "回答", "用文中的几个字回答问题。")
        return Parts("", str(example.prompt), f"\n{ask}: {question}\n{answer}:", keep="start", instruction=instruction)

    def oracle(self, example: Example) -> str:
        return str(example.meta.get("answer", example.references[0]))

    def heuristic(self, example: Example) -> str:
        """The first span of the asked kind in the sentence that shares most words with the question."""
        question = str(example.meta.get("question", ""))
        ranked = sorted(sentences(str(example.prompt)), key=lambda text: -overlap(question, text))
        wanted = _NUMBER if re.match(r"(?:by )?how (?:many|much)|what was the score", question.lower()) else _NAME
        for sentence in ranked:
            spans = [span for span in wanted.findall(sentence) if not words(span) <= words(question)]
            if spans:
                return str(spans[0] if wanted is _NUMBER else spans[-1])
        return ranked[0] if ranked else ""
