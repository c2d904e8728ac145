"""agents/figures.py: what a validation's episodes come to."""

from __future__ import annotations

import math
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from tests.echo import echo_policy, echo_venv
from tokengym.agents import SFT, CausalLMPolicy, RolloutEngine, SFTConfig
from tokengym.agents.figures import validation_figures
from tokengym.envs import Example


def test_means_of_rewards_and_metrics() -> None:
    venv = echo_venv(8, order="sequential", metrics=True)
    rollout = RolloutEngine(echo_policy(), venv).collect(16)
    figures = validation_figures(rollout, venv)
    assert figures["reward"] == pytest.approx(float(rollout.scores.mean()))
    for name in venv.engine.metric_names:
        assert figures[name] == pytest.approx(np.mean([info["metrics"][name] for info in rollout.infos]))


def test_a_metric_with_counts_is_that_of_all_answers() -> None:
    from sklearn.metrics import f1_score  # type: ignore[import-untyped]

    policy = CausalLMPolicy.from_pretrained("builtin:tiny")
    config = SFTConfig(updates=6, batch_size=16, num_envs=16, validation_metric="macro_f1", validation_episodes=40)
    agent = SFT(policy, "TextClassify-v0", config)
    agent.learn(progress=False)
    figures = agent.validate()
    venv = gymnasium.make_vec("TextClassify-v0", num_envs=8, deal="shared", order="sequential", split="validation", metrics=True)
    rollout = RolloutEngine(agent.policy, venv).collect(40, deterministic=True)
    said = [str(info["response"]) for info in rollout.infos]
    gold = [str(venv.unwrapped.examples[int(info["index"])].meta["label"]) for info in rollout.infos]  # type: ignore[attr-defined]
    expected = f1_score(gold, said, average="macro", labels=sorted({*gold, *said}))
    assert figures["macro_f1"] == pytest.approx(expected) and figures["reward"] == pytest.approx(np.mean(np.equal(gold, said)))


def test_where_no_answer_could_be_scored_there_is_no_mean_and_nothing_better(tmp_path: Path) -> None:
    unknown = [Example(id=letter, prompt=letter, references=("?",)) for letter in "abcd"]
    held = echo_venv(8, dataset=unknown, order="sequential")
    assert math.isnan(validation_figures(RolloutEngine(echo_policy(), held).collect(8), held)["reward"])

    config = SFTConfig(updates=2, batch_size=4, validate_every=1, validation_episodes=8, num_envs=8, log_dir=str(tmp_path / "log"))
    agent = SFT(echo_policy(), echo_venv(), config=config, validation_env=held).learn(progress=False)
    assert all(math.isnan(stats["validation"]) for stats in agent.history if "validation" in stats)
    assert not agent.best.weights  # nothing was best: the last weights are kept
    again = SFT.load(agent.save(tmp_path / "agent"), env=echo_venv(), validation_env=held)
    assert math.isnan(again.history[-1]["validation"])
