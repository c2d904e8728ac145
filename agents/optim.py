"""The optimizer of a policy and the course of its learning rate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from tokengym._registry import unknown

__all__ = ["OPTIMIZERS", "SCHEDULES", "clear", "make_optimizer", "rate", "step", "tell_of_low_precision"]

OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")

_RESTARTS = 4  # cosines of "cosine_with_restarts"
_FALL = 0.2  # share of what follows the warm-up, in which "warmup_stable_decay" falls

SCHEDULES: Mapping[str, Callable[[float, float], float]] = {
    "constant": lambda left, age: 1.0,
    "linear": lambda left, age: left,
    "polynomial": lambda left, age: left**2,
    "cosine": lambda left, age: _cosine(left),
    "cosine_with_restarts": lambda left, age: _cosine(1 - _RESTARTS * (1 - left) % 1) if left else 0.0,
    "warmup_stable_decay": lambda left, age: _cosine(min(1.0, left / _FALL)),
    "inverse_sqrt": lambda left, age: age**-0.5,
}
"""Name -> the factor on the learning rate after the warm-up, given the share that is left of what follows it (1 to 0), and how many
warm-ups have passed since the beginning (1 at its end)."""


def rate(share: float, schedule: str = "constant", warmup: float = 0.0) -> float:
    """The factor on the learning rate after ``share`` of the run: a function of nothing else, so that a resumed run goes on as it was.

    Names and curves are those of transformers' ``get_scheduler``, "polynomial" with power=2 (theirs is 1, a line, where none is given).

    Args:
        share: of the run that is done, in [0, 1].
        schedule: after the warm-up "constant" stays at 1; "linear", "polynomial" (the square of "linear") and "cosine" fall to 0 at
            the end, as do the last of four cosines of "cosine_with_restarts" and, in the last fifth, "warmup_stable_decay";
            "inverse_sqrt" falls with the root of the time since the beginning, measured in warm-ups.
        warmup: share of the run in which the factor rises linearly from 0 to 1.
    Raises:
        ValueError: an unknown schedule, a warm-up that is no share, or "inverse_sqrt" without a warm-up.
    """
    if schedule not in SCHEDULES:
        raise unknown("learning-rate schedule", schedule, SCHEDULES)
    if not 0 <= warmup <= 1:
        raise ValueError(f"warmup={warmup}; expected the share of the run in which the learning rate rises, 0 to 1")
    if schedule == "inverse_sqrt" and not warmup:
        raise ValueError("schedule='inverse_sqrt' is measured in warm-ups; give warmup a share of the run, such as 0.05")
    if share < warmup:
        return share / warmup
    return SCHEDULES[schedule](1 - min(1.0, (share - warmup) / max(1e-12, 1 - warmup)), share / warmup if warmup else math.inf)


def _cosine(left: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * left)


def make_optimizer(
    parameters: Iterable[tuple[str, Tensor]],
    name: str = "adamw",
    learning_rate: float = 1e-4,
    weight_decay: float = 0.0,
    eps: float = 1e-8,
    betas: tuple[float, float] = (0.9, 0.999),
    momentum: float = 0.0,
) -> torch.optim.Optimizer:
    """An optimizer over named parameters; matrices decay, vectors (norms, biases) do not.

    It warns of parameters in low precision: an optimizer that keeps no copy in float32 rounds most of their small steps away.

    Args:
        parameters: names and tensors.
        name: "adamw" (arXiv:1711.05101), "adam" (arXiv:1412.6980; its decay is added to the gradient), "rmsprop" or "sgd".
        learning_rate: until :func:`step` sets another.
        weight_decay: of matrices.
        eps: of adamw, adam and rmsprop.
        betas: of adamw and adam.
        momentum: of rmsprop and sgd.
    Raises:
        ValueError: an unknown name, a negative learning rate, or nothing to train.
    """
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    if not learning_rate >= 0:
        raise ValueError(f"learning_rate={learning_rate}; expected 0 (nothing learns) or more, such as 1e-4")
    named = list(parameters)
    if not named:
        raise ValueError("there is no parameter to train: all of the policy's are frozen (requires_grad=False)")
    tell_of_low_precision(named)
    groups = [
        {"params": [x for _, x in named if x.dim() >= 2], "weight_decay": weight_decay},
        {"params": [x for _, x in named if x.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=eps, fused=True)
    if name == "adam":
        return torch.optim.Adam(groups, lr=learning_rate, betas=betas, eps=eps, fused=True)
    if name == "rmsprop":
        return torch.optim.RMSprop(groups, lr=learning_rate, eps=eps, momentum=momentum)
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)


def step(optimizer: torch.optim.Optimizer, learning_rate: float, max_norm: float, trained: Mapping[str, Tensor]) -> float:
    """One step with gradients clipped to ``max_norm``, then the gradients are cleared.

    Args:
        optimizer: of all of ``trained``, or of this process's share of them.
        learning_rate: of this step.
        max_norm: of the gradient of all of them.
        trained: the parameters by name.
    Returns:
        the norm of the gradient before it was clipped.
    Raises:
        FloatingPointError: the gradient is not finite; nothing has been changed.
    """
    parameters = [x for x in sorted(trained.values(), key=lambda x: x.dim() < 2) if x.grad is not None]  # in the order of one optimizer
    norm = torch.nn.utils.get_total_norm([x.grad for x in parameters if x.grad is not None], foreach=True)
    size = float(norm)
    if not math.isfinite(size):
        bad = [name for name, x in trained.items() if x.grad is not None and not bool(x.grad.isfinite().all())]
        clear(parameters)
        raise FloatingPointError(
            f"the gradient's norm is {size}{_where(bad)}; the weights are as before this step. "
            "Lower learning_rate, or look for rewards that are not finite"
        )
    torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm, foreach=True)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    torch.autograd.graph.increment_version(parameters)  # which fused optimizers forget; CausalLMPolicy.version asks for it
    clear(parameters)
    return size


def clear(parameters: Iterable[Tensor]) -> None:
    """Forgets the gradients."""
    for x in parameters:
        x.grad = None


def tell_of_low_precision(named: Sequence[tuple[str, Tensor]]) -> None:
    """Warns where some of what learns, by name, has fewer than 32 bits."""
    low = [(name, str(x.dtype).removeprefix("torch.")) for name, x in named if x.is_floating_point() and x.element_size() < 4]
    if low:
        warnings.warn(
            f"{len(low)} of {len(named)} trained tensors are {low[0][1]} (the first: {low[0][0]}): small steps are rounded "
            "away, so that at a learning rate such as 1e-5 hardly any weight moves. Load the model in float32: "
            "CausalLMPolicy.from_pretrained(name), or CausalLMPolicy(AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)); "
            "a base in low precision goes with lora=LoRA()",
            stacklevel=3,
        )


def _where(names: Sequence[str]) -> str:
    """ "As in " (in a, b, c and 9 others)" of parameters."""
    if not names:
        return ""
    return f" (in {', '.join(names[:3])}{f' and {len(names) - 3} others' if len(names) > 3 else ''})"
