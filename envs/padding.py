"""Observations for ``model.generate``, which wants its padding on the left."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["left_pad"]


def left_pad(obs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same observation with its padding moved from the right to the left.

    Args:
        obs: arrays (L,) or (N, L), among them ``attention_mask``; other shapes pass through unchanged.
    Returns:
        New arrays of the same shapes; columns that are padding in every row are cut off.
    """
    mask = np.asarray(obs["attention_mask"])
    lengths = mask.sum(axis=-1)  # () or (N,)
    width = max(int(lengths.max(initial=0)), 1)
    columns = (np.arange(width) - (width - np.expand_dims(lengths, -1))) % mask.shape[-1]  # (W,) or (N, W)
    moved = {key: np.take_along_axis(np.asarray(v), columns, axis=-1) for key, v in obs.items() if np.shape(v) == mask.shape}
    return {**obs, **moved}
