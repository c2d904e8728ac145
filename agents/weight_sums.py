"""The gradient of a large head's weight, summed in place over the chunks of tokens that use it.

Left alone, each chunk makes a gradient of the weight's full size (V x H numbers), and adds it to the sum of those before it: two of them
are held at once, and where V is large that is most of what the loss stage needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from tokengym.agents.linear import LARGE, product

__all__ = ["WeightSums"]


class _Sum:
    """What has come together in this backward pass; None: nothing."""

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self._task = -1

    def add(self, grad: Tensor, rows: Tensor) -> None:
        """Adds (V, H) = grad (M, V)' times rows (M, H)."""
        task = torch._C._current_graph_task_id()
        if self.total is None or task != self._task:  # a pass that did not ask for the weight's gradient leaves its sum behind
            self.total, self._task = grad.t() @ rows, task
        else:
            self.total.addmm_(grad.t(), rows)


class WeightSums(TorchFunctionMode):
    """Inside, linear layers with a large weight that learns add to that weight's one gradient. One object serves all chunks of a pass."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, tuple[Tensor, _Sum]] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is not functional.linear or kwargs or not _fits(*args[:2]):
            return func(*args, **(kwargs or {}))
        rows, weight = args[:2]
        if id(weight) not in self._known:
            total = _Sum()
            self._known[id(weight)] = (_Collect.apply(weight, total), total)  # type: ignore[no-untyped-call]
        found = _Chunk.apply(rows.reshape(-1, rows.shape[-1]), *self._known[id(weight)])  # type: ignore[no-untyped-call]
        if len(args) > 2 and args[2] is not None:
            found = found + args[2]
        return found.view(*rows.shape[:-1], len(weight))


def _fits(rows: Tensor, weight: Tensor) -> bool:
    cast = torch.is_autocast_enabled(rows.device.type) or rows.dtype != weight.dtype
    return torch.is_grad_enabled() and weight.requires_grad and weight.numel() >= LARGE and not cast


class _Collect(torch.autograd.Function):
    """The weight itself; its backward pass, which comes after that of all chunks, hands their sum on."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, total: _Sum) -> Tensor:
        ctx.total = total
        ctx.set_materialize_grads(False)
        return weight.view_as(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor | None) -> tuple[Tensor | None, None]:
        summed, ctx.total.total = ctx.total.total, None
        return summed, None


class _Chunk(torch.autograd.Function):
    """rows (M, H) times weight (V, H)'."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, total: _Sum) -> Tensor:
        ctx.save_for_backward(rows, weight)
        ctx.total = total
        return product(rows, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None]:
        rows, weight = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.total.add(grad, rows)
        return (product(grad, weight.t()) if ctx.needs_input_grad[0] else None), None, None
