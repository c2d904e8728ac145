"""envs/rows.py: token rows side by side."""

from __future__ import annotations

import numpy as np
import pytest

from tests.letters import BOS, EOS, PAD, say, tokens
from tokengym.envs.rows import Rows


def test_rows_are_placed_appended_and_cleared() -> None:
    engine = say(max_new_tokens=2).engine
    rows = Rows(2, engine)
    rows.place(0, engine.book[0], 5)
    a, b = tokens("ab")
    assert rows.append(np.array([a, b])) == []  # row 1 is idle: its token is ignored
    assert rows.answer(0).tolist() == [a] and rows.deal(0) == 5
    obs = rows.observation()
    start = len(engine.book[0].ids)
    assert obs["input_ids"][0].tolist() == [BOS, *tokens(">say ab:"), a] + [PAD] * (engine.width - start - 1)
    assert obs["attention_mask"].sum(1).tolist() == [start + 1, 0]
    assert np.flatnonzero(obs["completion_mask"][0]).tolist() == [start]
    assert not obs["input_ids"][1].any()
    rows.place(1, engine.book[1], 6)
    rows.all_active = True
    assert rows.append(np.array([b, EOS])) == [0, 1]  # out of tokens; end of sequence
    rows.clear(0)
    assert rows.active.tolist() == [False, True]
    assert not rows.observations([0])[0]["attention_mask"].any()
    with pytest.raises(RuntimeError, match="row 0 plays no episode"):
        rows.ended(0, "eos")


def test_a_placed_row_holds_nothing_of_the_last_episode() -> None:
    engine = say().engine
    used, fresh = Rows(1, engine), Rows(1, engine)
    used.place(0, engine.book[1], 0)
    used.write(0, tokens("xyz"), 0.5)
    for rows in (used, fresh):
        rows.place(0, engine.book[2], 1)
    assert all((used.observation()[key] == fresh.observation()[key]).all() for key in used.observation())
    assert used.paid[0] == 0.0
