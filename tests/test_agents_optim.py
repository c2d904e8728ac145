"""The learning rate's course, and optimizer steps."""

from __future__ import annotations

import pytest
import torch
from transformers import get_scheduler

from tokengym.agents.optim import OPTIMIZERS, make_optimizer, rate, step


def test_rate_by_hand() -> None:
    assert [rate(share) for share in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]
    assert [rate(share, "linear", warmup=0.2) for share in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])
    assert [rate(share, "cosine") for share in (0.0, 1 / 3, 0.5, 1.0)] == pytest.approx([1.0, 0.75, 0.5, 0.0])
    with pytest.raises(ValueError, match="Did you mean 'linear'"):
        rate(0.5, "liner")


@pytest.mark.parametrize("warmup", [0, 100])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("constant_with_warmup", {}),
        ("linear", {}),
        ("cosine", {}),
        ("cosine_with_restarts", {"num_cycles": 4}),
        ("polynomial", {"power": 2.0, "lr_end": 0.0}),
        ("inverse_sqrt", {}),
        ("warmup_stable_decay", {}),
    ],
)
def test_courses_are_those_of_transformers(name: str, options: dict[str, float], warmup: int) -> None:
    if name == "inverse_sqrt" and not warmup:
        with pytest.raises(ValueError, match="measured in warm-ups"):
            rate(0.5, name)
        return
    if name == "warmup_stable_decay":
        options = {"num_decay_steps": (1000 - warmup) // 5}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = get_scheduler(name, optimizer, warmup, 1000, scheduler_specific_kwargs=options)
    for done in range(1001):
        ours = rate(done / 1000, name.removesuffix("_with_warmup"), warmup / 1000)
        assert ours == pytest.approx(theirs.get_last_lr()[0], abs=1e-9), done
        optimizer.step()
        theirs.step()


def parameters() -> dict[str, torch.Tensor]:
    return {"matrix": torch.ones(2, 2, requires_grad=True), "vector": torch.ones(2, requires_grad=True)}


def test_low_precision_is_warned_of() -> None:
    named = {"model.a": torch.ones(2, 2, dtype=torch.bfloat16), "head": torch.ones(2)}
    with pytest.warns(UserWarning, match=r"1 of 2 trained tensors are bfloat16 \(the first: model.a\).*Load the model in float32"):
        optimizer = make_optimizer([(name, x.requires_grad_()) for name, x in named.items()], "sgd", learning_rate=1e-3)
    for x in named.values():
        x.grad = torch.ones_like(x)
    step(optimizer, learning_rate=1e-3, max_norm=10.0, trained=named)
    assert named["model.a"].tolist() == [[1.0, 1.0], [1.0, 1.0]]  # what the warning is about: 1 - 0.001 rounds to 1
    assert named["head"].tolist() == pytest.approx([0.999, 0.999])


def test_matrices_decay_and_vectors_do_not() -> None:
    named = parameters()
    optimizer = make_optimizer(named.items(), learning_rate=0.1, weight_decay=0.5)
    for x in named.values():
        x.grad = torch.zeros_like(x)
    step(optimizer, learning_rate=0.1, max_norm=1.0, trained=named)
    assert named["matrix"][0, 0].item() == pytest.approx(0.95) and named["vector"][0].item() == 1.0


def test_step_clips_and_clears_and_tells_the_norm() -> None:
    named = parameters()
    optimizer = torch.optim.SGD(named.values(), lr=1.0)
    named["vector"].grad = torch.tensor([3.0, 4.0])
    assert step(optimizer, learning_rate=0.5, max_norm=1.0, trained=named) == pytest.approx(5.0)
    assert named["vector"].tolist() == pytest.approx([1 - 0.5 * 0.6, 1 - 0.5 * 0.8])
    assert named["vector"].grad is None


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    named = parameters()
    optimizer = make_optimizer(named.items(), learning_rate=0.1)
    named["vector"].grad = torch.tensor([float("nan"), 0.0])
    with pytest.raises(FloatingPointError, match="weights are as before"):
        step(optimizer, 0.1, 1.0, named)
    assert named["vector"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("sgd", [0.06, 0.06 + 0.12]),  # 0.1 * gradient; the second step adds momentum 0.5 * the first gradient to twice the gradient
        ("adam", [0.1, 0.2]),  # both moments of a steady gradient are the gradient itself, so a step is the learning rate
        ("adamw", [0.1, 0.2]),
        ("rmsprop", [1.0, 1.0 + 0.5 * 1.0 + 0.1 / (0.01 * 0.99 + 0.01) ** 0.5]),  # 0.1 * g / sqrt(0.01 g^2), then momentum 0.5
    ],
)
def test_two_steps_of_each_optimizer_by_hand(name: str, moved: list[float]) -> None:
    x = torch.zeros(1, requires_grad=True)
    momentum = 0.5 if name in ("sgd", "rmsprop") else 0.0
    optimizer = make_optimizer([("x", x)], name, learning_rate=0.1, eps=1e-12, momentum=momentum)
    found = []
    for gradient in (0.6, 0.9 if name == "sgd" else 0.6):
        x.grad = torch.tensor([gradient])
        step(optimizer, learning_rate=0.1, max_norm=10.0, trained={"x": x})
        found.append(-x.item())
    assert found == pytest.approx(moved, rel=1e-4)


def test_betas_reach_adam() -> None:
    x = torch.zeros(1, requires_grad=True)
    optimizer = make_optimizer([("x", x)], "adamw", learning_rate=0.1, eps=1e-12, betas=(0.0, 0.5))
    for gradient in (1.0, 2.0):
        x.grad = torch.tensor([gradient])
        step(optimizer, learning_rate=0.1, max_norm=10.0, trained={"x": x})
    # mean: the gradient itself; square: (0.5 * 0.5 * 1 + 0.5 * 4) / (1 - 0.25) = 3
    assert -x.item() == pytest.approx(0.1 + 0.1 * 2 / 3**0.5, rel=1e-5)


def test_unknown_optimizers_and_nothing_to_train_are_refused() -> None:
    assert OPTIMIZERS == ("adam", "adamw", "rmsprop", "sgd")
    with pytest.raises(ValueError, match="'adamv' is not a known optimizer. Did you mean 'adam"):
        make_optimizer(parameters().items(), "adamv")
    with pytest.raises(ValueError, match="no parameter to train"):
        make_optimizer([])
    with pytest.raises(ValueError, match=r"learning_rate=-1; expected 0 \(nothing learns\) or more"):
        make_optimizer([("weight", torch.zeros(2, requires_grad=True))], learning_rate=-1)


def test_a_fused_step_is_seen_by_the_version_of_every_weight() -> None:
    named = parameters()
    optimizer = make_optimizer(named.items(), learning_rate=0.1)
    for x in named.values():
        x.grad = torch.ones_like(x)
    before = {name: x._version for name, x in named.items()}
    step(optimizer, learning_rate=0.1, max_norm=1.0, trained=named)
    assert all(x._version > before[name] for name, x in named.items())
