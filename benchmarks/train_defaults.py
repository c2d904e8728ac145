"""Options of the learners that ``tokengym train`` sets otherwise than they do themselves, by size of the model."""

from __future__ import annotations

from typing import Any

__all__ = ["DEFAULTS"]

# Size of the model -> learner -> option -> value; --set comes on top.
DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny": {
        "sft": {"learning_rate": 1e-3},
        "reinforce": {"learning_rate": 3e-4},
        "grpo": {"learning_rate": 3e-4},
        "ppo": {"learning_rate": 3e-4},
        "soft_q": {"learning_rate": 1e-4},
        "expert_iteration": {"learning_rate": 1e-3},
        "dpo": {"learning_rate": 1e-4},
    },
    "large": {  # with LoRA; small collections, so that twenty updates of a 135M model take minutes on a CPU
        "sft": {"num_envs": 16, "batch_size": 8, "learning_rate": 2e-4, "micro_batch_tokens": 4096},
        "reinforce": {
            "num_envs": 16,
            "episodes_per_update": 16,
            "learning_rate": 1e-4,
            "kl_beta": 0.02,
            "micro_batch_tokens": 4096,
        },
        "grpo": {"num_envs": 16, "episodes_per_update": 16, "learning_rate": 1e-4, "micro_batch_tokens": 4096},
        "ppo": {"num_envs": 16, "episodes_per_update": 16, "learning_rate": 1e-4, "micro_batch_tokens": 4096},
        "soft_q": {
            "num_envs": 16,
            "episodes_per_update": 16,
            "batch_size": 16,
            "replay_episodes": 64,
            "learning_rate": 5e-5,
            "micro_batch_tokens": 4096,
        },
        "expert_iteration": {
            "num_envs": 16,
            "episodes_per_update": 32,
            "group_size": 4,
            "batch_size": 8,
            "learning_rate": 2e-4,
            "micro_batch_tokens": 4096,
        },
        "dpo": {"num_envs": 16, "episodes_per_update": 16, "batch_size": 4, "learning_rate": 5e-5, "micro_batch_tokens": 4096},
    },
}
