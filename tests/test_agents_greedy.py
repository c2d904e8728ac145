"""Validation plays the same episodes each time, with the weights of now, and keeps an engine only where that saves recordings."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.text_rows import TokenRows, random_model
from tokengym.agents.cache import SlotDecoder
from tokengym.agents.greedy import GreedyPlayer
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.rollout import RolloutEngine


@pytest.mark.parametrize("static", [False, True])
def test_a_kept_engine_plays_what_a_new_one_plays(static: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = CausalLMPolicy(random_model("qwen3"))

    def decoder(rows: int, width: int) -> SlotDecoder:
        return SlotDecoder(policy.backbone, rows, width, static=static)

    monkeypatch.setattr(policy, "decoder", decoder)
    player, venv = GreedyPlayer(), TokenRows(9, reply=True)
    engines: list[Any] = []
    seen = []
    for episodes in (9, 9, 6):
        ours = player.play(policy, venv, episodes, temperature=0.7)
        fresh = RolloutEngine(policy, TokenRows(9, reply=True), seed=0, temperature=0.7, values=False)
        theirs = fresh.collect(episodes, deterministic=True)
        assert torch.equal(ours.input_ids, theirs.input_ids)
        assert torch.allclose(ours.logp, theirs.logp, atol=1e-6)
        assert ours.infos == theirs.infos
        engines.append(player._engine)
        seen.append(ours.logp)
        with torch.no_grad():
            policy.model.get_input_embeddings().weight.mul_(1.3)
    assert not torch.equal(seen[0], seen[1])  # the weights did change what was played
    assert (engines[0] is engines[1] is engines[2] is not None) if static else engines == [None] * 3
    player.play(policy, TokenRows(4), 3, temperature=0.7)
    assert not static or player._engine is not engines[0]  # another environment
