"""Linear layers whose products oneDNN does, forward and backward, where torch's own choice, MKL, is slow: AMD processors with AVX-512.

MKL runs its AVX2 kernels there: 85 against 150 to 215 GFLOP/s on one Zen 5 core, in float32 both. A row of a product is rounded in the
same way whatever stands beside it, which ``attention.py`` builds on.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from tokengym._mkl import mkl_is_slow

__all__ = ["LARGE", "FastLinear", "fast_linears", "product", "round_rows"]

_SMALL = 1 << 12  # numbers in a weight, below which a call takes longer than its product
LARGE = 1 << 22  # numbers in a weight, from which on ``weight_sums.py`` sees to it


def fast_linears(model: nn.Module) -> int:
    """Has the float32 linear layers of ``model`` on a CPU take oneDNN where it is the faster one; says how many do.

    A head of a large vocabulary stays as it is: in training its chunks take :func:`product`.
    """
    count = 0
    for layer in model.modules() if mkl_is_slow() else ():
        # the exact class: those who inherit from it have their own ways
        if type(layer) is not nn.Linear or not _SMALL <= layer.weight.numel() < LARGE:
            continue
        if layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu":
            layer.__class__ = FastLinear
            count += 1
    return count


class FastLinear(nn.Linear):
    """A linear layer like any other, by oneDNN; by torch's own way once it is moved, cast or under autocast."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight
        plain = input.dtype == weight.dtype == torch.float32 and input.device.type == weight.device.type == "cpu"
        if not plain or not input.numel() or torch.is_autocast_enabled("cpu"):
            return functional.linear(input, weight, self.bias)
        rows = input.reshape(-1, input.shape[-1])  # (M, K)
        if torch.is_grad_enabled() and (input.requires_grad or weight.requires_grad):
            found: Tensor = _Linear.apply(rows, weight)  # type: ignore[no-untyped-call]
        else:
            found = product(rows, weight)
        if self.bias is not None:
            found = found + self.bias
        return found.view(*input.shape[:-1], len(weight))


def round_rows(rows: int) -> int:
    """The next number of rows, up to a sixteenth more, of the few that products are made for.

    oneDNN compiles each shape that it meets and keeps the last 1,024, half a megabyte each.
    """
    step = 1 << max(0, (rows - 1).bit_length() - 5)
    return max(2, -(-rows // step) * step)  # one row alone is a product of another kind, and is rounded in another way


def product(rows: Tensor, weight: Tensor) -> Tensor:
    """(M, N) = rows (M, K) times weight (N, K)', by oneDNN where that is the faster one."""
    if not (mkl_is_slow() and rows.dtype == torch.float32 and rows.device.type == "cpu"):
        return functional.linear(rows, weight)
    count = len(rows)
    more = round_rows(count) - count
    if more:
        rows = functional.pad(rows, (0, 0, 0, more))
    found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")
    return found[:count]


def _weight_gradient(grad: Tensor, rows: Tensor) -> Tensor:
    """(N, K) = grad (M, N)' times rows (M, K)."""
    more = round_rows(len(rows)) - len(rows)
    if more:
        rows, grad = functional.pad(rows, (0, 0, 0, more)), functional.pad(grad, (0, 0, 0, more))
    wide = grad.shape[1] > rows.shape[1]  # the shorter side of the gradient as the product's rows is the faster way
    left, right = (rows, grad) if wide else (grad, rows)
    found: Tensor = torch.ops.mkldnn._linear_pointwise(left.t(), right.t(), None, "none", [], "")
    return found.t().contiguous() if wide else found


class _Linear(torch.autograd.Function):
    """rows (M, K) times weight (N, K)', with the gradients of both."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return product(rows, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight = ctx.needs_input_grad
        return (product(grad, weight.t()) if of_rows else None, _weight_gradient(grad, rows) if of_weight else None)
