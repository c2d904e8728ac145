"""The probe accepts what works, and notices masks that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.text_rows import GEMMA, random_model
from tokengym.agents.backbone import Backbone
from tokengym.agents.probe import slots_agree


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3", GEMMA], ids=["llama", "gpt2", "qwen3", "gemma3"])
def test_it_accepts_what_works(shape: Any) -> None:
    assert slots_agree(Backbone(random_model(shape)))
    assert slots_agree(Backbone(random_model(shape).to(torch.bfloat16)))


def test_it_notices_wrong_masks() -> None:
    backbone = Backbone(random_model())
    backbone.windows = {"": 2}
    assert not slots_agree(backbone)


def test_it_notices_masks_of_a_kind_that_the_model_does_not_take() -> None:
    backbone = Backbone(random_model())
    backbone.windows = {"full_attention": None, "sliding_attention": 5}
    assert not slots_agree(backbone)
