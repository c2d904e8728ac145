"""Prompts that several rows share go through the model once, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.text_rows import GEMMA, WORDS, random_model
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.prefix import lay_flat, pack


def test_pack_by_hand() -> None:
    ids = np.array([[3, 4, 5, 7, 8, 0], [3, 4, 5, 9, 0, 0], [3, 4, 5, 6, 6, 6]])
    packed = pack(ids, start=np.array([3, 3, 3]), end=np.array([5, 4, 6]))
    assert packed is not None
    assert packed.input_ids.tolist() == [[3, 4, 5, 7, 8, 9, 6, 6, 6]]
    assert packed.position.tolist() == [[0, 1, 2, 3, 4, 3, 3, 4, 5]]
    assert packed.segment.tolist() == [[0, 0, 0, 1, 1, 2, 3, 3, 3]]
    assert packed.row.tolist() == [0, 0, 0]
    assert packed.offset.tolist() == [0, 2, 3]


def test_packed_rows_are_padded_to_whole_multiples_and_that_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.array([[3, 4, 5, 7, 8, 0], [3, 4, 5, 9, 0, 0], [3, 4, 5, 6, 6, 6]])
    packed = pack(ids, start=np.array([3, 3, 3]), end=np.array([5, 4, 6]), multiple=8)
    assert packed is not None
    assert packed.input_ids.tolist() == [[3, 4, 5, 7, 8, 9, 6, 6, 6] + 7 * [0]]
    assert packed.segment.tolist() == [[0, 0, 0, 1, 1, 2, 3, 3, 3] + 7 * [-1]]
    policy = CausalLMPolicy(random_model("qwen3"))
    rows, real, agent = batch()
    plain = policy(rows, real, with_entropy=True, mask=agent)
    widths: list[int] = []
    policy.backbone.trunk.register_forward_pre_hook(lambda _, args, kwargs: widths.append(kwargs["input_ids"].shape[1]), with_kwargs=True)
    monkeypatch.setattr("tokengym.agents.prefix.pack", lambda ids, start, end, multiple: pack(ids, start, end, multiple=8))
    padded = policy(rows, real, with_entropy=True, mask=agent)
    assert widths[0] % 8 == 0
    assert plain.entropy is not None and padded.entropy is not None
    assert torch.allclose(plain.logp, padded.logp, atol=1e-5)
    assert torch.allclose(plain.entropy, padded.entropy, atol=1e-5)


def test_prompts_of_one_row_each_are_left_alone() -> None:
    ids = np.arange(3, 15).reshape(2, 6)
    assert pack(ids, start=np.array([3, 3]), end=np.array([6, 6])) is None


def test_a_packed_row_stays_below_twice_the_longest_sequence() -> None:
    ids = np.tile(np.arange(3, 13), (9, 1))
    packed = pack(ids, start=np.full(9, 6), end=np.full(9, 10))
    assert packed is not None
    assert packed.input_ids.shape == (3, 18)  # six of the prompt, three completions of four
    assert np.bincount(packed.row).tolist() == [3, 3, 3]


def test_a_flat_row_by_hand() -> None:
    ids = np.array([[3, 4, 7, 8], [3, 4, 9, 0], [5, 6, 6, 0], [3, 4, 1, 0]])
    flat = lay_flat(ids, start=np.array([2, 2, 1, 2]), end=np.array([4, 3, 3, 3]))
    assert flat is not None
    assert flat.input_ids.tolist() == [3, 4, 7, 8, 9, 5, 6, 6, 1]
    assert flat.position.tolist() == [0, 1, 2, 3, 2, 0, 1, 2, 2]
    assert flat.begin.tolist() == [0, 0, 5, 0]
    assert flat.offset.tolist() == [0, 2, 5, 6]


def test_a_flat_row_that_would_save_little_is_not_laid() -> None:
    assert lay_flat(np.arange(3, 15).reshape(2, 6), start=np.array([3, 3]), end=np.array([6, 6])) is None


def batch(groups: int = 3, members: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    ids, real, agent = (torch.zeros(groups * members, 24, dtype=torch.int64) for _ in range(3))
    for group in range(groups):
        prompt = torch.from_numpy(rng.integers(3, WORDS, size=rng.integers(8, 14)))
        for row in range(group * members, (group + 1) * members):
            said = torch.from_numpy(rng.integers(3, WORDS, size=rng.integers(1, 8)))
            both = torch.cat([prompt, said])
            ids[row, : len(both)], real[row, : len(both)], agent[row, len(prompt) : len(both)] = both, 1, 1
    agent[5] = 0  # a row that could not be scored is masked out
    return ids, real, agent


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen3", GEMMA], ids=["llama", "gpt2", "qwen3", "gemma3"])
def test_sharing_changes_neither_numbers_nor_gradients(shape: str, attention: str) -> None:
    policy = CausalLMPolicy(random_model(shape, attention))
    torch.nn.init.normal_(policy.value_head.weight)
    ids, real, agent = batch()
    tokens: list[int] = []
    policy.backbone.trunk.register_forward_pre_hook(lambda _, args, kwargs: tokens.append(kwargs["input_ids"].numel()), with_kwargs=True)
    found = []
    for share in (True, False):
        assert policy.slots()
        tokens.clear()
        policy._slots = share
        policy.zero_grad()
        out = policy(ids, real, temperature=0.8, with_values=True, with_entropy=True, mask=agent)
        policy._slots = None
        assert out.values is not None and out.entropy is not None
        (out.logp.sum() + out.values.sum() + out.entropy.sum()).backward()
        grads = torch.cat([p.grad.flatten() for p in policy.trainable_parameters() if p.grad is not None])
        found.append((out, grads / grads.abs().max(), tokens[0]))
    (shared, shared_grads, few), (plain, plain_grads, many) = found
    assert few < 0.6 * many
    for ours, theirs in zip(shared, plain, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.allclose(shared_grads, plain_grads, atol=1e-5)
    assert shared.logp[5].abs().sum() == 0
