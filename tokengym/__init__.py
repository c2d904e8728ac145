"""Reinforcement learning on text: language tasks as Gymnasium environments. Importing this registers their ids, nothing else."""

from __future__ import annotations

import gymnasium

from tokengym.envs import TASKS, Task

__version__ = "0.1.0"
__all__ = ["__version__", "register_envs", "register_task"]


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


def register_task(name: str, task: str | type[Task]) -> None:
    """Adds a task of your own: ``name`` is an id like the others from then on, in Gymnasium and in all that this package lists.

    Args:
        name: the id, as the task's own ``name`` has it, such as "Echo-v0".
        task: where the class is, "my_package.my_module:Echo", which is imported at the first use; or the class.
    Raises:
        ValueError: the id belongs to another task, or the task's own name is another; of a place that is told when it is imported.
    """
    TASKS.register(name, task)
    register_envs()


register_envs()
