"""A trial of the slot cache on a model: does it give what a full forward pass gives?"""

from __future__ import annotations

import numpy as np
import torch

from tokengym.agents.backbone import Backbone
from tokengym.agents.cache import FullDecoder, SlotDecoder

__all__ = ["slots_agree"]

_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}  # of the hidden states' size; half precision differs by rounding alone
_TOLERANCE_HALF = 0.1


def slots_agree(backbone: Backbone) -> bool:
    """Plays three short rows (prefill, steps, a reply of two tokens, a reset, a row that pauses) both ways and compares."""
    vocabulary = int(backbone.config.get_text_config().vocab_size)
    rows, width = 3, 16
    ids = np.random.default_rng(0).integers(0, vocabulary, size=(rows, width))
    slots, full = SlotDecoder(backbone, rows, width), FullDecoder(backbone, rows, width)
    tolerance = _TOLERANCE.get(backbone.dtype, _TOLERANCE_HALF)
    turns = [([3, 7, 5], [0, 1, 2]), ([4, 8, 6], [0, 1, 2]), ([4, 11, 7], [1, 2]), ([5, 3, 8], [0, 1, 2])]
    for turn, (lengths, active) in enumerate(turns):
        if turn == 3:
            ids[1] = ids[2][::-1]  # the second row's environment was reset
        at = (ids, np.array(lengths), np.array(active))
        try:
            fast = slots.advance(*at).float()
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
            return False
        slow = full.advance(*at).float()
        if not bool(((fast - slow).abs().max() <= tolerance * slow.abs().max()).item()):
            return False
    return True
