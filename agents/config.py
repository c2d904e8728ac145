"""The options that every agent has; each agent's own dataclass adds to them."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

import numpy as np

__all__ = ["AgentConfig"]


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """Options that every agent has."""

    num_envs: int = 64  # episodes played at once, where the environment is given by an id
    updates: int = 0  # stop after so many updates (SFT: optimizer steps); 0: only total_timesteps decides
    train_only: str = ""  # parts that learn, "lm_head,layers.28-29": names, globs, ranges; the value head always does; "": all as they are
    optimizer: str = "adamw"  # or "adam", "rmsprop", "sgd"
    learning_rate: float = 1e-4  # at its highest
    schedule: str = "constant"  # the course of the learning rate, by transformers' names: "linear", "cosine", ... (agents/optim.py)
    warmup: float = 0.0  # share of the run in which the learning rate rises from 0
    weight_decay: float = 0.0  # on matrices
    adam_eps: float = 1e-8  # of adamw, adam and rmsprop; 1e-5 is what PPO implementations use
    adam_beta1: float = 0.9  # of adamw and adam: memory of the gradient's mean
    adam_beta2: float = 0.999  # of adamw and adam: memory of its square
    momentum: float = 0.0  # of rmsprop and sgd
    max_grad_norm: float = 1.0  # the gradient of a step is scaled down to this norm; math.inf: it is left as it is
    micro_batch_tokens: int = 8192  # tokens of one forward and backward pass, padding included; memory grows with it, results do not change
    gradient_checkpointing: bool = False  # compute each layer again in the backward pass: less memory, a third more time, the same results
    validate_every: int = 0  # updates between two validations, the first before training; 0: never, and the last weights are kept
    validation_episodes: int = 64  # held-out episodes of one validation, always the same, decoded greedily
    validation_metric: str = "reward"  # the best weights are the highest in it: "reward", or one of the environment's metrics
    patience: int = 0  # validations without a new best after which training stops; 0: it goes on; the best weights are kept anyway
    alarms: bool = True  # say in words, once per run, when figures tell of something that usually goes wrong (agents/alarms.py lists them)
    log_dir: str = ""  # folder for the tracker's files and samples.jsonl; "" writes none
    tracker: str = "tensorboard"  # where figures go, given log_dir: "tensorboard", "wandb", "mlflow" or "trackio"
    samples: int = 4  # answers of each validation that go into the log, with prompt, references and reward
    folder: str = ""  # where checkpoints and the end go; "": one under runs/, only for checkpoint_every and Ctrl-C
    checkpoint_every: int = 0  # updates between two checkpoints in ``folder``; 0: at the end only

    def __post_init__(self) -> None:
        """Paths become text, and numpy's numbers Python's own, as a checkpoint can hold them; 1e3 is a whole number."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, os.PathLike):
                value = os.fspath(value)
            elif isinstance(value, np.generic):
                value = value.item()
            if field.type in ("int", int) and isinstance(value, float) and value.is_integer():
                value = int(value)
            object.__setattr__(self, field.name, value)  # frozen from here on
