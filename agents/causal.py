"""The causal mask of whole rows, for where the model's own way without one would hold every attention weight."""

from __future__ import annotations

from typing import Any

import torch

from tokengym.agents.backbone import Backbone

__all__ = ["causal_mask", "wants_mask"]


def wants_mask(backbone: Backbone, device: torch.device) -> bool:
    """Whether a pass without a mask would hold weights (B, heads, T, T) in each layer.

    Where no mask is given, transformers leaves it to torch's fused attention that several heads share their keys. On CUDA its kernels
    for float32 do not (torch 2.13), so plain products are taken; with a mask the keys are repeated, and a fused kernel takes them.
    """
    config = backbone.config
    heads = getattr(config, "num_attention_heads", None)
    shared = (getattr(config, "num_key_value_heads", None) or heads) != heads
    fused = getattr(config, "_attn_implementation", "") == "sdpa"
    in_float32 = backbone.dtype == torch.float32 and not torch.is_autocast_enabled("cuda")
    return device.type == "cuda" and shared and fused and in_float32


def causal_mask(backbone: Backbone, width: int, device: torch.device) -> Any:
    """Additive causal masks of ``width`` tokens, the same for all rows, as :meth:`Backbone.additive` gives them."""
    place = torch.arange(width, device=device)
    distance = (place[:, None] - place)[None]  # (1, T, T)
    return backbone.additive(distance >= 0, distance, backbone.dtype)
