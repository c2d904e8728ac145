"""An episode as text for people: prompt, answer, reference, reward and why it ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tokengym.envs.prompts import Prompt

__all__ = ["ansi", "asked", "colours", "paid_tokens"]

_STYLES = {"label": "\x1b[1m", "answer": "\x1b[36m", "good": "\x1b[32m", "bad": "\x1b[31m", "off": "\x1b[0m"}


def colours() -> bool:
    """Whether standard output is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def asked(prompt: Prompt, coloured: bool = False) -> str:
    """The prompt alone: how an episode's text begins."""
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")
    head = f"{style['label']}Prompt{style['off']} [{prompt.example.id}, {len(prompt.ids)} tokens, {prompt.cut} cut]"
    return head + "\n" + prompt.text.rstrip("\n") + "\n"


def paid_tokens(steps: Sequence[tuple[str, float]], coloured: bool = False) -> str:
    """The answer token by token on one line, each with its reward where that is not 0: ``A| fire (+0.2500)|<end> (+0.5000)``.

    Args:
        steps: the text that each step added ("" for the beginning of a character: shown as …), and what it was paid.
        coloured: with escape codes.
    """
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")
    told = []
    for text, reward in steps:
        paid = f" {style['good' if reward > 0 else 'bad']}({reward:+.4f}){style['off']}" if reward else ""
        told.append(f"{style['answer']}{text or '…'}{style['off']}{paid}".replace("\n", "\\n"))
    return "|".join(told)


def ansi(
    prompt: Prompt,
    answer: str,
    tokens: int,
    budget: int,
    final: Mapping[str, Any] | None,
    reward: float,
    coloured: bool = False,
    steps: Sequence[tuple[str, float]] = (),
) -> str:
    """The episode so far.

    Args:
        prompt: what was asked.
        answer: the text so far.
        tokens: tokens emitted so far.
        budget: tokens allowed.
        final: info of the last step; None while the episode goes on.
        reward: sum of the episode's rewards so far.
        coloured: with escape codes.
        steps: what each step added and was paid, where the caller kept it; shown as by :func:`paid_tokens`.
    """
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")
    lines = [
        f"{style['label']}Answer{style['off']} [{tokens} of {budget} tokens]",
        f"{style['answer']}{answer}{style['off']}",
    ]
    if steps:
        lines += [f"{style['label']}Tokens{style['off']}", paid_tokens(steps, coloured)]
    if prompt.example.references:
        lines += [f"{style['label']}Reference{style['off']}", prompt.example.references[0]]
    if final is not None:
        terms = ", ".join(f"{name} {value:.4f}" for name, value in final["reward_components"].items())
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in final["metrics"].items())
        lines.append(f"{style['good']}Reward {reward:.4f}{style['off']} ({terms}); ended by {final['stop_reason']}")
        if metrics:
            lines.append(f"Metrics: {metrics}")
    return asked(prompt, coloured) + "\n".join(lines) + "\n"
