"""Noise that depends on who draws: the same pair the same number, uniform, and choices that follow the probabilities."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from tokengym.agents.sampling import noise_key, pick, uniforms


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
