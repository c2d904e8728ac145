"""The table of tasks, empty here: ``envs/__init__.py`` fills it, and every file of the folder may read it without a circle."""

from __future__ import annotations

from tokengym._registry import Registry
from tokengym.envs.base import Task, check_task

__all__ = ["TASKS"]


def _check(name: str, task: type[Task]) -> None:
    if getattr(task, "name", None) != name:
        told = f"the task {name!r} is {task.__module__}:{task.__qualname__}, whose name is {getattr(task, 'name', None)!r}"
        raise ValueError(f"{told}; register it under that name, or give the class this one")
    check_task(task)


TASKS: Registry[type[Task]] = Registry("task", {}, check=_check)
