"""The table of tasks, empty here: ``envs/__init__.py`` fills it, and every file of the folder may read it without a circle."""

from __future__ import annotations

from tokengym._registry import Registry
from tokengym.envs.base import Task

__all__ = ["TASKS"]

TASKS: Registry[type[Task]] = Registry("task", {})
