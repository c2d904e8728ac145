"""The real data set ``human-eval``: 164 hand-written Python functions with tests, for measurement only.

Source: Chen et al., "Evaluating Large Language Models Trained on Code", arXiv:2107.03374, through the package human-eval (MIT).
"""

from __future__ import annotations

import ast
import gzip
import json
from typing import Any

from tokengym.envs.base import Example
from tokengym.envs.named import NamedSet, package_folder

__all__ = ["SET", "load"]


def load(split: str) -> list[Example]:
    """The 164 problems; id "HumanEval/0", prompt = imports, helpers, signature and docstring; reference = the program without docstrings.

    A problem's ``check`` is one test, so the share of tests is all or nothing, which is pass@1 as its authors count it. Helpers that a
    prompt gives belong into the answer.

    Raises:
        ValueError: another split than "test"; a model trained on these problems could not be measured by them.
        ImportError: the package human-eval is not installed.
    """
    if split != "test":
        raise ValueError(
            f"dataset='human-eval' is for measurement only and has no split={split!r}; use split='test', and train on dataset='builtin'"
        )
    file = package_folder("human_eval", "human-eval", "human-eval") / "data" / "HumanEval.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [_example(json.loads(line)) for line in lines if line.strip()]


def _example(row: dict[str, Any]) -> Example:
    answer = _without_docstrings(row["prompt"] + row["canonical_solution"])
    tests = f"{row['test']}\n\ncheck({row['entry_point']})\n"
    return Example(row["task_id"], row["prompt"], (answer,), {"tests": tests, "answer": answer, "entry_point": row["entry_point"]})


def _without_docstrings(text: str) -> str:
    """A program that does the same in half the tokens."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            said = node.body[0]
            for number in range(said.lineno - 1, said.end_lineno or said.lineno):
                lines[number] = ""
    return "\n".join(line for line in lines if line.strip())


SET = NamedSet(
    tasks=("TextCode-v0",),
    load=load,
    package="human-eval",
    licence="MIT",
    source="Chen et al. 2021, arXiv:2107.03374; for measurement only",
    max_prompt_tokens=640,
    max_new_tokens=768,
)
