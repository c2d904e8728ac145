"""Several turns: what the agent hears between them as tokens, and when the conversation is over."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tokengym.envs.base import Example, Task
from tokengym.envs.prompts import Prompt
from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["Heard", "Talk", "Transcript"]

_OTHER = 0x4F544845  # keeps these draws apart from those of the order, which have the same seed


class Heard(NamedTuple):
    """What follows a turn.

    Attributes:
        said: the agent's turns so far, that one included.
        reason: "complete" or "max_turns" where the episode is over, "" where it goes on.
        ids: tokens of the reply, up to where the agent speaks again; none where the episode is over.
    """

    said: tuple[str, ...]
    reason: str
    ids: list[int]


class Transcript(NamedTuple):
    """An episode behind its prompt.

    Attributes:
        ids: the agent's tokens and the replies.
        agent: 1 on the agent's, for each of ``ids``.
        said: the turns that are over.
        turn: where in ``ids`` the turn begins that is not over.
        reason: why the episode ended; "" while it goes on.
    """

    ids: list[int]
    agent: list[int]
    said: tuple[str, ...]
    turn: int
    reason: str


class Talk:
    """The other side of a task with several turns.

    A turn ends with the end-of-sequence token, with a stop string, or when its budget is spent; in the last two cases the
    end-of-sequence token is written before the reply, so that the state always shows where a turn ends.

    Args:
        task: its ``reply`` and ``heard`` say what comes between the agent's turns.
        tokenizer: text to ids.
        chat: replies are written by the tokenizer's chat template.
    Raises:
        ValueError: the task leaves no room for replies.
    """

    def __init__(self, task: Task, tokenizer: TextTokenizer, chat: bool) -> None:
        if task.max_reply_tokens < 1:
            raise ValueError(f"{task.name} has {task.turns} turns and max_reply_tokens={task.max_reply_tokens}; replies need some tokens")
        self.task, self.tokenizer, self.chat = task, tokenizer, chat

    def room(self, max_new_tokens: int) -> int:
        """Tokens that an episode may have beyond its prompt."""
        between = self.task.max_reply_tokens + 1  # the end-of-sequence token that a turn without one is given
        return self.task.turns * max_new_tokens + (self.task.turns - 1) * between

    def meet(self, prompt: Prompt, order_seed: int) -> Prompt:
        """``prompt`` with the other side that this example has under ``order_seed``; the same arguments, the same other side."""
        seed = np.random.SeedSequence([order_seed, _OTHER, prompt.index]).generate_state(1, np.uint64)[0]
        return replace(prompt, example=self.task.meet(prompt.example, int(seed)), other=order_seed)

    def after(self, example: Example, said: tuple[str, ...], ended: bool) -> Heard:
        """What follows the last turn of ``said``; ``ended``: the agent wrote its end-of-sequence token."""
        reply = self.task.reply(example, said)
        if reply is None:
            return Heard(said, "complete", [])
        if len(said) >= self.task.turns:
            return Heard(said, "max_turns", [])
        ids = self._encode(example, reply)
        return Heard(said, "", ids if ended else [self.tokenizer.eos_token_id, *ids])

    def encode(self, example: Example, text: str, glued: bool, turn: int, most: int) -> list[int]:
        """The tokens of a script: each line of ``text`` as a turn of at most ``most`` tokens, its end-of-sequence token included.

        The first line is turn number ``turn``; ``glued``: as the prompt's.
        """
        later = self.chat or self.task.heard(example, "").tail[-1:].isspace()
        ids: list[int] = []
        for number, line in enumerate(text.split("\n"), turn):
            spoken = line if (later if number else glued) or not line else " " + line
            ids += [*self.tokenizer.encode(spoken), self.tokenizer.eos_token_id][:most]
        return ids

    def _encode(self, example: Example, reply: str) -> list[int]:
        """Token ids of a reply, its end cut so that it fits."""
        while True:
            ids = self.tokenizer.encode_reply(reply) if self.chat else self.tokenizer.encode("".join(self.task.heard(example, reply)[:3]))
            over = len(ids) - self.task.max_reply_tokens
            if over <= 0:
                return ids
            spans = self.tokenizer.offsets(reply)
            if not spans:
                raise ValueError(
                    f"the part of a reply that is never cut has {len(ids)} tokens, more than max_reply_tokens={self.task.max_reply_tokens} "
                    f"of {self.task.name}; raise it"
                )
            reply = reply[: spans[max(len(spans) - over, 0)][0]]
