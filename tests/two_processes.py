"""What tests/test_agents_parallel.py runs once alone and once on two processes: the same training, its gradients and weights in a file.

Usage: python tests/two_processes.py FILE [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.append(str(Path(__file__).resolve().parent.parent))  # for tests.echo, where this file is run as a script

from tests.echo import EXAMPLES, echo_policy, echo_venv  # noqa: E402
from tests.killed import learn_until
from tokengym.agents import AGENTS  # noqa: E402
from tokengym.agents.checkpoint import read_state  # noqa: E402
from tokengym.agents.freeze import train_only  # noqa: E402
from tokengym.envs import Example  # noqa: E402

# Whole batches, of all processes together; small micro-batches, so that each process has several.
RUNS: dict[str, dict[str, Any]] = {
    "sft": {"batch_size": 6, "micro_batch_tokens": 8},
    "reinforce": {"episodes_per_update": 24, "group_size": 4, "kl_beta": 0.02, "micro_batch_tokens": 24},
    "grpo": {"episodes_per_update": 24, "group_size": 4, "kl_beta": 0.02, "minibatches": 2, "epochs": 2, "micro_batch_tokens": 24},
    "ppo": {"episodes_per_update": 24, "group_size": 4, "minibatches": 2, "epochs": 2, "micro_batch_tokens": 24, "target_kl": 0.5},
    "soft_q": {
        "episodes_per_update": 24,
        "batch_size": 12,
        "steps_per_update": 1,
        "replay_episodes": 40,
        "alpha": 1.0,
        "adam_eps": 1e-3,
        "epsilon": 0.3,
        "micro_batch_tokens": 24,
    },  # fmt: skip
    "expert_iteration": {"episodes_per_update": 24, "group_size": 4, "batch_size": 4, "epochs": 2, "micro_batch_tokens": 8},
    "dpo": {"episodes_per_update": 24, "group_size": 4, "batch_size": 4, "epochs": 2, "micro_batch_tokens": 16},
}
# Two of the eight letters cannot be scored, so that processes keep different numbers of episodes.
SOME = [*EXAMPLES[:6], *(Example(id=e.id, prompt=e.prompt, references=("?",)) for e in EXAMPLES[6:])]


def make(name: str, folder: str = "") -> Any:
    kind = AGENTS.find(name)
    config = kind.Config(
        **RUNS[name], updates=3, validate_every=3, validation_episodes=8, learning_rate=1e-2, max_grad_norm=0.5, folder=folder
    )
    venv = echo_venv(5, group_size=RUNS[name].get("group_size", 1), dataset=EXAMPLES if name == "sft" else SOME)
    return kind(echo_policy(3), venv, config=config, seed=7, validation_env=echo_venv(8, order="sequential"))


def learn(agent: Any, stop: int = 0) -> list[dict[str, torch.Tensor]]:
    """Trains on, killed after update ``stop`` if there is one; the weights before each step, and its gradients, of the whole batch."""
    steps: list[dict[str, torch.Tensor]] = []
    add = agent.ranks.add_gradients

    def note(parameters: Any) -> None:
        add(parameters)
        named = list(agent.policy.named_parameters())
        weights = {f"weights/{name}": x.detach().clone() for name, x in named}
        steps.append({**weights, **{f"gradient/{name}": x.grad.clone() for name, x in named if x.grad is not None}})

    agent.ranks.add_gradients = note
    if stop:
        learn_until(agent, stop)
    else:
        agent.learn(progress=False)
    return steps


def main() -> None:
    file, names = Path(sys.argv[1]), sys.argv[2:] or RUNS
    found: dict[str, Any] = {}
    for name in names:
        agent = make(name)
        steps = learn(agent)
        history = [{k: v for k, v in stats.items() if "second" not in k} for stats in agent.history]
        found[name] = {"steps": steps, "history": history, "used": agent.used, "validation": agent.validate()}
        held = {id(x) for x in agent.optimizer.state}
        found[name]["held"] = [key for key, x in agent._parameters().items() if id(x) in held]
        if agent.ranks.main:
            found[name]["place"] = agent.venv.unwrapped.get_state()["dealer"]["orders"]
    part = make("sft")
    train_only(part.policy, "layers.1")  # after its optimizer was made
    found["frozen"] = {"steps": learn(part)}
    folder = file.parent / f"run{agent.ranks.count}"
    cut = make("ppo", str(folder))
    steps = learn(cut, stop=2)
    cut.save(folder)
    again = type(cut).load(folder, echo_venv(5, group_size=4, dataset=SOME), validation_env=echo_venv(8, order="sequential"))
    found["resumed"] = {"steps": [*steps, *learn(again)], "saved": read_state(folder)[1]}
    torch.save({"count": agent.ranks.count, **found}, f"{file}.{agent.ranks.rank}")


if __name__ == "__main__":
    main()
