"""Sample answers: what a line holds, and that a run which was killed and goes on repeats none."""

from __future__ import annotations

import json
from pathlib import Path

from tests.echo import LETTERS, echo_policy, echo_venv
from tokengym.agents import SFT, SFTConfig
from tokengym.agents.rollout import RolloutEngine
from tokengym.agents.samples import SampleLog, samples_of


def test_a_sample_is_prompt_answer_references_and_reward() -> None:
    venv = echo_venv(3, order="sequential")
    rollout = RolloutEngine(echo_policy(), venv, seed=0).collect(8, deterministic=True)
    samples = samples_of(rollout, venv, 3)
    assert [sample["prompt"] for sample in samples] == list(LETTERS[:3])
    for sample, info in zip(samples, rollout.infos, strict=False):
        assert sample["response"] == info["response"] and sample["stop_reason"] == info["stop_reason"]
        assert sample["references"] == [sample["prompt"]]
        assert sample["reward"] == 0.5 * (sample["response"][:1] == sample["prompt"]) + 0.5 * (sample["response"] == sample["prompt"])
    assert len(samples_of(rollout, venv, 99)) == 8 and samples_of(rollout, venv, 0) == []


def test_lines_of_a_killed_run_are_dropped(tmp_path: Path) -> None:
    log = SampleLog(tmp_path)
    for update in (0, 2, 4):
        log.write(update, 10 * update, [{"prompt": "é"}])
    with log.path.open("a", encoding="utf-8") as file:
        file.write('{"update": 6, "prom')  # killed while writing
    again = SampleLog(tmp_path, update=3)
    again.write(4, 40, [{"prompt": "b"}])
    lines = [json.loads(line) for line in log.path.read_text(encoding="utf-8").splitlines()]
    assert [(line["update"], line["timesteps"], line["prompt"]) for line in lines] == [(0, 0, "é"), (2, 20, "é"), (4, 40, "b")]
    SampleLog(tmp_path)  # a new run in the same folder
    assert log.path.read_text() == ""


def test_every_validation_leaves_samples(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = SFTConfig(batch_size=8, updates=4, validate_every=2, validation_episodes=8, log_dir=str(tmp_path), samples=2)
    agent = SFT(echo_policy(), echo_venv(), config=config, validation_env=echo_venv(8, order="sequential")).learn(progress=False)
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["update"], line["prompt"]) for line in lines] == [(u, p) for u in (0, 2, 4) for p in "ab"]
    assert [line["timesteps"] for line in lines[2:]] == [stats["timesteps"] for stats in agent.history[2::2] for _ in "ab"]
    assert {key: lines[-1][key] for key in agent.samples[-1]} == agent.samples[-1]
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    table = events.Tensors("samples/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert table.startswith("| prompt | response | references | reward |") and len(table.splitlines()) == 4


def test_an_answer_may_hold_what_some_take_for_the_end_of_a_line(tmp_path: Path) -> None:
    log = SampleLog(tmp_path)
    log.write(1, 10, [{"response": "a\u2028b\x85c"}])
    SampleLog(tmp_path, update=1).write(2, 20, [{"response": "d"}])
    lines = [json.loads(line) for line in log.path.read_text(encoding="utf-8").split("\n") if line]
    assert [line["response"] for line in lines] == ["a\u2028b\x85c", "d"]
