"""The learning curves: what is drawn, on which grid, and that it is a picture."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from tests.result_rows import result_rows
from tokengym.benchmarks.curves import curves, draw


def test_curves_join_seeds_on_the_stretch_they_share() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    trained = [r for r in rows if r["agent"]["name"] == "sft+ppo"]
    trained[0]["training"] |= {"validation_tokens": [0, 1000, 2000], "validation": [0.6, 0.9, 0.9]}
    kind, found = curves(rows)
    curve = found["TextQA-v0"]["sft+ppo"]
    assert kind == "validation" and curve.seeds.shape[0] == 3
    assert (curve.tokens[0], curve.tokens[-1]) == (0, 2000)
    assert curve.mean[0] == pytest.approx(0.6)
    assert curve.mean[-1] == pytest.approx((0.9 + 0.7 + 0.7) / 3)  # the others climb by 0.05 every 1000 tokens


def test_training_rewards_stand_in_where_nobody_validated() -> None:
    rows = result_rows(envs=("TextQA-v0",))
    for row in rows:
        row["training"].pop("validation", None)
    assert curves(rows)[0] == "reward"


def test_draw_gives_a_picture_with_a_panel_per_environment() -> None:
    picture = draw(result_rows(), dots_per_inch=50)
    assert picture is not None
    pixels = matplotlib.image.imread(io.BytesIO(picture), format="png")
    assert pixels.shape[1] > 400 and pixels.shape[0] > 150
    blue = np.all(np.abs(pixels[:, :, :3] - np.array([0x00, 0x72, 0xB2]) / 255) < 0.05, axis=-1)
    left, right = blue[:, : pixels.shape[1] // 2], blue[:, pixels.shape[1] // 2 :]
    assert left.any() and right.any()  # the agent's line in either panel


def test_nothing_trained_draws_nothing() -> None:
    assert draw([r for r in result_rows() if r["agent"]["name"] == "random"]) is None
