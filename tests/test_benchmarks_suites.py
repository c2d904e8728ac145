"""Suites: names, seeds, narrowing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokengym.benchmarks.suites import Arena, Entrant, Suite, spaced_seeds

SUITE = Suite(
    name="s",
    title="",
    model="m",
    arenas=(Arena(env="A-v0"), Arena(env="B-v0", examples=7)),
    seeds=spaced_seeds(2),
    entrants=(
        Entrant(name="random", kind="random"),
        Entrant(name="sft", kind="sft", config={"a": 1, "b": 2}, budget=10, per_env={"B-v0": {"config": {"b": 3}, "budget": 20}}),
        Entrant(name="sft+ppo", kind="ppo", start="sft"),
    ),
    compared=("sft+ppo",),
)


def test_seeds_are_spaced() -> None:
    assert spaced_seeds(3) == (1000, 2000, 3000)
    assert spaced_seeds(2, used=3) == (4000, 5000)
    with pytest.raises(ValueError, match="seeds=0"):
        spaced_seeds(0)


def test_options_per_environment() -> None:
    assert SUITE.entrant("sft").options("A-v0") == ({"a": 1, "b": 2}, 10)
    assert SUITE.entrant("sft").options("B-v0") == ({"a": 1, "b": 3}, 20)


def test_narrowing_takes_starts_along() -> None:
    small = SUITE.narrowed(envs=["B-v0"], agents=["sft+ppo"], seeds=5, examples=3, model="n")
    assert [e.name for e in small.entrants] == ["sft", "sft+ppo"]
    assert [(a.env, a.examples) for a in small.arenas] == [("B-v0", 3)]
    assert len(small.seeds) == 5 and small.model == "n" and small.compared == ("sft+ppo",)
    assert SUITE.narrowed(agents=["random"]).compared == ()
    assert SUITE.narrowed(extra=[Entrant(name="mine", kind="custom")]).entrants[-1].name == "mine"


def test_label_noise_is_for_training_only() -> None:
    noisy = SUITE.narrowed(label_noise=0.25)
    assert [dict(a.train_kwargs) for a in noisy.arenas] == [{"label_noise": 0.25}] * 2
    assert all(not a.kwargs and not a.eval_kwargs for a in noisy.arenas)


def test_what_a_suite_refuses() -> None:
    with pytest.raises(ValueError, match=r"'sft\+pp' is not a known agent of suite 's'\. Did you mean 'sft\+ppo'\?"):
        SUITE.narrowed(agents=["sft+pp"])
    with pytest.raises(ValueError, match="'C-v0' is not a known environment"):
        SUITE.narrowed(envs=["C-v0"])
    with pytest.raises(ValueError, match="two agents called 'random'"):
        SUITE.narrowed(extra=[Entrant(name="random", kind="random")])
    with pytest.raises(ValueError, match="starts from 'sft', which is not an agent before it"):
        Suite(name="s", title="", model="m", arenas=(), seeds=(1,), entrants=(Entrant(name="p", kind="ppo", start="sft"),))
    with pytest.raises(ValueError, match="examples=0"):
        SUITE.narrowed(examples=0)


def test_fewer_and_more_seeds_begin_with_the_suite_s_own() -> None:
    suite = replace(SUITE, seeds=spaced_seeds(3, used=5))
    assert suite.narrowed(seeds=2).seeds == (6000, 7000)
    assert suite.narrowed(seeds=5).seeds == (6000, 7000, 8000, 9000, 10000)
    with pytest.raises(ValueError, match="seeds=0"):
        suite.narrowed(seeds=0)


def test_an_environment_stands_in_a_suite_once() -> None:
    with pytest.raises(ValueError, match="suite 's' has A-v0 twice"):
        SUITE.narrowed(envs=["A-v0", "A-v0"])
