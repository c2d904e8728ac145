"""Checkpoint folders: safetensors and JSON, never pickle; a folder appears whole or not at all."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tokengym.agents.lora import LoRA
from tokengym.agents.policy import CausalLMPolicy

__all__ = [
    "check_base",
    "claim",
    "find_folder",
    "is_saved",
    "load_policy",
    "optimizer_tensors",
    "policy_state",
    "read_state",
    "restore_optimizer",
    "write_folder",
    "write_state",
]

_STATE = "agent.json"  # what tells our folders from others
_TENSORS = "agent.safetensors"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(folder: Path, mark: str) -> Path:
    return folder.with_name(f".{folder.name}.{mark}")


def write_folder(folder: str | os.PathLike[str], fill: Callable[[Path], None]) -> Path:
    """Has ``fill`` write into a hidden folder beside ``folder``, then puts that in its place; the one before is removed last.

    A process that dies on the way leaves the old folder, the new one, or (between two renames) the old one under a hidden name, where
    :func:`find_folder` finds it.

    Raises:
        FileExistsError: ``folder`` holds files that are not an agent's.
    """
    target = Path(folder).resolve()  # a link stays one, and what it points to is replaced
    if target.exists() and not (target.is_dir() and (not any(target.iterdir()) or (target / _STATE).exists())):
        raise FileExistsError(f"{target} exists and holds no saved agent; choose another folder, or empty that one yourself")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, previous = _beside(target, "partial"), _beside(target, "previous")
    shutil.rmtree(partial, ignore_errors=True)
    new = partial / target.name  # one folder deeper, so that what ``fill`` leaves beside it when it is killed goes with it
    new.mkdir(parents=True)
    fill(new)
    for path in [*new.rglob("*"), new]:
        _sync(path)
    if target.exists():
        shutil.rmtree(previous, ignore_errors=True)
        target.rename(previous)
    new.rename(target)
    _sync(target.parent)
    shutil.rmtree(previous, ignore_errors=True)
    shutil.rmtree(partial, ignore_errors=True)
    return target


def is_saved(folder: str | os.PathLike[str]) -> bool:
    """Whether :func:`find_folder` would find a saved agent."""
    target = Path(folder).resolve()
    return any((path / _STATE).exists() for path in (target, _beside(target, "previous")))


def claim(folder: str, own: Collection[Path], numbered: bool) -> Path:
    """The folder in which an agent may keep its checkpoints without replacing those of another.

    Args:
        folder: where it would.
        own: folders, resolved, that it was loaded from or saved in.
        numbered: whether it may take folder-2, folder-3, ... instead.
    Raises:
        FileExistsError: ``folder`` holds another agent, and not ``numbered``.
    """
    names = itertools.chain([folder], (f"{folder}-{number}" for number in itertools.count(2))) if numbered else [folder]
    for name in names:
        if Path(name).resolve() in own or not is_saved(name):
            return Path(name).absolute()
    raise FileExistsError(
        f"folder={folder!r} holds another agent, whose checkpoints this run would replace; give it another folder, "
        f"or go on with that agent: load_agent({folder!r}).learn()"
    )


def find_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder of a saved agent; one that an interrupted :func:`write_folder` had set aside is put back in its place first.

    Raises:
        FileNotFoundError: there is no saved agent.
    """
    target = Path(folder).resolve()
    if not target.exists() and is_saved(target):
        _beside(target, "previous").rename(target)
    if (target / _STATE).exists():
        return target
    raise FileNotFoundError(f"{target} holds no saved agent (no {_STATE}); expected a folder that agent.save() or training wrote")


def write_state(folder: Path, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Writes JSON-able ``state`` and ``tensors`` into ``folder``. Raises ValueError where ``state`` is not JSON-able."""
    text = json.dumps(state, indent=1, allow_nan=False, ensure_ascii=False)
    (folder / _STATE).write_text(text, encoding="utf-8")
    # Cloned, because safetensors refuses tensors that share memory.
    save_file({name: x.detach().cpu().contiguous().clone() for name, x in tensors.items()}, folder / _TENSORS)


def read_state(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What :func:`write_state` wrote, tensors on the CPU."""
    state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    return state, load_file(folder / _TENSORS)


def policy_state(policy: Any) -> dict[str, Any]:
    """What :func:`load_policy` must know beyond the files: the policy's name, dtype, number of actions, and adapters, if any."""
    adapters = getattr(policy, "lora", None)
    dtype = str(getattr(getattr(policy, "model", None), "dtype", torch.float32)).removeprefix("torch.")
    name = os.path.abspath(policy.name) if os.path.isdir(policy.name) else str(policy.name)
    actions = getattr(policy, "num_actions", None)
    return {"name": name, "dtype": dtype, "actions": actions, "lora": None if adapters is None else asdict(adapters.lora)}


def load_policy(folder: Path, saved: Mapping[str, Any]) -> CausalLMPolicy:
    """The policy saved in ``folder``; with adapters, new ones on the base model, whose weights the caller then sets."""
    if saved["lora"] is None:
        policy = CausalLMPolicy.from_pretrained(str(folder), dtype=saved["dtype"])
    else:
        policy = CausalLMPolicy.from_pretrained(saved["name"], dtype=saved["dtype"], lora=LoRA(**saved["lora"]))
    if saved.get("actions"):  # fewer than the model has tokens, where its environment has fewer
        policy.match(saved["actions"])
    return policy


def check_base(policy: Any, folder: str | os.PathLike[str]) -> None:
    """Raises ValueError where ``folder`` is the one of the base model on which the policy's adapters stand: a resumed run needs it."""
    if getattr(policy, "lora", None) is not None and os.path.realpath(folder) == os.path.realpath(policy.source or ""):
        raise ValueError(
            f"{folder} holds the base model that these adapters were trained on, and loading needs it; save into another folder"
        )


def optimizer_tensors(optimizer: torch.optim.Optimizer, parameters: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """The optimizer's state as flat tensors named ``optimizer/<parameter>/<key>``."""
    flat = {}
    for name, parameter in parameters:
        for key, value in optimizer.state.get(parameter, {}).items():
            flat[f"optimizer/{name}/{key}"] = torch.as_tensor(value)
    return flat


def restore_optimizer(optimizer: torch.optim.Optimizer, parameters: Iterable[tuple[str, Tensor]], flat: Mapping[str, Tensor]) -> None:
    """Puts back what :func:`optimizer_tensors` gave; entries of other names are ignored."""
    for name, parameter in parameters:
        prefix = f"optimizer/{name}/"
        state = {key[len(prefix) :]: value for key, value in flat.items() if key.startswith(prefix)}
        if state:
            optimizer.state[parameter] = {key: value.to(parameter.device) for key, value in state.items()}
