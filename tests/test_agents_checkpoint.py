"""Checkpoint folders: whole or not at all, nobody else's files touched, optimizers put back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tokengym.agents.checkpoint import find_folder, optimizer_tensors, read_state, restore_optimizer, write_folder, write_state
from tokengym.agents.optim import OPTIMIZERS, make_optimizer, step


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
        step(optimizer, 0.1, 1.0)

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
