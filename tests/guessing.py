"""A task of several turns so small that every token can be worked out by hand: find the word, the other side says how near you are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.letters import LETTERS, WORDS
from tokengym.envs import Example, Parts, Task, TextGenEnv, TextGenVectorEnv

__all__ = ["Guess", "Moody", "guess", "guesses"]


class Guess(Task):
    """After each guess the other side says how many letters were right; the episode is over with the word, or at "bye"."""

    name = "Guess-v0"
    reward = "token_f1"
    metrics = ("fact_recall",)
    max_prompt_tokens = 8
    max_new_tokens = 4
    max_reply_tokens = 6

    @dataclass(frozen=True, kw_only=True)
    class Options:
        turns: int = 3

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.turns = self.options.turns

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return WORDS[:size]

    def parts(self, example: Example) -> Parts:
        return Parts("", "?", "\n")

    def heuristic(self, example: Example) -> str:
        return "a\nab\nabc"

    def reply(self, example: Example, said: tuple[str, ...]) -> str | None:
        word = str(example.meta["word"])
        right = sum(a == b for a, b in zip(said[-1], word, strict=False))
        return None if said[-1] in (word, "bye") else "long " * 5 if said[-1] == "l" else f"{right}!"

    def outcome(self, example: Example, said: tuple[str, ...]) -> Mapping[str, Any]:
        return {"turns": len(said), "facts": [str(example.meta["word"])]}


class Moody(Guess):
    """The same, but who answers is a matter of the seed: they end what they say with a letter of their own."""

    def meet(self, example: Example, seed: int) -> Example:
        return Example(example.id, example.prompt, example.references, {**example.meta, "letter": "abcdefghijklmnop"[seed % 16]})

    def reply(self, example: Example, said: tuple[str, ...]) -> str | None:
        heard = super().reply(example, said)
        return heard and f"{heard}{example.meta.get('letter', '')}"


def guess(task: type[Guess] = Guess, **keywords: Any) -> TextGenEnv:
    """An environment over the three words, in the order of the list."""
    return TextGenEnv(task, **{"dataset": WORDS, "tokenizer": LETTERS, "order": "sequential", **keywords})


def guesses(num_envs: int, task: type[Guess] = Guess, **keywords: Any) -> TextGenVectorEnv:
    """A vector environment over the three words, shuffled."""
    return TextGenVectorEnv(num_envs, task, **{"dataset": WORDS, "tokenizer": LETTERS, **keywords})
