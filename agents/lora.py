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

__all__ = ["LoRA", "LoRAModel"]

_TRAINED = "default"


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
        self._copies = 0
        for name, parameter in self.peft.named_parameters():
            if f".{_TRAINED}." in name:
                parameter.data = parameter.data.float()  # bfloat16 weights do not move at small learning rates

    def freeze_copy(self) -> str:
        """Copies the trained adapter as it is now to a new frozen one, whose name is returned."""
        self._copies += 1
        name = f"reference{self._copies}"
        self.peft.add_adapter(name, copy.deepcopy(self._config))
        weights = dict(self.peft.named_parameters())
        with torch.no_grad():
            for key, parameter in weights.items():
                if f".{_TRAINED}." in key:
                    twin = weights[key.replace(f".{_TRAINED}.", f".{name}.")]
                    twin.data = parameter.data.clone()
        self._activate(_TRAINED)
        return name

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """Inside, the model runs with the frozen adapter ``name``; afterwards with the trained one again."""
        self._activate(name, frozen=True)
        try:
            yield
        finally:
            self._activate(_TRAINED)

    def _activate(self, name: str, frozen: bool = False) -> None:
        self.peft.base_model.set_adapter(name, inference_mode=frozen)

    def merged(self, name: str | None = None) -> Any:
        """A copy of the model, in float32, whose own weights hold the adapter (bfloat16 would round it away)."""
        twin = copy.deepcopy(self.peft).float()
        return twin.merge_and_unload(adapter_names=[name or _TRAINED])

    def save(self, folder: Path) -> None:
        """Writes the trained adapter in peft's own format."""
        self.peft.save_pretrained(str(folder), selected_adapters=[_TRAINED])

    def restore(self, folder: Path) -> None:
        """Sets the trained adapter to the weights in ``folder``, in place."""
        import peft
        from safetensors.torch import load_file

        peft.set_peft_model_state_dict(self.peft, load_file(str(folder / "adapter_model.safetensors")), adapter_name=_TRAINED)
