"""The arrays of a vector environment: N running episodes, appended to with a few numpy calls whatever N is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym.envs.engine import Ended, Engine
from tokengym.envs.prompts import Prompt

__all__ = ["Rows"]


class Rows:
    """N rows of L tokens; each plays an episode or is idle.

    Attributes:
        active: (N,) bool.
        all_active: whether no row is idle.
        paid: (N,) float64, rewards of the running episodes so far.
    """

    def __init__(self, num_envs: int, engine: Engine) -> None:
        self.engine = engine
        self.active = np.zeros(num_envs, dtype=np.bool_)
        self.all_active = False
        self.paid = np.zeros(num_envs)
        self._pad = engine.tokenizer.pad_token_id
        self._ids = np.full((num_envs, engine.width), self._pad, dtype=np.int32)  # (N, L)
        self._attention = np.zeros((num_envs, engine.width), dtype=np.int8)
        self._completion = np.zeros((num_envs, engine.width), dtype=np.int8)
        self._ones = np.tri(engine.max_prompt_tokens + 1, engine.width, -1, dtype=np.int8)  # row p: p ones
        self._flat = (self._ids.reshape(-1), self._attention.reshape(-1), self._completion.reshape(-1))  # views, (N * L,)
        self._next = np.arange(num_envs) * engine.width  # (N,) place in the flat views of each row's next token
        self._last = self._next.copy()  # (N,) place just behind the last token that the budget allows
        self._start = [0] * num_envs  # prompt tokens
        self._turn = [0] * num_envs  # where the turn begins that is being said; the answer's start where there is only one
        self._said: list[tuple[str, ...]] = [()] * num_envs  # turns that are over
        self._deals = [-1] * num_envs
        self._prompts: list[Prompt | None] = [None] * num_envs

    def place(self, row: int, prompt: Prompt, deal: int) -> None:
        """Starts an episode in ``row``."""
        size = len(prompt.ids)
        ids = self._ids[row]
        ids[:size] = prompt.ids
        ids[size:] = self._pad
        self._attention[row] = self._ones[size]
        self._completion[row] = 0
        self._next[row] = first = row * self.engine.width + size
        self._last[row] = first + self.engine.max_new_tokens
        self._start[row], self._deals[row], self._prompts[row] = size, deal, prompt
        self._turn[row], self._said[row] = size, ()
        self.paid[row] = 0.0
        self.active[row] = True

    def clear(self, row: int) -> None:
        """Makes ``row`` idle: all padding."""
        self._ids[row] = self._pad
        self._attention[row] = 0
        self._completion[row] = 0
        self._prompts[row] = None
        self.active[row] = False

    def rest(self, row: int) -> None:
        """Takes no more tokens in ``row``, whose text stays."""
        self.active[row] = False
        self.all_active = False

    def append(self, tokens: npt.NDArray[Any]) -> list[int]:
        """Adds ``tokens`` (N,) to the active rows; returns the rows whose episode may be over."""
        over = self.engine.ends[tokens]
        places = self._next
        ids, attention, completion = self._flat
        if self.all_active:
            ids[places] = tokens
            attention[places] = 1
            completion[places] = 1
            places += 1
            over |= places == self._last
        else:
            playing = np.flatnonzero(self.active)
            at = places[playing]
            ids[at] = tokens[playing]
            attention[at] = 1
            completion[at] = 1
            places[playing] += 1
            over |= places == self._last
            over &= self.active
        found: list[int] = over.nonzero()[0].tolist()
        return found

    def hear(self, row: int) -> str:
        """The other side answers the turn that is just over in ``row``; why the episode ends with it, "" where it goes on."""
        heard = self.engine.hear(self._played(row), self._said[row], self.turn(row))
        self._said[row] = heard.said
        first = int(self._next[row])
        end = first + len(heard.ids)
        self._flat[0][first:end] = heard.ids
        self._flat[1][first:end] = 1
        self._next[row], self._last[row] = end, end + self.engine.max_new_tokens
        self._turn[row] = end - row * self.engine.width
        return heard.reason

    def write(self, row: int, answer: list[int], paid: float) -> None:
        """Puts what the agent has said so far into a row that was just placed."""
        start = self._start[row]
        played = self.engine.transcript(self._played(row), answer)
        end = start + len(played.ids)
        self._ids[row, start:end] = played.ids
        self._attention[row, start:end] = 1
        self._completion[row, start:end] = played.agent
        self._next[row] += len(played.ids)
        self._last[row] += played.turn
        self._turn[row], self._said[row] = start + played.turn, played.said
        self.paid[row] = paid

    def behind(self, row: int) -> npt.NDArray[np.int32]:
        """(T,) the tokens behind the prompt so far, a view."""
        return self._ids[row, self._start[row] : self._next[row] - row * self.engine.width]

    def spoken(self, row: int) -> npt.NDArray[np.int8]:
        """(T,) 1 on the agent's among the tokens behind the prompt, a view."""
        return self._completion[row, self._start[row] : self._next[row] - row * self.engine.width]

    def answer(self, row: int) -> npt.NDArray[np.int32]:
        """(T,) the agent's tokens so far."""
        behind = self.behind(row)
        return behind if self.engine.talk is None else behind[self.spoken(row) == 1]

    def turn(self, row: int) -> npt.NDArray[np.int32]:
        """(T,) the agent's tokens in the turn that is being said, a view."""
        return self._ids[row, self._turn[row] : self._next[row] - row * self.engine.width]

    def prompt(self, row: int) -> Prompt | None:
        """What the row plays, None where it is idle."""
        return self._prompts[row]

    def deal(self, row: int) -> int:
        """The deal index of the row's episode."""
        return self._deals[row]

    def ended(self, row: int, reason: str) -> Ended:
        """The row's episode, to be scored. Raises RuntimeError for an idle row."""
        prompt = self._played(row)
        if self.engine.talk is None:
            return Ended(prompt, self._deals[row], self.answer(row), reason)
        return Ended(prompt, self._deals[row], self.answer(row), reason, self.engine.so_far(self._said[row], self.turn(row)))

    def observation(self) -> dict[str, npt.NDArray[Any]]:
        """Fresh copies of the three arrays (N, L)."""
        return {
            "input_ids": self._ids.copy(),
            "attention_mask": self._attention.copy(),
            "completion_mask": self._completion.copy(),
        }

    def observations(self, rows: list[int]) -> list[dict[str, npt.NDArray[Any]]]:
        """Fresh copies of some rows, (L,) each."""
        return [
            {
                "input_ids": self._ids[row].copy(),
                "attention_mask": self._attention[row].copy(),
                "completion_mask": self._completion[row].copy(),
            }
            for row in rows
        ]

    def _played(self, row: int) -> Prompt:
        prompt = self._prompts[row]
        if prompt is None:
            raise RuntimeError(f"row {row} plays no episode")
        return prompt
