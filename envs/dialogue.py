"""TextDialogue-v0: the clerk's next turn in a customer-service conversation, given the record that the clerk can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tokengym.envs.base import Example, Parts, Task, Turn
from tokengym.envs.sentences import overlap, sentences
from tokengym.envs.service import conversation
from tokengym.envs.world import Generated

__all__ = ["TextDialogue"]

_SERVICE = {"user": "Customer", "assistant": "Clerk"}
_CHAT = {"en": {"user": "A", "assistant": "B"}, "zh": {"user": "甲", "assistant": "乙"}}  # where there is no record
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
    Arguments: ``label_noise``, the share of flawed labels in the training split (validation and test are clean): of the
        flawed, 2/3 are polite and say nothing, 1/3 give a detail of the other item.
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
        label_noise: float = 0.6  # share of flawed training labels, 0 to 1

    def builtin(self, split: str, size: int) -> Sequence[Example]:
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
        head = "".join(f"Record: {turn.content}\n" for turn in turns if turn.role == "system")
        language = "zh" if example.meta.get("language") == "zh" else "en"
        speaker = _SERVICE if head else _CHAT[language]
        body = "".join(f"{speaker[turn.role]}: {turn.content}\n" for turn in turns if turn.role != "system")
        instruction = "You are the clerk. Answer the customer with what the record says." if head else _CONTINUE[language]
        return Parts(head, body, f"{speaker['assistant']}:", keep="end", instruction=instruction)

    def oracle(self, example: Example) -> str:
        return str(example.meta.get("answer", example.references[0]))

    def heuristic(self, example: Example) -> str:
        """Retrieval: the sentence of the record that shares most words with the customer's last turn; without a record, of that turn."""
        turns = _turns(example)
        record = " ".join(turn.content for turn in turns if turn.role == "system")
        return max(sentences(record or turns[-1].content) or [""], key=lambda text: overlap(turns[-1].content, text))


def _turns(example: Example) -> tuple[Turn, ...]:
    """The chat turns; a plain text is the customer's."""
    return (Turn("user", example.prompt),) if isinstance(example.prompt, str) else example.prompt
