"""The quick suite is what the issue asks for, and its options fit the learners."""

from __future__ import annotations

from pathlib import Path

from tokengym.benchmarks import SUITES
from tokengym.benchmarks.cells import preflight
from tokengym.benchmarks.runner import plan
from tokengym.envs import TASKS

SUITE = SUITES["quick"]


def test_three_tasks_five_seeds_nine_agents() -> None:
    assert [arena.env for arena in SUITE.arenas] == list(TASKS)[:3]
    assert len(SUITE.seeds) == 5
    names = ["random", "heuristic", "zero-shot", "sft", "sft-filtered", "sft+reinforce", "sft+ppo", "sft-clean", "oracle"]
    assert [entrant.name for entrant in SUITE.entrants] == names


def test_the_fight_is_fair() -> None:
    """SFT and RL train on the same examples with the same labels; only the ceiling sees clean ones."""
    noisy = [e for e in SUITE.entrants if e.kind in ("sft", "reinforce", "ppo") and e.name != "sft-clean"]
    assert all(not entrant.train_kwargs for entrant in noisy)
    assert SUITE.entrant("sft-clean").train_kwargs == {"label_noise": 0.0}
    assert SUITE.entrant("sft").config.items() <= SUITE.entrant("sft-filtered").config.items()
    assert all("label_noise" not in {**arena.kwargs, **arena.eval_kwargs} for arena in SUITE.arenas)


def test_nothing_is_measured_on_what_the_settings_were_chosen_on() -> None:
    assert all(arena.first == 200 for arena in SUITE.arenas)
    assert not set(SUITE.seeds) & {1000, 2000, 3000, 4000, 5000}


def test_what_can_run_side_by_side_is_planned_so(tmp_path: Path) -> None:
    cells = plan(SUITE, tmp_path, [])
    chains = [tuple(entrant.name for entrant in cell.entrants) for cell in cells]
    apart = [("sft", "sft+reinforce", "sft+ppo"), ("sft-filtered",), ("sft-clean",), ("random", "heuristic", "zero-shot", "oracle")]
    assert sorted(chains) == sorted(apart * 15)
    assert chains[:15] == [apart[0]] * 15  # the longest first, so that no process waits long for the other at the end


def test_all_options_are_known() -> None:
    preflight(SUITE)
