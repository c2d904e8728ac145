"""Constrained answers: which tokens may come next where a task says of which pieces an answer is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym.envs.base import Example, Task
from tokengym.envs.prompts import Prompt
from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["Choice", "Constraint", "RowMasks", "unmasked"]

_KEPT = 4_096  # tries kept in memory; every set of pieces that may come next has one


@dataclass(slots=True)
class _Node:
    """A place in a trie over the token ids of pieces: what may follow, and the piece that is whole here."""

    children: dict[int, _Node] = field(default_factory=dict)
    piece: str | None = None
    tokens: npt.NDArray[np.int64] | None = None  # (K,) the children's, once asked for

    def following(self) -> npt.NDArray[np.int64]:
        """(K,) token ids that may follow, ascending."""
        if self.tokens is None:
            self.tokens = np.array(sorted(self.children), dtype=np.int64)
            self.tokens.setflags(write=False)  # shared by every answer that comes by
        return self.tokens


@dataclass(slots=True, frozen=True)
class _Reading:
    """One way to read the tokens so far: pieces said, and the place in the next one; ``node`` is None where nothing more may come."""

    said: tuple[str, ...]
    node: _Node | None


class Constraint:
    """The pieces of a task as tokens.

    A piece is written with a space before it, as answers are; only the first one goes without where the prompt ends in a space.

    Args:
        task: its ``pieces`` say what may come next.
        tokenizer: text to ids.
    """

    def __init__(self, task: Task, tokenizer: TextTokenizer) -> None:
        self.task = task
        self.tokenizer = tokenizer
        self._tries: dict[tuple[bool, tuple[str, ...]], _Node] = {}

    @staticmethod
    def of(task: Task, examples: Sequence[Example], tokenizer: TextTokenizer) -> Constraint | None:
        """The constraint of a task, None where its answers are free; the first example tells for all of them."""
        if type(task).pieces is Task.pieces or not len(examples) or task.pieces(examples[0], ()) is None:
            return None
        return Constraint(task, tokenizer)

    def start(self, prompt: Prompt) -> Choice:
        """What the first token of an answer to ``prompt`` may be. Raises ValueError where the task allows nothing at all."""
        root = self.root(prompt, ())
        if root is None:
            raise ValueError(f"{self.task.name}.pieces() is empty at the start of {prompt.example.id!r}: an answer needs a first piece")
        return Choice(self, prompt, (_Reading((), root),))

    def root(self, prompt: Prompt, said: tuple[str, ...]) -> _Node | None:
        """The trie over the pieces that may follow ``said``; None where the answer is complete."""
        pieces = self.task.pieces(prompt.example, said)
        if pieces is None:
            raise ValueError(
                f"{self.task.name}.pieces() is None for {prompt.example.id!r} after {said}, but not for others; return () at an end"
            )
        if not pieces:
            return None
        key = (prompt.glued and not said, tuple(pieces))
        found = self._tries.get(key)
        if found is None:
            if len(self._tries) >= _KEPT:
                self._tries.clear()
            found = self._tries[key] = self._trie(*key)
        return found

    def encode(self, prompt: Prompt, text: str) -> list[int]:
        """Token ids of ``text`` as a complete answer, piece by piece, and the end-of-sequence token where a longer answer begins so.

        Raises:
            ValueError: ``text`` is no complete row of pieces, joined by spaces.
        """
        ids = self._read(prompt, text.strip(), ())
        if ids is None:
            first = ", ".join(repr(piece) for piece in list(self.task.pieces(prompt.example, ()) or ())[:8])
            raise ValueError(
                f"{text!r} is no complete answer that {self.task.name} allows for {prompt.example.id!r}; expected pieces with spaces "
                f"between them, the first one of {first}"
            )
        choice = self.start(prompt)
        for token in ids:
            choice = choice.after(token)
        return ids if choice.complete else [*ids, self.tokenizer.eos_token_id]

    def _read(self, prompt: Prompt, rest: str, said: tuple[str, ...]) -> list[int] | None:
        pieces = self.task.pieces(prompt.example, said) or ()
        if not rest or not pieces:
            return None if rest or pieces else []
        for piece in sorted(pieces, key=len, reverse=True):
            if rest == piece or rest.startswith(piece + " "):
                following = self._read(prompt, rest[len(piece) + 1 :], (*said, piece))
                if following is not None:
                    return [*self._ids(piece, prompt.glued and not said), *following]
        return None

    def _ids(self, piece: str, glued: bool) -> list[int]:
        return self.tokenizer.encode(piece if glued else " " + piece)

    def _trie(self, glued: bool, pieces: tuple[str, ...]) -> _Node:
        root = _Node()
        for piece in pieces:
            if not isinstance(piece, str) or not piece.strip():
                raise ValueError(f"{self.task.name}.pieces() gives {piece!r}; a piece is a text that is not empty")
            node = root
            for token in self._ids(piece, glued):
                node = node.children.setdefault(token, _Node())
            node.piece = piece
        return root


class Choice:
    """What may come next in one answer; never changes, :meth:`after` gives the next one.

    Attributes:
        allowed: (K,) int64 token ids; none where the answer is complete.
        complete: nothing more may come: the answer is over.
    """

    __slots__ = ("_constraint", "_prompt", "_readings", "allowed", "complete")

    def __init__(self, constraint: Constraint, prompt: Prompt, readings: tuple[_Reading, ...]) -> None:
        self._constraint, self._prompt, self._readings = constraint, prompt, readings
        nodes = [reading.node for reading in readings if reading.node is not None]
        self.complete = not nodes
        if len(nodes) == len(readings) == 1:
            self.allowed: npt.NDArray[np.int64] = nodes[0].following()
            return
        tokens = {token for node in nodes for token in node.children}
        if nodes and len(nodes) < len(readings):  # a whole answer that begins a longer one may be ended
            tokens.add(constraint.tokenizer.eos_token_id)
        self.allowed = np.array(sorted(tokens), dtype=np.int64)

    def after(self, token: int) -> Choice:
        """What may follow ``token``.

        Raises:
            ValueError: ``token`` is not among ``allowed``.
        """
        readings: list[_Reading] = []
        for reading in self._readings:
            node = None if reading.node is None else reading.node.children.get(token)
            if node is None:
                continue
            if node.children:
                readings.append(_Reading(reading.said, node))
            if node.piece is not None:  # whole, so the next piece may begin; where a longer one goes on, both may
                said = (*reading.said, node.piece)
                readings.append(_Reading(said, self._constraint.root(self._prompt, said)))
        if not readings and token not in self.allowed:
            raise ValueError(self.refusal(token))
        return Choice(self._constraint, self._prompt, tuple(readings))

    def refusal(self, token: int) -> str:
        """The error for a token that is not allowed here."""
        tokenizer = self._constraint.tokenizer
        shown = ", ".join(f"{each} {tokenizer.decode([each])!r}" for each in self.allowed[:8].tolist())
        more = f" and {len(self.allowed) - 8} others" if len(self.allowed) > 8 else ""
        return (
            f"action={token} ({tokenizer.decode([token])!r}) is not allowed here: {self._constraint.task.name} constrains its answers; "
            f'allowed: {shown}{more}; sample with info["action_mask"]'
        )

    def mask(self, size: int) -> npt.NDArray[np.int8]:
        """(V,) int8, fresh: 1 on what may come next; all ones once the answer is complete, as any action is ignored then."""
        mask = np.full(size, self.complete, dtype=np.int8)
        mask[self.allowed] = 1
        return mask


class RowMasks:
    """The choices of N rows side by side, and their masks.

    Attributes:
        mask: (N, V) int8: 1 on what may come next; all ones in rows that wait or are idle, whose actions are ignored.
    """

    def __init__(self, num_envs: int, size: int, constraint: Constraint) -> None:
        self.mask = np.ones((num_envs, size), dtype=np.int8)
        self._constraint = constraint
        self._choices: list[Choice | None] = [None] * num_envs

    def start(self, row: int, prompt: Prompt, answer: Sequence[int] = ()) -> None:
        """An episode begins in ``row``; ``answer`` is what was said already."""
        choice = self._constraint.start(prompt)
        for token in answer:
            choice = choice.after(token)
        self.clear(row)
        self.mask[row] = 0
        self.mask[row, choice.allowed] = 1
        self._choices[row] = choice

    def clear(self, row: int) -> None:
        """``row`` waits or is idle."""
        self.mask[row] = 1
        self._choices[row] = None

    def append(self, actions: npt.NDArray[Any]) -> list[int]:
        """Adds the tokens (N,) of rows that play; returns the rows whose answer is complete now.

        Raises:
            ValueError: a token is not allowed in its row; nothing was added then.
        """
        wrong = np.flatnonzero(self.mask[np.arange(len(actions)), actions] == 0)
        for row, choice in enumerate(self._choices) if len(wrong) else ():
            if row == wrong[0] and choice is not None:
                raise ValueError(f"row {row}: {choice.refusal(int(actions[row]))}")
        complete: list[int] = []
        for row, choice in enumerate(self._choices):
            if choice is not None:
                self.mask[row, choice.allowed] = 0
                self._choices[row] = choice = choice.after(int(actions[row]))
                if choice.complete:
                    complete.append(row)
                self.mask[row, choice.allowed] = 1
        return complete


def unmasked(env: Any) -> str:
    """Why ``env`` has no ``action_masks``."""
    return f"{type(env).__name__} has no action_masks: {env.task.name} with these options does not constrain its answers"
