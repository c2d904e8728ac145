"""LoRA adapters through peft: float32 adapters on a frozen base, and a second, frozen adapter as the reference."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

__all__ = ["LoRA", "LoRAModel", "in_adapter", "is_trained"]

_TRAINED = "default"


def is_trained(name: str) -> bool:
    """Whether a parameter is the trained adapter's; peft ends its names in "lora_A.default.weight" or "lora_embedding_A.default"."""
    return _TRAINED in name.split(".")


def in_adapter(name: str, adapter: str) -> str:
    """The name that a parameter of the trained adapter has in another one."""
    return ".".join(adapter if part == _TRAINED else part for part in name.split("."))


@dataclass(frozen=True, kw_only=True)
class LoRA:
    """Low-rank adapters (arXiv:2106.09685) on a frozen base model."""

    rank: int = 16  # inner dimension of each adapter
    alpha: int = 32  # the adapter's output is scaled by alpha / rank
    targets: str | tuple[str, ...] = "all-linear"  # modules that get one: names, or "all-linear" (every linear layer but the head)
    seed: int = 0  # of the adapters' first random values


class LoRAModel:
    """A causal LM with adapters in it, in place; the trained one, and any number of frozen copies taken along the way.

    Args:
        model: a transformers causal LM; its layers are wrapped in place and its own weights frozen.
        lora: size and places of the adapters.
    """

    def __init__(self, model: nn.Module, lora: LoRA) -> None:
        if not isinstance(lora, LoRA):
            raise TypeError(f"lora={lora!r}; expected adapters such as LoRA(rank=16), or None for training all weights")
        import peft

        self.lora = lora
        targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
        self._config = peft.LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=targets,
            task_type="CAUSAL_LM",
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),  # GPT-2 stores its weights transposed
        )
        # peft draws from the global generator: fork it, so that nothing else notices
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.manual_seed(lora.seed)
            # peft 0.21 asks transformers 5.23 by a property's old name
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
            self.peft: Any = peft.get_peft_model(model, self._config)
        _refuse_ties(model)
        self._copies = 0
        for name, parameter in self.peft.named_parameters():
            if is_trained(name):
                parameter.data = parameter.data.float()  # bfloat16 weights do not move at small learning rates

    def freeze_copy(self) -> str:
        """Copies the trained adapter as it is now to a new frozen one, whose name is returned."""
        self._copies += 1
        name = f"reference{self._copies}"
        with self._away():
            self.peft.add_adapter(name, copy.deepcopy(self._config))
        weights = dict(self.peft.named_parameters())
        for key, parameter in weights.items():
            if is_trained(key):
                weights[in_adapter(key, name)].data = parameter.data.clone()
        return name

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """Inside, the model runs with the frozen adapter ``name``; afterwards with the trained one again."""
        with self._away():
            self.peft.base_model.set_adapter(name, inference_mode=True)
            yield

    @contextmanager
    def _away(self) -> Iterator[None]:
        """Afterwards the trained adapter is the one in use, and what learned before learns; peft would have all of it learn."""
        learning = [(x, x.requires_grad) for x in self.peft.parameters()]
        try:
            yield
        finally:
            self.peft.base_model.set_adapter(_TRAINED)
            for parameter, learns in learning:
                parameter.requires_grad_(learns)

    def merged(self, name: str | None = None) -> Any:
        """A copy of the model, in float32, whose own weights hold the adapter (bfloat16 would round it away)."""
        twin = copy.deepcopy(self.peft).float()
        return twin.merge_and_unload(adapter_names=[name or _TRAINED])

    def save(self, folder: Path, name: str | None = None) -> None:
        """Writes an adapter in peft's own format: the frozen one called ``name``, or the trained one."""
        self.peft.save_pretrained(str(folder), selected_adapters=[name or _TRAINED])
        if name is not None:  # peft gives any but "default" a folder of its own
            for file in (folder / name).iterdir():
                file.rename(folder / file.name)
            (folder / name).rmdir()

    def restore(self, folder: Path) -> None:
        """Sets the trained adapter to the weights in ``folder``, in place."""
        import peft
        from safetensors.torch import load_file

        peft.set_peft_model_state_dict(self.peft, load_file(str(folder / "adapter_model.safetensors")), adapter_name=_TRAINED)


def _refuse_ties(model: Any) -> None:
    """Raises ValueError where only one of two layers that share their weight has an adapter: merged, it would stand in both."""
    given, out = model.get_input_embeddings(), model.get_output_embeddings()
    if given is None or out is None or given.weight is not out.weight:
        return
    for layer, place in ((given, "the embeddings"), (out, "the output layer")):
        if any("lora_" in name for name, _ in layer.named_parameters()):
            raise ValueError(f"LoRA targets {place}, whose weight is also the other's in this model (tied); leave both out of targets")
