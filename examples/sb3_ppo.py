"""Stable-Baselines3's PPO with a causal language model as its policy: a row for a benchmark's table, and a script of its own.

From the repository's folder:

    tokengym bench --envs TextSumm-v0 --agents random oracle --agent examples.sb3_ppo:SB3PPO --agent-budget 50000 --out results/mine
    python examples/sb3_ppo.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

from tokengym.agents import CausalLMActorCritic, SB3VecEnv

__all__ = ["SB3PPO"]


class SB3PPO:
    """PPO as Stable-Baselines3 has it, with the options that suit answers which are paid at their end.

    Args:
        env: a vector environment of tokengym for training.
        model: a name for CausalLMPolicy.from_pretrained.
        seed: of training.
        verbose: 1 prints Stable-Baselines3's own log.
    """

    def __init__(self, env: Any, model: str = "builtin:tiny", seed: int = 0, verbose: int = 0) -> None:
        self.ppo = PPO(
            CausalLMActorCritic,
            VecMonitor(SB3VecEnv(env)),
            learning_rate=1e-4,
            n_steps=64,  # of each row
            batch_size=256,
            n_epochs=2,
            gamma=1.0,
            gae_lambda=1.0,  # the critic starts at zero: below 1 the score would hardly reach early tokens
            vf_coef=0.1,
            max_grad_norm=1.0,
            policy_kwargs={"model": model},
            seed=seed,
            verbose=verbose,
        )

    @property
    def num_timesteps(self) -> int:
        """Tokens that it was trained on; whole rollouts, so more than were asked for."""
        return self.ppo.num_timesteps

    @property
    def used(self) -> dict[str, int]:
        """What a table tells of its training: no labels, and a call of the reward for each episode."""
        monitor: Any = self.ppo.get_env()
        return {"labels": 0, "reward_calls": int(monitor.episode_count)}

    def learn(self, total_timesteps: int) -> SB3PPO:
        """Trains for ``total_timesteps`` tokens."""
        self.ppo.learn(total_timesteps)
        return self

    def predict(
        self, obs: Mapping[str, NDArray[Any]], state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[NDArray[Any], Any]:
        """The next token (N,) for observations of N rows."""
        return self.ppo.predict(dict(obs), state=state, episode_start=episode_start, deterministic=deterministic)


if __name__ == "__main__":
    import gymnasium

    import tokengym  # noqa: F401  (registers the ids)

    agent = SB3PPO(gymnasium.make_vec("TextSumm-v0", num_envs=32, max_new_tokens=24, metrics=False), verbose=1).learn(100_000)
    policy: Any = agent.ppo.policy
    policy.causal_lm.save("runs/sb3_ppo")  # loads with transformers, and with CausalLMPolicy.from_pretrained
