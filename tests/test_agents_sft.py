"""SFT: which labels it imitates, which tokens it learns, what it counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.echo import EXAMPLES, LETTERS, echo_policy, echo_venv
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.sft import SFT, SFTConfig
from tokengym.envs import Example
from tokengym.rewards import Sample


def test_the_loss_is_the_mean_cross_entropy_of_label_and_end() -> None:
    policy = echo_policy()
    agent = SFT(policy, echo_venv(), config=SFTConfig(batch_size=8, updates=1))
    with torch.no_grad():
        by_hand = []
        for k in range(8):  # <bos> letter -> letter <eos>
            ids = torch.tensor([[1, 3 + k, 3 + k, 2]])
            logp = policy(ids, torch.ones_like(ids)).logp[0]
            by_hand += [-logp[2], -logp[3]]
        expected = float(torch.stack(by_hand).mean())
    stats = agent.learn(progress=False).history[0]
    assert stats["loss"] == pytest.approx(expected, abs=1e-5)
    assert stats["tokens"] == 16 and agent.timesteps == 16


def test_an_epoch_shows_each_label_once() -> None:
    agent = SFT(echo_policy(), echo_venv(), config=SFTConfig(batch_size=2, epochs=3))
    seen = [index for _ in range(8) for index in agent._draw().tolist()]
    assert sorted(seen[:8]) == sorted(seen[8:]) == [*range(8)]
    agent.learn(progress=False)
    assert agent.updates == 12


@pytest.mark.parametrize(("labels", "batch"), [(40, 32), (10, 4), (100, 32), (300, 32)])
def test_an_epoch_is_a_pass_over_the_labels_where_batches_do_not_divide_them(labels: int, batch: int) -> None:
    policy = CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu")
    agent = SFT(policy, "TextQA-v0", config=SFTConfig(batch_size=batch, epochs=1, examples=labels, num_envs=2))
    seen = [index for _ in range(agent._planned_updates()) for index in agent._draw().tolist()]
    assert sorted(seen) == [*range(labels)]


@pytest.mark.parametrize(
    ("labels", "epochs", "batch", "updates"),
    [(8, 4.0, 32, 4), (5, 3.0, 4, 6), (8, 1.5, 3, 5), (8, 0.5, 4, 1), (8, 2.5, 2, 10), (6, 1.5, 4, 3), (7, 1.1, 1, 8)],
)
def test_so_many_passes_take_so_many_steps(labels: int, epochs: float, batch: int, updates: int) -> None:
    agent = SFT(echo_policy(), echo_venv(dataset=EXAMPLES[:labels]), config=SFTConfig(batch_size=batch, epochs=epochs))
    assert agent._planned_updates() == updates
    seen = [index for _ in range(updates) for index in agent._draw().tolist()]
    assert min(seen.count(index) for index in range(labels)) == int(epochs)
    assert len(seen) >= epochs * labels


def test_reward_filtered_keeps_the_best_labels() -> None:
    # every other label is wrong; the environment's reward compares with the first reference, so a wrong one is longer than a letter
    noisy = [Example(id=e.id, prompt=e.prompt, references=(e.prompt if i % 2 else "a b",)) for i, e in enumerate(EXAMPLES)]  # type: ignore[arg-type]
    agent = SFT(echo_policy(), echo_venv(dataset=noisy), config=SFTConfig(keep=0.5, updates=1))
    assert agent.kept().tolist() == [1, 3, 5, 7]
    agent.learn(progress=False)
    assert agent.used == {"labels": 8, "reward_calls": 8}


def minus_length(batch: Sequence[Sample]) -> list[float]:
    """Never above 0: minus the number of words; NaN (not to be scored) where the reference has an "h" in it."""
    return [float("nan") if "h" in s.references[0] else -1.0 * len(s.response.split()) for s in batch]


def test_labels_that_cannot_be_scored_are_never_kept() -> None:
    texts = ("h", "a b", "h", "a", "a b", "h", "b", "a b")
    some = [Example(id=e.id, prompt=e.prompt, references=(text,)) for e, text in zip(EXAMPLES, texts, strict=True)]
    rewards = echo_venv(dataset=some, reward=minus_length).label_rewards(range(8))
    assert np.array_equal(rewards, [np.nan, -2, np.nan, -1, -2, np.nan, -1, -2], equal_nan=True)
    for keep, kept in ((0.25, [3, 6]), (0.5, [1, 3, 4, 6]), (0.9, [1, 3, 4, 6, 7])):
        agent = SFT(echo_policy(), echo_venv(dataset=some, reward=minus_length), config=SFTConfig(keep=keep, updates=1))
        assert agent.kept().tolist() == kept, keep
    lost = echo_venv(dataset=some[:1], reward=minus_length)
    with pytest.raises(ValueError, match=r"keep=0.5 chooses by the environment's reward, which could score none of the 1 labels"):
        SFT(echo_policy(), lost, config=SFTConfig(keep=0.5, updates=1)).kept()


def test_examples_bounds_the_labels() -> None:
    agent = SFT(echo_policy(), echo_venv(), config=SFTConfig(examples=3, batch_size=4, updates=4)).learn(progress=False)
    assert agent.kept().tolist() == [0, 1, 2] and agent.used["labels"] == 3
    assert len(LETTERS) == 8


def test_batches_hold_rows_of_like_length() -> None:
    short = [Example(id=f"s{i}", prompt="a", references=("b",)) for i in range(32)]
    long = [Example(id=f"l{i}", prompt="a b", references=("c d",)) for i in range(32)]
    agent = SFT(echo_policy(), echo_venv(dataset=short + long), config=SFTConfig(batch_size=8))
    widths = [set(agent._batch()["lengths"].tolist()) for _ in range(8)]
    assert all(len(width) == 1 for width in widths) and len(set(map(tuple, widths))) == 2


@pytest.mark.parametrize("options", [{"keep": 0.0}, {"keep": 1.5}, {"batch_size": 0}])
def test_refuses_what_cannot_work(options: dict[str, float]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        SFT(echo_policy(), echo_venv(), config=SFTConfig(**options))  # type: ignore[arg-type]


def test_an_environment_without_labels_is_refused() -> None:
    from tests.text_rows import TokenRows, random_model

    agent = SFT(CausalLMPolicy(random_model()), TokenRows(2), config=SFTConfig(updates=1))
    with pytest.raises(ValueError, match="TokenRows has no labels"):
        agent.learn(progress=False)
