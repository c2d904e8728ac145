"""A training run that dies in the middle, as tests need it."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["Killed", "learn_until"]


class Killed(Exception):
    """Stands for a process that dies."""


def learn_until(agent: Any, updates: int) -> None:
    """Trains ``agent``, and kills it after so many updates."""

    def kill(agent: Any) -> None:
        if agent.updates == updates:
            raise Killed

    with pytest.raises(Killed):
        agent.learn(callback=kill, progress=False)
