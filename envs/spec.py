"""Environment specifications that hold objects: they travel as handles, are never deep-copied, and JSON says which one is in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from gymnasium.envs.registration import EnvSpec

__all__ = ["Handle", "keep_objects", "rebuild", "unwrap"]


class Handle:
    """Holds an object (a reward, a tokenizer, Examples) inside ``EnvSpec.kwargs``; a copy of the handle is the handle itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __copy__(self) -> Handle:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Handle:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__} object>"


class _SpecWithObjects(EnvSpec):
    """An EnvSpec that is not JSON-able, and says why."""

    def to_json(self) -> str:
        held = [key for key, value in self.kwargs.items() if isinstance(value, Handle)]
        if not held:
            return super().to_json()
        what = ", ".join(f"{key}={self.kwargs[key]!r}" for key in held)
        raise ValueError(f"the spec of {self.id} cannot be written as JSON: {what}; pass a name, a path or a specification string instead")


def keep_objects(spec: EnvSpec | None) -> EnvSpec | None:
    """``spec`` with every keyword that is not JSON-able replaced by a handle; an ordinary EnvSpec where there is none."""
    if spec is None:
        return None
    kwargs = {key: _kept(value) for key, value in spec.kwargs.items()}
    kind = _SpecWithObjects if any(isinstance(value, Handle) for value in kwargs.values()) else EnvSpec
    return kind(
        id=spec.id,
        entry_point=spec.entry_point,
        reward_threshold=spec.reward_threshold,
        nondeterministic=spec.nondeterministic,
        max_episode_steps=spec.max_episode_steps,
        order_enforce=spec.order_enforce,
        disable_env_checker=spec.disable_env_checker,
        kwargs=kwargs,
        additional_wrappers=spec.additional_wrappers,
        vector_entry_point=spec.vector_entry_point,
    )


def rebuild(kind: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any], spec: EnvSpec | None, state: Any) -> Any:
    """A pickled environment: made again with the arguments that it was made with, then set to its state."""
    env = kind(*arguments, **keywords)
    env.spec = spec
    if state is not None:
        env.set_state(state)
    return env


def unwrap(value: Any) -> Any:
    """The object in a handle; anything else as it is."""
    return value.value if isinstance(value, Handle) else value


def _kept(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Handle):
        return value
    try:
        return json.loads(json.dumps(value))  # a tuple becomes the list that it will be after a round trip
    except (TypeError, ValueError):
        return Handle(value)
