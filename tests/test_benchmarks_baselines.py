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


@pytest.mark.parametrize("env", ["TextClassify-v0", "TextRank-v0"])
def test_constrained_answers(env: str) -> None:
    venv = eval_env(env, 8, split="test", constrained=True)
    found = {name: evaluate(make_baseline(name, venv), venv, 40) for name in BASELINES}
    assert found["oracle"].mean == 1.0 > found["heuristic"].mean > found["random"].mean > 0
    for name in ("heuristic", "oracle"):
        wanted = [getattr(venv.task, name)(venv.examples[index]).strip() for index in range(40)]
        assert found[name].responses == wanted and set(found[name].stop_reasons) <= {"complete", "eos"}
    for index, response in enumerate(found["random"].responses):  # an answer that the task allows, whatever the dice say
        assert venv.engine.constraint.encode(venv.engine.book[index], response)


def test_random_tokens_are_drawn_of_the_allowed_ones_alike() -> None:
    masks = np.array([[0, 1, 0, 1, 1], [0, 0, 0, 0, 1]])
    agent, other = RandomAgent(5, seed=3), RandomAgent(5, seed=3)
    drawn = np.stack([agent.predict({"attention_mask": np.ones((2, 1))}, action_masks=masks)[0] for _ in range(3000)])
    assert (drawn == np.stack([other.predict({"attention_mask": np.ones((2, 1))}, action_masks=masks)[0] for _ in range(3000)])).all()
    assert np.bincount(drawn[:, 0], minlength=5)[[0, 2]].tolist() == [0, 0] and (drawn[:, 1] == 4).all()
    assert np.bincount(drawn[:, 0])[[1, 3, 4]] / 3000 == pytest.approx(1 / 3, abs=0.03)  # 3.5 standard deviations


@pytest.mark.parametrize("language", ["en", "zh"])
def test_conversations_turn_by_turn(language: str) -> None:
    venv = eval_env("TextDialogue-v0", 6, split="test", turns=8, user_language=language)
    scripts = [venv.task.oracle(venv.examples[index]) for index in range(12)]
    for seed in (0, 1):  # other customers
        found = evaluate(make_baseline("oracle", venv), venv, 12, seed=seed)
        assert found.responses == scripts and set(found.stop_reasons) == {"complete"}
        assert found.metrics["task_success"] == [1.0] * 12 and found.metrics["turns"] == [len(each.split("\n")) for each in scripts]
    heuristic = evaluate(make_baseline("heuristic", venv), venv, 12)
    assert 0.3 < np.mean([value or 0.0 for value in heuristic.metrics["task_success"]]) < 1.0


def test_an_unknown_baseline() -> None:
    with pytest.raises(ValueError, match=r"'orcale' is not a known baseline. Did you mean 'oracle'\?"):
        make_baseline("orcale", eval_env("TextQA-v0", 1, split="test"))
