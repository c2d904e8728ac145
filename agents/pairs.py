"""Pairs of a chosen and a rejected answer that somebody wrote down: read from a file or from an environment's examples."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tokengym.agents.cut import answer_budget, cut_answers

__all__ = ["Pair", "distinct_pairs", "pair_rows", "pairs_of_examples", "read_pairs"]

_PROMPTS = ("prompt", "index", "sample_id")
_AT_ONCE = 256  # pairs that are encoded together


class Pair(NamedTuple):
    """``prompt``: the text that an example of the task has as its prompt, or the index of one; two answers to it."""

    prompt: int | str
    chosen: str
    rejected: str


def read_pairs(path: str | Path, venv: Any) -> list[Pair]:
    """The pairs of a JSONL file: in each line "chosen", "rejected", and one of "prompt", "index", "sample_id".

    Args:
        path: the file; empty lines are passed over.
        venv: the environment whose examples "index" and "sample_id" name.
    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line that is no JSON object with these keys, an example that is not there, or no pair at all.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"pairs={str(path)!r} is no file; expected 'policy' (sampled and ranked by the reward), 'dataset' (examples with chosen and "
            "rejected), or the path of a JSONL file with prompt, chosen, rejected"
        )
    found: list[tuple[str, Any, str, str]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            found.append(_parsed(line, f"{file}, line {number}"))
    if not found:
        raise ValueError(f"{file} holds no pairs; expected lines with prompt (or index, or sample_id), chosen, rejected")
    places = _places({prompt for key, prompt, _, _ in found if key == "sample_id"}, venv.examples, str(file))
    count = len(venv.examples)
    for key, prompt, _, _ in found:
        if key == "index" and not 0 <= prompt < count:
            raise ValueError(f"{file}: index={prompt} lies outside the data set of {count} examples")
    return [Pair(places[prompt] if key == "sample_id" else prompt, chosen, rejected) for key, prompt, chosen, rejected in found]


def pairs_of_examples(venv: Any) -> list[Pair]:
    """The pairs of the environment's own examples, which have "chosen" and "rejected" in their meta (columns of the data set).

    Raises:
        ValueError: an example has not.
    """
    pairs = []
    for index in range(len(venv.examples)):
        example = venv.examples[index]
        answers = [example.meta.get(name) for name in ("chosen", "rejected")]
        if not all(isinstance(answer, str) for answer in answers):
            raise ValueError(
                f"pairs='dataset', and example {example.id!r} lacks chosen or rejected in its meta ({sorted(example.meta)}); "
                "give the environment a dataset with these columns, or pairs=FILE"
            )
        pairs.append(Pair(index, *(str(answer) for answer in answers)))
    return pairs


def distinct_pairs(pairs: Sequence[Pair], venv: Any) -> list[int]:
    """Places of the pairs that can teach: their two answers differ in the tokens that the environment lets an answer have.

    It warns of answers that are cut off, and of pairs that are the same then and are left out.

    Raises:
        ValueError: no pair is left.
    """
    differ, cut = list[bool](), 0
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        obs = _encoded(some, venv)
        ids, mask = np.asarray(obs["input_ids"]), np.asarray(obs["completion_mask"])
        answers = np.where(mask.astype(np.bool_), ids, -1)
        differ += (answers[: len(some)] != answers[len(some) :]).any(axis=1).tolist()
        cut += int(cut_answers(ids, mask, venv).sum())
    budget = answer_budget(venv)
    if cut:
        warnings.warn(
            f"{cut} of {2 * len(pairs)} answers are longer than max_new_tokens={budget} and are cut off, without an end; "
            "make the environment with a larger max_new_tokens",
            stacklevel=4,
        )
    places = [place for place, different in enumerate(differ) if different]
    same = len(pairs) - len(places)
    what = f"{same} of {len(pairs)} pairs have a chosen answer whose tokens (max_new_tokens={budget}) are those of the rejected one"
    if not places:
        raise ValueError(f"{what}; there is nothing to learn. Make the environment with a larger max_new_tokens, or give other pairs")
    if same:
        warnings.warn(f"{what}, the first is pair {differ.index(False)}; they teach nothing and are left out", stacklevel=4)
    return places


def _encoded(pairs: Sequence[Pair], venv: Any) -> Mapping[str, Any]:
    """The chosen answers and then the rejected ones behind their prompts, 2P rows."""
    answers = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    rows: Mapping[str, Any] = venv.answered([pair.prompt for pair in pairs] * 2, answers)
    return rows


def pair_rows(pairs: Sequence[Pair], venv: Any, device: torch.device) -> dict[str, Tensor]:
    """The chosen answers and then the rejected ones behind their prompts, as a batch of 2P rows with ``lengths``."""
    obs = _encoded(pairs, venv)
    lengths = np.asarray(obs["attention_mask"]).sum(axis=1, dtype=np.int64)
    width = int(lengths.max())
    batch = {name: torch.from_numpy(np.asarray(column)[:, :width].astype(np.int64)).to(device) for name, column in obs.items()}
    return {**batch, "lengths": torch.from_numpy(lengths).to(device)}


def _parsed(line: str, where: str) -> tuple[str, Any, str, str]:
    """Which key names the prompt, what it says, the chosen and the rejected answer."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where} is no JSON: {error}") from None
    if not isinstance(row, Mapping):
        raise ValueError(f"{where} is a {type(row).__name__}; expected an object with prompt, chosen, rejected")
    keys = [key for key in _PROMPTS if key in row]
    if len(keys) != 1:
        raise ValueError(f"{where} has {' and '.join(keys) or 'none'} of prompt, index, sample_id; expected exactly one")
    kind = int if keys[0] == "index" else str
    wrong = [name for name in ("chosen", "rejected") if not isinstance(row.get(name), str)]
    if wrong or not isinstance(row[keys[0]], kind) or isinstance(row[keys[0]], bool):
        name, wanted = (wrong[0], "str") if wrong else (keys[0], kind.__name__)
        raise ValueError(f"{where}: {name} is {row.get(name)!r}; expected a {wanted}")
    return keys[0], row[keys[0]], row["chosen"], row["rejected"]


def _places(wanted: set[str], examples: Sequence[Any], file: str) -> dict[str, int]:
    """The indices of examples by id; reads the data set as far as it must."""
    places: dict[str, int] = {}
    for index in range(len(examples) if wanted else 0):
        identity = examples[index].id
        if identity in wanted:
            places[identity] = index
            if len(places) == len(wanted):
                break
    missing = sorted(wanted - places.keys())
    if missing:
        raise ValueError(f"{file}: {len(missing)} sample_id are not in the data set of {len(examples)} examples, the first {missing[0]!r}")
    return places
