"""The probe: scored as the environment would, and it finds rewards that can be fooled."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tokengym.benchmarks.baselines import ScriptedAgent
from tokengym.benchmarks.cheats import CHEATS, Cheat, View
from tokengym.benchmarks.cli import main
from tokengym.benchmarks.evaluate import eval_env, evaluate
from tokengym.benchmarks.probe import ANCHORS, Earned, Findings, engine_of, findings, played, verdict
from tokengym.benchmarks.stats import over_examples
from tokengym.envs import TASKS, Example
from tokengym.envs.engine import Engine
from tokengym.rewards import Sample

ENVS = list(TASKS)


def _asks(cheat: Cheat, engine: Engine) -> Callable[[Example], str]:
    """The cheat as a function of the example; always in the same order, since it is asked twice."""
    places = {engine.examples[index].id: index for index in range(8)}

    def answer(example: Example) -> str:
        index = places[example.id]
        prompt, other = engine.book[index].text, engine.examples[index + 1]
        return cheat.answer(View(prompt, example, other, engine.task.oracle, 900, np.random.default_rng(index))) or ""

    return answer


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("stop", [(), ("e s", "ed")])
def test_a_scored_text_equals_one_that_is_played(env: str, stop: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokengym.benchmarks.cost._give_back", lambda: None)  # takes longer than the play
    count = 6
    venv = eval_env(env, 3, split="validation", stop=stop, metrics=False)
    engine = engine_of(env, split="validation", stop=stop, metrics=False)
    for name, cheat in CHEATS.items():
        answer = _asks(cheat, engine)
        by_token = evaluate(ScriptedAgent(venv, answer), venv, count)
        scored = engine.score([played(engine, index, answer(engine.examples[index])) for index in range(count)])
        infos = scored.infos
        assert scored.scores == by_token.rewards, name
        assert [info["response"] for info in infos] == by_token.responses
        assert [info["stop_reason"] for info in infos] == by_token.stop_reasons
        assert sum(info["completion_tokens"] for info in infos) == by_token.tokens


def test_random_tokens_are_played_up_to_the_end_of_sequence() -> None:
    engine = engine_of("TextQA-v0", split="validation")
    end = engine.tokenizer.eos_token_id
    cut = played(engine, 0, np.array([9, 10, end, 11], dtype=np.int32))
    assert cut.completion.tolist() == [9, 10, end] and cut.reason == "eos"
    long = played(engine, 0, np.full(100, 9, dtype=np.int32))
    assert long.completion.tolist() == [9] * engine.max_new_tokens and long.reason == "max_tokens"


class PaysForWords:
    """One point for every word: a reward that anything long beats."""

    def __call__(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        return np.array([len(sample.response.split()) for sample in batch], dtype=np.float64)


def test_a_reward_that_can_be_fooled_is_found_out() -> None:
    found = findings("TextQA-v0", reward=PaysForWords(), examples=20)
    rows = {row.policy: row for row in found.rows}
    assert list(rows) == [*ANCHORS, *CHEATS]
    assert rows["longest"].verdict == "BEATS the heuristic" and rows["longest"].gain.low > 0
    assert rows["empty"].verdict == rows["oracle"].verdict == "" and rows["empty"].reward.mean == 0.0
    assert rows["longest"].gain.mean == pytest.approx(rows["longest"].reward.mean - rows["heuristic"].reward.mean)
    assert any(line.startswith("longest (") and "a learner can find this" in line for line in found.warnings)
    assert rows["shuffle"].examples < rows["other"].examples == 20  # answers of one word cannot be shuffled
    assert rows["random"].tokens > rows["oracle"].tokens


def test_components_add_up_and_the_same_call_gives_the_same() -> None:
    found = findings("TextQA-v0", reward="0.6*rouge_l + 0.4*exact", examples=12, seed=3)
    for row in found.rows:
        assert set(row.components) == {"rouge_l", "exact"}
        assert sum(row.components.values()) == pytest.approx(row.reward.mean, abs=1e-9)
    assert found == findings("TextQA-v0", reward="0.6*rouge_l + 0.4*exact", examples=12, seed=3)
    assert found.rows[0].reward.mean == 1.0 and found.rows[0].policy == "oracle"
    assert found.rows[2].policy == "random" and found.rows[2].gain.mean < 0


@pytest.mark.parametrize(
    ("gains", "cheats", "expected"),
    [
        ([0.1, 0.11, 0.12], True, "BEATS the heuristic"),
        ([0.1, -0.2, 0.3], True, "level"),
        ([0.0, 0.0, 0.0], True, ""),
        ([-0.1, -0.2, -0.3], True, ""),
        ([0.1, 0.11, 0.12], False, ""),
    ],
)
def test_verdicts_by_hand(gains: list[float], cheats: bool, expected: str) -> None:
    gain = over_examples(gains)
    row = Earned(
        policy="copy", about="c", cheats=cheats, examples=3, reward=gain, components={}, tokens=1.0, invalid=0, gain=gain
    )  # fmt: skip
    assert row.verdict == expected
    found = Findings(env="e", reward="r", split="s", dataset="d", examples=3, seed=0, rows=(row,))
    assert len(found.warnings) == (expected == "BEATS the heuristic") and len(found.notes) == (expected == "level")
    assert ("No cheat beats the heuristic." in verdict(found)) == (not found.warnings)


def test_broken_anchors_are_told() -> None:
    found = findings("TextQA-v0", reward="-1*token_f1", examples=8)
    assert any(line.startswith("the oracle earns -1.000, less than heuristic with") for line in found.warnings)
    assert any(line.startswith("the heuristic earns") for line in found.warnings)


def test_examples_without_a_reference_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(f'{{"prompt": "One. Two. {n}"}}\n' for n in range(60)))
    unscored = pytest.warns(UserWarning, match="needs references, meta.*every episode earns 0.0")
    with unscored, pytest.raises(ValueError, match="has no reference, so there is no oracle"):
        findings("TextSumm-v0", dataset=str(tmp_path / "a.jsonl"))
    with pytest.raises(ValueError, match="examples=1; an interval needs at least 2"):
        findings("TextSumm-v0", examples=1)
    with pytest.raises(ValueError, match="Did you mean 'TextQA-v0'"):
        findings("TextQ-v0")
    with pytest.raises(TypeError, match="a probe plays environments that extend"):
        engine_of("CartPole-v1")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["probe", "TextDialogue-v0", "--reward", "rouge_1", "--examples", "16", "--json", str(tmp_path / "probe.json")]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert "TextDialogue-v0, reward rouge_1, validation split, 16 examples" in shown
    assert all(policy in shown for policy in (*ANCHORS, *CHEATS))
    assert "WARNING: shuffle (the best answer, its words in random order) earns +" in shown and "No cheat" not in shown
    written = json.loads((tmp_path / "probe.json").read_text())
    assert [row["policy"] for row in written["rows"]] == [*ANCHORS, *CHEATS]
    shuffle = written["rows"][-2]
    assert shuffle["reward"] == {"mean": 1.0, "low": 1.0, "high": 1.0} and shuffle["verdict"] == "BEATS the heuristic"
    assert written["warnings"] and written["reward"] == "rouge_1" and written["split"] == "validation"
    assert main([*line, "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"WARNING: {warning}" for warning in written["warnings"]]
    assert main(["probe", "TextDialogue-v0", "--examples", "16", "--reward", "exact"]) == 0
    assert "No cheat beats the heuristic." in capsys.readouterr().out


def test_files_with_columns_and_keywords_are_probed_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"body": f"Box {i} holds {i} apples.", "gold": f"{i} apples", "split": "validation"} for i in range(3)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    line = "probe TextSumm-v0 --dataset rows.jsonl --columns prompt=body references=gold --reward rouge_l --json out.json"
    assert main([*line.split(), "--env-kwargs", "max_new_tokens=12"]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["dataset"], found["examples"]) == ("rows.jsonl", 3)
    assert max(row["tokens"] for row in found["rows"]) == 12.0
    assert {row["policy"]: row["reward"]["mean"] for row in found["rows"]}["oracle"] == 1.0
    capsys.readouterr()
    assert main("probe TextDialogue-v0 --examples 4 --env-kwargs turns=3".split()) == 1
    assert "TextDialogue-v0 is played in 3 turns, and a probe's policies say one answer; leave turns out" in capsys.readouterr().err
