"""What a reader wants to know of each registered reward, read from its class: the listing and docs/rewards.md are made of it."""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

from tokengym._registry import unknown
from tokengym.rewards import REWARDS, BaseReward, make_reward
from tokengym.rewards.grammar import WRAPPERS
from tokengym.rewards.places import imported

__all__ = ["COLUMNS", "Card", "card", "cards", "cells"]

COLUMNS = ("name", "what it measures", "range", "better", "needs", "cost", "arguments")
_SOURCE = re.compile(r"\bSource:\s+(.+?)(?:\n\s*\n|\Z)", re.DOTALL)
_MARKUP = re.compile(r":\w+:`~?([^`]+)`|``")


class Card(NamedTuple):
    """One reward.

    Attributes:
        name: what specifications call it.
        about: the first sentence of its docstring.
        range: lowest and highest possible score.
        higher_is_better: the direction.
        needs: what a sample must carry, or "".
        cost: one of ``tokengym.rewards.parts.COSTS``.
        arguments: each as it would be written, with its default: "goal=20"; one without a default stands alone.
        required: the arguments that have no default.
        source: where the definition comes from, or "".
        doc: the whole docstring.
    """

    name: str
    about: str
    range: tuple[float, float]
    higher_is_better: bool
    needs: str
    cost: str
    arguments: tuple[str, ...]
    required: tuple[str, ...]
    source: str
    doc: str


def card(name: str) -> Card:
    """The card of the reward called ``name``, of a wrapper ("threshold", "clip"), or of what stands at a place ("my_module:my_reward").

    Raises:
        ValueError: nobody knows it ("did you mean"), or the place leads to no reward.
    """
    row: Any = _row(name)
    kind = row if inspect.isclass(row) or inspect.isfunction(row) else type(row)
    doc = inspect.getdoc(kind) or ""
    parameters = [p for p in inspect.signature(row).parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if not inspect.isclass(row):
        parameters = []  # ready-made: it takes none
    required = tuple(p.name for p in parameters if p.default is p.empty)
    made = _made(name, row, required)
    low, high = getattr(made, "range", (float("-inf"), float("inf")))
    source = _SOURCE.search(doc)
    return Card(
        name=name,
        about=_first_sentence(doc),
        range=(float(low), float(high)),
        higher_is_better=bool(getattr(made, "higher_is_better", True)),
        needs=str(getattr(made, "needs", "")),
        cost=str(getattr(made, "cost", "lexical")),
        arguments=tuple(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters),
        required=required,
        source="" if source is None else _first_sentence(source[1]),
        doc=doc,
    )


def cards() -> list[Card]:
    """The cards of all registered rewards, in the order of the table."""
    return [card(name) for name in REWARDS]


def cells(known: Card) -> tuple[str, ...]:
    """A card as a row under :data:`COLUMNS`."""
    low, high = (f"{end:g}".replace("inf", "∞") for end in known.range)
    better = "higher" if known.higher_is_better else "lower"
    return known.name, known.about, f"{low} to {high}", better, known.needs or "-", known.cost, ", ".join(known.arguments) or "-"


def _row(name: str) -> object:
    if ":" in name:
        return imported(name)
    if name not in REWARDS and name not in WRAPPERS:
        raise unknown("reward", name, [*REWARDS, *WRAPPERS], REWARDS.hint)
    return REWARDS[name] if name in REWARDS else WRAPPERS[name]


def _made(name: str, row: Any, required: tuple[str, ...]) -> BaseReward | Any:
    """The reward with its defaults, some of which decide what it needs; its class where that cannot be made here."""
    if required:
        return row
    try:
        return make_reward(name)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError):  # its model is absent, say: it is listed all the same
        return row


def _first_sentence(doc: str) -> str:
    """The first sentence of the first paragraph, without markup."""
    paragraph = _MARKUP.sub(r"\1", " ".join(re.split(r"\n\s*\n", doc, maxsplit=1)[0].split()))
    end = re.search(r"(?<=[.!?])\s+(?=[A-Z])", paragraph)
    return (paragraph[: end.start()] if end else paragraph).rstrip(".")
