"""A transformers causal LM seen as two halves: a trunk that makes hidden states, and the model's own rule from them to logits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from tokengym._transformers import head_of
from tokengym.agents.attention import STEADY, STEADY_ROWS, Shared

__all__ = ["Backbone"]


class Backbone:
    """The two halves of ``model``, which stays the owner of all weights.

    Logits come from ``model.forward`` itself, run on a shallow copy whose trunk is replaced by a stand-in: Granite's scaling and
    Gemma's soft cap hold, and only the positions that matter pay for the vocabulary.

    Args:
        model: a transformers ``...ForCausalLM``.
        adapter: makes the context in which the model runs; a frozen LoRA adapter switches itself on there.

    Attributes:
        windows: sliding window in tokens (None = full attention) by layer type; "" alone where all layers share one mask.
        slottable: whether attention is of a kind for which explicit masks and a slot cache can be built.
    """

    def __init__(self, model: nn.Module, adapter: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self.model = model
        self.config: Any = getattr(model.config, "get_text_config", lambda: model.config)()  # of several, where a model also sees
        self._head = head_of(model)
        self.trunk: Any = getattr(model, str(model.base_model_prefix))
        self.windows, self.slottable = _windows(self.config)
        self.adapter = adapter

    @property
    def dtype(self) -> torch.dtype:
        """Of the model's own weights."""
        dtype: torch.dtype = self.trunk.dtype
        return dtype

    @property
    def steady(self) -> bool:
        """Whether results shall not depend, to the last bit, on what is computed beside them (see ``attention.py``)."""
        return bool(getattr(self.config, "_attn_implementation", "") == STEADY)

    def hidden(
        self,
        input_ids: Tensor,
        attention_mask: Any = None,
        position_ids: Tensor | None = None,
        cache: Any = None,
        shared: Shared | None = None,
    ) -> Tensor:
        """Last hidden states (B, T, H) of ``input_ids`` (B, T).

        Args:
            input_ids: (B, T) tokens.
            attention_mask: as transformers takes it (2-D, 4-D or by layer type).
            position_ids: (B, T); None counts from 0.
            cache: a transformers cache.
            shared: layout of packed rows, in place of a mask; only where ``steady``.
        """
        layout: dict[str, Any] = {}
        if shared is not None:
            layout["shared"] = shared
            attention_mask = shared.prompt_mask  # any 4-D mask: so that none is built
        with self.adapter():
            out = self.trunk(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=cache is not None,
                **layout,
            )
        states: Tensor = out.last_hidden_state
        return states

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (K, V), in the model's dtype, of hidden states (K, H)."""
        count = len(hidden)
        if self.steady and 0 < count < STEADY_ROWS:
            hidden = torch.cat([hidden, hidden[-1:].expand(STEADY_ROWS - count, -1)])
        with self.adapter():
            out: Tensor = self._head(inputs_embeds=hidden[None], use_cache=False).logits
        return out[0, :count]

    def additive(self, allowed: Tensor, distance: Tensor, dtype: torch.dtype) -> Any:
        """Additive 4-D attention masks, one per layer type where the model has several.

        A bool mask is silently wrong under eager attention, and one mask for all layers is silently wrong with sliding windows.

        Args:
            allowed: (B, Q, K) bool, who may look at whom if there were no windows.
            distance: (B, Q, K) tokens from the key to the query.
            dtype: the trunk's.
        Returns:
            (B, 1, Q, K), 0 where attention is allowed and the dtype's minimum elsewhere; a dict of them by layer type.
        """
        lowest = torch.finfo(dtype).min
        masks = {}
        for kind, window in self.windows.items():
            seen = allowed if window is None else allowed & (distance < window)
            masks[kind] = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, lowest)[:, None]
        return masks[""] if "" in masks else masks


def _windows(config: Any) -> tuple[dict[str, int | None], bool]:
    """Window by layer type, and whether every layer is full or sliding attention."""
    window = getattr(config, "sliding_window", None)
    if not getattr(config, "use_sliding_window", True):
        window = None
    kinds = set(getattr(config, "layer_types", None) or ())
    if not kinds:
        return {"": window}, getattr(config, "attention_chunk_size", None) is None
    if kinds == {"full_attention"}:
        return {"": None}, True
    known: dict[str, int | None] = {"full_attention": None, "sliding_attention": window}
    return known, kinds <= set(known) and window is not None
