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
from tests.reward_rows import ROWS, Row
from tokengym.rewards import REWARDS, BaseReward, Reward, Sample, explain, make_reward
from tokengym.rewards.parts import COSTS

NAMES = sorted(REWARDS)
LEXICAL = [name for name in NAMES if name not in ROWS or ROWS[name].cost == "lexical"]  # models and programs are too slow for 40 batches


def row_of(name: str) -> Row:
    if name not in ROWS:
        pytest.fail(f"the reward {name!r} is registered and not tested: add a row to tests/reward_rows.py")
    return ROWS[name]


def made(name: str) -> BaseReward:
    row = row_of(name)
    if row.package and importlib.util.find_spec(row.package) is None:
        pytest.skip(f"needs the package {row.package}")
    return make_reward(row.spec if row.folder is None else row.spec.replace("{folder}", row.folder()))


def mixed(name: str) -> list[Sample]:
    """A perfect, a wrong, an empty answer, three odd ones, and one of which nothing is known."""
    perfect = row_of(name).perfect
    return [
        perfect,
        row_of(name).wrong,
        perfect._replace(response=""),
        perfect._replace(response="Monday", references=("Tuesday", "on Monday")),
        perfect._replace(response="哈镇周一新房35套", references=("周一哈镇新房三十五套",)),
        perfect._replace(response="🙂 שלום عليكم", references=("שלום",)),
        perfect._replace(references=(), meta={}),
    ]


def batches(name: str) -> st.SearchStrategy[list[Sample]]:
    """Any texts, and texts made of the words of the row's own samples."""
    row = row_of(name)
    words = [word for text in (row.perfect.prompt, row.perfect.response, row.wrong.response) for word in text.split()]
    odd = ["北京", "下雨。", "🙂", "שלום", "عليكم", "A", "the", "3,500", "e\u0301"]
    texts = st.one_of(
        st.text(max_size=30),
        st.sampled_from([row.perfect.response, row.wrong.response]),
        st.lists(st.sampled_from([*words, *odd]), max_size=12).map(" ".join),
    )
    samples = st.builds(
        Sample,
        prompt=texts,
        response=texts,
        references=st.one_of(st.just(row.perfect.references), st.lists(texts, max_size=3).map(tuple)),
        meta=st.one_of(st.just(row.perfect.meta), st.just({}), row.metas),
        finished=st.booleans(),
    )
    return st.lists(samples, max_size=4)


def assert_promises(reward: BaseReward, batch: Sequence[Sample], tolerance: float) -> None:
    scores, components, valid = reward.explain(batch)
    assert scores.shape == valid.shape == (len(batch),)
    assert scores.dtype == np.float64 and valid.dtype == np.bool_
    assert np.isfinite(scores).all() and (scores[~valid] == 0).all()
    low, high = reward.range
    assert ((low <= scores[valid]) & (scores[valid] <= high)).all()
    assert np.abs(sum(components.values()) - scores).max(initial=0.0) <= 1e-6
    listed = reward.listed(batch)
    assert listed.valid == valid.tolist() and list(listed.components) == list(components)
    for values, array in ((listed.scores, scores), *((listed.components[name], part) for name, part in components.items())):
        assert all(type(value) is float for value in values) and np.abs(np.array(values) - array).max(initial=0.0) <= tolerance
    plain = reward(batch)
    assert plain.dtype == np.float32 and np.abs(plain - scores.astype(np.float32)).max(initial=0.0) <= tolerance
    if batch:
        alone = [reward.explain([sample]) for sample in batch]
        assert np.abs(np.array([one.scores[0] for one in alone]) - scores).max() <= tolerance
        assert [bool(one.valid[0]) for one in alone] == valid.tolist()
    assert np.abs(reward.explain(batch[::-1]).scores[::-1] - scores).max(initial=0.0) <= tolerance


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_a_mixed_batch_keep_their_promises(name: str) -> None:
    reward = made(name)
    batch = mixed(name)
    assert_promises(reward, batch, 1e-5 if ROWS[name].cost == "neural" else 0.0)
    assert_promises(reward, [], 0.0)
    valid = reward.explain(batch).valid.tolist()
    empty = ROWS[name].empty
    if empty is not None:
        assert valid[2] is not math.isnan(empty)
    assert valid[:2] + valid[3:] == [True] * 5 + [not reward.needs]


@pytest.mark.parametrize("name", LEXICAL)
def test_scores_of_any_batch_keep_their_promises(name: str) -> None:
    reward = made(name)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(batches(name))
    def check(batch: list[Sample]) -> None:
        assert_promises(reward, batch, 0.0)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_answer_scores_the_best_and_a_wrong_one_worse(name: str) -> None:
    reward = made(name)
    perfect, wrong, empty = reward.explain(mixed(name)[:3]).scores
    low, high = reward.range
    if ROWS[name].reaches_best:
        assert perfect == pytest.approx(high if reward.higher_is_better else low, abs=1e-6)
    assert perfect > wrong if reward.higher_is_better else perfect < wrong
    promised = ROWS[name].empty
    if promised is not None and not math.isnan(promised):
        assert empty == pytest.approx(promised, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_describes_itself(name: str) -> None:
    reward = made(name)
    assert isinstance(reward, Reward)
    assert reward.name == name
    assert reward.spec.partition("(")[0] == name and ("(" in reward.spec or ROWS[name].spec == name)
    assert make_reward(json.loads(json.dumps(reward.spec))).spec == reward.spec
    low, high = reward.range
    assert low < high and math.isfinite(low if not reward.higher_is_better else high), "the best end of the range is a finite number"
    assert reward.cost in COSTS
    assert reward.cost == ROWS[name].cost, f"{type(reward).__name__}.cost is not what its row in tests/reward_rows.py says"
    assert type(reward).__doc__ and "Range " in str(type(reward).__doc__)
    assert list(explain(reward, [ROWS[name].perfect]).components) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_is_stateless(name: str) -> None:
    reward = made(name)
    before = reward(mixed(name))
    twin = pickle.loads(pickle.dumps(reward))
    assert twin.spec == reward.spec
    assert np.abs(twin(mixed(name)) - before).max() <= 1e-5 and np.abs(reward(mixed(name)) - before).max() <= 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_takes_very_long_texts(name: str) -> None:
    perfect = row_of(name).perfect
    long = "Marta Silva opened 35 homes. " * (500 if row_of(name).cost == "neural" else 4000)  # beyond any model's window in both
    assert np.isfinite(made(name)([perfect._replace(response=long), perfect._replace(prompt=long)])).all()


@pytest.mark.parametrize("name", NAMES)
def test_its_class_is_a_public_name(name: str) -> None:
    kind = REWARDS[name]
    assert getattr(tokengym.rewards, kind.__name__) is kind  # type: ignore[union-attr]


def test_each_row_of_the_tests_is_a_registered_reward() -> None:
    assert set(ROWS) <= set(REWARDS)


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
