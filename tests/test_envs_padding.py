"""envs/padding.py: right padding to left padding."""

from __future__ import annotations

import numpy as np

from tokengym.envs import left_pad


def test_rows_move_to_the_right() -> None:
    obs = {"input_ids": np.array([[5, 6, 0, 0], [7, 8, 9, 0]]), "attention_mask": np.array([[1, 1, 0, 0], [1, 1, 1, 0]])}
    left = left_pad(obs)
    assert left["input_ids"].tolist() == [[0, 5, 6], [7, 8, 9]]
    assert left["attention_mask"].tolist() == [[0, 1, 1], [1, 1, 1]]
    assert obs["input_ids"].tolist()[0] == [5, 6, 0, 0]


def test_one_row_and_a_full_row() -> None:
    assert left_pad({"input_ids": np.array([5, 6, 0]), "attention_mask": np.array([1, 1, 0])})["input_ids"].tolist() == [5, 6]
    assert left_pad({"input_ids": np.array([[5, 6]]), "attention_mask": np.array([[1, 1]])})["input_ids"].tolist() == [[5, 6]]


def test_an_idle_row_is_all_padding() -> None:
    left = left_pad({"input_ids": np.array([[0, 0], [4, 0]]), "attention_mask": np.array([[0, 0], [1, 0]])})
    assert left["input_ids"].tolist() == [[0], [4]] and left["attention_mask"].tolist() == [[0], [1]]
