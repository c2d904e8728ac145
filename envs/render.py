"""An episode as text for people: prompt, answer, each token with its reward, reference, score and why it ended."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym.envs.prompts import Prompt
from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["Seen", "Turns", "asked", "clean", "colours", "columns", "paid_tokens", "paid_turns", "pieces", "played"]

Turns = Sequence[Sequence[tuple[str, float]]]  # of each turn of the agent, of each token: the text that it added, what it was paid
_STYLES = {"label": "\x1b[1m", "answer": "\x1b[36m", "good": "\x1b[32m", "bad": "\x1b[31m", "off": "\x1b[0m"}
_WIDTH = 100  # columns where there is no terminal to ask
_END = "<end>"  # how the end-of-sequence token is shown
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_IN_LINE = {**_CONTROLS, ord("\n"): "\\n", ord("\t"): "\\t"}


class Seen:
    """What a vector environment that is watched has paid of late, and how its last episodes ended.

    Args:
        num_envs: N, rows.
        budget: tokens of one episode; so many steps are kept.
    Attributes:
        final: row -> info of the last step, of the rows that ended when rows last did.
    """

    def __init__(self, num_envs: int, budget: int) -> None:
        self.final: Mapping[int, Mapping[str, Any]] = {}
        self._paid = np.zeros((budget, num_envs))
        self._steps = 0

    def add(self, rewards: npt.NDArray[np.float64]) -> None:
        """A step paid ``rewards`` (N,)."""
        self._paid[self._steps % len(self._paid)] = rewards
        self._steps += 1

    def rewards(self, row: int, tokens: int) -> list[float]:
        """What ``row`` was paid for its last ``tokens`` tokens; 0.0 for what nobody saw."""
        return [float(self._paid[step % len(self._paid), row]) for step in range(self._steps - tokens, self._steps)]


def colours() -> bool:
    """Whether standard output is a terminal that wants colours (https://no-color.org: NO_COLOR, set to anything but "", refuses them)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """How wide lines may be: as the terminal is, 100 where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH


def clean(text: str) -> str:
    """``text`` with control characters spelt out, line breaks and tabs aside: no answer may move a reader's cursor."""
    return text.translate(_CONTROLS)


def pieces(tokenizer: TextTokenizer, tokens: Sequence[int]) -> list[str]:
    """What each token adds to the text: "" for one that begins a character which a later token completes."""
    told: list[str] = []
    before = ""
    for place, token in enumerate(tokens, start=1):
        text = tokenizer.decode(tokens[:place])
        if token == tokenizer.eos_token_id:
            told.append(_END)
        elif text.endswith("\ufffd") and place < len(tokens):
            told.append("")
        else:
            told.append(text[len(before) :] or f"<{token}>")
            before = text
    return told


def paid_turns(tokenizer: TextTokenizer, behind: npt.NDArray[Any], agent: npt.NDArray[Any], rewards: Iterable[float]) -> Turns:
    """The agent's tokens turn by turn, each with its reward.

    Args:
        tokenizer: ids to text.
        behind: (T,) tokens behind the prompt, of the agent and of whoever answers it.
        agent: (T,) 1 on the agent's.
        rewards: of each of the agent's tokens; 0.0 where that is not known any more.
    """
    turns = np.split(behind, np.flatnonzero(np.diff(agent)) + 1)[::2] if len(behind) else []  # the agent's is the first
    paid = iter(rewards)
    return [[(text, next(paid, 0.0)) for text in pieces(tokenizer, turn.tolist())] for turn in turns]


def asked(prompt: Prompt, coloured: bool = False) -> str:
    """The prompt alone: how an episode's text begins."""
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")
    head = f"{style['label']}Prompt{style['off']} [{prompt.example.id}, {len(prompt.ids)} tokens, {prompt.cut} cut]"
    return head + "\n" + clean(prompt.text.rstrip("\n")) + "\n"


def paid_tokens(steps: Sequence[tuple[str, float]], width: int = _WIDTH, coloured: bool = False) -> list[str]:
    """The answer token by token in lines, and under them what was paid for those that were paid for.

    Args:
        steps: the text that each step added ("" for the beginning of a character: shown as …), and what it was paid.
        width: columns, of which Chinese characters take two.
        coloured: with escape codes.
    """
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")
    lines: list[str] = []
    tokens, rewards, used, gap, owed = "", "", 0, 0, 0  # gap: columns that fill up the last token, owed: the last reward
    for text, reward in steps:
        shown = (text if text.strip(" ") else "␣" * len(text)).translate(_IN_LINE) or "…"
        paid = f"{reward:+.4f}" if reward else ""
        wide = _columns(shown)
        if used and used + 1 + max(wide, len(paid)) > width:
            lines += [tokens, rewards] if rewards else [tokens]
            tokens, rewards, used, gap, owed = "", "", 0, 0, 0
        tokens += f"{' ' * gap}{'|' * (used > 0)}{style['answer']}{shown}{style['off']}"
        begin = used + (used > 0)
        if paid:
            rewards += f"{' ' * (begin - owed)}{style['good' if reward > 0 else 'bad']}{paid}{style['off']}"
            owed = begin + len(paid)
        gap = max(len(paid) - wide, 0)
        used = begin + wide + gap
    return [*lines, tokens, rewards] if rewards else [*lines, tokens]


def played(
    prompt: Prompt,
    answer: str,
    turns: Turns,
    budget: int,
    final: Mapping[str, Any] | None,
    reward: float,
    coloured: bool = False,
    width: int = _WIDTH,
) -> str:
    """The episode behind its prompt, as far as it has gone.

    Args:
        prompt: what was asked.
        answer: the text so far.
        turns: the tokens so far with their rewards, see :func:`paid_turns`.
        budget: tokens allowed.
        final: info of the last step; None while the episode goes on.
        reward: sum of the episode's rewards so far.
        coloured: with escape codes.
        width: columns for the tokens.
    """
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")

    def label(text: str) -> str:
        return f"{style['label']}{text}{style['off']}"

    spent = sum(len(turn) for turn in turns)
    lines = [f"{label('Answer')} [{spent} of {budget} tokens]", f"{style['answer']}{clean(answer)}{style['off']}"]
    if spent:
        lines.append(label("Tokens"))
        for turn in turns:
            lines += paid_tokens(turn, width, coloured)
    if prompt.example.references:
        lines += [label("Reference"), clean(prompt.example.references[0])]
    if final is not None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in final["reward_components"].items())
        terms = told if final.get("reward_valid", True) else "this answer cannot be scored"
        lines.append(
            f"{style['good' if reward > 0 else 'bad']}Reward {reward:.4f}{style['off']} ({terms}); ended by {final['stop_reason']}"
        )
        if final["metrics"]:
            lines.append("Metrics: " + ", ".join(f"{name} {value:.4f}" for name, value in final["metrics"].items()))
    return "\n".join(lines) + "\n"


def _columns(text: str) -> int:
    """Columns that a terminal gives ``text``: two for wide characters, none for accents and joiners."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else unicodedata.category(char) not in ("Mn", "Me", "Cf") for char in text)
