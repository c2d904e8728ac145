"""The episodes of N rows: examples are dealt to them, tokens are added, rows rest or are idle; all that a vector env must remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from tokengym.envs.dealer import Dealer
from tokengym.envs.engine import Ended, Engine
from tokengym.envs.infos import Columns
from tokengym.envs.masks import RowMasks
from tokengym.envs.prompts import Prompt
from tokengym.envs.rows import Rows
from tokengym.envs.scoring import begun_columns

__all__ = ["Table"]


class Table:
    """N rows, each of which plays an episode, waits after one, or is idle.

    Attributes:
        rows: the tokens.
        masks: which tokens may come next; None where the task constrains nothing.
        dealer: who gets which example.
        waiting: rows that ended and have not begun again, ascending.
    """

    def __init__(self, num_envs: int, engine: Engine, shared: bool) -> None:
        self.engine = engine
        self.rows = Rows(num_envs, engine)
        self.masks = None if engine.constraint is None else RowMasks(num_envs, engine.tokenizer.vocab_size, engine.constraint)
        shuffled = engine.keywords.order == "shuffled"
        self.dealer = Dealer(len(engine.examples), num_envs, engine.keywords.group_size, shuffled, shared)
        self.waiting: list[int] = []

    def begin(self, rows: Sequence[int], picks: Sequence[int | None] | None = None) -> tuple[list[int], Columns]:
        """New episodes in ``rows``, of the examples ``picks`` (one per row of the table) where given: who got one, and the infos."""
        begun, prompts, deals = list[int](), list[Prompt](), list[int]()
        for row in rows:
            picked = None if picks is None else picks[row]
            dealt = self.dealer.deal(row) if picked is None else (picked, -1)
            if dealt is None:
                self._clear(row)
                continue
            prompt = self.engine.prompt(dealt[0], self.dealer.order_seed(row))
            self.rows.place(row, prompt, dealt[1])
            if self.masks is not None:
                self.masks.start(row, prompt)
            begun.append(row)
            prompts.append(prompt)
            deals.append(dealt[1])
        if self.waiting:
            self.waiting = [row for row in self.waiting if row not in rows]
        if not self.rows.all_active or len(begun) < len(rows):
            self.rows.all_active = bool(self.rows.active.all())
        return begun, begun_columns(prompts, deals)

    def play(self, tokens: npt.NDArray[Any]) -> dict[int, Ended]:
        """Adds ``tokens`` (N,) to the rows that play; the episodes that are over with them, by row.

        Raises:
            ValueError: a token that the task does not allow there; nothing was added then.
        """
        complete: list[int] = []
        if self.masks is None:
            candidates = self.rows.append(tokens)
            if not candidates:
                return {}
        else:
            complete = self.masks.append(tokens)
            candidates = sorted({*self.rows.append(tokens), *complete})
        ended: dict[int, Ended] = {}
        for row in candidates:
            reason = self.engine.stop_reason(self.rows.turn(row), row in complete)
            if reason and self.engine.talk is not None:
                reason = self.rows.hear(row)
            if reason:
                ended[row] = self.rows.ended(row, reason)
                if self.masks is not None:
                    self.masks.clear(row)
        return ended

    def rest(self, rows: Sequence[int]) -> None:
        """``rows``, whose episodes are over, keep their text and wait until they begin again."""
        for row in rows:
            self.rows.rest(row)
        self.waiting = sorted({*self.waiting, *rows})

    def get_state(self) -> dict[str, Any]:
        """JSON-able; :meth:`set_state` continues from it bit for bit."""
        episodes: list[list[Any] | None] = []
        for row, paid in enumerate(self.rows.paid.tolist()):
            prompt = self.rows.prompt(row)
            going = None if prompt is None else [prompt.index, self.rows.deal(row), self.rows.answer(row).tolist(), paid, prompt.other]
            episodes.append(going)
        return {"about": self.engine.about(), "dealer": self.dealer.get_state(), "episodes": episodes, "waiting": list(self.waiting)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restores what :meth:`get_state` gave.

        Raises:
            ValueError: the state belongs to another environment, number of rows or deal.
        """
        self.engine.check_state(state)
        num_envs = len(self.rows.active)
        if len(state["episodes"]) != num_envs:
            raise ValueError(f"this state was saved with num_envs={len(state['episodes'])}, here it is {num_envs}")
        self.dealer.set_state(state["dealer"])
        self.waiting = []
        for row, episode in enumerate(state["episodes"]):
            self._clear(row)
            if episode is not None:
                index, deal, answer, paid, other = episode
                prompt = self.engine.prompt(index, other)
                self.rows.place(row, prompt, deal)
                self.rows.write(row, answer, paid)
                if self.masks is not None and row not in state["waiting"]:
                    self.masks.start(row, prompt, answer)
        self.rows.all_active = bool(self.rows.active.all())
        self.rest(state["waiting"])

    def _clear(self, row: int) -> None:
        self.rows.clear(row)
        if self.masks is not None:
            self.masks.clear(row)
