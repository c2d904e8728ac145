"""The slot cache gives the hidden states of a full forward pass, whatever the rows do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from tests.text_rows import GEMMA, MISTRAL, WORDS, random_model
from tokengym.agents import static_step
from tokengym.agents.backbone import Backbone
from tokengym.agents.cache import FullDecoder, SlotDecoder


class Script:
    """Rows that grow by one token, by several (a reply), stand still, or start again, some with another row's prompt."""

    def __init__(self, seed: int, rows: int = 6, width: int = 32) -> None:
        self.rng = np.random.default_rng(seed)
        self.ids = np.zeros((rows, width), dtype=np.int32)
        self.lengths = np.zeros(rows, dtype=np.int64)
        for row in range(rows):
            self.start(row)

    def start(self, row: int) -> None:
        other = int(self.rng.integers(len(self.ids)))
        length = int(self.rng.integers(1, 14))
        tokens = self.rng.integers(3, WORDS, size=length)
        if self.rng.random() < 0.6 and self.lengths[other] >= length:
            tokens = self.ids[other, :length].astype(np.int64)
        self.ids[row] = 0
        self.ids[row, :length], self.lengths[row] = tokens, length

    def move(self, played: Any) -> None:
        for row in played:
            if self.rng.random() < 0.15 or self.lengths[row] > 26:
                self.start(row)
            else:
                new = 1 if self.rng.random() < 0.8 else int(self.rng.integers(2, 5))
                self.ids[row, self.lengths[row] : self.lengths[row] + new] = self.rng.integers(3, WORDS, size=new)
                self.lengths[row] += new

    def some(self) -> Any:
        return np.sort(self.rng.choice(len(self.ids), size=int(self.rng.integers(1, len(self.ids) + 1)), replace=False))


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3", GEMMA, MISTRAL], ids=["llama", "gpt2", "qwen3", "gemma3", "mistral-sliding"])
@torch.inference_mode()
def test_hidden_states_equal_a_full_forward_pass(shape: Any, attention: str, static: bool) -> None:
    backbone = Backbone(random_model(shape, attention))
    script = Script(seed=0)
    slots, full = SlotDecoder(backbone, *script.ids.shape, static=static), FullDecoder(backbone, *script.ids.shape)
    for _ in range(40):
        rows = script.some()
        fast, slow = slots.advance(script.ids, script.lengths, rows), full.advance(script.ids, script.lengths, rows)
        assert torch.allclose(torch.log_softmax(backbone.logits(fast), -1), torch.log_softmax(backbone.logits(slow), -1), atol=1e-5)
        script.move(rows)


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("seed", range(1, 6))
def test_many_scripts(seed: int, static: bool) -> None:
    backbone = Backbone(random_model())
    script = Script(seed=seed, rows=4)
    slots, full = SlotDecoder(backbone, *script.ids.shape, static=static), FullDecoder(backbone, *script.ids.shape)
    for _ in range(30):
        rows = script.some()
        fast, slow = slots.advance(script.ids, script.lengths, rows), full.advance(script.ids, script.lengths, rows)
        assert torch.allclose(fast, slow, atol=2e-5)
        script.move(rows)


class Counting(Backbone):
    """Counts the tokens that go through the trunk."""

    tokens = 0

    def hidden(self, input_ids: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        self.tokens += input_ids.numel()
        return super().hidden(input_ids, *args, **kwargs)


def test_only_what_is_new_is_computed() -> None:
    backbone = Counting(random_model())
    decoder = SlotDecoder(backbone, 4, 20)
    ids = np.zeros((4, 20), dtype=np.int32)
    ids[:3, :10] = np.arange(3, 13)  # three rows of one prompt of ten tokens, and one of six
    ids[3, :6] = np.arange(20, 26)
    lengths, rows = np.array([10, 10, 10, 6]), np.arange(4)

    def cost() -> int:
        before = backbone.tokens
        decoder.advance(ids, lengths, rows)
        return backbone.tokens - before

    assert cost() == 2 * 9 + 4  # both prompts but their last tokens (padded to nine), then one step of four rows
    ids[rows, lengths] = 30
    lengths += 1
    assert cost() == 4  # every row grew by one
    ids[0, :] = 0
    ids[0, :10], lengths[0] = np.arange(3, 13), 10
    assert cost() == 4  # the same prompt again: rows 1 and 2 hold it
    ids[3, 7:10], lengths[3] = 31, 10
    assert cost() == 2 + 4  # a reply of three tokens: two are prefilled
    ids[2, :5], lengths[2] = 40, 5
    assert cost() == 4 + 4  # another prompt


def test_rows_that_rest_cost_nothing_and_come_back_right() -> None:
    backbone = Counting(random_model())
    decoder, full = SlotDecoder(backbone, 3, 12), FullDecoder(Backbone(random_model()), 3, 12)
    ids = np.random.default_rng(0).integers(3, WORDS, size=(3, 12))
    lengths = np.array([4, 5, 6])
    decoder.advance(ids, lengths, np.arange(3))
    before = backbone.tokens
    for _ in range(3):
        lengths[2] += 1
        decoder.advance(ids, lengths, np.array([2]))
    assert backbone.tokens - before == 3  # row 2 moved to the front, alone
    rows = np.array([0, 2])
    assert torch.allclose(decoder.advance(ids, lengths, rows), full.advance(ids, lengths, rows), atol=1e-5)


def test_a_new_version_of_the_weights_voids_the_cache() -> None:
    backbone = Counting(random_model())
    decoder = SlotDecoder(backbone, 1, 8)
    ids, lengths = np.arange(3, 11)[None], np.array([5])
    for version, tokens in ((0, 5), (0, 1), (1, 5)):
        before = backbone.tokens
        decoder.advance(ids, lengths, np.array([0]), version)
        assert backbone.tokens - before == tokens


def test_static_steps_have_few_shapes_and_are_recorded_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_step, "_WIDTH", 8)
    backbone = Backbone(random_model())
    script, taken = Script(seed=3, rows=8), []

    def record(step: Any) -> Any:
        taken.append(0)
        place, kept = len(taken) - 1, step()  # a recording writes to one place in memory, on and on

        def replay() -> torch.Tensor:
            taken[place] += 1
            found: torch.Tensor = kept.copy_(step())
            return found

        return replay

    slots, full = SlotDecoder(backbone, *script.ids.shape, static=True), FullDecoder(backbone, *script.ids.shape)
    assert slots._static is not None
    slots._static._record = record
    for _ in range(60):
        rows = script.some()
        fast, slow = slots.advance(script.ids, script.lengths, rows), full.advance(script.ids, script.lengths, rows)
        assert torch.allclose(fast, slow, atol=2e-5)
        script.move(rows)
    assert sum(taken) == 60 and len(taken) <= 2 * 4  # all rows or a quarter, widths of 8, 16, 24 and 32
    weight = next(backbone.trunk.parameters())
    kept = dict(slots._static._steps)
    slots.advance(script.ids, script.lengths, rows, version=1)
    assert kept.items() <= slots._static._steps.items()
    weight.data = weight.data.clone()  # in another place
    slots.advance(script.ids, script.lengths, rows, version=2)
    assert len(slots._static._steps) == 1


@pytest.mark.parametrize(("part", "what"), [("_static", "decoding steps"), ("_prefills", "prefills")])
def test_what_cannot_be_recorded_runs_as_it_is(part: str, what: str) -> None:
    def refuse(step: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing")

    backbone = Backbone(random_model())
    script = Script(seed=4)
    slots, full = SlotDecoder(backbone, *script.ids.shape, static=True), FullDecoder(backbone, *script.ids.shape)
    getattr(slots, part)._record = refuse
    with pytest.warns(UserWarning, match=f"^{what} of LlamaForCausalLM run unrecorded, which is slower: operation not permitted"):
        fast = slots.advance(script.ids, script.lengths, np.arange(6))
    assert torch.allclose(fast, full.advance(script.ids, script.lengths, np.arange(6)), atol=2e-5)
    script.move(np.arange(6))
    slots.advance(script.ids, script.lengths, np.arange(6))  # without a second warning


def test_only_cuda_takes_static_steps_by_itself() -> None:
    assert SlotDecoder(Backbone(random_model()), 2, 8)._static is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3", GEMMA], ids=["llama", "gpt2", "qwen3", "gemma3"])
@torch.inference_mode()
def test_recorded_steps_on_a_gpu(shape: Any) -> None:
    backbone = Backbone(random_model(shape).to("cuda"))
    script = Script(seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # none runs unrecorded
        slots, full = SlotDecoder(backbone, *script.ids.shape), FullDecoder(backbone, *script.ids.shape)
        assert slots._static is not None
        for _ in range(60):
            rows = script.some()
            fast, slow = slots.advance(script.ids, script.lengths, rows), full.advance(script.ids, script.lengths, rows)
            assert torch.allclose(fast, slow, atol=1e-3)
            script.move(rows)
