"""A policy's way to disk and back: a folder that transformers can load, with the value head and the tokenizer's files beside."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tokengym._transformers import quiet
from tokengym.agents.folder import TOKENIZER_FILES, file_of, whole_folder

__all__ = ["load_value_head", "restore_weights", "save_weights"]

_VALUE_HEAD = "value_head.safetensors"
_ADAPTER = "adapter"


def save_weights(policy: Any, folder: Path, adapter: str | None = None) -> None:
    """Writes a policy's model, value head and tokenizer; each file appears whole or not at all, a new folder at once.

    Args:
        policy: a CausalLMPolicy.
        folder: where to.
        adapter: under LoRA the name of the adapter to merge; None: the one that is trained.
    """
    with whole_folder(folder) as beside, quiet():
        if policy.lora is None:
            policy.model.save_pretrained(str(beside))
        else:
            policy.lora.merged(adapter).save_pretrained(str(beside))
            policy.lora.save(beside / _ADAPTER, adapter)
        save_file({key: x.contiguous().cpu() for key, x in policy.value_head.state_dict().items()}, str(beside / _VALUE_HEAD))
        for file in TOKENIZER_FILES:
            found = None if policy.source is None else file_of(policy.source, file)
            if found is not None:
                shutil.copyfile(found, beside / file)


def restore_weights(policy: Any, folder: Path) -> None:
    """Sets the weights of ``policy`` in place to those that :func:`save_weights` wrote.

    Raises:
        FileNotFoundError: the folder holds no policy, or one that was not trained with LoRA while this one is.
    """
    needed = folder / (f"{_ADAPTER}/adapter_model.safetensors" if policy.lora is not None else "config.json")
    for file in (needed, folder / _VALUE_HEAD):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; {folder} holds no saved policy {'with an adapter' if policy.lora else ''}")
    if policy.lora is not None:
        policy.lora.restore(folder / _ADAPTER)
    else:
        with quiet():
            saved = AutoModelForCausalLM.from_pretrained(str(folder), dtype=policy.backbone.dtype, use_safetensors=True)
        policy.model.load_state_dict(saved.state_dict())
    policy.value_head.load_state_dict(load_file(str(folder / _VALUE_HEAD)))


def load_value_head(policy: Any, source: str) -> None:
    """Gives ``policy`` the value head that lies in the folder ``source``, if there is one."""
    head = file_of(source, _VALUE_HEAD) if Path(source).is_dir() else None
    if head is not None:
        policy.value_head.load_state_dict(load_file(str(head)))
