"""What agents and rewards both ask of transformers: a model's head apart from its trunk, and loading without a word."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["head_of", "quiet", "width_of"]


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, transformers shows no progress bars and logs errors only."""
    from transformers.utils import logging

    bars: Any = logging  # untyped
    shown, level = bars.is_progress_bar_enabled(), bars.get_verbosity()
    bars.disable_progress_bar()  # the bar over 103 tensors says nothing to anyone
    bars.set_verbosity_error()
    try:
        yield
    finally:
        bars.set_verbosity(level)
        if shown:
            bars.enable_progress_bar()


def head_of(model: Any) -> Any:
    """A shallow copy of a ``...ForCausalLM`` that goes from hidden states to logits: ``head_of(model)(inputs_embeds=states).logits``.

    The trunk is replaced by a stand-in that hands on what it is given, so the model's own rule (Granite's scaling, Gemma's soft cap)
    holds. The weights stay the model's.

    Raises:
        ValueError: the model has no base model apart from its head.
    """
    prefix = str(getattr(model, "base_model_prefix", ""))
    if not prefix or getattr(model, prefix, model) is model:
        raise ValueError(
            f"{type(model).__name__} has no base model apart from its head; pass a transformers ...ForCausalLM "
            f"that has it under the name that its base_model_prefix says{f' ({prefix!r} is not there)' if prefix else ''}"
        )
    head = copy.copy(model)
    head.__dict__["_modules"] = {**model._modules, prefix: _HandOver()}
    return head


def width_of(model: Any) -> int:
    """Numbers in a hidden state that the trunk hands to the head, H; OPT's may be fewer than those of its layers."""
    config = model.config.get_text_config()
    return int(getattr(config, "word_embed_proj_dim", config.hidden_size))


class _HandOver:
    """Stands where the trunk stood, and hands the hidden states that it is given on to the head."""

    def __call__(self, input_ids: Any = None, inputs_embeds: Any = None, **_: Any) -> _Passed:
        return _Passed(inputs_embeds)

    @property
    def decoder(self) -> _HandOver:
        """The part of the trunk that some heads (OPT's, BART's) call themselves."""
        return self


class _Passed:
    """What a trunk returns: hidden states, by name or as the first of its outputs; nothing under the other names that heads pass on."""

    def __init__(self, states: Any) -> None:
        self.last_hidden_state = states

    def __getitem__(self, index: Any) -> Any:
        return (self.last_hidden_state,)[index]

    def __getattr__(self, name: str) -> None:
        return None
