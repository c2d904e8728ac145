"""Prompts followed by their labels, as rows of tokens: what imitation learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tokengym.envs.engine import Engine

__all__ = ["labelled"]


def labelled(engine: Engine, indices: Sequence[int] | npt.NDArray[np.int64], clean: bool) -> dict[str, npt.NDArray[Any]]:
    """Rows (B, L) of the examples ``indices``, as an agent that writes the label would leave them; see ``TextGenVectorEnv.labelled``."""
    ids = np.full((len(indices), engine.width), engine.tokenizer.pad_token_id, dtype=np.int32)
    attention, completion = np.zeros(ids.shape, dtype=np.int8), np.zeros(ids.shape, dtype=np.int8)
    for row, index in enumerate(indices):
        label = engine.label(int(index), clean)
        start = len(label.prompt.ids)
        said = engine.transcript(label.prompt, label.completion.tolist())
        end = start + len(said.ids)
        ids[row, :start] = label.prompt.ids
        ids[row, start:end] = said.ids
        attention[row, :end] = 1
        completion[row, start:end] = said.agent
    return {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}
