"""The replay memory: the latest episodes, whole, each equally likely, and the same again from a checkpoint."""

from __future__ import annotations

import pytest
import torch

from tokengym.agents.allowed import Allowed
from tokengym.agents.replay import Replay


def filled(capacity: int, episodes: int) -> Replay:
    """Episode number i has 1 + i % 3 tokens, all of them i."""
    replay = Replay(capacity)
    for i in range(episodes):
        ids = torch.full((1, 3), i)
        replay.add({"input_ids": ids, "rewards": ids.double() / 2}, torch.tensor([1 + i % 3]))
    return replay


def test_the_oldest_leave_first() -> None:
    replay = filled(capacity=4, episodes=6)
    batch = replay.sample(10, torch.Generator())
    assert len(replay) == 4 and sorted(batch["input_ids"][:, 0].tolist()) == [2, 3, 4, 5]


def test_rows_come_back_whole_and_padded_with_zeros() -> None:
    batch = filled(4, 3).sample(3, torch.Generator().manual_seed(0))
    for ids, rewards, length in zip(batch["input_ids"].tolist(), batch["rewards"].tolist(), batch["lengths"].tolist(), strict=True):
        assert length == 1 + ids[0] and ids == [ids[0]] * length + [0] * (3 - length) and rewards == [i / 2 for i in ids]
    assert batch["rewards"].dtype == torch.float64


def test_every_episode_is_equally_likely() -> None:
    replay, generator = filled(5, 5), torch.Generator().manual_seed(0)
    counts = torch.zeros(5)
    for _ in range(2000):
        drawn = replay.sample(2, generator)["input_ids"][:, 0]
        assert drawn[0] != drawn[1]
        counts[drawn] += 1
    assert (counts / 2000 - 0.4).abs().max() < 4 * (0.4 * 0.6 / 2000) ** 0.5


def test_a_checkpoint_continues_alike() -> None:
    first, again = filled(4, 6), Replay(4)
    again.restore(first.tensors())
    for replay in (first, again):
        replay.add({"input_ids": torch.full((1, 3), 9), "rewards": torch.ones(1, 3).double()}, torch.tensor([2]))
    batches = [replay.sample(3, torch.Generator().manual_seed(7)) for replay in (first, again)]
    assert all(torch.equal(x, batches[1][name]) for name, x in batches[0].items())
    again.restore(Replay(4).tensors())
    assert len(again) == 0


def test_lists_of_allowed_ids_stay_with_their_tokens() -> None:
    lists = [[3, 5], [7], [2, 4, 6]]
    ids, ends = torch.tensor([i for own in lists for i in own]), torch.tensor([0, 2, 3, 6])
    index = torch.tensor([[-1, 0, 2], [-1, 1, -1], [-1, -1, -1], [-1, 2, 2]])
    replay = Replay(3)
    replay.add({"input_ids": torch.arange(12).view(4, 3), "allowed": Allowed(index, ids, ends)}, torch.tensor([3, 2, 3, 2]))
    wanted = {0: [[], [3, 5], [2, 4, 6]], 3: [[], [7], []], 6: [[], [], []], 9: [[], [2, 4, 6], []]}  # by the first token of the episode
    again = Replay(3)
    again.restore(replay.tensors())
    for memory in (replay, again):
        batch = memory.sample(3, torch.Generator().manual_seed(0))
        allowed = batch["allowed"]
        assert sorted(batch["input_ids"][:, 0].tolist()) == [3, 6, 9]
        for row, first in enumerate(batch["input_ids"][:, 0].tolist()):
            found = [allowed.ids[allowed.ends[i] : allowed.ends[i + 1]].tolist() if i >= 0 else [] for i in allowed.index[row].tolist()]
            assert found == wanted[first]


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity=0 episodes"):
        Replay(0)
    with pytest.raises(ValueError, match="is empty"):
        Replay(1).sample(1, torch.Generator())
    with pytest.raises(ValueError, match="4 episodes were saved, and this memory holds capacity=3"):
        Replay(3).restore(filled(4, 4).tensors())


def test_episodes_with_and_without_lists_live_side_by_side() -> None:
    ids = torch.ones(1, 2, dtype=torch.int64)
    lists = Allowed(torch.tensor([[-1, 0]]), torch.tensor([3, 4]), torch.tensor([0, 2]))
    bare = Allowed(torch.tensor([[-1, -1]]), torch.tensor([3, 4]), torch.tensor([0, 2]))
    for order in ((lists, None), (None, lists), (bare, None)):
        replay, again = Replay(4), Replay(4)
        for allowed in order:
            replay.add({"input_ids": ids} if allowed is None else {"input_ids": ids, "allowed": allowed}, torch.tensor([2]))
        again.restore(replay.tensors())
        for memory in (replay, again):
            found = memory.sample(2, torch.Generator().manual_seed(0))["allowed"]
            forbidden = found.at(torch.tensor([0, 1]), torch.tensor([1, 1])).forbidden(6)
            assert forbidden.sum().item() == (4 if lists in order else 0)
