"""Words of the command line: what they become, and what is refused."""

from __future__ import annotations

import pytest

from tokengym.benchmarks.arguments import column_map, data_set, env_keywords, unknown_option
from tokengym.benchmarks.cli import main
from tokengym.benchmarks.options import Eval, Play, Score


def test_keywords_of_environments_are_read() -> None:
    pairs = ["turns=8", "user_language=zh", "constrained=true", "metrics=False", 'stop=["\\n"]', "label_noise=0.5", "size=null", "a=b=c"]
    assert env_keywords(pairs, Eval(env="TextQA-v0")) == {
        "turns": 8, "user_language": "zh", "constrained": True, "metrics": False, "stop": ["\n"], "label_noise": 0.5, "size": None,
        "a": "b=c",
    }  # fmt: skip
    for wrong in ("turns", "=8", "turns 8=1"):
        with pytest.raises(ValueError, match=f"--env-kwargs '{wrong}'; expected NAME=VALUE"):
            env_keywords([wrong], Eval(env="TextQA-v0"))


@pytest.mark.parametrize("name", ["split", "dataset", "reward"])
@pytest.mark.parametrize("command", [Eval, Play])
def test_what_has_an_option_of_its_own_is_no_keyword(command: type, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has an option of its own here; write --{name} x"):
        env_keywords([f"{name}=x"], command(env="TextQA-v0"))


def test_what_the_command_decides_is_no_keyword() -> None:
    with pytest.raises(ValueError, match="tokenizer has an option of its own here; write --tokenizer x"):
        env_keywords(["tokenizer=x"], Eval(env="TextQA-v0"))
    assert env_keywords(["tokenizer=x"], Play(env="TextQA-v0")) == {"tokenizer": "x"}
    for pair in ("render_mode=human", "order=shuffled", "num_envs=3"):
        with pytest.raises(ValueError, match="is for the command to decide; leave it out"):
            env_keywords([pair], Play(env="TextQA-v0"))


def test_columns() -> None:
    assert data_set("rows.csv", ()) == "rows.csv"
    assert data_set("rows.csv", ("prompt=body", "label=a.b")) == {"path": "rows.csv", "columns": {"prompt": "body", "label": "a.b"}}
    with pytest.raises(ValueError, match="--columns 'prompt='; expected FIELD=COLUMN"):
        column_map(["prompt="])


def test_options_that_are_none() -> None:
    wrong = unknown_option(Score, ["--rewards", "rouge_l", "ok.jsonl"])
    assert wrong.startswith("--rewards is not a known option. Did you mean --reward? Known: --help, --reward,") and "--file" not in wrong
    for words in (["--reward=exact", "-", "--out", "x", "--quiet"], ["--help"], ["--tyro-print-completion", "bash"]):
        assert unknown_option(Score, words) == ""


@pytest.mark.parametrize(
    ("line", "option", "least"),
    [
        ("train TextQA-v0 --budget 0", "--budget", 1),
        ("train TextQA-v0 --max-new-tokens 0", "--max-new-tokens", 1),
        ("train TextQA-v0 --sft-budget -1", "--sft-budget", 0),
        ("train TextQA-v0 --examples few", "--examples", 1),
        ("bench --seeds 0", "--seeds", 1),
        ("bench --examples 0", "--examples", 1),
        ("bench --agent-budget 0", "--agent-budget", 1),
        ("eval TextQA-v0 --examples 0", "--examples", 1),
        ("eval TextQA-v0 --seed -1", "--seed", 0),
        ("data show builtin:TextQA-v0 --examples -1", "--examples", 0),
        ("envs --anchors --examples 0", "--examples", 1),
        ("play TextQA-v0 --episodes 0", "--episodes", 1),
        ("score --reward exact --batch 0 x.jsonl", "--batch", 1),
    ],
)
def test_numbers_have_a_least_value(line: str, option: str, least: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert f"{option}: " in error and f"expected a whole number, {least} or more" in error
