"""Examples as token ids: each prompt and each label is encoded once, cut by the task's rule, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokengym.envs.base import Example, Parts, Task, Turn
from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["Prompt", "PromptBook"]

_KEPT = 32_768  # prompts kept in memory; a few kilobytes each


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, ready to be played.

    Attributes:
        example: the row it was made from.
        index: its place in the data set.
        ids: (P,) int32 token ids, P >= 1; never written to.
        text: the whole plain prompt, uncut; what rewards see.
        cut: tokens left out so that it fits; 0 mostly.
        glued: the answer follows without a space of its own.
        other: order seed that decided who the other side of ``example`` is; None where nobody was met.
    """

    example: Example
    index: int
    ids: npt.NDArray[np.int32]
    text: str
    cut: int
    glued: bool
    other: int | None = None


class PromptBook:
    """The prompts of a data set, by index.

    Args:
        task: says how an example reads as a prompt.
        examples: the data set; asked for single rows only.
        tokenizer: text to ids.
        chat: wrap the prompt in the tokenizer's chat template.
        max_prompt_tokens: longest prompt, special tokens included.
    """

    def __init__(self, task: Task, examples: Sequence[Example], tokenizer: TextTokenizer, chat: bool, max_prompt_tokens: int) -> None:
        self.task = task
        self.examples = examples
        self.tokenizer = tokenizer
        self.chat = chat
        self.max_prompt_tokens = max_prompt_tokens
        self._kept: dict[int, Prompt] = {}

    def __getitem__(self, index: int) -> Prompt:
        """The prompt of example ``index``. Raises IndexError outside the data set."""
        found = self._kept.get(index)
        if found is None:
            if not 0 <= index < len(self.examples):
                raise IndexError(f"index={index} lies outside the data set of {len(self.examples)} examples")
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            found = self._kept[index] = self._encoded(index)
        return found

    def index_of(self, sample_id: str) -> int:
        """The index of the example with this id; reads the data set up to there. Raises ValueError where there is none."""
        for index in range(len(self.examples)):
            if self.examples[index].id == sample_id:
                return index
        raise ValueError(f"sample_id={sample_id!r} is not in the data set of {len(self.examples)} examples")

    def label(self, prompt: Prompt, text: str, max_new_tokens: int | None = None) -> list[int]:
        """Token ids of ``text`` as an answer to ``prompt``, end-of-sequence token included, cut to ``max_new_tokens``."""
        ids = self.tokenizer.encode(text if prompt.glued else " " + text)
        return [*ids, self.tokenizer.eos_token_id][:max_new_tokens]

    def _encoded(self, index: int) -> Prompt:
        example = self.examples[index]
        parts = self.task.parts(example)
        if not isinstance(parts, Parts):
            told = f"{self.task.name}.parts() gives a {type(parts).__name__} for example {example.id!r}"
            raise TypeError(f"{told}; expected Parts(head, body, tail), of which body may be cut")
        ids = self._ids(parts)
        cut = 0
        if len(ids) > self.max_prompt_tokens:
            whole = len(ids)
            ids = self._shortened(parts, whole, example.id)
            cut = whole - len(ids)
        if not ids:
            raise ValueError(f"the prompt of example {example.id!r} has no tokens; a task's parts() must give some text")
        text = parts.head + parts.body + parts.tail
        return Prompt(example, index, np.array(ids, dtype=np.int32), text, cut, self.chat or text[-1:].isspace())

    def _ids(self, parts: Parts) -> list[int]:
        text = parts.head + parts.body + parts.tail
        if self.chat:
            said = f"{parts.instruction}\n\n{text}" if parts.instruction else text
            return self.tokenizer.encode_chat([Turn("user", said)])
        bos = self.tokenizer.bos_token_id
        ids = self.tokenizer.encode(text)
        return ids if bos is None or bos == self.tokenizer.eos_token_id else [bos, *ids]

    def _shortened(self, parts: Parts, whole: int, sample_id: str) -> list[int]:
        """Ids of the prompt with as much of its body as fits: cut between tokens of the body, then encoded as one text."""
        spans = self.tokenizer.offsets(parts.body)
        keep = len(spans) - (whole - self.max_prompt_tokens)
        while keep > 0:
            if parts.keep == "end":
                body = parts.body[spans[-keep][0] :]
            else:
                body = parts.body[: spans[keep][0]]
            ids = self._ids(parts._replace(body=body))
            if len(ids) <= self.max_prompt_tokens:
                return ids
            keep -= len(ids) - self.max_prompt_tokens
        ids = self._ids(parts._replace(body=""))
        if len(ids) > self.max_prompt_tokens:
            raise ValueError(
                f"example {sample_id!r}: the part of the prompt that is never cut has {len(ids)} tokens, more than "
                f"max_prompt_tokens={self.max_prompt_tokens}; raise max_prompt_tokens"
            )
        return ids
