"""Records the kernels of a step as a CUDA graph, which plays them back without launching each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["GraphRecorder", "Step"]

_WARM_UPS = 2  # before recording, so that libraries have made their choices

Step = Callable[[], Tensor]


class GraphRecorder:
    """Makes recordings on one device, which share their memory.

    So what a recording returns holds until another one is played back or made; copy it at once. torch takes the memory back when the last
    recording is dropped: then a new recorder is needed.

    Args:
        device: a CUDA device.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()
        self._side = torch.cuda.Stream(device)

    def __call__(self, step: Step) -> Step:
        """``step``, recorded. It is taken several times on the inputs at hand, and must do the same each time.

        Raises:
            RuntimeError: something in ``step`` cannot be recorded.
        """
        graph = torch.cuda.CUDAGraph()
        # A recording that fails leaves its side stream current; the context around it puts the caller's back.
        with torch.cuda.device(self._device), torch.cuda.stream(torch.cuda.current_stream(self._device)):
            for _ in range(_WARM_UPS):
                step()  # on the caller's stream, to which belongs what is allocated here and kept
            # cuBLAS keeps a workspace per stream: one from before could be freed under the graph, one from the graph's pool used outside.
            _drop_workspaces()
            try:
                with torch.cuda.graph(graph, pool=self._pool, stream=self._side, capture_error_mode="thread_local"):
                    found = step()
            finally:
                _drop_workspaces()

        def replay() -> Tensor:
            graph.replay()
            return found

        return replay


def _drop_workspaces() -> None:
    """Lets cuBLAS's workspaces go, as torch's own compiler does around its recordings; the function is private and may be missing."""
    drop = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if drop is not None:
        drop()
