"""What every registered agent must do: learn, resume bit for bit, save what others can load, stop well, explain bad input."""

from __future__ import annotations

import copy
import json
import re
import signal
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.echo import EXAMPLES, echo_policy, echo_venv
from tests.killed import learn_until
from tokengym.agents import AGENTS, PPO, SFT, Agent, PPOConfig, Reinforce, ReinforceConfig, SFTConfig, load_agent
from tokengym.agents.rollout import RolloutEngine
from tokengym.envs import Example

SMALL: dict[str, dict[str, Any]] = {
    "sft": {"batch_size": 8, "learning_rate": 3e-3},
    "reinforce": {"episodes_per_update": 32, "group_size": 4, "learning_rate": 5e-3, "kl_beta": 0.01},
    "grpo": {"episodes_per_update": 32, "group_size": 4, "learning_rate": 2e-3, "epochs": 4, "minibatches": 2},
    "ppo": {"episodes_per_update": 32, "group_size": 4, "learning_rate": 2e-3, "minibatches": 2},
    "soft_q": {
        "episodes_per_update": 32,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "schedule": "linear",
        "steps_per_update": 8,
        "replay_episodes": 64,
    },
    "expert_iteration": {"episodes_per_update": 64, "group_size": 8, "learning_rate": 3e-3, "epochs": 2},
    "dpo": {"episodes_per_update": 32, "group_size": 4, "learning_rate": 2e-3, "batch_size": 4, "beta": 0.5},
}


def make(name: str, seed: int = 0, venv: Any = None, **options: Any) -> Agent:
    kind = AGENTS.find(name)
    group = SMALL[name].get("group_size", 1)
    config = kind.Config(**{**SMALL[name], **options})
    validation = echo_venv(8, order="sequential", metrics=True)
    agent: Agent = kind(
        echo_policy(seed), venv if venv is not None else echo_venv(group_size=group), config=config, seed=seed, validation_env=validation
    )
    return agent


def weights(agent: Agent) -> dict[str, torch.Tensor]:
    return {name: x.detach().clone() for name, x in agent.policy.named_parameters()}


def same(a: Agent, b: Agent) -> bool:
    theirs = weights(b)
    return all(torch.equal(x, theirs[name]) for name, x in weights(a).items())


def mean_score(policy: Any, episodes: int = 64) -> float:
    return float(RolloutEngine(policy, echo_venv(), seed=5).collect(episodes).scores.mean())


def test_every_agent_has_its_row_here() -> None:
    assert set(SMALL) == set(AGENTS)


@pytest.mark.parametrize(
    ("name", "budget"),
    [("sft", 1500), ("reinforce", 8000), ("grpo", 8000), ("ppo", 8000), ("soft_q", 6000), ("expert_iteration", 8000), ("dpo", 8000)],
)
def test_learns_to_beat_random(name: str, budget: int) -> None:
    agent = make(name)
    before = mean_score(agent.policy)
    agent.learn(budget, progress=False)
    assert before < 0.25
    assert mean_score(agent.policy) > 0.5
    assert agent.timesteps >= budget
    assert agent.history[-1]["timesteps"] == agent.timesteps == sum(stats["tokens"] for stats in agent.history)


@pytest.mark.parametrize("name", list(AGENTS))
def test_an_interrupted_run_resumes_bit_for_bit(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    straight = make(name, updates=6, schedule="linear", validate_every=2).learn(progress=False)
    folder = tmp_path / "run"
    cut = make(name, updates=6, schedule="linear", validate_every=2, folder=str(folder))

    def press_ctrl_c(agent: Agent) -> None:
        if agent.updates == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=re.escape(f"everything is kept in {folder}. To go on:\n")):
        cut.learn(callback=press_ctrl_c)
    said = capsys.readouterr().err
    assert f"load_agent('{folder}', env=...).learn()" in said  # of a class that is not registered
    validation = echo_venv(8, order="sequential", metrics=True)
    resumed = load_agent(folder, env=echo_venv(group_size=SMALL[name].get("group_size", 1)), validation_env=validation)
    assert type(resumed) is type(cut) and resumed.updates in (3, 4)
    resumed.learn(progress=False)
    assert resumed.updates == 6 and same(straight, resumed)
    without_clock = [[{k: v for k, v in stats.items() if "second" not in k} for stats in agent.history] for agent in (straight, resumed)]
    assert without_clock[0] == without_clock[1]
    assert resumed.used == straight.used


@pytest.mark.parametrize("name", list(AGENTS))
def test_saved_folders_hold_no_pickle_and_load_elsewhere(name: str, tmp_path: Path) -> None:
    agent = make(name, updates=1).learn(progress=False)
    folder = agent.save(tmp_path / "agent")
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".jinja"}
    json.loads((folder / "agent.json").read_text(encoding="utf-8"))
    obs, _ = echo_venv(4).reset(seed=1)
    expected, _ = agent.predict(obs, deterministic=True)
    loaded = type(agent).load(folder)
    assert loaded.venv is None
    assert np.array_equal(loaded.predict(obs, deterministic=True)[0], expected)
    with pytest.raises(ValueError, match="has no environment"):
        loaded.learn(100)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        logits = model(torch.as_tensor(obs["input_ids"][:, :2]).long()).logits[:, -1]
    assert np.array_equal(logits.argmax(-1).numpy(), expected)
    agent.save(folder)  # over itself
    other = next(kind for kind in (SFT, PPO) if kind.name != name)
    with pytest.raises(ValueError, match=f"holds a '{name}' agent"):
        other.load(folder)


def test_ctrl_c_says_how_to_go_on_where_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = make("sft", updates=3, folder=str(tmp_path / "run"))
    with pytest.raises(KeyboardInterrupt, match=re.escape(f"load_agent('{tmp_path / 'run'}', env=...).learn()")):
        agent.learn(callback=lambda agent: signal.raise_signal(signal.SIGINT), progress=False)
    assert capsys.readouterr().err == ""


def test_no_run_replaces_the_checkpoints_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = make("sft", updates=2, folder=str(folder), checkpoint_every=1).learn(progress=False)
    before = (folder / "agent.json").read_bytes()
    other = make("sft", updates=2, folder=str(folder), learning_rate=1e-4)
    with pytest.raises(FileExistsError, match=re.escape(f"go on with that agent: load_agent({str(folder)!r}).learn()")):
        other.learn(progress=False)
    assert other.updates == 0 and (folder / "agent.json").read_bytes() == before
    first.learn(progress=False)  # its own
    again = load_agent(folder, env=echo_venv(), validation_env=echo_venv(8))
    assert again.learn(progress=False).updates == 6 == json.loads((folder / "agent.json").read_text("utf-8"))["updates"]
    other.save(folder)  # somebody says so
    other.learn(progress=False)
    assert json.loads((folder / "agent.json").read_text("utf-8"))["config"]["learning_rate"] == 1e-4


def test_runs_without_a_folder_do_not_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for rate in (1e-3, 2e-3, 3e-3):
        make("sft", updates=2, checkpoint_every=1, learning_rate=rate).learn(progress=False)
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(names) == 3 and [name.removeprefix(names[0]) for name in names] == ["", "-2", "-3"]
    kept = [json.loads((tmp_path / "runs" / name / "agent.json").read_text("utf-8"))["config"]["learning_rate"] for name in names]
    assert kept == [1e-3, 2e-3, 3e-3]


def test_learning_twice_adds_up() -> None:
    agent = make("sft")
    agent.learn(50, progress=False)
    first = agent.timesteps
    agent.learn(50, progress=False)
    assert agent.timesteps >= first + 50


def test_budgets_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="how long to train"):
        make("sft").learn(progress=False)
    with pytest.raises(ValueError, match="total_timesteps=0"):
        make("sft").learn(0, progress=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"schedule": "inverse_sqrt", "warmup": 0.0}, "measured in warm-ups"),
        ({"warmup": 100}, "warmup=100; expected the share"),
    ],
)
def test_a_course_that_is_none_is_refused_before_training(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make("reinforce", **options)


def test_a_callback_ends_the_run() -> None:
    agent = make("reinforce").learn(10_000, callback=lambda agent: agent.updates < 2, progress=False)
    assert agent.updates == 2


def test_early_stopping_keeps_the_best_weights() -> None:
    agent = make("sft", learning_rate=3.0, validate_every=1, patience=2, validation_episodes=8, schedule="constant", warmup=0.0)
    with torch.no_grad():
        for parameter in agent.policy.parameters():
            parameter.mul_(1.0)
    start = weights(agent)
    good = make("sft").learn(1500, progress=False)
    agent._assign(weights(good))  # a start that a learning rate of 3 can only spoil
    start = weights(agent)
    agent.learn(10_000, progress=False)
    scores = [stats["validation"] for stats in agent.history]
    best = int(np.argmax(scores))
    assert len(scores) <= 6 and agent.updates == best + 2
    assert agent.validate()["reward"] == max(scores)
    if best == 0:
        assert all(torch.equal(x, start[name]) for name, x in weights(agent).items())


def test_validation_reports_metrics_and_plays_the_same_examples_each_time() -> None:
    agent = make("reinforce", validation_metric="exact", validate_every=1, validation_episodes=8, updates=1)
    agent.learn(progress=False)
    assert {"validation", "validation_reward", "validation_exact"} <= set(agent.history[-1])
    assert agent.validate() == agent.validate()
    with pytest.raises(ValueError, match="'exat' is not a known validation metric.*Did you mean 'exact'"):
        make("reinforce", validation_metric="exat", validate_every=1).learn(100, progress=False)


def test_checkpoints_appear_while_training(tmp_path: Path) -> None:
    seen = []
    agent = make("ppo", folder=str(tmp_path / "run"), checkpoint_every=2, updates=3)
    agent.learn(callback=lambda agent: seen.append((tmp_path / "run" / "agent.json").exists()), progress=False)
    assert seen == [False, False, True]
    assert load_agent(tmp_path / "run").updates == 3
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    straight = make("ppo", updates=4).learn(progress=False)
    learn_until(make("ppo", folder=str(tmp_path / "run"), checkpoint_every=2, updates=4), 3)
    resumed = PPO.load(tmp_path / "run", env=echo_venv(group_size=4))
    assert resumed.updates == 2
    resumed.learn(progress=False)
    assert same(straight, resumed)


def test_tensorboard_files_are_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    agent = make("ppo", log_dir=str(tmp_path / "log"), updates=2).learn(progress=False)
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    logged = events.Scalars("train/reward")
    assert [event.step for event in logged] == [stats["timesteps"] for stats in agent.history]
    assert logged[-1].value == pytest.approx(agent.history[-1]["reward"])
    assert {"train/kl", "train/entropy", "train/tokens_per_second", "train/grad_norm"} <= set(events.Tags()["scalars"])


def test_labels_and_reward_calls_are_counted() -> None:
    assert make("reinforce", updates=3).learn(progress=False).used == {"labels": 8, "reward_calls": 96}
    assert make("sft", updates=1, batch_size=4).learn(progress=False).used == {"labels": 4, "reward_calls": 0}


def test_the_first_pass_has_ratio_one() -> None:
    agent = make("ppo", updates=3, minibatches=1, temperature=0.7).learn(progress=False)
    assert all(stats["first_ratio_error"] < 1e-4 for stats in agent.history)
    one = make("ppo", updates=1, minibatches=1, epochs=1).learn(progress=False)
    assert one.history[0]["approx_kl"] < 1e-5 and one.history[0]["clip_fraction"] == 0.0


def test_answers_without_a_score_are_left_out() -> None:
    unscored = [*EXAMPLES[:6], *(Example(id=e.id, prompt=e.prompt, references=("?",)) for e in EXAMPLES[6:])]
    for name in ("reinforce", "ppo"):
        agent = make(name, venv=echo_venv(group_size=4, dataset=unscored), episodes_per_update=32, updates=2).learn(progress=False)
        assert [stats["valid"] for stats in agent.history] == [0.75, 0.75]


def test_another_tokenizer_is_refused_with_the_remedy() -> None:
    policy = echo_policy()
    policy.tokenizer_fingerprint = "another"
    with pytest.raises(ValueError, match=r"'eleven words', and the policy 'tiny'.*tokenizer='tiny'\)") as error:
        Reinforce(policy, echo_venv(group_size=4))
    assert "Echo" in str(error.value) or "TextGenVectorEnv" in str(error.value)


def test_environments_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="deals 'independent'.*deal='shared'"):
        SFT(echo_policy(), echo_venv(deal="independent"))
    with pytest.raises(TypeError, match="env is a TextGenEnv; expected an id"):
        SFT(echo_policy(), gymnasium.make("TextQA-v0", size=4).unwrapped)
    with pytest.raises(ValueError, match="group_size=4"):
        Reinforce(echo_policy(), echo_venv(group_size=1), config=ReinforceConfig(updates=1)).learn(progress=False)


def test_configs_are_frozen_and_keyword_only() -> None:
    for kind in (SFTConfig, ReinforceConfig, PPOConfig):
        with pytest.raises(TypeError):
            kind(1)  # type: ignore[call-arg]
        with pytest.raises(AttributeError):
            kind().learning_rate = 1.0  # type: ignore[misc]


def test_an_id_is_enough_and_a_folder_alone_resumes(tmp_path: Path) -> None:
    from tests.tiny_model import save_tiny_model  # a random Llama over the builtin tokenizer
    from tokengym.agents import CausalLMPolicy

    policy = CausalLMPolicy.from_pretrained(save_tiny_model(tmp_path / "model"))
    spec = copy.deepcopy(gymnasium.spec("TextQA-v0"))
    spec.kwargs["size"] = 16
    config = ReinforceConfig(episodes_per_update=8, num_envs=8, updates=2, validate_every=1, validation_episodes=4)
    agent = Reinforce(policy, spec, config=config).learn(progress=False)
    assert agent.venv.num_envs == 8 and len(agent.venv.unwrapped.examples) == 16
    assert agent._validation.unwrapped.engine.keywords.split == "validation"
    folder = agent.save(tmp_path / "agent")
    again = load_agent(folder)
    assert again.venv.spec.kwargs["size"] == 16
    assert again.venv.unwrapped.get_state() == agent.venv.unwrapped.get_state()
    for each in (agent, again):
        each.learn(progress=False)
    assert same(agent, again)


def test_the_best_of_one_environment_is_not_the_best_of_another() -> None:
    agent = make("sft", validate_every=1, validation_episodes=8, updates=2).learn(progress=False)
    assert agent.best.weights
    agent.set_env(echo_venv(dataset=EXAMPLES[:4]))
    assert not agent.best.weights
