"""Where MKL is slow: AMD processors with AVX-512, if oneDNN is there."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from tokengym._mkl import mkl_is_slow


@pytest.mark.parametrize(
    ("processor", "capability", "onednn", "slow"),
    [
        ("vendor_id : AuthenticAMD", "AVX512", True, True),
        ("vendor_id : AuthenticAMD", "AVX2", True, False),
        ("vendor_id : AuthenticAMD", "AVX512", False, False),
        ("vendor_id : GenuineIntel", "AVX512", True, False),
    ],
)
@pytest.mark.parametrize("linux", [True, False])
def test_by_processor(processor: str, capability: str, onednn: bool, slow: bool, linux: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: linux)  # elsewhere /proc/cpuinfo is not there
    monkeypatch.setattr(Path, "read_text", lambda path: processor)
    monkeypatch.setattr(platform, "processor", lambda: processor)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    assert mkl_is_slow.__wrapped__() is slow
