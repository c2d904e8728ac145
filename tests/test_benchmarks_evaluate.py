"""Evaluation: exactly n examples, in order, each once, whatever the number of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tokengym.agents import SFT, CausalLMPolicy
from tokengym.benchmarks.baselines import make_baseline
from tokengym.benchmarks.evaluate import default_examples, eval_env, evaluate, row_info


class _Reader:
    """Ends its answer after as many tokens as its row's number, and notes what it is told."""

    def __init__(self, venv: Any) -> None:
        self.end = venv.tokenizer.eos_token_id
        self.starts = 0
        self.greedy: set[bool] = set()

    def predict(self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False) -> tuple[Any, Any]:
        self.starts += int(episode_start.sum())
        self.greedy.add(deterministic)
        said = obs["completion_mask"].sum(axis=-1)
        return np.where(said >= np.arange(len(said)), self.end, 5), state


def test_exactly_n_examples_in_order() -> None:
    venv = eval_env("TextQA-v0", 4, split="test")
    player = _Reader(venv)
    found = evaluate(player, venv, 10)
    assert found.sample_ids == [venv.examples[i].id for i in range(10)]
    assert len(found.rewards) == len(found.responses) == len(found.stop_reasons) == 10
    assert {name: len(values) for name, values in found.metrics.items()} == {"exact": 10, "token_f1": 10}
    assert set(found.stop_reasons) == {"eos"} and player.greedy == {True}
    assert player.starts >= 10 and found.tokens > 10 and found.invalid == 0
    assert set(found.fingerprint) == {"env", "data", "tokenizer", "reward"}


def test_rows_do_not_matter() -> None:
    one = [evaluate(make_baseline("heuristic", v, 0), v, 9) for v in (eval_env("TextSumm-v0", n, split="test") for n in (1, 4, 16))]
    assert one[0].rewards == one[1].rewards == one[2].rewards
    assert one[0].responses == one[1].responses == one[2].responses


def test_examples_can_be_passed_over() -> None:
    venv = eval_env("TextQA-v0", 3, split="test", size=12)
    heuristic = make_baseline("heuristic", venv)
    all_of_them, later = evaluate(heuristic, venv, 12), evaluate(heuristic, venv, 5, first=7)
    assert later.sample_ids == all_of_them.sample_ids[7:] and later.rewards == all_of_them.rewards[7:]
    with pytest.raises(ValueError, match="examples=6; this split has 12 examples and 7 are passed over, so expected 1 to 5"):
        evaluate(heuristic, venv, 6, first=7)


def test_scores_that_are_paid_token_by_token_add_up() -> None:
    rewards = []
    for timing in ("terminal", "delta"):
        venv = eval_env("TextQA-v0", 4, split="test", reward="rouge_l", reward_timing=timing)
        rewards.append(evaluate(make_baseline("heuristic", venv), venv, 12).rewards)
    assert rewards[1] == pytest.approx(rewards[0]) and 0 < sum(rewards[0]) < 12


def test_the_mean_and_its_line() -> None:
    venv = eval_env("TextQA-v0", 2, split="test")
    found = evaluate(make_baseline("oracle", venv), venv, 3)
    assert found.mean == 1.0 and found.summary() == "reward 1.000 (exact 1.000, token_f1 1.000)"
    counted: list[int] = []
    evaluate(make_baseline("oracle", venv), venv, 3, progress=counted.append)
    assert sum(counted) == 3


def test_what_is_refused() -> None:
    venv = eval_env("TextQA-v0", 2, split="test", size=4)
    assert default_examples(venv, 100) == 4
    with pytest.raises(ValueError, match="examples=5; this split has 4 examples"):
        evaluate(make_baseline("oracle", venv), venv, 5)
    with pytest.raises(TypeError, match="object has no predict"):
        evaluate(object(), venv, 2)  # type: ignore[arg-type]

    class Bare:
        def predict(self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False) -> Any:
            return np.zeros(2, np.int64)

    class Narrow(Bare):
        def predict(self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False) -> Any:
            return np.zeros(1, np.int64), None

    with pytest.raises(TypeError, match=r"returned ndarray; expected a tuple \(actions, state\)"):
        evaluate(Bare(), venv, 2)
    with pytest.raises(ValueError, match=r"shape \(1,\); expected \(2,\)"):
        evaluate(Narrow(), venv, 2)
    with pytest.raises(ValueError, match=r"'TextQ-v0' is not a known environment. Did you mean 'TextQA-v0'\?"):
        eval_env("TextQ-v0", 2)


def test_row_info_follows_the_masks() -> None:
    infos = {
        "a": np.array([1, 2]),
        "_a": np.array([True, False]),
        "deep": {"b": np.array([3.0, 4.0]), "_b": np.array([False, True])},
        "_deep": np.array([True, True]),
        "plain": np.array([5, 6]),
    }
    assert row_info(infos, 0) == {"a": 1, "deep": {}, "plain": 5}
    assert row_info(infos, 1) == {"deep": {"b": 4.0}, "plain": 6}


def test_a_language_model_says_only_what_a_constrained_task_allows() -> None:
    venv = eval_env("TextClassify-v0", 4, split="test", constrained=True)
    agent = SFT(CausalLMPolicy.from_pretrained("builtin:tiny"))
    found = evaluate(agent, venv, 8)
    labels = {label for example in venv.examples for label in example.meta["labels"]}
    assert set(found.responses) <= labels and set(found.stop_reasons) == {"complete"}
