"""TextDialogue-v0: the clerk's next turn in a customer-service conversation, given the record that the clerk can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tokengym._registry import unknown
from tokengym.envs.base import ROLES, Example, Parts, Task, Turn
from tokengym.envs.options import option
from tokengym.envs.sentences import overlap, sentences
from tokengym.envs.service import conversation
from tokengym.envs.simulated_user import LANGUAGES, asking, customer, listen, met
from tokengym.envs.world import Generated

__all__ = ["TextDialogue"]

_SERVICE = {
    "en": {"system": "Record", "user": "Customer", "assistant": "Clerk"},
    "zh": {"system": "记录", "user": "顾客", "assistant": "店员"},
}
_CHAT = {"en": {"user": "A", "assistant": "B"}, "zh": {"user": "甲", "assistant": "乙"}}  # where there is no record
_COLLECT = {
    "en": "You are the clerk. Ask the customer for what the form needs, then name all of it in one message, for them to confirm.",
    "zh": "你是店员。向顾客问清表格上缺的内容，然后在一句话里全部说出来，请对方确认。",
}
_CONTINUE = {"en": "You are B. Write your next message.", "zh": "你是乙。写出你的下一句话。"}


class TextDialogue(Task):
    """Answer the customer with what the record says.

    Description:
        One episode is the clerk's next turn. The record holds two items; the customer asks about one of them. A row::

            system      Order 9146: tent, sent with Bruell Foods, arrives on Monday in Elmcombe. Order 5991: telescope,
                        sent with Bakund Media, arrives on Friday in Marworth.
            user        Hello, I am waiting for a parcel.
            assistant   Good day! How can I help you?
            user        Where do I get the tent, and when?
            references  Your tent will arrive on Monday in Elmcombe.
            facts       tent, Monday, Elmcombe

    Action Space: ``Discrete(V)``, the next token.
    Observation Space: the record, the turns, ``Clerk:``, and the answer so far, as token ids.
    Rewards: half ROUGE-L with the references, half faithfulness to the facts that were asked for, at the end.
    Starting State: a conversation of the split, in drawn order.
    Episode End: the end-of-sequence token, or ``max_new_tokens``.
    Information: as in every environment of the suite; metrics ROUGE-L, BLEU and faithfulness.
    Arguments: ``turns``, how many the clerk has. With more than one, a simulated customer answers: the record is a form, of which
        the clerk asks the customer for what is missing and then names all of it in one turn to confirm (``turns=8`` is plenty).
        Useless turns cost patience. The customer is the seed's: with another seed the same goal is told in other words, in another
        order and with another patience. Rewards are then task success, slot F1 and a little less per turn; labels are clean.
        ``user_language``, "en" or "zh", theirs. ``label_noise``, the share of flawed labels in the training split of one turn
        (validation and test are clean): of the flawed, 2/3 are polite and say nothing, 1/3 give a detail of the other item.
    Version History: v0.
    """

    name = "TextDialogue-v0"
    reward = "0.5*rouge_l + 0.5*faithfulness"
    metrics = ("rouge_l", "bleu", "faithfulness")
    max_prompt_tokens = 192
    max_new_tokens = 40
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        label_noise: float = option(0.6, least=0, most=1, builtin=True)  # share of flawed training labels, 0 to 1
        turns: int = option(1, least=1, later=True)  # of the clerk; above 1 a simulated customer answers
        user_language: str = option("en", known=LANGUAGES, later=True)  # of that customer: "en" or "zh"

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        turns, language = self.options.turns, self.options.user_language
        if language != "en" and turns == 1:
            raise ValueError(f"user_language={language!r} is the customer's, who answers with turns above 1 only; add turns=8")
        if turns > 1:  # another reward and other budgets
            self.turns, self.revision = turns, 2  # 2: a customer's two towns differ
            self.max_prompt_tokens, self.max_reply_tokens, self.max_new_tokens = (160, 56, 96) if language == "zh" else (128, 48, 64)
            self.reward = "0.5*task_success + 0.5*slot_f1 - 0.02*turns"
            self.metrics = ("task_success", "slot_f1", "turns")

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        if self.turns > 1:
            return Generated(lambda index: customer(split, index, self.options.user_language), size)
        noise = self.options.label_noise if split == "train" else 0.0

        def make(index: int) -> Example:
            talk = conversation(split, f"dialogue/{index}")
            label = talk.replies[0]
            if talk.draw.chance(noise):
                label = talk.vague if talk.draw.chance(2 / 3) else talk.mixed
            references = talk.replies if label == talk.replies[0] else (label,)
            meta = {"facts": talk.facts, "answer": talk.replies[0], "desk": talk.desk}
            return Example(f"dialogue-{split}-{index}", (Turn("system", talk.record), *talk.turns), references, meta)

        return Generated(make, size)

    def parts(self, example: Example) -> Parts:
        turns = _turns(example)
        if self.turns > 1 and "goal" not in example.meta:
            raise ValueError(f"turns={self.turns}: example {example.id!r} has no customer to talk to; take dataset='builtin', or turns=1")
        language = self._language(example)
        served = any(turn.role == "system" for turn in turns)
        speaker = (_SERVICE if served else _CHAT)[language]
        head = "".join(f"{speaker[turn.role]}: {turn.content}\n" for turn in turns if turn.role == "system")
        body = "".join(f"{speaker[turn.role]}: {turn.content}\n" for turn in turns if turn.role != "system")
        instruction = "You are the clerk. Answer the customer with what the record says." if served else _CONTINUE[language]
        if self.turns > 1:
            instruction = _COLLECT[language]
        return Parts(head, body, f"{speaker['assistant']}:", keep="end", instruction=instruction)

    def meet(self, example: Example, seed: int) -> Example:
        return met(example, seed)

    def reply(self, example: Example, said: tuple[str, ...]) -> str | None:
        return listen(example, said).reply

    def heard(self, example: Example, reply: str) -> Parts:
        speaker = _SERVICE[self._language(example)]
        return Parts(f"\n{speaker['user']}: ", reply, f"\n{speaker['assistant']}:")

    def outcome(self, example: Example, said: tuple[str, ...]) -> Mapping[str, Any]:
        return {"turns": len(said), "filled": listen(example, said).filled}

    def heuristic(self, example: Example) -> str:
        """Retrieval: the sentence of the record that shares most words with the customer's last turn; without a record, of that turn.

        In several turns a questionnaire: one question in each, and all answers repeated at the end.
        """
        if self.turns > 1:
            return "\n".join(self._questionnaire(example))
        turns = _turns(example)
        record = " ".join(turn.content for turn in turns if turn.role == "system")
        return max(sentences(record or turns[-1].content) or [""], key=lambda text: overlap(turns[-1].content, text))

    def _language(self, example: Example) -> str:
        return "zh" if "zh" in (self.options.user_language, example.meta.get("language")) else "en"

    def _questionnaire(self, example: Example) -> list[str]:
        """Asks for each entry of the form, one in a turn, and repeats what the customer said; with the price of their town."""
        form, opening = (turn.content for turn in _turns(example)[:2])
        title, _, prices = form.replace("。", ".").partition(".")
        labels = title.partition(": ")[2].replace("、", ", ").split(", ")
        said: list[str] = []
        heard = [opening]
        for question in (asking(label, self.options.user_language) for label in labels):
            if question:
                said.append(question)
                heard.append(self.reply(example, tuple(said)) or "")
        rows = (row.strip().split(": ") for row in prices.split(".") if row.strip())
        heard += [price for town, price in rows if town in " ".join(heard)]
        return [*said, " ".join(heard)]


def _turns(example: Example) -> tuple[Turn, ...]:
    """The chat turns; a plain text is the customer's. Raises ValueError where a turn has another role than the three."""
    turns = (Turn("user", example.prompt),) if isinstance(example.prompt, str) else example.prompt
    for turn in turns:
        if turn.role not in ROLES:
            raise unknown(f"role of a turn in the prompt of example {example.id!r}", turn.role, ROLES)
    return turns
