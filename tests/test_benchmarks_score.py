"""Scoring a file: means, intervals, components, corpus metrics, what could not be scored, rewards from outside."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tokengym.benchmarks.answers import Answer
from tokengym.benchmarks.cli import main
from tokengym.benchmarks.score import Tally, corpus_interval
from tokengym.rewards import BaseReward, Sample, make_reward
from tokengym.rewards.base import Values
from tokengym.rewards.counts import CountReward

ROWS = [
    {"prompt": "p", "response": "a b", "references": ["a b"], "id": "first"},
    {"prompt": "p", "response": "a b", "references": ["a c"]},
    {"prompt": "p", "response": "x", "references": ["a c"]},
    {"prompt": "p", "response": "x"},
]

_OUTSIDE = """
import numpy as np

class Shouts:
    def __call__(self, batch):
        return np.array([sample.response.isupper() for sample in batch], dtype=np.float32)

class Counts:
    def __init__(self, letter="a"):
        self.letter = letter
    def __call__(self, batch):
        return [float(sample.response.count(self.letter)) for sample in batch]

def brief(batch):
    return [1.0 / len(sample.response) for sample in batch]

shouts = Shouts()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with answers.jsonl."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def test_the_figures_by_hand() -> None:
    tally = Tally("rouge_1", make_reward("rouge_1"))
    answers = [Answer(line, None, Sample("", "a b", (text,))) for line, text in enumerate(["a b", "a c", "c d"], start=1)]
    assert tally.add(answers[:2]) == [{"score": 1.0}, {"score": 0.5}]
    tally.add([*answers[2:], Answer(9, None, Sample("", "a"))])
    found = tally.result()
    half = 4.302652729749464 * np.sqrt(0.25 / 3)  # t(0.975, 2) times the error of the mean of 1, 0.5, 0
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))
    assert (found.corpus, found.lowest, found.highest, found.scored, found.invalid) == (False, 0.0, 1.0, 3, [9])
    assert found.components == {"rouge_1": 0.5}


class Share(CountReward):
    """Letters "a" among all letters of all texts."""

    name = "share"
    fields = ("hits", "letters")

    def count(self, sample: Sample) -> Mapping[str, Sequence[float]] | None:
        return {"": (sample.response.count("a"), len(sample.response))} if sample.response else None

    def from_totals(self, totals: Values) -> npt.NDArray[np.float64]:
        return totals[..., 0, 0] / np.maximum(totals[..., 0, 1], 1.0)


def test_a_metric_with_counts_is_not_the_mean() -> None:
    tally = Tally("share", Share())
    texts = ["a", "bbb", "", "ab"]
    tally.add([Answer(line, None, Sample("", text)) for line, text in enumerate(texts, start=1)])
    found = tally.result()
    assert found.value == 2 / 6 and found.corpus  # the mean of single texts would be 1/2
    assert 0.0 <= found.low < 2 / 6 < found.high <= 1.0
    assert (found.lowest, found.highest, found.scored, found.invalid) == (0.0, 1.0, 3, [3])


def test_the_bootstrap_covers_and_repeats() -> None:
    reward = Share()
    texts = ["a" * int(hits) + "b" * (10 - int(hits)) for hits in np.random.default_rng(1).binomial(10, 0.3, size=200)]
    counts = reward.counts([Sample("", text) for text in texts])
    low, high = corpus_interval(reward, counts, np.random.default_rng(0))
    shares = counts[:, 0] / 10
    half = 1.96 * shares.std(ddof=1) / np.sqrt(len(shares))  # texts of one length: the ratio is a mean
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert low < shares.mean() < high
    assert corpus_interval(reward, counts, np.random.default_rng(0)) == (low, high)
    assert np.isnan(corpus_interval(reward, counts[:1], np.random.default_rng(0))).all()


def test_the_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["score", "--reward", "rouge_1", "--reward", "0.5*rouge_1 - 0.5*length(goal=1)", "answers.jsonl", "--out", "out/scores.jsonl"]
    assert main([*line, "--batch", "3"]) == 0
    shown = capsys.readouterr().out
    assert "0.5000 ± 1.2421" in shown and "rouge_1: 1 of 4 answers could not be scored, for want of references, first on line 4" in shown
    assert "  length" in shown and "component" in shown and "Written to out/scores.jsonl" in shown
    rows = [json.loads(text) for text in (here / "out" / "scores.jsonl").read_text().splitlines()]
    assert [row["line"] for row in rows] == [1, 2, 3, 4] and rows[0]["id"] == "first" and "id" not in rows[1]
    assert [row["rewards"]["rouge_1"]["score"] for row in rows] == [1.0, 0.5, 0.0, None]
    both = rows[2]["rewards"]["0.5*rouge_1 - 0.5*length(goal=1)"]
    assert both == {"score": -0.5, "components": {"rouge_1": 0.0, "length": -0.5}}
    assert main([*line[:3], "answers.jsonl", "--quiet"]) == 0
    assert capsys.readouterr().out == "rouge_1: 0.5000 ± 1.2421\n"


def test_standard_input(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"response": "x y", "references": ["x"]}\n'))
    assert main(["score", "--reward", "exact", "-", "--quiet"]) == 0
    assert capsys.readouterr().out == "exact: 0.0000\n"  # one answer, no interval


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["answers.jsonl"], "nothing to score with; add --reward SPEC"),
        (["--reward", "rouge_9", "answers.jsonl"], "rouge_9"),
        (["--reward", "exact", "nowhere.jsonl"], "nowhere.jsonl is not a file"),
        (["--reward", "exact", "empty.jsonl"], "empty.jsonl holds no answers"),
        (["--reward", "faithfulness", "answers.jsonl"], "none of the 4 answers could be scored by faithfulness, which needs meta['facts']"),
        (["--reward", "nowhere_at_all:Shouts", "answers.jsonl"], "nowhere_at_all"),
    ],
)
def test_errors_leave_no_file(arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty.jsonl").write_text("\n")
    assert main(["score", *arguments, "--out", "out.jsonl"]) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("tokengym: error: ")
    assert not (here / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("attribute", "scores"), [("Shouts", [1.0, 0.0]), ("shouts", [1.0, 0.0]), ("brief", [0.5, 0.25]), ("Counts(letter='y')", [0.0, 1.0])]
)
def test_a_reward_from_outside(
    attribute: str, scores: list[float], here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "my_rewards_module", raising=False)
    (here / "my_rewards_module.py").write_text(_OUTSIDE)
    (here / "two.jsonl").write_text('{"response": "AB"}\n{"response": "wxyz"}\n')
    spec = f"my_rewards_module:{attribute}"
    assert main(["score", "--reward", spec, "two.jsonl", "--out", "out.jsonl"]) == 0
    rows = [json.loads(text) for text in (here / "out.jsonl").read_text().splitlines()]
    assert [row["rewards"][spec]["score"] for row in rows] == scores
    assert f"{np.mean(scores):.4f}" in capsys.readouterr().out


def test_the_answers_are_not_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (here / "answers.jsonl").read_bytes()
    (here / "link.jsonl").symlink_to(here / "answers.jsonl")
    for out in ("answers.jsonl", "./answers.jsonl", "link.jsonl"):
        assert main(["score", "--reward", "exact", "answers.jsonl", "--out", out]) == 1
        assert f"--out {out} is the file of answers itself" in capsys.readouterr().err
    assert (here / "answers.jsonl").read_bytes() == before


def test_line_separators_in_answers_are_no_ends_of_lines(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "one.jsonl").write_text('{"response": "a\u2028b\x85c", "references": ["a\u2028b\x85c"]}\n', encoding="utf-8")
    assert main(["score", "--reward", "exact", "one.jsonl", "--quiet"]) == 0
    assert capsys.readouterr().out == "exact: 1.0000\n"


@pytest.mark.parametrize(
    ("reward", "meta", "why"),
    [
        ("unit_tests", {"tests": 5}, "unit_tests: meta['tests']=5; expected one text of Python statements"),
        (
            "0.5*exact + 0.5*task_success",
            {"slots": {}, "filled": "x"},
            "task_success: meta['filled']='x'; expected a mapping from slot to value",
        ),
        ("entity_f1", {"entities": {"a": "b"}}, "entity_f1: meta['entities']={'a': 'b'}; expected a sequence of pairs"),
    ],
)
def test_a_wrong_meta_is_told_with_its_line(reward: str, meta: object, why: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"response": "a", "references": ["a"]}] * 3 + [{"response": "a", "references": ["a"], "meta": meta}]
    (here / "meta.jsonl").write_text("\n" + "".join(json.dumps(row) + "\n" for row in rows))
    assert main(["score", "--reward", reward, "meta.jsonl"]) == 1
    shown = capsys.readouterr().err
    assert "error: line 5, " in shown and why in shown and "Traceback" not in shown


def test_a_batch_that_fails_only_as_a_whole_fails_as_it_did() -> None:
    def alone(batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
        if len(batch) > 1:
            raise ValueError("one at a time")
        return np.ones(1)

    asked: list[int] = []

    class Dear(BaseReward):
        cost = "remote"

        def score(self, batch: Sequence[Sample]) -> npt.NDArray[np.float64]:
            asked.append(len(batch))
            raise ValueError("no")

    with pytest.raises(ValueError, match="^no$"):
        Tally("dear", Dear()).add([Answer(line, None, Sample("", "a")) for line in (1, 2)])
    assert asked == [2]  # what is paid for is not asked again

    with pytest.raises(ValueError, match=r"one at a time\) on a batch of 2 samples"):
        Tally("alone", make_reward(alone)).add([Answer(line, None, Sample("", "a")) for line in (1, 2)])
