"""Checkpoint folders: whole or not at all, nobody else's files touched, optimizers put back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.echo import echo_policy, echo_venv
from tokengym.agents import SFT, LoRA, SFTConfig, load_agent
from tokengym.agents.checkpoint import find_folder, optimizer_tensors, read_state, restore_optimizer, write_folder, write_state
from tokengym.agents.optim import OPTIMIZERS, make_optimizer, step
from tokengym.agents.policy import CausalLMPolicy


def fill(number: int) -> object:
    return lambda path: write_state(path, {"number": number}, {"x": torch.full((2,), number)})


def number_in(folder: Path) -> int:
    state, tensors = read_state(find_folder(folder))
    assert tensors["x"].tolist() == [state["number"]] * 2
    return int(state["number"])


def test_a_folder_is_written_and_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "agent"
    for number in (1, 2):
        assert write_folder(folder, fill(number)) == folder  # type: ignore[arg-type]
        assert number_in(folder) == number
    assert [path.name for path in folder.parent.iterdir()] == ["agent"]


def test_a_failure_while_writing_leaves_the_old_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "agent", fill(1))  # type: ignore[arg-type]

    def fail(path: Path) -> None:
        (path / "agent.json").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(tmp_path / "agent", fail)
    assert number_in(tmp_path / "agent") == 1
    write_folder(tmp_path / "agent", fill(2))  # type: ignore[arg-type]
    assert number_in(tmp_path / "agent") == 2


def test_death_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path / "agent", fill(1))  # type: ignore[arg-type]
    (tmp_path / "agent").rename(tmp_path / ".agent.previous")
    assert number_in(tmp_path / "agent") == 1
    write_folder(tmp_path / "agent", fill(2))  # type: ignore[arg-type]
    assert number_in(tmp_path / "agent") == 2


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(FileExistsError, match="holds no saved agent"):
        write_folder(tmp_path, fill(1))  # type: ignore[arg-type]
    assert (tmp_path / "thesis.tex").read_text() == "years"
    with pytest.raises(FileNotFoundError, match="holds no saved agent"):
        find_folder(tmp_path)


def test_state_must_be_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_state(tmp_path, {"loss": float("nan")}, {})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimizer_takes_the_same_steps(name: str, tmp_path: Path) -> None:
    def parameter() -> dict[str, torch.Tensor]:
        return {"w": torch.ones(3, 2, requires_grad=True)}

    def turn(named: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer, size: float) -> None:
        named["w"].grad = torch.arange(6.0).view(3, 2) * size
        step(optimizer, 0.1, 1.0, named)

    straight = parameter()
    optimizer = make_optimizer(straight.items(), name, 0.1, momentum=0.5)
    turn(straight, optimizer, 1.0)
    write_state(tmp_path, {}, optimizer_tensors(optimizer, straight.items()))
    again = {"w": straight["w"].detach().clone().requires_grad_()}
    other = make_optimizer(again.items(), name, 0.1, momentum=0.5)
    restore_optimizer(other, again.items(), read_state(tmp_path)[1])
    for named, each in ((straight, optimizer), (again, other)):
        turn(named, each, -0.3)
    assert torch.equal(straight["w"], again["w"])


def test_a_folder_that_was_set_aside_is_back_in_its_place_once_it_was_found(tmp_path: Path) -> None:
    agent = SFT(echo_policy(), echo_venv(), config=SFTConfig(batch_size=4, updates=1)).learn(progress=False)
    folder = agent.save(tmp_path / "agent")
    folder.rename(tmp_path / ".agent.previous")  # killed between the two renames
    again = load_agent(folder)
    for _ in range(3):  # the first save would have removed what the policy was read from
        again.save(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]


def test_a_link_stays_a_link_however_often_one_saves(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "agent").symlink_to(tmp_path / "disk")
    for number in range(3):
        write_folder(tmp_path / "agent", fill(number))  # type: ignore[arg-type]
        assert number_in(tmp_path / "agent") == number
    assert (tmp_path / "agent").is_symlink() and (tmp_path / "disk").is_dir()


def test_an_infinite_option_is_saved_and_comes_back(tmp_path: Path) -> None:
    config = SFTConfig(batch_size=4, updates=1, max_grad_norm=math.inf, folder=str(tmp_path / "agent"))
    SFT(echo_policy(), echo_venv(), config=config).learn(progress=False)
    assert load_agent(tmp_path / "agent").config == config


def test_adapters_are_not_saved_over_their_base(tmp_path: Path) -> None:
    base = tmp_path / "base"
    CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu").save(base)
    policy = CausalLMPolicy.from_pretrained(str(base), device="cpu", dtype="float32", lora=LoRA(rank=2))
    agent = SFT(policy)
    before = sorted(base.iterdir())
    with pytest.raises(ValueError, match="holds the base model that these adapters were trained on"):
        agent.save(base)
    assert sorted(base.iterdir()) == before
    assert read_state(agent.save(tmp_path / "agent"))[0]["policy"]["name"] == str(base)
