"""Loading models that score: silently, from safetensors alone, with one error that says what to do where a model is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from tokengym._mkl import mkl_is_slow
from tokengym._models import model_folder
from tokengym._transformers import quiet

__all__ = ["encode", "fast_linears", "load", "micro_batches", "plain_tokenizer", "utf8"]

_PACKED = 1 << 22  # numbers in the largest weight that is kept a second time, in oneDNN's own order: a tenth faster
_ROWS = 1024  # of the inputs that this order is made for; others work too
_TOKENS = {"cpu": 2048, "cuda": 32768}  # tokens per forward pass, padding included; more is no faster there


def load(name: str, kind: str, device: str) -> tuple[Any, Any]:
    """A model in evaluation mode, in float32 on its device, and its transformers tokenizer (always a fast one).

    Args:
        name: as :func:`tokengym._models.model_folder` takes it.
        kind: the transformers class that reads it, "AutoModelForCausalLM" for example.
        device: "auto" (CUDA where there is one, else the CPU) or a torch device.
    Raises:
        ImportError: torch or transformers is not installed.
        RuntimeError: the files are absent, broken, not in safetensors, or hold another kind of model.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ImportError(
            "a reward with a model of its own needs torch and transformers: pip install 'torch>=2.8' 'transformers>=5.17'"
        ) from error
    folder = model_folder(name)
    try:
        with quiet():
            tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            model, report = getattr(transformers, kind).from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
    except (OSError, ValueError, KeyError) as error:
        fault = (
            f"{folder} holds no model that can be read" if os.path.isdir(folder) else "it is not on this machine and could not be fetched"
        )
        raise RuntimeError(
            f"a reward has no model {name!r}: {fault}. Expected a folder with config.json, model.safetensors and tokenizer.json, or "
            f"the id of such a model on the hub and a network. ({error})"
        ) from error
    if report["missing_keys"]:  # transformers would have filled them with random numbers
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise RuntimeError(f"no reward can score with {name!r}: its file lacks weights that {kind} needs ({missing}, ...)")
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise RuntimeError(f"no reward can score with {name!r}: it has no fast tokenizer (tokenizer.json)")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.eval().requires_grad_(False).to(device)
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        raise RuntimeError(f"no reward can score with {name!r}: its tokenizer knows more tokens than its model")
    fast_linears(model)
    return model, tokenizer


def plain_tokenizer(tokenizer: Any) -> Any:
    """A new ``tokenizers.Tokenizer`` from a transformers one, to which special tokens written in a text are plain characters."""
    from tokenizers import Tokenizer

    plain: Any = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_truncation()
    plain.no_padding()
    plain.encode_special_tokens = True
    return plain


def utf8(text: str) -> str:
    """``text`` with "?" for what UTF-8 cannot hold: halves of surrogate pairs, which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


def encode(tokenizer: Any, text: str) -> list[int]:
    """Token ids of ``text`` alone, by a ``tokenizers.Tokenizer``."""
    ids: list[int] = tokenizer.encode(utf8(text), add_special_tokens=False).ids
    return ids


def micro_batches(lengths: Sequence[int], device: str) -> Iterator[list[int]]:
    """Indices of rows to run together: of like length, the longest first, few enough for the device's budget of tokens."""
    budget = _TOKENS["cuda" if device.startswith("cuda") else "cpu"]
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + rows]
        start += rows


def fast_linears(model: Any) -> None:
    """Hands the linear layers of ``model`` to oneDNN where torch's own choice, MKL, is slow: on AMD processors with AVX-512.

    MKL runs its AVX2 kernels there: 90 against 210 GFLOP/s on one Zen 5 core, in float32 both. Scores move by about 1e-7.
    The model can then only be used under ``torch.inference_mode``, and its weights must stay as they are.
    """
    import torch

    if not mkl_is_slow():
        return
    for layer in model.modules():
        # the exact class: those who inherit from it have their own ways
        if type(layer) is torch.nn.Linear and layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu":
            layer.forward = _OneDNN(layer.weight, layer.bias)  # type: ignore[method-assign]
    for block in model.modules():
        # BERT and its kin: the activation after the wider layer costs a pass over memory unless that layer does it too
        act = getattr(block, "intermediate_act_fn", None)
        linear = getattr(getattr(block, "dense", None), "forward", None)
        if type(act).__name__ == "GELUActivation" and isinstance(linear, _OneDNN):
            linear.then = ("gelu", "none")
            block.intermediate_act_fn = torch.nn.Identity()


class _OneDNN:
    """A linear layer's forward pass by oneDNN, through the operators that torch.compile uses; they have no public names."""

    def __init__(self, weight: Any, bias: Any) -> None:
        import torch

        self.then = ("none", "")  # an activation, and its approximation
        self.weight = weight.detach()
        if self.weight.numel() <= _PACKED:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight, _ROWS)
        self.bias = None if bias is None else bias.detach()

    def __call__(self, input: Any) -> Any:
        import torch

        return torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, self.then[0], [], self.then[1])
