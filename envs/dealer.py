"""Who plays which example next: one order for all rows of a vector environment, or one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium.utils import seeding

from tokengym.envs.order import Order

__all__ = ["DEALS", "Dealer"]

DEALS = ("independent", "shared")


class Dealer:
    """Deals examples to rows.

    Args:
        examples: number of examples.
        rows: number of rows, N.
        group_size: episodes per example, dealt one after the other.
        shuffled: as in :class:`Order`.
        shared: one order feeds all rows; otherwise row i has its own, seeded with seed + i.
    """

    def __init__(self, examples: int, rows: int, group_size: int, shuffled: bool, shared: bool) -> None:
        count = 1 if shared else rows
        self.shared = shared
        self._orders = [Order(examples, group_size, shuffled) for _ in range(count)]
        self._generators = [seeding.np_random(0)[0] for _ in range(count)]
        self._seeded = [False] * count
        self._left: int | None = None  # episodes still to be dealt; None: no end

    def seed(self, seeds: Sequence[int | None], rows: Sequence[int]) -> None:
        """Starts the orders of ``rows`` again where a seed is given or none was ever drawn; ``seeds`` has one entry per order."""
        for i in (0,) if self.shared else rows:
            if seeds[i] is not None or not self._seeded[i]:
                self._generators[i] = seeding.np_random(seeds[i])[0]
                self._orders[i].start(int(self._generators[i].integers(2**63)))
                self._seeded[i] = True

    def limit(self, episodes: int | None, first: int | None = None) -> None:
        """From now on deals exactly this many episodes (shared only), from place ``first`` of the order on; None: no end, no jump."""
        self._left = episodes
        if first is not None:
            self._orders[0].start(self._orders[0].seed, int(first))

    def deal(self, row: int) -> tuple[int, int] | None:
        """The next (example index, deal index) for ``row``; None where no episode is left."""
        if self._left is not None:
            if self._left == 0:
                return None
            self._left -= 1
        return next(self._orders[0 if self.shared else row])

    def order_seed(self, row: int) -> int:
        """The seed of the order that feeds ``row``."""
        return self._orders[0 if self.shared else row].seed

    def get_state(self) -> dict[str, Any]:
        """JSON-able; :meth:`set_state` continues from it."""
        return {
            "orders": [[order.seed, order.position] for order in self._orders],
            "rngs": [generator.bit_generator.state for generator in self._generators],
            "seeded": list(self._seeded),
            "left": self._left,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores what :meth:`get_state` gave. Raises ValueError for another number of orders."""
        if len(state["orders"]) != len(self._orders):
            raise ValueError(f"this state holds {len(state['orders'])} orders, expected {len(self._orders)}; keep num_envs and deal")
        for order, (seed, position) in zip(self._orders, state["orders"], strict=True):
            order.start(seed, position)
        for generator, saved in zip(self._generators, state["rngs"], strict=True):
            generator.bit_generator.state = saved
        self._seeded = list(state["seeded"])
        self._left = state["left"]
