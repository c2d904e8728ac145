"""TextAction: a wrapper in which an action is a whole text, and a step is a whole turn."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index as as_index
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.utils import RecordConstructorArgs

from tokengym.envs.env import TextGenEnv

__all__ = ["AnyText", "TextAction"]

Obs = dict[str, npt.NDArray[Any]]
_CHARACTERS = 8  # per token of the budget; few tokens are longer


class AnyText(gymnasium.Space[str]):
    """All texts of up to ``max_length`` characters, of any script; samples are printable ASCII.

    ``gymnasium.spaces.Text`` holds only the texts over an alphabet that is written out.

    Args:
        max_length: in characters.
        seed: of the samples.
    """

    def __init__(self, max_length: int, seed: int | np.random.Generator | None = None) -> None:
        if isinstance(max_length, bool) or not isinstance(max_length, int | np.integer) or max_length < 1:
            raise ValueError(f"max_length={max_length!r}; expected a whole number of characters, 1 or more")
        self.max_length = int(max_length)
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: a text is no array."""
        return False

    def sample(self, mask: None = None, probability: None = None) -> str:
        """A text of 1 to ``max_length`` printable ASCII characters, each length and each character equally likely.

        Raises:
            ValueError: a mask or probabilities, which this space cannot apply.
        """
        if mask is not None or probability is not None:
            raise ValueError("AnyText.sample takes neither mask nor probability")
        size = int(self.np_random.integers(1, self.max_length + 1))
        return bytes(self.np_random.integers(32, 127, size=size, dtype=np.uint8)).decode("ascii")

    def contains(self, x: Any) -> bool:
        """Whether ``x`` is a str that is short enough."""
        return isinstance(x, str) and len(x) <= self.max_length

    def to_jsonable(self, sample_n: Iterable[str]) -> list[Any]:
        """The texts as they are."""
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:
        """The texts as they are."""
        return [str(text) for text in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyText) and other.max_length == self.max_length

    def __hash__(self) -> int:
        return hash((AnyText, self.max_length))

    def __repr__(self) -> str:
        return f"AnyText({self.max_length})"


class TextAction(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """An action is the text of a turn; a step plays its tokens one by one, so its reward is their sum.

    Where the task has several turns, each is one line: line breaks in the text become spaces.

    A turn ends with the end-of-sequence token, which is added here unless the turn or the episode is over before. The last token's
    observation and info are returned, without ``action_mask``, which is about tokens. Token ids are taken too, in place of a text.

    Args:
        env: a :class:`tokengym.envs.TextGenEnv`, or one inside wrappers that leave its actions and infos alone.
        max_length: of the action space, in characters; None: 8 for each token of the budget. Longer texts are played as well, as far
            as the budget goes.
    Raises:
        TypeError: another environment.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], max_length: int | None = None) -> None:
        RecordConstructorArgs.__init__(self, max_length=max_length)
        gymnasium.Wrapper.__init__(self, env)
        if not isinstance(env.unwrapped, TextGenEnv):
            raise TypeError(f"TextAction wraps a TextGenEnv, not {type(env.unwrapped).__name__}")
        self._inner = env.unwrapped
        self.action_space = AnyText(_CHARACTERS * self._inner.engine.max_new_tokens if max_length is None else max_length)

    def step(self, action: str | Iterable[int]) -> tuple[Obs, float, bool, bool, dict[str, Any]]:
        """Plays a turn.

        Raises:
            ValueError: the task constrains its answers and this is none of them, or a token id outside the tokenizer's.
            TypeError: neither a text nor token ids.
        """
        total, before = 0.0, len(self._inner.said)
        for token in self._tokens(action):
            obs, reward, terminated, truncated, info = self.env.step(token)
            total += float(reward)
            if terminated or truncated or len(self._inner.said) > before:
                break
        info = {key: value for key, value in info.items() if key != "action_mask"}
        return obs, total, terminated, truncated, info

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Obs, dict[str, Any]]:
        """As the environment's."""
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, {key: value for key, value in info.items() if key != "action_mask"}

    def _tokens(self, action: str | Iterable[int]) -> list[int]:
        if isinstance(action, str):
            return self._inner.encode_answer(action if self._inner.engine.talk is None else " ".join(action.split()))
        try:
            ids = [as_index(token) for token in action]
        except TypeError:
            raise TypeError(f"action={action!r}; expected a text, or token ids") from None
        end = self._inner.tokenizer.eos_token_id
        return ids if ids and ids[-1] == end else [*ids, end]
