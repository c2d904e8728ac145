"""Several processes train as one does: the same gradients, weights, figures and places in the order; and the pieces of that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.echo import echo_policy, echo_venv
from tests.two_processes import RUNS
from tokengym.agents import Agent
from tokengym.agents.allowed import Allowed
from tokengym.agents.batches import micro_batches
from tokengym.agents.parallel import Ranks, Shard, join
from tokengym.agents.rollout import Rollout, RolloutEngine
from tokengym.agents.zero import owned, owners

SCRIPT = Path(__file__).with_name("two_processes.py")
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], ...]:
    """What one process found, and what each of two did."""
    folder = tmp_path_factory.mktemp("two")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    options = ["--mixed_precision", "no", "--dynamo_backend", "no"]  # accelerate remarks on what it is not told
    for words in ([], [*LAUNCH, *options]):
        command = [sys.executable, *words, str(SCRIPT), str(folder / ("two" if words else "one"))]
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
    return tuple(torch.load(folder / name) for name in ("one.0", "two.0", "two.1"))


@pytest.mark.parametrize("name", list(RUNS))
def test_two_processes_give_the_gradient_of_one_with_the_doubled_batch(name: str, found: tuple[dict[str, Any], ...]) -> None:
    alone, *both = found
    assert [each["count"] for each in found] == [1, 2, 2]
    assert max(float(x.abs().max()) for step in alone[name]["steps"] for key, x in step.items() if "gradient" in key) > 1e-2
    for each in both:
        assert len(each[name]["steps"]) == len(alone[name]["steps"]) >= 3
        for ours, theirs in zip(each[name]["steps"], alone[name]["steps"], strict=True):
            assert ours.keys() == theirs.keys()
            for key, x in theirs.items():
                torch.testing.assert_close(ours[key], x, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", list(RUNS))
def test_both_processes_tell_what_one_tells(name: str, found: tuple[dict[str, Any], ...]) -> None:
    alone, *both = found
    for each in both:
        assert each[name]["used"] == alone[name]["used"]
        assert each[name]["validation"] == pytest.approx(alone[name]["validation"], abs=1e-6)
        for ours, theirs in zip(each[name]["history"], alone[name]["history"], strict=True):
            assert ours == pytest.approx(theirs, abs=1e-5)
    assert both[0][name]["place"] == alone[name]["place"]  # what the first process saves is where the next collection begins


def test_a_resumed_run_of_two_goes_on_as_if_nothing_had_happened(found: tuple[dict[str, Any], ...]) -> None:
    for each in found:
        for ours, theirs in zip(each["resumed"]["steps"], each["ppo"]["steps"], strict=True):
            assert all(torch.equal(x, theirs[key]) for key, x in ours.items())


@pytest.mark.parametrize("name", list(RUNS))
def test_each_process_holds_the_optimizer_state_of_its_share(name: str, found: tuple[dict[str, Any], ...]) -> None:
    alone, *both = ({*each[name]["held"]} for each in found)
    assert both[0] | both[1] == alone and not both[0] & both[1]
    assert len(alone) / 3 < len(both[0]) < len(alone) * 2 / 3


def test_parts_that_are_frozen_later_change_no_owner(found: tuple[dict[str, Any], ...]) -> None:
    alone, *both = (each["frozen"]["steps"] for each in found)
    moved = {key for key, x in alone[-1].items() if key.startswith("weights/") and not torch.equal(x, alone[0][key])}
    assert len(moved) > 6 and all("layers.1." in key or "value_head" in key for key in moved)
    for steps in both:
        for ours, theirs in zip(steps, alone, strict=True):
            for key, x in theirs.items():
                torch.testing.assert_close(ours[key], x, atol=1e-6, rtol=0)


def test_a_checkpoint_of_two_holds_all_that_one_of_one_holds(found: tuple[dict[str, Any], ...]) -> None:
    alone, two, again = (each["resumed"]["saved"] for each in found)
    assert alone.keys() == two.keys() == again.keys()
    moments = [name for name in alone if name.startswith("optimizer/")]
    assert {name.rpartition("/")[2] for name in moments} == {"step", "exp_avg", "exp_avg_sq"}
    for name in moments:
        torch.testing.assert_close(two[name], alone[name], atol=1e-6, rtol=0)


def test_parameters_are_dealt_to_processes_of_like_load() -> None:
    sizes = {"embedding": 70, "up": 40, "down": 40, "norm": 3, "bias": 2}
    parameters = {name: torch.zeros(size) for name, size in sizes.items()}
    assert owners(parameters, 2) == {"embedding": 0, "up": 1, "down": 1, "norm": 0, "bias": 0}
    assert [list(owned(parameters, Ranks(rank, 2))) for rank in range(2)] == [["embedding", "norm", "bias"], ["up", "down"]]
    assert owned(parameters, Ranks()) == parameters
    few = {"head": torch.zeros(9), "bias": torch.zeros(1)}
    assert [list(owned(few, Ranks(rank, 4))) for rank in range(4)] == [["head"], ["bias"], ["bias"], ["bias"]]
    assert owned({}, Ranks(1, 2)) == {}


def test_shares_of_micro_batches_hold_each_row_once_and_part_no_group() -> None:
    lengths = torch.tensor([9, 8, 3, 3, 5, 4, 7, 7, 2, 2])
    group = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    cuts = micro_batches(lengths, 18, group, parts=2)
    shares = [torch.cat(list(Ranks(rank, 2).mine(cuts))) for rank in range(2)]
    # groups from the longest on: 0, 3, 2, 1, 4, dealt in turn
    assert shares[0].tolist() == [0, 1, 4, 5, 8, 9] and shares[1].tolist() == [6, 7, 2, 3]
    assert all(len(cut) * int(lengths[cut].max()) <= 18 for cut in cuts)
    rows = torch.cat(micro_batches(lengths, 18, parts=3))
    assert sorted(rows.tolist()) == list(range(10))


def test_shares_of_a_collection_are_disjoint_stretches_of_the_order() -> None:
    """Of five groups of two the second process plays the first two, and the main one, whose place is kept, the others."""
    dealt: list[list[int]] = []
    for rank in range(2):
        venv = Shard(echo_venv(3, group_size=2), Ranks(rank, 2), group_size=2)
        engine = RolloutEngine(echo_policy(), venv, seed=4, values=False)
        dealt.append([info["deal_index"] for _ in range(2) for info in engine.collect(10).infos])
    assert dealt[1] == [0, 1, 2, 3, 10, 11, 12, 13]
    assert dealt[0] == [4, 5, 6, 7, 8, 9, 14, 15, 16, 17, 18, 19]


def test_a_share_finds_its_place_again() -> None:
    venv = echo_venv(3, group_size=2)
    RolloutEngine(echo_policy(), venv, seed=4, values=False).collect(6)
    engine = RolloutEngine(echo_policy(), Shard(venv, Ranks(1, 2), group_size=2), seed=4, values=False)
    engine.collections = 1
    assert [info["deal_index"] for info in engine.collect(8).infos] == [6, 7, 8, 9]
    assert [info["deal_index"] for info in engine.collect(8, first=2).infos] == [2, 3, 4, 5]


def test_fewer_prompts_than_processes_are_refused() -> None:
    with pytest.raises(ValueError, match="8 episodes in groups of 4 are 2 prompts, fewer than the 3 processes"):
        Shard(echo_venv(3, group_size=4), Ranks(0, 3), group_size=4).reset(options={"episodes": 8})


def test_learners_that_do_not_split_their_work_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(Agent):
        pass

    monkeypatch.setattr(Ranks, "here", lambda: Ranks(0, 2))
    with pytest.raises(ValueError, match="Mine trains in one process, and 2 were launched"):
        Mine(echo_policy())


class TwoAtOnce(Ranks):
    """The first of two processes, of which the second one has ``other``."""

    def __init__(self, other: Any) -> None:
        super().__init__(0, 2)
        self.other = other

    def gather(self, thing: Any) -> list[Any]:
        return [thing, self.other]


def rollout(ids: list[list[int]], allowed: Allowed | None) -> Rollout:
    tokens = torch.tensor(ids)
    ones = torch.ones_like(tokens)
    numbers = tokens.float()
    return Rollout(tokens, ones, ones, numbers, numbers, numbers, [{"row": row[0]} for row in ids], allowed)


def test_joined_collections_have_one_width_and_one_numbering_of_allowed_lists() -> None:
    ours = rollout([[5, 6, 7]], Allowed(torch.tensor([[-1, 0, 1]]), torch.tensor([1, 2, 3]), torch.tensor([0, 2, 3])))
    theirs = rollout([[1, 2], [3, 4]], Allowed(torch.tensor([[0, -1], [-1, 0]]), torch.tensor([9]), torch.tensor([0, 1])))
    whole = join(ours, TwoAtOnce(theirs))
    assert whole.input_ids.tolist() == [[1, 2, 0], [3, 4, 0], [5, 6, 7]]  # the main process has the last stretch
    assert whole.attention_mask.tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    assert [info["row"] for info in whole.infos] == [1, 3, 5]
    assert whole.allowed is not None
    assert whole.allowed.index.tolist() == [[0, -1, -1], [-1, 0, -1], [-1, 1, 2]]
    assert whole.allowed.ids.tolist() == [9, 1, 2, 3] and whole.allowed.ends.tolist() == [0, 1, 3, 4]
    free = join(ours, TwoAtOnce(rollout([[1, 2], [3, 4]], None)))
    assert free.allowed is not None and free.allowed.index.tolist() == [[-1] * 3, [-1] * 3, [-1, 0, 1]]
    assert join(ours, Ranks()) is ours
