"""envs/__init__.py: every registered task keeps the contract; being registered is being tested."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode

import tokengym.envs
from tokengym.envs import TASKS, Task, TextGenVectorEnv, load_examples
from tokengym.envs.engine import Ended

IDS = list(TASKS)


def make(name: str, **keywords: Any) -> Any:
    return gymnasium.make(name, **keywords).unwrapped


def native(name: str, num_envs: int, **keywords: Any) -> Any:
    venv = gymnasium.make_vec(name, num_envs=num_envs, **keywords)
    assert isinstance(venv, TextGenVectorEnv)
    return venv


@pytest.mark.parametrize("name", IDS)
def test_checkers_of_gymnasium_and_stable_baselines3(name: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check_env_sb3

    for keywords in ({}, {"length_limit": "truncate", "reward_timing": "delta"}):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(make(name, **keywords))
            check_env_sb3(make(name, **keywords))


@pytest.mark.parametrize("name", IDS)
def test_native_vector_env_equals_sync_over_1000_steps(name: str) -> None:
    ours = native(name, 4)
    theirs = gymnasium.make_vec(name, num_envs=4, vectorization_mode="sync", vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP})
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    assert data_equivalence(ours.reset(seed=5), theirs.reset(seed=5), exact=True)
    rng = np.random.default_rng(0)
    ended, steps = 0, 150 if ours.reward.cost == "process" else 1000  # a step that starts processes is a thousand times slower
    for _ in range(steps):
        actions = np.where(rng.random(4) < 0.05, ours.tokenizer.eos_token_id, rng.integers(0, ours.tokenizer.vocab_size, 4))
        found, expected = ours.step(actions), theirs.step(actions)
        assert data_equivalence(found, expected, exact=True)
        ended += int(found[2].sum())
    assert ended > steps / 10


@pytest.mark.parametrize("name", IDS)
def test_splits_share_no_prompt(name: str) -> None:
    prompts = [
        {str(example.prompt) for example in load_examples(f"builtin:{name}", split=split)[:300]}
        for split in ("train", "validation", "test")
    ]
    assert len(set.union(*prompts)) == sum(map(len, prompts))


@pytest.mark.parametrize("name", IDS)
def test_prompts_and_labels_fit_their_budgets(name: str) -> None:
    venv = native(name, 1, split="train")
    cut, ended = 0, 0
    for index in range(300):
        cut += venv.engine.book[index].cut > 0
        ended += venv.engine.label(index).reason == "eos"
    assert cut <= 6  # 2 in 100
    assert ended >= 297  # a label that is cut cannot be learnt


@pytest.mark.parametrize("name", IDS)
def test_the_oracle_beats_the_heuristic_and_that_beats_noise(name: str) -> None:
    env = make(name, split="test", metrics=False)
    task: Task = env.task

    def mean(answers: list[str]) -> float:
        played = []
        for index, answer in enumerate(answers):
            prompt = env.engine.book[index]
            ids = np.array(env.engine.book.label(prompt, answer, env.engine.max_new_tokens), dtype=np.int32)
            played.append(Ended(prompt, -1, ids, env.engine.stop_reason(ids)))
        return float(np.mean(env.engine.score(played).scores))

    examples = [env.engine.examples[i] for i in range(60)]
    rng = np.random.default_rng(0)
    noise = [env.tokenizer.decode(rng.integers(4, env.tokenizer.vocab_size, 20)) for _ in examples]
    oracle, heuristic = mean([task.oracle(e) for e in examples]), mean([task.heuristic(e) for e in examples])
    assert oracle > heuristic + 0.05 > mean(noise) + 0.05
    assert oracle > 0.9


@pytest.mark.parametrize("name", IDS)
def test_specs_survive_json(name: str) -> None:
    single, shared = make(name, split="test").spec, native(name, 2, deal="shared").spec
    for spec in (single, shared):
        assert EnvSpec.from_json(spec.to_json()) == spec
    again = gymnasium.make_vec(EnvSpec.from_json(shared.to_json()))
    assert isinstance(again, TextGenVectorEnv) and (again.num_envs, again.deal) == (2, "shared")


@pytest.mark.parametrize("name", IDS)
def test_seeds_decide_everything(name: str) -> None:
    def story(seed: int) -> list[Any]:
        env = make(name)
        env.action_space.seed(seed)
        steps: list[Any] = [env.reset(seed=seed)]
        for _ in range(100):
            steps.append(env.step(env.action_space.sample()))
            if steps[-1][2]:
                steps.append(env.reset())
        return steps

    assert data_equivalence(story(1), story(1), exact=True)
    assert not data_equivalence(story(1), story(2), exact=True)


def test_ids_are_found_through_the_module_name_alone() -> None:
    code = "import gymnasium; gymnasium.make('tokengym:TextSumm-v0').reset(seed=0)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_public_names_are_there() -> None:
    for name in tokengym.envs.__all__:
        assert getattr(tokengym.envs, name) is not None
    assert set(tokengym.envs.__all__) <= set(dir(tokengym.envs))
    with pytest.raises(AttributeError, match="no attribute 'TextEnv'"):
        _ = tokengym.envs.TextEnv


@pytest.mark.skipif(importlib.util.find_spec("aclsum") is None, reason="the package aclsum is not installed")
def test_aclsum_plays() -> None:
    env = make("TextSumm-v0", dataset="aclsum", split="test", max_prompt_tokens=400, max_new_tokens=96)
    obs, info = env.reset(options={"sample_id": "E09-1056:challenge"})
    assert info["index"] == 0 and info["prompt_tokens"] <= 400
    assert "Handling terminology" in env.tokenizer.decode(obs["input_ids"])


def test_the_table_has_a_row_per_id() -> None:
    assert {name: (TASKS[name].name, gymnasium.spec(name).kwargs["task"]) for name in IDS} == {name: (name, name) for name in IDS}


def test_a_task_keeps_its_own_name_and_an_absent_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"the task 'Short-v0' is tokengym.envs.summ:TextSumm, whose name is 'TextSumm-v0'; register"):
        TASKS.register("Short-v0", TASKS["TextSumm-v0"])
    assert "Short-v0" not in TASKS
    monkeypatch.setitem(TASKS._rows, "Short-v0", "tokengym.envs.summ:TextSumm")
    with pytest.raises(ValueError, match="whose name is 'TextSumm-v0'"):
        TASKS.find("Short-v0")
    for place, why in (("no_such_module:Short", "No module named 'no_such_module'"), ("tokengym.envs.summ:Short", "no attribute 'Short'")):
        monkeypatch.setitem(TASKS._rows, "Short-v0", place)
        with pytest.raises(ImportError, match=f"the task 'Short-v0' is registered as '{place}', which cannot be imported: .*{why}"):
            TASKS.find("Short-v0")
