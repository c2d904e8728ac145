"""The algorithms suite is a fair comparison: every learner, one start, the same labels, as many episodes."""

from __future__ import annotations

from tokengym.agents import AGENTS
from tokengym.benchmarks import SUITES
from tokengym.benchmarks.cells import preflight

SUITE, QUICK = SUITES["algorithms"], SUITES["quick"]
LEARNERS = [entrant for entrant in SUITE.entrants if entrant.start == "sft"]


def test_every_learner_takes_part() -> None:
    assert sorted(entrant.kind for entrant in LEARNERS) == sorted(set(AGENTS) - {"sft"})
    assert SUITE.compared == ("sft-filtered", *(entrant.name for entrant in LEARNERS))


def test_five_seeds_on_three_tasks() -> None:
    assert [arena.env for arena in SUITE.arenas] == ["TextSumm-v0", "TextQA-v0", "TextTranslate-v0"]
    assert len(SUITE.seeds) == 5


def test_the_same_labels_and_as_many_episodes() -> None:
    assert not any(entrant.train_kwargs for entrant in SUITE.entrants)
    assert all("label_noise" not in {**arena.kwargs, **arena.train_kwargs, **arena.eval_kwargs} for arena in SUITE.arenas)
    episodes = {"TextSumm-v0": 3840, "TextQA-v0": 7680, "TextTranslate-v0": 1920}
    for arena in SUITE.arenas:
        played = [entrant.options(arena.env)[0] for entrant in LEARNERS]
        assert {config["updates"] * config["episodes_per_update"] for config in played} == {episodes[arena.env]}
        assert len({config["learning_rate"] for config in played}) == 1


def test_every_score_is_the_task_s_own() -> None:
    assert not any("reward" in {**arena.kwargs, **arena.eval_kwargs} for arena in SUITE.arenas)


def test_nothing_is_measured_on_what_settings_were_chosen_on() -> None:
    for arena in QUICK.arenas:
        used = arena.first + arena.examples
        assert all(other.first >= used for other in SUITE.arenas)
    assert not set(SUITE.seeds) & {*QUICK.seeds, *range(0, 21_000, 1000)}


def test_all_options_are_known() -> None:
    preflight(SUITE)
