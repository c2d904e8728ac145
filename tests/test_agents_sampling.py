"""Noise that depends on who draws: the same pair the same number, uniform, and choices that follow the probabilities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from tests.text_rows import TokenRows, random_model
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.reinforce import Reinforce, ReinforceConfig
from tokengym.agents.rollout import RolloutEngine
from tokengym.agents.sampling import Sampling, noise_key, pick, uniforms


def test_the_same_pair_gives_the_same_number_in_any_company() -> None:
    key = noise_key(7, 0)
    together = uniforms(key, np.array([3, 4, 5]), np.array([0, 1, 2]))
    alone = uniforms(key, np.array([4]), np.array([1]))
    assert together[1] == alone[0]


def test_seeds_collections_episodes_and_tokens_all_matter() -> None:
    numbers = {
        float(uniforms(noise_key(seed, collection), np.array([episode]), np.array([token]))[0])
        for seed, collection, episode, token in itertools.product((0, 1), repeat=4)
    }
    assert len(numbers) == 16


def test_numbers_are_uniform_and_neighbours_unrelated() -> None:
    numbers = uniforms(noise_key(0), np.repeat(np.arange(300), 300), np.tile(np.arange(300), 300))  # 90,000 numbers
    assert 0 < numbers.min() and numbers.max() < 1
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    assert np.abs(counts - 4500).max() < 5 * np.sqrt(4500)
    grid = numbers.reshape(300, 300)
    assert abs(np.corrcoef(grid[:, :-1].ravel(), grid[:, 1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(grid[:-1].ravel(), grid[1:].ravel())[0, 1]) < 0.02


def test_pick_inverts_the_cumulative_distribution_by_hand() -> None:
    logp = torch.tensor([[0.2, 0.0, 0.5, 0.3]]).log().expand(6, 4)
    uniform = torch.tensor([1e-9, 0.1999, 0.2001, 0.6999, 0.7001, 1 - 1e-9], dtype=torch.float64)
    assert pick(logp, uniform).tolist() == [0, 0, 2, 2, 3, 3]


def test_pick_follows_the_probabilities() -> None:
    probabilities = torch.tensor([0.5, 0.25, 0.125, 0.125])
    uniform = torch.from_numpy(uniforms(noise_key(1), np.arange(20_000), np.zeros(20_000, dtype=int)))
    share = torch.bincount(pick(probabilities.log().expand(20_000, 4), uniform), minlength=4) / 20_000
    assert torch.allclose(share, probabilities, atol=0.015)


def test_cuts_by_hand() -> None:
    probabilities = torch.tensor([[0.2, 0.05, 0.4, 0.25, 0.1]])

    def left(**options: float) -> list[int]:
        return Sampling(**options).cut(probabilities.log())[0].isfinite().nonzero()[:, 0].tolist()  # type: ignore[arg-type]

    assert left(top_k=2) == [2, 3]
    assert left(top_k=9) == left() == [0, 1, 2, 3, 4]
    assert left(top_p=0.6) == [2, 3]  # 0.4 + 0.25 passes it
    assert left(top_p=0.3) == left(top_p=1e-9) == [2]
    assert left(min_p=0.3) == [0, 2, 3]  # at least 0.12
    assert left(min_p=1.0) == [2]
    assert left(top_k=4, top_p=0.7) == [0, 2, 3]  # of 0.95: 0.42 + 0.26 is not enough, and 0.21 more is
    assert not Sampling().cuts and Sampling(top_k=1).cuts and Sampling(top_p=0.9).cuts and Sampling(min_p=0.1).cuts


def test_cuts_are_those_of_transformers() -> None:
    logits = torch.randn(50, 40, generator=torch.Generator().manual_seed(0)) * 3
    for cut, theirs in (
        (Sampling(top_k=7), [TopKLogitsWarper(7)]),
        (Sampling(top_p=0.8), [TopPLogitsWarper(0.8)]),
        (Sampling(min_p=0.07), [MinPLogitsWarper(0.07)]),
        (Sampling(top_k=12, top_p=0.7, min_p=0.1), [TopKLogitsWarper(12), TopPLogitsWarper(0.7), MinPLogitsWarper(0.1)]),
    ):
        expected = logits
        for warper in theirs:
            expected = warper(None, expected)
        assert torch.equal(cut.cut(logits), expected)


def test_what_is_cut_is_never_played_and_training_refuses_such_episodes() -> None:
    policy = CausalLMPolicy(random_model())
    engine = RolloutEngine(policy, TokenRows(4, group_size=2), seed=1)
    rollout = engine.collect(30, sampling=Sampling(top_k=2))
    best = policy.model(rollout.input_ids).logits.topk(2).indices[:, :-1]  # (B, T - 1, 2)
    spoken = rollout.completion_mask[:, 1:].bool()
    hits = (best == rollout.input_ids[:, 1:, None])[spoken]
    assert bool(hits.any(1).all()) and bool(hits[:, 1].any())  # of the two likeliest, and not always the first
    update = policy(rollout.input_ids, rollout.attention_mask, mask=rollout.completion_mask)
    assert torch.allclose(rollout.logp, update.logp, atol=1e-5)  # of the whole distribution
    agent = Reinforce(policy, config=ReinforceConfig(group_size=2, episodes_per_update=30))
    with pytest.raises(ValueError, match="top_k=2.*Cuts are for evaluation"):
        agent.learn_from(rollout)
    obs, _ = TokenRows(4).reset(seed=3, options={"episodes": 4})
    greedy, _ = policy.predict(obs, deterministic=True)
    assert all(np.array_equal(policy.predict(obs, sampling=Sampling(top_p=1e-6))[0], greedy) for _ in range(5))


@pytest.mark.parametrize(("option", "value"), [("top_k", -1), ("top_p", 0.0), ("top_p", 1.1), ("min_p", -0.1), ("min_p", 2.0)])
def test_cuts_outside_their_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option}={value}"):
        Sampling(**{option: value})  # type: ignore[arg-type]
