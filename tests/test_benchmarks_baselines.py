"""Random, heuristic and oracle play every task, and stand in the order they should."""

from __future__ import annotations

import numpy as np
import pytest

from tokengym.benchmarks.baselines import BASELINES, RandomAgent, make_baseline
from tokengym.benchmarks.evaluate import eval_env, evaluate
from tokengym.envs import TASKS


@pytest.mark.parametrize("env", list(TASKS))
def test_oracle_above_heuristic_above_random(env: str) -> None:
    venv = eval_env(env, 8, split="test")
    scores = {name: evaluate(make_baseline(name, venv), venv, 24) for name in BASELINES}
    assert scores["random"].mean < 0.1 < scores["heuristic"].mean < scores["oracle"].mean
    assert scores["oracle"].mean > 0.9


@pytest.mark.parametrize("env", list(TASKS))
def test_the_answer_comes_out_as_it_went_in(env: str) -> None:
    venv = eval_env(env, 4, split="test")
    found = evaluate(make_baseline("oracle", venv), venv, 12)
    assert found.responses == [venv.task.oracle(venv.examples[i]).strip() for i in range(12)]


def test_random_is_seeded() -> None:
    obs = {"attention_mask": np.ones((3, 4))}
    one, again, other = (np.stack([agent.predict(obs)[0] for _ in range(20)]) for agent in (RandomAgent(50, s) for s in (1, 1, 2)))
    assert (one == again).all() and (one != other).any()
    assert one.min() >= 0 and one.max() < 50


def test_an_unknown_baseline() -> None:
    with pytest.raises(ValueError, match=r"'orcale' is not a known baseline. Did you mean 'oracle'\?"):
        make_baseline("orcale", eval_env("TextQA-v0", 1, split="test"))
