"""The listings, as a user sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokengym.benchmarks.cli import main
from tokengym.rewards import REWARDS


def test_rewards_are_listed_with_what_one_must_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rewards"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in REWARDS)
    row = next(line for line in shown.splitlines() if line.startswith("  repetition "))
    assert "0 to 1" in row and " lower " in row and "lexical" in row and "n=4" in row
    assert 'They add up: --reward "0.7*rouge_l' in shown


def test_one_reward_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rewards", "length"]) == 0
    shown = capsys.readouterr().out
    assert "goal=20" in shown and "Args:" in shown and "goal: wanted length in words." in shown and "rouge_l" not in shown
    assert main(["rewards", "length", "--quiet"]) == 0
    assert capsys.readouterr().out == "length\n"
    assert main(["rewards", "lenght"]) == 1
    assert "Did you mean 'length'" in capsys.readouterr().err


def test_what_specifications_know_beside_the_table_is_explained_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "listed_module.py").write_text(
        "from tokengym.rewards import Service\n"
        'class Brief:\n    """Likes few words."""\n    def __init__(self, most=3):\n        self.most = most\n'
        "    def __call__(self, batch):\n        return [0.0 for _ in batch]\n"
        'judge = Service(lambda sample: 0.5, name="judge", range=(1.0, 5.0))\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name, told in (
        ("threshold", "where the inner reward reaches ``at``"),
        ("clip", "reward, low=0.0, high=1.0"),
        ("listed_module:Brief", "most=3"),
        ("listed_module:judge", "1 to 5"),
    ):
        assert main(["rewards", name]) == 0
        assert told in capsys.readouterr().out
    for name, error in (
        ("treshold", "Did you mean 'threshold'"),
        ("listed_module:jugde", "Did you mean 'judge'"),
        ("nowhere:x", "no module"),
    ):
        assert main(["rewards", name]) == 1
        assert error in capsys.readouterr().err


def test_speed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rewards", "length", "--speed"]) == 0
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("  length "))
    assert "texts/s" in shown and int(row.split()[-1].replace(",", "")) > 0
    assert main(["rewards", "length_window", "--speed"]) == 0
    assert "low, high" in capsys.readouterr().out


def test_models_and_envs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envs", "--quiet"]) == main(["models", "list", "--quiet"]) == 0
    assert {"TextSumm-v0", "builtin:tiny"} <= set(capsys.readouterr().out.split())
