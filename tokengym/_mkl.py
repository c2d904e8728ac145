"""Where torch's matrix products are slower than they need to be."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

__all__ = ["mkl_is_slow"]


@lru_cache(maxsize=1)
def mkl_is_slow() -> bool:
    """Whether this processor is one on which MKL stays below what it can, and oneDNN is there to take its place.

    So it is on AMD processors with AVX-512, on which MKL runs its AVX2 kernels.
    """
    import torch

    told = Path("/proc/cpuinfo")
    processor = told.read_text()[:4000] if told.is_file() else platform.processor()
    operators = all(hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight"))
    able = torch.backends.mkldnn.is_available() and operators  # which have no public names; torch.compile uses them
    return able and torch.backends.cpu.get_cpu_capability() == "AVX512" and "AuthenticAMD" in processor
