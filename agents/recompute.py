"""Gradient checkpointing: a layer's inner results are dropped after the forward pass and computed again for the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

__all__ = ["recompute_layers", "recomputes"]


class _Recomputed:
    """The forward pass of one layer; copied with its model, since it holds the layer's own bound method."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.forward = forward

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        # With a cache (rollouts, which need no gradient anyway) a second pass would write its keys twice.
        if not torch.is_grad_enabled() or named.get("past_key_values") is not None:
            return self.forward(*inputs, **named)
        return checkpoint(partial(self.forward, **named), *inputs, use_reentrant=False, preserve_rng_state=False)  # no dropout, no draws


def recompute_layers(policy: Any) -> None:
    """Has the layers of the policy's model compute themselves again in the backward pass (arXiv:1604.06174), from now on.

    Of each layer only the input is kept. transformers' own switch works in training mode alone, which a policy never enters: dropout
    would make the log-probabilities of rollout and update differ.

    Raises:
        ValueError: the policy has no transformers model whose layers are known.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    model = getattr(policy, "model", None)
    layers = [] if model is None else [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        kind = type(policy if model is None else model).__name__
        raise ValueError(f"gradient_checkpointing=True: {kind} has no layers that transformers knows how to compute again; leave it off")
    for layer in layers:
        if not isinstance(layer.forward, _Recomputed):
            layer.__dict__["forward"] = _Recomputed(layer.forward)


def recomputes(model: Any) -> bool:
    """Whether :func:`recompute_layers` has been at a model."""
    return any(isinstance(vars(module).get("forward"), _Recomputed) for module in model.modules())
