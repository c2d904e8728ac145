"""Stable-Baselines3 on our environments: a features extractor for the token observations."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

__all__ = ["TextFeatures", "check_observation"]


def check_observation(space: gymnasium.Space[Any]) -> None:
    """Raises ValueError where a space is not that of token observations."""
    known = getattr(space, "spaces", {})
    if any(key not in known for key in ("input_ids", "attention_mask", "completion_mask")):
        raise ValueError(f"observation_space={space}; expected a Dict with input_ids, attention_mask, completion_mask")


class TextFeatures(BaseFeaturesExtractor):
    """Features of a token observation: what was read, what was written, and the latest tokens in their order.

    Usage::

        PPO("MultiInputPolicy", gymnasium.make("TextQA-v0"), policy_kwargs={"features_extractor_class": TextFeatures})

    Args:
        observation_space: the environment's Dict of ``input_ids``, ``attention_mask`` and ``completion_mask``, (L,) each.
        features_dim: numbers that come out.
        embedding_dim: numbers per token.
        latest: how many of the last tokens are seen one by one.
    Raises:
        ValueError: the space is not a token observation.
    """

    def __init__(self, observation_space: gymnasium.spaces.Dict, features_dim: int = 64, embedding_dim: int = 32, latest: int = 4) -> None:
        super().__init__(observation_space, features_dim)
        check_observation(observation_space)
        self.latest = latest
        tokens: Any = observation_space["input_ids"]
        self.embedding = nn.Embedding(int(tokens.high.max()) + 1, embedding_dim)
        self.linear = nn.Linear((2 + latest) * embedding_dim + 1, features_dim)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """(B, features_dim) from a batch of observations, which Stable-Baselines3 hands over as floats."""
        there, written = observations["attention_mask"].float(), observations["completion_mask"].float()  # (B, L)
        lengths = there.sum(dim=1).long()  # (B,)
        width = max(1, int(lengths.max()))  # what lies beyond the longest row is padding
        there, written = there[:, :width], written[:, :width]
        embedded = self.embedding(observations["input_ids"][:, :width].long())  # (B, W, E)
        read = there - written
        parts = torch.stack([read, written], dim=1)  # (B, 2, W)
        pools = parts / parts.sum(dim=2, keepdim=True).clamp(min=1)
        pooled = torch.bmm(pools, embedded).flatten(1)  # (B, 2E) mean of the prompt, mean of the completion
        places = lengths[:, None] - 1 - torch.arange(self.latest, device=lengths.device)  # (B, latest) the last token first
        rows = torch.arange(len(lengths), device=lengths.device)[:, None]
        last = embedded[rows, places.clamp(min=0)] * (places >= 0)[:, :, None]  # (B, latest, E)
        share = written.sum(dim=1, keepdim=True) / observations["attention_mask"].shape[1]  # (B, 1) how much is written
        return torch.tanh(self.linear(torch.cat([pooled, last.flatten(1), share], dim=1)))
