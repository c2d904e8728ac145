"""Decoding steps and prefills of few shapes give what those of any shape give, and what they round up to is never looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config

from tests.test_agents_cache import Counting, Script
from tests.text_rows import GEMMA, WORDS, TokenRows, random_model
from tokengym.agents import static_step
from tokengym.agents.backbone import Backbone
from tokengym.agents.cache import FullDecoder, SlotDecoder
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.rollout import RolloutEngine
from tokengym.agents.static_step import whole_widths

Step = Callable[[], torch.Tensor]


class Recorder:
    """Stands in for CUDA: each recording has its result in one place, and the next play of any recording spoils it."""

    def __init__(self) -> None:
        self.played: list[int] = []
        self._results: list[torch.Tensor] = []

    def __call__(self, step: Step) -> Step:
        place, kept = len(self.played), step().clone()
        self.played.append(0)
        self._results.append(kept)

        def replay() -> torch.Tensor:
            self.played[place] += 1
            for other in self._results:
                other.fill_(17)
            return kept.copy_(step())

        return replay


def recorded(decoder: SlotDecoder) -> tuple[Recorder, Recorder, Recorder]:
    """Recorders of the steps, the prefills and the replies of ``decoder``."""
    recorders = Recorder(), Recorder(), Recorder()
    assert decoder._static is not None and decoder._prefills is not None and decoder._growths is not None
    decoder._static._record, decoder._prefills._record, decoder._growths._record = recorders
    return recorders


def test_widths_are_rounded_up_to_whole_ones() -> None:
    assert [whole_widths(tokens) for tokens in (1, 64, 65, 128)] == [64, 64, 128, 128]


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3", GEMMA], ids=["llama", "gpt2", "qwen3", "gemma3"])
@torch.inference_mode()
def test_nothing_behind_a_rows_end_and_nothing_in_the_spare_slot_is_looked_at(shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_step, "_WIDTH", 8)
    backbone = Backbone(random_model(shape))
    script = Script(seed=5, rows=7)
    slots, full = SlotDecoder(backbone, *script.ids.shape, static=True), FullDecoder(backbone, *script.ids.shape)
    recorded(slots)
    for _ in range(60):
        rows = script.some()
        fast, slow = slots.advance(script.ids, script.lengths, rows), full.advance(script.ids, script.lengths, rows)
        assert torch.allclose(torch.log_softmax(backbone.logits(fast), -1), torch.log_softmax(backbone.logits(slow), -1), atol=1e-5)
        layers: list[Any] = slots._cache.layers
        for layer in layers:
            assert layer.keys.shape[0] == 8 and layer.keys.shape[2] == 40  # a slot and a column for what is nobody's, whole eights
            for slot, held in enumerate([*slots._held, 0]):
                layer.keys[slot, :, held:] = 1e4
                layer.values[slot, :, held:] = 1e4
        script.move(rows)


def test_prefills_have_few_shapes_and_are_recorded_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_step, "_WIDTH", 8)
    backbone = Backbone(random_model())
    script = Script(seed=3, rows=8)
    slots, full = SlotDecoder(backbone, *script.ids.shape, static=True), FullDecoder(backbone, *script.ids.shape)
    steps, prefills, replies = recorded(slots)
    before = torch.zeros(0), torch.zeros(0)
    for _ in range(80):
        rows = script.some()
        fast, slow = slots.advance(script.ids, script.lengths, rows), full.advance(script.ids, script.lengths, rows)
        assert torch.allclose(fast, slow, atol=2e-5)
        assert torch.allclose(*before, atol=2e-5)  # what was returned stays what it was
        before = fast, slow
        script.move(rows)
    assert sum(steps.played) == 80
    assert min(sum(prefills.played), sum(replies.played)) > 20
    assert slots._prefills is not None and slots._growths is not None
    for recorder, kind in ((prefills, slots._prefills), (replies, slots._growths)):
        assert len(recorder.played) == len(kind._steps)
        for rows_of, *widths in kind._steps:
            assert rows_of in (1, 4, 8) and set(widths) <= {8, 16, 24, 32}
    weight = next(backbone.trunk.parameters())
    weight.data = weight.data.clone()  # in another place: what was recorded reads the old one
    played = list(prefills.played)
    slots.advance(script.ids, script.lengths, rows, version=1)
    assert prefills.played == played and len(slots._prefills._steps) == 1


def test_a_prompt_that_rows_share_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_step, "_WIDTH", 8)
    backbone = Counting(random_model())
    decoder, full = SlotDecoder(backbone, 8, 20, static=True), FullDecoder(Backbone(random_model()), 8, 20)
    ids = np.zeros((8, 20), dtype=np.int32)
    ids[:6, :10] = np.arange(3, 13)
    ids[6:, :7] = np.arange(20, 27)
    lengths = np.array([10] * 6 + [7] * 2)
    found = decoder.advance(ids, lengths, np.arange(8))
    assert backbone.tokens == 4 * 16 + 8  # two prompts of nine and six tokens, computed as four of sixteen, and a step of eight rows
    assert torch.allclose(found, full.advance(ids, lengths, np.arange(8)), atol=2e-5)


def test_many_prompts_at_once_stay_within_the_budget_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokengym.agents.cache.PREFILL_TOKENS", {"cpu": 640})
    backbone = Backbone(random_model())
    decoder, full = SlotDecoder(backbone, 23, 100, static=True), FullDecoder(backbone, 23, 100)
    rng = np.random.default_rng(0)
    ids = rng.integers(3, WORDS, size=(23, 100))
    lengths = rng.integers(50, 100, size=23)
    found = decoder.advance(ids, lengths, np.arange(23))
    assert torch.allclose(found, full.advance(ids, lengths, np.arange(23)), atol=1e-4)
    assert decoder._prefills is not None
    assert {rows * width for rows, width in decoder._prefills._steps} <= {6 * 100, 4 * 100, 10 * 64, 4 * 64, 64, 100}


def test_a_prompt_is_not_rounded_up_beyond_the_positions_that_the_model_knows() -> None:
    config = GPT2Config(vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4, n_positions=40)
    backbone = Backbone(random_model(config))
    ids, lengths, rows = np.random.default_rng(0).integers(3, WORDS, size=(2, 40)), np.array([39, 30]), np.arange(2)
    decoder, full = SlotDecoder(backbone, 2, 40, static=True), FullDecoder(backbone, 2, 40)
    for _ in range(2):
        assert torch.allclose(decoder.advance(ids, lengths, rows), full.advance(ids, lengths, rows), atol=2e-5)
        lengths += 1


@pytest.mark.parametrize("env", [{}, {"reply": True}, {"group_size": 4, "reply": True}], ids=["alone", "replies", "groups"])
def test_recorded_rollouts_play_the_tokens_of_unrecorded_ones(env: dict[str, Any]) -> None:
    policy = CausalLMPolicy(random_model("qwen3"))
    plain = RolloutEngine(policy, TokenRows(6, **env), seed=2)
    static = RolloutEngine(policy, TokenRows(6, **env), seed=2)
    decoder = static._decoder = SlotDecoder(policy.backbone, *plain._decoder.shape, static=True)
    steps, prefills, replies = recorded(decoder)
    for _ in range(2):
        ours, theirs = static.collect(24), plain.collect(24)
        assert torch.equal(ours.input_ids, theirs.input_ids)
        assert torch.allclose(ours.logp, theirs.logp, atol=1e-5)
        with torch.no_grad():
            for parameter in policy.model.parameters():
                parameter.mul_(0.9)  # an update, in place: recordings stay good
    assert min(sum(steps.played), sum(prefills.played)) > 4
    assert (sum(replies.played) > 4) == ("reply" in env)
    assert static.recorded and not plain.recorded


def test_where_rows_go_back_is_uploaded_before_the_step_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = SlotDecoder(Backbone(random_model()), 3, 12, static=True)
    ids = np.random.default_rng(0).integers(3, WORDS, size=(3, 12))
    decoder.advance(ids, np.array([4, 5, 6]), np.arange(3))
    decoder.advance(ids, np.array([4, 5, 7]), np.array([2]))  # the last row moves to the front
    said: list[str] = []

    def telling(word: str, call: Any) -> Any:
        def told(*given: Any) -> Any:
            said.append(word)
            return call(*given)

        return told

    monkeypatch.setattr(decoder, "_tensor", telling("upload", decoder._tensor))
    monkeypatch.setattr(decoder, "_static", telling("step", decoder._static))
    decoder.advance(ids, np.array([5, 6, 8]), np.arange(3))
    assert said[-2:] == ["upload", "step"]
