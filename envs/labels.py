"""Prompts followed by their labels, or by other answers, as rows of tokens: what is learned without playing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym.envs.base import Example
from tokengym.envs.engine import Ended, Engine
from tokengym.envs.prompts import PromptBook

__all__ = ["answered", "labelled"]


def labelled(engine: Engine, indices: Sequence[int] | npt.NDArray[np.int64], clean: bool) -> dict[str, npt.NDArray[Any]]:
    """Rows (B, L) of the examples ``indices``, as an agent that writes the label would leave them; see ``TextGenVectorEnv.labelled``."""
    return _rows(engine, [engine.label(int(index), clean) for index in indices])


def answered(engine: Engine, prompts: Sequence[int | str], answers: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Rows (B, L) of prompts followed by answers, as an agent that writes them would leave them; see ``TextGenVectorEnv.answered``."""
    if len(prompts) != len(answers):
        raise ValueError(f"{len(prompts)} prompts and {len(answers)} answers; one each is expected")
    texts = list(dict.fromkeys(prompt for prompt in prompts if isinstance(prompt, str)))
    chat = engine.keywords.prompt_format == "chat"
    strange = PromptBook(engine.task, [Example(text, text) for text in texts], engine.tokenizer, chat, engine.max_prompt_tokens)
    number = {text: place for place, text in enumerate(texts)}
    asked = [strange[number[prompt]] if isinstance(prompt, str) else engine.book[int(prompt)] for prompt in prompts]
    return _rows(engine, [engine.answered(prompt, answer) for prompt, answer in zip(asked, answers, strict=True)])


def _rows(engine: Engine, episodes: Sequence[Ended]) -> dict[str, npt.NDArray[Any]]:
    ids = np.full((len(episodes), engine.width), engine.tokenizer.pad_token_id, dtype=np.int32)
    attention, completion = np.zeros(ids.shape, dtype=np.int8), np.zeros(ids.shape, dtype=np.int8)
    for row, episode in enumerate(episodes):
        start = len(episode.prompt.ids)
        said = engine.transcript(episode.prompt, episode.completion.tolist())
        end = start + len(said.ids)
        ids[row, :start] = episode.prompt.ids
        ids[row, start:end] = said.ids
        attention[row, :end] = 1
        completion[row, start:end] = said.agent
    return {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}
