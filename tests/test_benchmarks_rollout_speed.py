"""Engine against generate: the same prompts, the same lengths, and what is printed; never how fast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.text_rows import SHAPES, random_model
from tests.tiny_model import save_tiny_model
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.rollout import RolloutEngine
from tokengym.benchmarks import generating
from tokengym.benchmarks.generating import Replay, copy_speed, decoding_limit, generate
from tokengym.benchmarks.rates import Rate
from tokengym.benchmarks.rollout_speed import Timed, cells, columns, read_rollouts
from tokengym.benchmarks.throughput import main

PROMPTS = [[5, 6, 7], [8, 9], [10, 11, 12, 13], [14], [15, 16], [17, 18, 19]]
LENGTHS = [4, 1, 2, 5, 3, 2]


def test_the_engine_plays_each_prompt_once_for_its_length() -> None:
    policy = CausalLMPolicy(random_model())
    engine = RolloutEngine(policy, Replay(PROMPTS, LENGTHS, policy.num_actions, num_envs=2), seed=0)
    for _ in range(2):  # a second collection starts with the first prompt again
        rollout = engine.collect(len(PROMPTS))
        assert rollout.completion_mask.sum(1).tolist() == LENGTHS
        for prompt, row, mask in zip(PROMPTS, rollout.input_ids, rollout.attention_mask - rollout.completion_mask, strict=True):
            assert row[mask == 1].tolist() == prompt


def test_generate_writes_the_same_lengths_and_sees_no_padding() -> None:
    model = random_model()
    answers = generate(model, PROMPTS, LENGTHS, batch=4)
    assert [len(answer) for answer in answers] == LENGTHS

    class Greedy(LlamaForCausalLM):  # sampling from one token is greedy: what is written must then be what a row alone gives
        def forward(self, *args: object, **kwargs: object) -> object:
            out = super().forward(*args, **kwargs)
            out.logits = out.logits.masked_fill(out.logits < out.logits.amax(-1, keepdim=True), -torch.inf)
            return out

    sharp = Greedy(SHAPES["llama"]())
    sharp.load_state_dict(model.state_dict())
    sharp.train(False)
    for prompt, answer in zip(PROMPTS, generate(sharp, PROMPTS, LENGTHS, batch=4), strict=True):
        ids = [*prompt, *answer]
        best = model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
        assert answer == best[len(prompt) - 1 : -1]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny_model(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)  # a long path would be folded in the table
    line = ["rollout", "./tiny", "--rounds", "2", "--num-envs", "3", "--batches", "2", "--max-new-tokens", "5", "--threads", "1", "--quiet"]
    assert main([*line, "--json", str(tmp_path / "rollout.json")]) == 0
    shown = capsys.readouterr().out
    assert "3 at a time, 2 batches" in shown and "python 3." in shown
    written = json.loads((tmp_path / "rollout.json").read_text())
    equal, natural = read_rollouts(written)
    assert (equal.lengths, equal.tokens, equal.longest, equal.threads) == ("equal", 30, 5, 1)
    assert natural.lengths == "natural" and 6 <= natural.tokens <= 30
    for row in (equal, natural):
        assert all(cell in shown for cell in cells(row))
        for rate in (row.engine, row.generate, row.ratio):
            assert 0 < rate.lowest <= rate.median <= rate.highest
    assert written["rounds"] == 2 and written["versions"]["torch"] and torch.get_num_threads() >= 1


def test_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for line, message in (
        ("--rounds 0", "--rounds 0; expected at least 1"),
        ("--threads 0", "--threads 0; expected numbers of at least 1"),
    ):
        assert main(["rollout", *line.split()]) == 1
        assert message in capsys.readouterr().err


def test_prompts_are_dealt_in_their_order_to_whoever_is_free() -> None:
    venv = Replay(PROMPTS, LENGTHS, 61, num_envs=3)
    _, infos = venv.reset()
    assert infos["deal_index"].tolist() == [0, 1, 2]
    obs, _, done, _, infos = venv.step(np.full(3, 20))
    assert done.tolist() == [False, True, False] and infos["deal_index"].tolist() == [0, 3, 2]
    assert obs["attention_mask"].sum(1).tolist() == [4, 1, 5]


def test_generate_with_a_static_cache() -> None:
    assert [len(answer) for answer in generate(random_model(), PROMPTS, LENGTHS, batch=4, cache="static")] == LENGTHS


def test_what_memory_allows() -> None:
    config = LlamaConfig(
        vocab_size=10, hidden_size=8, intermediate_size=16, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    weights = 4 * (sum(x.numel() for x in model.parameters()) - 10 * 8)  # all but the input embeddings
    cached = 4 * 2 * 3 * 2 * 2  # two of 3 layers, 2 heads of 2 numbers
    assert decoding_limit(model, 5, 20.0, 1e9) == pytest.approx(5e9 / (weights + 5 * 20 * cached))
    config.tie_word_embeddings = True
    tied = LlamaForCausalLM(config)
    assert decoding_limit(tied, 1, 0.0, 1e9) == pytest.approx(1e9 / (4 * sum(x.numel() for x in tied.parameters())))
    rate = Rate(250.0, 200.0, 300.0)
    shared: dict[str, Any] = {"model": "m", "lengths": "equal", "threads": 1, "tokens": 9, "longest": 3}
    shared |= {"engine": rate, "generate": rate, "ratio": rate}
    row, plain = Timed(**shared, device="cuda", limit=1000.0), Timed(**shared)
    assert cells(row)[-1] == "25% of 1,000" and columns([row])[-1] == "of the limit"
    assert len(cells(row)) == len(columns([row])) == len(cells(plain)) + 1 == len(columns([plain])) + 1


def test_memory_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generating, "_COPIED", 2**16)
    assert copy_speed("cpu") > 0
