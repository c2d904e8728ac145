"""Labels and written answers beyond the token budget: which are cut, what SFT and DPO say of them, and pairs that are left out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.echo import EXAMPLES, LETTERS, echo_policy, echo_venv
from tests.guessing import guesses
from tests.text_rows import TokenRows
from tokengym.agents.cut import answer_budget, cut_answers
from tokengym.agents.dpo import DPO, DPOConfig
from tokengym.agents.sft import SFT, SFTConfig
from tokengym.envs import Example, TextGenVectorEnv


def longer(count: int) -> list[Example]:
    """The letters; the first ``count`` have a label of three words, to which the budget of three tokens leaves no end."""
    return [Example(id=e.id, prompt=e.prompt, references=("a b c" if i < count else "a b",)) for i, e in enumerate(EXAMPLES)]


def cut(venv: TextGenVectorEnv, rows: list[int]) -> list[bool]:
    obs = venv.labelled(rows)
    found: list[bool] = cut_answers(obs["input_ids"], obs["completion_mask"], venv).tolist()
    return found


def test_an_answer_is_cut_where_it_fills_the_budget_without_an_end() -> None:
    venv = echo_venv(dataset=longer(2))
    assert answer_budget(venv) == 3
    assert cut(venv, [0, 1, 2, 3]) == [True, True, False, False]  # "a b <eos>" fills it, and ends
    assert [venv.engine.label(i).reason for i in (1, 2)] == ["max_tokens", "eos"]


def test_of_several_turns_each_has_the_budget() -> None:
    venv = guesses(
        2, deal="shared", dataset=[Example("x", "", ("ab\ncd",), {"word": "xyz"}), Example("y", "", ("a\nbcdef",), {"word": "xyz"})]
    )
    assert cut(venv, [0, 1]) == [False, True]  # four tokens a turn: "ab<eos>", "cd<eos>", and "bcde"


def test_where_nothing_is_known_nothing_is_cut() -> None:
    venv = TokenRows(2)
    assert answer_budget(venv) == 0
    assert not cut_answers(np.ones((2, 30), dtype=np.int64), np.ones((2, 30), dtype=np.int64), venv).any()


def test_sft_tells_of_labels_that_never_end() -> None:
    agent = SFT(echo_policy(), echo_venv(dataset=longer(2)), config=SFTConfig(batch_size=8, updates=2))
    with pytest.warns(
        UserWarning, match=r"2 of the first 8 labels are longer than max_new_tokens=3 and are cut off, without an end"
    ) as told:
        agent.learn(progress=False)
    assert len(told) == 1 and [stats["cut_labels"] for stats in agent.history] == [0.25, 0.25]
    whole = SFT(echo_policy(), echo_venv(dataset=longer(0)), config=SFTConfig(batch_size=8, updates=1)).learn(progress=False)
    assert whole.history[0]["cut_labels"] == 0.0


def dpo(path: Path, rejected: list[str]) -> DPO:
    rows = [{"index": i, "chosen": "a b c d", "rejected": text} for i, text in enumerate(rejected)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return DPO(echo_policy(), echo_venv(group_size=4), config=DPOConfig(pairs=str(path), batch_size=4, updates=2))


def test_pairs_that_the_budget_makes_equal_are_left_out(tmp_path: Path) -> None:
    agent = dpo(tmp_path / "pairs.jsonl", ["a b c e", "a", "b", "a b c", "c", "d"])  # 0 and 3 are "a b c" when cut
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        seen = [token for _ in range(4) for token in agent.draw()["input_ids"][:4, 1].tolist()]
    assert sorted(set(seen)) == [3 + LETTERS.index(letter) for letter in "bcef"]  # the prompts of pairs 1, 2, 4, 5
    assert [seen.count(letter) for letter in set(seen)] == [4] * 4
    cut_off, same = (str(warning.message) for warning in told)
    assert cut_off.startswith("8 of 12 answers are longer than max_new_tokens=3 and are cut off")
    assert same.startswith(
        "2 of 6 pairs have a chosen answer whose tokens (max_new_tokens=3) are those of the rejected one, the first is p"
    )
    agent.learn(progress=False)
    assert agent.history[-1]["loss"] < agent.history[0]["loss"]


def test_nothing_but_equal_pairs_is_refused(tmp_path: Path) -> None:
    agent = dpo(tmp_path / "pairs.jsonl", ["a b c e", "a b c"])
    with (
        pytest.warns(UserWarning, match="4 of 4 answers are longer"),
        pytest.raises(ValueError, match="2 of 2 pairs .*; there is nothing to learn. Make the environment with a larger max_new_tokens"),
    ):
        agent.draw()
