"""The package's names: all there, none loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tokengym import agents


def test_every_public_name_resolves() -> None:
    for name in agents.__all__:
        assert getattr(agents, name) is not None
    assert {kind.name for kind in agents.AGENTS.values()} == set(agents.AGENTS)


def test_an_unknown_agent_gets_a_guess() -> None:
    with pytest.raises(ValueError, match="Did you mean 'reinforce'.*my_module:MyAgent"):
        agents.AGENTS.find("reinforc")
    with pytest.raises(AttributeError, match="DPOO"):
        _ = agents.DPOO


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, tokengym.agents; print(sorted({'torch', 'transformers', 'stable_baselines3'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
