"""An episode as text for people: prompt, answer, reference, reward and why it ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from tokengym.envs.prompts import Prompt

__all__ = ["ansi", "colours"]

_STYLES = {"label": "\x1b[1m", "answer": "\x1b[36m", "good": "\x1b[32m", "off": "\x1b[0m"}


def colours() -> bool:
    """Whether standard output is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def ansi(
    prompt: Prompt, answer: str, tokens: int, budget: int, final: Mapping[str, Any] | None, reward: float, coloured: bool = False
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
    """
    style = _STYLES if coloured else dict.fromkeys(_STYLES, "")
    lines = [
        f"{style['label']}Prompt{style['off']} [{prompt.example.id}, {len(prompt.ids)} tokens, {prompt.cut} cut]",
        prompt.text.rstrip("\n"),
        f"{style['label']}Answer{style['off']} [{tokens} of {budget} tokens]",
        f"{style['answer']}{answer}{style['off']}",
    ]
    if prompt.example.references:
        lines += [f"{style['label']}Reference{style['off']}", prompt.example.references[0]]
    if final is not None:
        terms = ", ".join(f"{name} {value:.4f}" for name, value in final["reward_components"].items())
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in final["metrics"].items())
        lines.append(f"{style['good']}Reward {reward:.4f}{style['off']} ({terms}); ended by {final['stop_reason']}")
        if metrics:
            lines.append(f"Metrics: {metrics}")
    return "\n".join(lines) + "\n"
