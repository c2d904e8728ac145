"""What a recorder asks of CUDA, in which order; a stand-in answers, so that it can be seen without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from tokengym.agents.graphs import GraphRecorder


class Cuda:
    """A stand-in for ``torch.cuda``: streams are numbers, and what happens is written down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.current, self.device = "main of cuda:0", "cuda:0"
        self.streams = self.pools = 0
        self.breaks = False
        for name in ("CUDAGraph", "Stream", "current_stream", "device", "graph", "graph_pool_handle", "stream"):
            monkeypatch.setattr(torch.cuda, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: self.said.append("clear"), raising=False)

    def _Stream(self, device: Any) -> str:
        self.streams += 1
        return f"side {self.streams} of {device}"

    def _graph_pool_handle(self) -> str:
        self.pools += 1
        return f"pool {self.pools}"

    def _current_stream(self, device: Any) -> str:
        return self.current if self.device == str(device) else f"main of {device}"

    def _CUDAGraph(self) -> Any:
        graph = type("Graph", (), {})()
        graph.replay = lambda: self.said.append("replay")
        return graph

    @contextmanager
    def _device(self, device: Any) -> Iterator[None]:
        before, self.device = (self.device, self.current), str(device)
        self.current = f"main of {device}"
        try:
            yield
        finally:
            self.device, self.current = before

    @contextmanager
    def _stream(self, stream: str) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def _graph(self, graph: Any, *, pool: str, stream: str, capture_error_mode: str) -> Iterator[None]:
        before, self.current = self.current, stream
        self.said.append(f"begin {pool}, {capture_error_mode}")
        yield
        if self.breaks:  # as torch does: the side stream stays current
            raise RuntimeError("operation failed due to a previous error during capture")
        self.said.append("end")
        self.current = before

    def step(self) -> torch.Tensor:
        self.said.append(f"step on {self.current}")
        return torch.zeros(1)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    return Cuda(monkeypatch)


def test_recordings_share_pool_and_stream_and_leave_no_workspace(cuda: Cuda) -> None:
    record = GraphRecorder(torch.device("cuda:1"))
    one, other = record(cuda.step), record(cuda.step)
    assert cuda.pools == cuda.streams == 1
    assert cuda.said == 2 * [
        "step on main of cuda:1",
        "step on main of cuda:1",
        "clear",
        "begin pool 1, thread_local",
        "step on side 1 of cuda:1",
        "end",
        "clear",
    ]
    cuda.said.clear()
    assert one() is one() is not other()
    assert cuda.said == 3 * ["replay"]
    assert (cuda.device, cuda.current) == ("cuda:0", "main of cuda:0")


def test_a_recording_that_fails_leaves_the_stream_of_before(cuda: Cuda) -> None:
    record = GraphRecorder(torch.device("cuda:0"))
    cuda.breaks = True
    with pytest.raises(RuntimeError, match="previous error during capture"):
        record(cuda.step)
    assert cuda.current == "main of cuda:0"
    assert cuda.said[-1] == "clear"


def test_a_torch_without_the_private_function_records_too(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch._C, "_cuda_clearCublasWorkspaces")
    GraphRecorder(torch.device("cuda:0"))(cuda.step)
    assert cuda.said[-1] == "end" and "clear" not in cuda.said
