"""Linear layers by oneDNN: the numbers and gradients of torch's own, and rows that do not depend on their neighbours."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tokengym.agents import linear
from tokengym.agents.linear import FastLinear, fast_linears, product, round_rows

able = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch was built without oneDNN")


@pytest.fixture
def slow_mkl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes oneDNN whatever the processor is."""
    monkeypatch.setattr(linear, "mkl_is_slow", lambda: True)


def test_round_rows_by_hand() -> None:
    assert [round_rows(n) for n in (0, 1, 2, 31, 32, 33, 64, 65, 100, 4096, 4097)] == [2, 2, 2, 31, 32, 34, 64, 68, 100, 4096, 4352]
    sizes = {round_rows(n) for n in range(1, 8193)}
    assert len(sizes) < 165 and all(n <= round_rows(n) <= n * 17 / 16 + 1 for n in range(1, 8193))


@able
@pytest.mark.usefixtures("slow_mkl")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(128, 64), (64, 448), (80, 80)])
@pytest.mark.parametrize("rows", [(1,), (7,), (3, 41), (2, 500)])
def test_numbers_and_gradients_are_those_of_torch(rows: tuple[int, ...], shape: tuple[int, int], bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(*shape, bias=bias)
    ours = copy.deepcopy(plain)
    assert fast_linears(ours) == 1 and isinstance(ours, FastLinear)
    found = []
    for layer in (plain, ours):
        x = torch.linspace(-1, 1, shape[0]).expand(*rows, -1).contiguous() * torch.arange(1, rows[-1] + 1)[:, None] / rows[-1]
        x.requires_grad_()
        out = layer(x)
        (out**2).sum().backward()
        found.append([out.detach(), x.grad, *(p.grad for p in layer.parameters())])
    for expected, got in zip(*found, strict=True):
        assert got.shape == expected.shape
        assert torch.allclose(got, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@able
@pytest.mark.usefixtures("slow_mkl")
def test_a_row_is_rounded_alike_whatever_stands_beside_it() -> None:
    torch.manual_seed(0)
    weight, rows = torch.randn(128, 448), torch.randn(700, 448)
    all_rows = product(rows, weight)
    for count in (1, 2, 3, 16, 33, 64, 100, 699):
        assert torch.equal(product(rows[:count], weight), all_rows[:count])


@able
@pytest.mark.usefixtures("slow_mkl")
def test_what_is_frozen_gets_no_gradient_and_copies_are_their_own() -> None:
    layer = nn.Linear(64, 64)
    fast_linears(layer)
    other = copy.deepcopy(layer)
    layer.weight.requires_grad_(False)
    x = torch.ones(3, 64, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    assert x.grad is not None and torch.allclose(x.grad, layer.weight.sum(0).expand(3, -1), atol=1e-5)
    with torch.no_grad():
        other.weight.zero_()
    assert layer.weight.abs().sum() > 0 and isinstance(other, FastLinear)


@able
@pytest.mark.usefixtures("slow_mkl")
def test_other_types_autocast_and_nothing_at_all_go_torchs_way() -> None:
    layer = nn.Linear(64, 64)
    fast_linears(layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.ones(3, 64)).dtype == torch.bfloat16
    assert layer(torch.ones(0, 64)).shape == (0, 64)
    assert layer.bfloat16()(torch.ones(3, 64, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.usefixtures("slow_mkl")
def test_which_layers_are_taken() -> None:
    class Own(nn.Linear):
        """Someone's linear layer with its own way."""

    layers = [nn.Linear(32, 32), nn.Linear(64, 64), nn.Linear(64, 64).bfloat16(), Own(64, 64), nn.Linear(64, 1 << 16)]
    assert fast_linears(nn.ModuleList(layers)) == 1
    assert [type(layer) for layer in layers] == [nn.Linear, FastLinear, nn.Linear, Own, nn.Linear]


def test_none_is_taken_where_mkl_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "mkl_is_slow", lambda: False)
    layer = nn.Linear(64, 64)
    assert fast_linears(layer) == 0 and type(layer) is nn.Linear
    x = torch.randn(5, 64)
    assert torch.equal(product(x, layer.weight), x @ layer.weight.t())
