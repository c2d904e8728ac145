"""TextQA-v0: a passage and a question to the answer; or a collection of passages that is searched first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from tokengym.envs.answers_zh import answer_in
from tokengym.envs.base import Example, Parts, Task
from tokengym.envs.draw import Draw
from tokengym.envs.genre import Question
from tokengym.envs.options import option
from tokengym.envs.reasoning_gym import guess
from tokengym.envs.retrieval import RETRIEVERS, Collection, Searched, searched
from tokengym.envs.sentences import overlap, sentences, words
from tokengym.envs.world import LANGUAGES, Generated, Report, report

__all__ = ["TextQA"]

_NAME = re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z]+)*")
_NUMBER = re.compile(r"\d+(?:-\d+)?")
_NAMED = ("place", "firm", "team", "rival", "person", "end")  # facts that say which event is meant
_ABOUT = {"en": "In the news about {0}: {1}", "zh": "关于{0}的报道:{1}"}


class TextQA(Task):
    """Answer a question about a passage with a short span of it.

    Description:
        One episode is one question. The passage holds the answer and something that looks like it. A row::

            prompt      Travelers in Walover will soon save time. The bus line runs from Walover to Calington. Passengers
                        need only 51 minutes. Until now, the trip took 80 minutes, via Torwick. ...
            question    How many minutes does the trip take now?
            references  51

        With ``retriever="bm25"`` the passage must be found first: the question is the query in a collection of reports, and the prompt
        shows the ``documents`` best ones. The question then says which event it means::

            prompt      [1] Travelers in Walover will soon save time. ...
                        [2] A new ferry will take passengers from Calington to ...
                        [3] ...
            question    In the news about Walover: How many minutes does the trip take now?
            references  51

        The oracle knows the answer even where the search did not find it; the metric ``retrieval_hit`` says how often it did.
        Data of your own is searched as a whole: the passages of the split's rows, and what they bring as ``documents``. With
        ``dataset="reasoning-gym"``, or one of its parts ("reasoning-gym:gcd"), the prompt is a question without a passage.

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: passage, ``Question:``, the question, ``Answer:``, and the answer so far, as token ids.
    Rewards: half exact match with the references, half ROUGE-L, which reads the order of words, at the end.
    Starting State: a question of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics exact match and token F1.
    Arguments: ``language`` ("en", "zh"); ``label_noise``, the share of flawed labels in the training split (validation
        and test are clean): of the flawed, 3/5 answer in a whole sentence, 2/5 name what only looks like the answer; ``retriever``
        ("none", "bm25"), ``documents``, how many passages it shows, and ``collection``, among how many it searches.
    Version History: v0.
    """

    name = "TextQA-v0"
    # Token F1 alone pays the right words in any order in full.
    reward = "0.5*exact + 0.5*rouge_l"
    metrics: tuple[str, ...] = ("exact", "token_f1")
    max_prompt_tokens = 176
    max_new_tokens = 24
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        language: str = option("en", known=tuple(LANGUAGES))  # of the builtin data, and of the words around other data: "en" or "zh"
        label_noise: float = option(0.4, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1
        retriever: str = option("none", known=RETRIEVERS, later=True)  # "none": the passage is given; "bm25": it is searched for
        documents: int = option(3, least=1, later=True)  # passages that the retriever shows
        collection: int = option(1000, least=1, builtin=True, later=True)  # of the builtin data: passages that it searches

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        retriever, documents, collection = self.options.retriever, self.options.documents, self.options.collection
        if retriever == "none" and (documents, collection) != (3, 1000):
            raise ValueError(f"documents={documents!r}, collection={collection!r} say how a retriever searches; add retriever='bm25'")
        if self.options.language == "zh":  # a character is almost two tokens
            self.max_prompt_tokens = 256
        if retriever != "none":
            self.metrics = (*self.metrics, "tokengym.envs.retrieval:RetrievalHit")

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        language, noise = self.options.language, self.options.label_noise if split == "train" else 0.0
        search, count = self.options.retriever != "none", self.options.collection
        if self.options.documents > count:
            raise ValueError(f"documents={self.options.documents} of collection={count} passages cannot be shown; ask for fewer")

        def make(index: int) -> Example:
            story = report(split, f"qa/{index}", language, extras=1 + index % 2)
            draw, asked = story.draw, story.draw.pick(story.questions)
            answer = label = story.slots[asked.slot]
            full = story.tell(asked.full)
            if draw.chance(noise):
                label = full if draw.chance(0.6) else story.slots[asked.wrong]
            question = story.tell(asked.ask)
            if search:
                question = _meant(story, asked, question, language, Draw(f"qa/meant/{language}/{split}/{index}"))
            meta = {"question": question, "answer": answer, "facts": (answer,), "genre": story.genre.name}
            return Example(f"qa-{language}-{split}-{index}", story.text, (label,), meta)

        if not search:
            return Generated(make, size)
        # Example i is looked for among the ``count`` neighbours that i falls among, so that a question is as hard in a large split.
        shelves = -(-size // count)
        world = Generated(make, shelves * count)

        @cache
        def shelf(number: int) -> Collection:
            passages = [str(world[index].prompt) for index in range(number * count, (number + 1) * count)]
            return Collection(passages, f"collection={count}")

        return Searched(world, lambda index: shelf(index // count), self.options.documents, size)

    def arranged(self, examples: Sequence[Example]) -> Sequence[Example]:
        return examples if self.options.retriever == "none" else searched(examples, self.options.documents)

    def prompt_budget(self, usual: int) -> int:
        more = 0 if self.options.retriever == "none" else self.options.documents - 1
        return usual + 4 * usual * more // 5  # long passages seldom come together

    def parts(self, example: Example) -> Parts:
        question = example.meta.get("question")
        ask, answer, instruction = ("Question", "Answer", "Answer the question with a few words of the text.")
        if self.options.language == "zh":
            ask, answer, instruction = ("问题", "回答", "用文中的几个字回答问题。")
        if question is None:  # the prompt is the question
            return Parts(f"{ask}: ", example.text, f"\n{answer}:")
        return Parts("", example.text, f"\n{ask}: {question}\n{answer}:", keep="start", instruction=instruction)

    def heuristic(self, example: Example) -> str:
        """The first span of the asked kind in the sentence (of the best passage) that shares most words with the question."""
        question, text = str(example.meta.get("question", "")), example.text
        if "reasoning_gym" in example.meta:
            return guess(text)
        if "retrieved" in example.meta:
            text = text.partition("\n")[0].removeprefix("[1] ")
        if self.options.language == "zh":
            return answer_in(text, question)
        ranked = sorted(sentences(text), key=lambda text: -overlap(question, text))
        asked = question.rpartition(": ")[2].lower()  # a search says first which event it means
        wanted = _NUMBER if re.match(r"(?:by )?how (?:many|much)|what was the score", asked) else _NAME
        for sentence in ranked:
            spans = [span for span in wanted.findall(sentence) if not words(span) <= words(question)]
            if spans:
                return str(spans[0] if wanted is _NUMBER else spans[-1])
        return ranked[0] if ranked else ""


def _meant(story: Report, asked: Question, question: str, language: str, draw: Draw) -> str:
    """The question, and which event it means: a name that the report tells of it, or else what happened; never the answer."""
    told = [fact for fact in story.genre.facts if fact not in (asked.slot, asked.wrong) and story.slots[fact].lower() in story.text.lower()]
    names = [fact for fact in told if fact in _NAMED]
    if any(story.slots[fact] in question for fact in names):
        return question
    rest = [fact for fact in told if not story.slots[fact].isdigit() and story.slots[fact] not in question]
    return _ABOUT[language].format(story.slots[draw.pick(names or rest or told)], question)
