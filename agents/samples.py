"""Answers that a person can read: a few of each validation, with prompt, references and reward, in one file per run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokengym.agents.rollout import Rollout

__all__ = ["SampleLog", "samples_of"]

_FILE = "samples.jsonl"


def samples_of(rollout: Rollout, venv: Any, count: int) -> list[dict[str, Any]]:
    """The first ``count`` episodes as JSON-able dicts: ``prompt``, ``response``, ``references``, ``reward``, ``valid``, ``stop_reason``.

    Texts and references that the vector env does not offer are left empty.
    """
    inner = getattr(venv, "unwrapped", venv)
    tokenizer, examples = getattr(inner, "tokenizer", None), getattr(inner, "examples", None)
    scores, valid = rollout.scores.tolist(), rollout.valid.tolist()
    samples = []
    for row in range(min(count, len(rollout.infos))):
        info = rollout.infos[row]
        first = int(rollout.completion_mask[row].argmax())  # tokens of the prompt
        prompt = "" if tokenizer is None else str(tokenizer.decode(rollout.input_ids[row, :first].tolist()))
        references = [] if examples is None or "index" not in info else list(examples[int(info["index"])].references)
        told = {"response": str(info.get("response", "")), "stop_reason": str(info.get("stop_reason", ""))}
        samples.append({"prompt": prompt, **told, "references": references, "reward": scores[row], "valid": valid[row]})
    return samples


class SampleLog:
    """``samples.jsonl`` in a folder: a line per answer, with the update and the training tokens after which it was given.

    Args:
        folder: made where it is missing.
        update: of the run that goes on; lines of later updates, which a killed run wrote, are dropped, and so is half a line. 0: a new
            run, with a new file.
    """

    def __init__(self, folder: str | os.PathLike[str], update: int = 0) -> None:
        self.path = Path(folder) / _FILE
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            return
        *lines, half = self.path.read_text(encoding="utf-8").split("\n")  # splitlines() would also cut at a U+2028 in an answer
        kept = [line for line in lines if update and json.loads(line)["update"] <= update]
        if half or len(kept) < len(lines):
            beside = self.path.with_suffix(".partial")
            beside.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
            os.replace(beside, self.path)

    def write(self, update: int, timesteps: int, samples: Sequence[Mapping[str, Any]]) -> None:
        """Appends the answers of one validation."""
        with self.path.open("a", encoding="utf-8") as file:
            for sample in samples:
                file.write(json.dumps({"update": update, "timesteps": timesteps, **sample}, ensure_ascii=False) + "\n")
