"""Reinforcement learning on text: language tasks as Gymnasium environments. Importing this registers their ids, nothing else."""

from __future__ import annotations

import gymnasium

from tokengym.envs import TASKS

__version__ = "0.1.0"
__all__ = ["__version__", "register_envs"]


def register_envs() -> None:
    """Registers every task of ``tokengym.envs.TASKS`` with Gymnasium; an id that is there already is left as it is."""
    for name in TASKS:
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point="tokengym.envs.env:TextGenEnv",
                vector_entry_point="tokengym.envs.vector:TextGenVectorEnv",
                kwargs={"task": name},
            )


register_envs()
