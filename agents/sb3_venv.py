"""A vector environment of tokengym as Stable-Baselines3 wants one, without a Python loop over environments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from tokengym.agents.venv import check_infos

__all__ = ["SB3VecEnv"]

_OF_ENDS = ("final_info", "final_obs", "episode")  # what a step's infos tell of episodes that are over


class SB3VecEnv(VecEnv):
    """N episodes side by side for Stable-Baselines3: one native vector environment in place of N environments in a loop.

    Usage::

        env = VecMonitor(SB3VecEnv("TextSumm-v0", num_envs=64, reward="rouge_l"))  # VecMonitor, for ep_rew_mean in the log
        model = PPO(CausalLMActorCritic, env, policy_kwargs={"model": "builtin:tiny"})

    Steps, rewards, endings and infos are those of DummyVecEnv over N single environments (with deal="independent", the default); where
    the task constrains its answers, sb3-contrib's MaskablePPO finds the masks.

    Args:
        env: an id, an EnvSpec, or a vector environment that restarts rows in the step in which they end (tokengym's own default).
        num_envs: N, for an id or a spec; None: 16.
        keywords: for ``gymnasium.make_vec``, with an id or a spec.
    Raises:
        TypeError: ``env`` is none of the three, or keywords come with a vector environment.
        ValueError: another autoreset mode; infos as a list; length_limit="truncate": Stable-Baselines3 would add the value of the last
            state to a score that was already paid in full, and so teach to run out of tokens.
    """

    def __init__(self, env: Any, num_envs: int | None = None, **keywords: Any) -> None:
        if isinstance(env, (str, EnvSpec)):
            env = gymnasium.make_vec(env, num_envs=16 if num_envs is None else num_envs, **keywords)
        elif not hasattr(env, "single_observation_space"):
            raise TypeError(f"env is a {type(env).__name__}; expected an id such as 'TextSumm-v0', an EnvSpec, or a vector environment")
        elif keywords or num_envs is not None:
            given = sorted([*keywords, *(["num_envs"] if num_envs is not None else [])])
            raise TypeError(f"keywords {given} came with a vector environment that is already made; give its id with them")
        check_infos(env)
        inner = env.unwrapped
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(f"the vector environment has autoreset_mode {mode}; make it with autoreset_mode='SameStep'")
        if getattr(inner, "length_limit", "terminate") != "terminate":
            raise ValueError(
                "length_limit='truncate': Stable-Baselines3 adds the value of the last state to the score that is paid there already; "
                "use length_limit='terminate'"
            )
        self.venv = env
        self._actions: NDArray[Any] = np.zeros(env.num_envs, dtype=np.int64)
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Any:
        """Observations (N, ...) of new episodes, with what ``seed`` and ``set_options`` said before; ``reset_infos`` has their infos."""
        shared = getattr(self.venv.unwrapped, "deal", "independent") == "shared"
        seeds: Any = self._seeds[0] if shared or self._seeds[0] is None else self._seeds
        if len({repr(options) for options in self._options}) > 1:
            raise ValueError(
                f"options={self._options}; rows of one vector environment get the same ones: {{'index': [...]}} picks N examples"
            )
        obs, infos = self.venv.reset(seed=seeds, options=self._options[0] or None)
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [_row(infos, row) for row in range(self.num_envs)]
        return obs

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keeps the actions (N,) for ``step_wait``."""
        self._actions = actions

    def step_wait(self) -> Any:
        """Observations, rewards (N,) float32, dones (N,) bool and N infos; a done row shows its next episode's first observation."""
        obs, rewards, terminated, truncated, infos = self.venv.step(self._actions)
        dones = terminated | truncated
        told: list[dict[str, Any]] = [{"TimeLimit.truncated": False} for _ in range(self.num_envs)]
        over = np.flatnonzero(dones).tolist()
        if infos:
            last = infos.get("final_info", {})
            begun = {key: value for key, value in infos.items() if key.removeprefix("_") not in _OF_ENDS}
            for row in over:
                self.reset_infos[row] = _row(begun, row)
                told[row] = _row(last, row)
                told[row]["TimeLimit.truncated"] = bool(truncated[row] and not terminated[row])
                told[row]["terminal_observation"] = infos["final_obs"][row]
                if "episode" in infos:  # of Gymnasium's RecordEpisodeStatistics
                    told[row]["episode"] = {name: each[row].item() for name, each in infos["episode"].items() if name[0] != "_"}
            if "action_mask" in infos:
                for row in np.flatnonzero(infos["_action_mask"] & ~dones).tolist():
                    told[row]["action_mask"] = infos["action_mask"][row]
        return obs, rewards.astype(np.float32), dones, told

    def close(self) -> None:
        """Closes the vector environment."""
        self.venv.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the vector environment, once for each row; ``action_masks`` gives each row's own method."""
        rows = self._rows(indices)
        if attr_name == "action_masks":
            masks = self.venv.unwrapped.action_masks
            return [lambda row=row: masks()[row] for row in rows]
        return [getattr(self.venv.unwrapped, attr_name)] * len(rows)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: the rows are no environments of their own."""
        raise AttributeError(f"set_attr({attr_name!r}): the rows of a native vector environment are no environments of their own")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """What each row's ``action_masks`` gives; other methods belong to the vector environment, ``venv``, as a whole."""
        rows = self._rows(indices)
        if method_name != "action_masks":
            raise AttributeError(f"env_method({method_name!r}): rows have action_masks only; the environment as a whole is .venv")
        return list(self.venv.unwrapped.action_masks()[rows])

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """False for each row: wrap the whole, with VecMonitor for one."""
        return [False for _ in self._rows(indices)]

    def render(self, mode: str | None = None) -> Any:
        """What the vector environment shows: each row's episode as text with render_mode="ansi", else None."""
        return self.venv.render()

    def _rows(self, indices: Any) -> list[int]:
        rows = list(self._get_indices(indices))
        for row in rows:
            if not -self.num_envs <= row < self.num_envs:
                raise IndexError(f"row {row} of {self.num_envs}")
        return rows

    def get_images(self) -> Sequence[Any]:
        """None for each row: texts have no pictures; ``venv.render()`` gives them with render_mode="ansi"."""
        return [None] * self.num_envs


def _row(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """One row's infos out of those of a Gymnasium vector environment, with Python's own numbers."""
    found: dict[str, Any] = {}
    for key, value in infos.items():
        there = infos.get("_" + key)
        if there is None or not there[row]:  # also the markers themselves, which have none of their own
            continue
        mine = _row(value, row) if isinstance(value, dict) else value[row]
        found[key] = mine.item() if isinstance(mine, np.generic) else mine
    return found
