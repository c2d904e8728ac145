"""Training runs that are killed at random moments and resumed, for tests/test_agents_kill.py; a module, so that fresh processes find it."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.echo import echo_policy, echo_venv
from tokengym.agents import AGENTS, Agent, load_agent
from tokengym.agents.checkpoint import find_folder, is_saved, read_state

UPDATES = 32
RUNS: dict[str, dict[str, Any]] = {
    "sft": {"batch_size": 8},
    "reinforce": {"episodes_per_update": 32, "group_size": 4, "baseline": "moving_mean", "kl_beta": 0.02, "optimizer": "rmsprop"},
    "grpo": {
        "episodes_per_update": 32,
        "group_size": 4,
        "epochs": 2,
        "optimizer": "sgd",
        "momentum": 0.9,
        "train_only": "layers.1,lm_head",
    },
    "ppo": {"episodes_per_update": 32, "group_size": 4, "minibatches": 2, "kl_control": "adaptive", "kl_beta": 0.15},
}


def train(name: str, folder: str, checkpoint_every: int = 1, callback: Callable[[Agent], None] | None = None) -> Agent:
    """A run from its beginning, or from what ``folder`` holds, to its end."""
    group = RUNS[name].get("group_size", 1)
    validation = echo_venv(8, order="sequential", metrics=True)
    if is_saved(folder):
        agent: Agent = load_agent(folder, env=echo_venv(group_size=group), validation_env=validation)
        return agent if agent._run is None else agent.learn(callback=callback, progress=False)
    kind = AGENTS.find(name)
    config = kind.Config(
        **RUNS[name], updates=UPDATES, schedule="linear", warmup=0.2, learning_rate=3e-3, validate_every=8, validation_episodes=8,
        checkpoint_every=checkpoint_every, folder=folder, log_dir=f"{folder}-log",
    )  # fmt: skip
    agent = kind(echo_policy(2), echo_venv(group_size=group), config=config, seed=5, validation_env=validation)
    return agent.learn(callback=callback, progress=False)


def run(name: str, folder: str, done: Any) -> None:
    """What a process of its own does; ``done`` counts its updates."""
    torch.set_num_threads(1)

    def count(agent: Agent) -> None:
        done.value += 1

    train(name, folder, callback=count)


def digest(agent: Agent) -> str:
    """Of the weights, to the last bit."""
    whole = hashlib.sha256()
    for _, x in sorted(agent.policy.named_parameters()):
        whole.update(x.detach().numpy().tobytes())
    return whole.hexdigest()


def kill_and_resume(name: str, folder: Path, kills: int, check: Callable[[Path], None]) -> list[int]:
    """Starts the run ``kills`` times and kills it at a random moment, then lets it end; the updates that were kept after each kill.

    A moment is a random time of up to 0.1 s, two updates or so with their checkpoints, after the process has made 1 to 3 updates.
    """
    context = multiprocessing.get_context("forkserver")  # processes that have torch already, but no threads and no state of ours
    context.set_forkserver_preload([__name__])
    moments, kept = random.Random(name), []
    for _ in range(kills):
        done, goal = context.Value("i", 0), moments.randrange(1, 4)
        process = context.Process(target=run, args=(name, str(folder), done))
        process.start()
        while process.is_alive() and done.value < goal:
            time.sleep(0.001)
        process.join(moments.uniform(0.0, 0.1))
        process.kill()  # signal 9
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
        check(folder)
        kept.append(int(read_state(find_folder(folder))[0]["updates"]) if is_saved(folder) else 0)
    done = context.Value("i", 0)
    process = context.Process(target=run, args=(name, str(folder), done))
    process.start()
    process.join()
    assert process.exitcode == 0
    return kept
