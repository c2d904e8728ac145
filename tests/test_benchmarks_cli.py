"""The command line, as a user types it: help, listings, errors, a benchmark with an agent from outside, training."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

import tokengym.benchmarks
from tests.result_rows import result_rows
from tokengym.benchmarks.cli import _parse, main
from tokengym.benchmarks.options import COMMANDS
from tokengym.benchmarks.records import read_records, write_records
from tokengym.rewards import make_reward

_PLAYER = '''
import numpy as np

class MyAgent:
    """Learns the most common first token of the labels."""
    def __init__(self, env, seed=0):
        self.env, self.token, self.used = env, 0, {"labels": 0, "reward_calls": 0}
    def learn(self, total_timesteps):
        rows = self.env.labelled(range(20))
        first = (rows["completion_mask"] > 0).argmax(axis=1)
        self.token = int(np.bincount(rows["input_ids"][np.arange(20), first]).argmax())
        self.used["labels"], self.timesteps = 20, int(rows["completion_mask"].sum())
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        said = obs["completion_mask"].sum(axis=-1)
        return np.where(said == 0, self.token, self.env.tokenizer.eos_token_id), state
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: tokengym {command}" in shown and "--quiet" in shown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bench --suite quik", "'quik' is not a known suite. Did you mean 'quick'?"),
        ("bench --agents sft+pop", "Did you mean 'sft+ppo'?"),
        ("bench --agent nowhere_at_all:X", "there is no module 'nowhere_at_all'"),
        ("eval TextQ-v0", "'TextQ-v0' is not a known environment. Did you mean 'TextQA-v0'?"),
        ("eval TextQA-v0 --agent oracel", "Did you mean 'oracle'?"),
        ("eval TextQA-v0 --agent oracle --split tset", "Did you mean 'test'?"),
        ("eval TextQA-v0 --agent oracle --reward rouge_x", "rouge_x"),
        ("train TextQA-v0 --agent pp", "'pp' is not a known agent. Did you mean 'ppo'?"),
        ("train TextQA-v0 --model builtin:tyni", "Did you mean 'builtin:tiny'?"),
        ("train TextQA-v0 --set lr=3", "'lr' is not a known option of ReinforceConfig. Did you mean 'learning_rate'?"),
        ("train TextQA-v0 --set lr", "expected OPTION=VALUE"),
        ("train TextQA-v0 --lora maybe", "'maybe' is not a known value of --lora"),
        ("train TextQA-v0 --model runs/nosuch", "--model 'runs/nosuch' is not a known model"),
        ("bench --model nosuch", "--model 'nosuch' is not a known model"),
        ("eval TextQA-v0 --agent ./nosuch", "--agent './nosuch' is not a known model"),
        ("eval TextQA-v0 --agent oracle --env-kwargs split=train", "split has an option of its own here; write --split train"),
        ("train TextQA-v0 --env-kwargs seed=3", "seed has an option of its own here; write --seed 3"),
        ("train TextQA-v0 --env-kwargs split=test", "this command trains on the train split"),
        ("train TextQA-v0 --agent my_module:MyAgent --resume", "this command knows no checkpoints of it; leave --resume out"),
        ("train TextQA-v0 --device gpu0", "device='gpu0': this torch sees"),
        ("table", "no results folder; give one or more, as in: tokengym table results/quick"),
        ("table nowhere", "nowhere does not exist; expected a results.jsonl"),
        ("models pull smollm", "Did you mean 'smollm2-135m'?"),
    ],
)
def test_errors_are_one_message(line: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("tokengym: error: ") and "Traceback" not in error


def test_a_wrong_option_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bnech"]) == main(["models", "lst"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tokengym: error: 'bnech' is not a known command. Did you mean 'bench'?") and "Traceback" not in error
    assert main(["envs", "--quite"]) == 2
    assert "--quiet" in capsys.readouterr().err
    assert main(["score", "--rewards", "rouge_l", "answers.jsonl"]) == 2  # and no word of the file, which only seems to be missing
    assert "tokengym score: error: --rewards is not a known option. Did you mean --reward?" in capsys.readouterr().err


def _shown() -> list[list[str]]:
    """The command lines that the explanations of the commands show."""
    texts = [kind.__doc__ or "" for kind, _ in COMMANDS.values()]
    return [shlex.split(line) for text in texts for line in re.findall(r": tokengym (.+)$", text, re.MULTILINE)]


def test_command_lines_of_the_explanations_can_be_typed() -> None:
    assert len(_shown()) > 15
    for line in _shown():
        assert not isinstance(_parse(line), str)


def test_rewards_of_the_explanations_can_be_made() -> None:
    texts = "".join(path.read_text("utf-8") for path in sorted(Path(tokengym.benchmarks.__file__).parent.glob("*.py")))
    specs = set(re.findall(r'--reward \\?"([^"\\{]+)', texts)) | {s for line in _shown() for s in getattr(_parse(line), "reward", ())}
    specs = {spec for spec in specs if len(spec) > 1 and "my_module" not in spec}
    assert "bleu(tokenize='zh')" in specs and len(specs) >= 3
    for spec in specs:
        make_reward(spec)


def test_tracebacks_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENGYM_TRACEBACK", "1")
    with pytest.raises(ValueError, match="bnech"):
        main(["bnech"])


def test_an_agent_from_outside_gets_its_row(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "my_module.py").write_text(_PLAYER)
    line = "bench --agents random oracle --agent my_module:MyAgent --envs TextQA-v0 --seeds 2 --examples 8 --workers 1 --out out"
    assert main(line.split()) == 0
    shown = capsys.readouterr().out
    assert "MyAgent" in shown and "oracle" in shown and "Written to out" in shown
    mine = [r for r in read_records(here / "out") if r["agent"]["name"] == "MyAgent"]
    assert [r["seed"] for r in mine] == [6000, 7000]  # the suite's own
    assert all(r["status"] == "done" and r["used"]["labels"] == 20 and r["cost"]["train_tokens"] > 0 for r in mine)
    assert "| MyAgent |" in (here / "out" / "table.md").read_text()
    assert main(line.split()) == 1
    assert "holds another run (6 records). Pass --resume" in capsys.readouterr().err
    assert main([*line.split(), "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_a_suite_of_one_s_own_compares_one_s_own_agents(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "my_suite.py").write_text(
        _PLAYER
        + "from tokengym.benchmarks import Arena, Entrant, Suite\n"
        + "entrants = [Entrant(name=name, kind='custom', source='my_suite:MyAgent', budget=5) for name in ('old', 'new')]\n"
        + "SUITE = Suite(name='mine', title='Mine', model='builtin:tiny', arenas=(Arena(env='TextQA-v0', examples=4),),\n"
        + "              seeds=(1000, 2000), entrants=tuple(entrants), baseline='old', compared=('new',))\n"
    )
    assert main("bench --suite my_suite:SUITE --workers 1".split()) == 0
    assert "+0.000 [+0.000, +0.000], p 1.000: tie" in (here / "results" / "mine" / "table.md").read_text()
    capsys.readouterr()
    assert main("bench --suite my_suite:MyAgent".split()) == 1
    assert "--suite 'my_suite:MyAgent' is a type; expected a tokengym.benchmarks.suites.Suite" in capsys.readouterr().err


def test_table_prints_and_renders(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_records(here / "a" / "results.jsonl", result_rows(envs=("TextQA-v0",)))
    write_records(here / "b" / "results.jsonl", result_rows(envs=("TextSumm-v0",)))
    assert main(["table", "a"]) == 0
    assert "sft+ppo" in capsys.readouterr().out
    assert {p.name for p in (here / "a").iterdir()} == {"results.jsonl", "table.md", "table.tex", "table.csv", "curves.png"}
    for form, mark in (("markdown", "## TextQA-v0"), ("latex", r"\begin{tabular}"), ("csv", "env,agent,reward")):
        assert main(["table", "a", "b", "--format", form]) == 0
        shown = capsys.readouterr().out
        assert mark in shown and "TextSumm-v0" in shown
    assert not (here / "b" / "table.md").exists()
    assert main(["table", "a", "--format", "html"]) == 1
    assert "Known: csv, latex, markdown, terminal" in capsys.readouterr().err


def test_table_prints_where_it_cannot_write(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(path: Path, content: object) -> None:
        raise PermissionError(f"{path} could not be written: Permission denied")

    write_records(here / "a" / "results.jsonl", result_rows(envs=("TextQA-v0",)))
    monkeypatch.setattr("tokengym.benchmarks.render.write_whole", refused)
    assert main(["table", "a"]) == 0
    said = capsys.readouterr()
    assert "sft+ppo" in said.out
    assert said.err.startswith("tokengym: warning: not written again: a/table.md could not be written: Permission denied; --out names")
    for asked in (["--out", "b"], ["--quiet"]):  # writing was asked for
        assert main(["table", "a", *asked]) == 1
        assert capsys.readouterr().err.startswith("tokengym: error: ")


def test_eval_prints_reward_metrics_and_answers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("eval TextQA-v0 --agent oracle --examples 5 --show 1".split()) == 0
    shown = capsys.readouterr().out
    assert "TextQA-v0, oracle, test split, 5 examples: reward 1.000 (exact 1.000, token_f1 1.000)" in shown and "[qa-en-test-0]" in shown
    told = "reward 0.5*exact + 0.5*rouge_l 1.000, 95% interval over examples 1.000 to 1.000; data builtin; prompts of up to 176 tokens, "
    assert f"{told}answers of up to 24\n" in shown and "trained" not in shown


@pytest.mark.parametrize("command", ["envs", "rewards", "models list"])
def test_listings(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--quiet"]) == 0
    names = capsys.readouterr().out.split()
    assert main(command.split()) == 0
    shown = capsys.readouterr().out
    assert names and all(name in shown for name in names)


def test_eval_with_sampling_heeds_the_seed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "eval TextQA-v0 --examples 8 --show 8 --sample --quiet --seed"
    told = []
    for seed in ("1", "2", "1"):
        assert main([*line.split(), seed]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[2] != told[1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero (PLACE, line 1)"),
        ("\nassert 1 > 2, 'no'", "AssertionError: no (PLACE, line 2)"),
        ("def f(:", "SyntaxError: invalid syntax (broken_module_{n}.py, line 1)"),
        ("import sys\nsys.exit()", "code from outside called sys.exit(None) (PLACE, line 2), so there is no result"),
    ],
)
def test_errors_of_code_from_outside_begin_with_what_happened(
    source: str, message: str, here: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    number = request.node.callspec.indices["source"]
    path = here / f"broken_module_{number}.py"
    path.write_text(source)
    assert main(f"eval TextQA-v0 --agent broken_module_{number}:X --examples 2".split()) == 1
    first = capsys.readouterr().err.partition("\n")[0]
    assert first == f"tokengym: error: {message.replace('PLACE', str(path)).replace('{n}', str(number))}"


def test_the_exit_code_of_code_from_outside_is_kept(here: Path) -> None:
    (here / "leaving_module.py").write_text("import sys\ndef leave():\n    sys.exit(7)\n")
    assert main("eval TextQA-v0 --agent leaving_module:leave --examples 2".split()) == 7


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("bench --agent a:A --out o --agent b:B", "agent", ("a:A", "b:B")),
        ("bench --agents random sft --seeds 2 --agents=oracle", "agents", ("random", "sft", "oracle")),
        ("eval --env-kwargs turns=8 --env_kwargs constrained=true --seed 1 TextQA-v0", "env_kwargs", ("turns=8", "constrained=true")),
        ("train --set=updates=1 TextQA-v0 --set group_size=2 a=b", "set", ("updates=1", "group_size=2", "a=b")),
        ("data show x.csv --columns prompt=a --columns label=b", "columns", ("prompt=a", "label=b")),
        ("score x.jsonl --reward exact --out y --reward rouge_l", "reward", ("exact", "rouge_l")),
        ("envs TextQA-v0 TextSumm-v0 --anchors", "names", ("TextQA-v0", "TextSumm-v0")),
    ],
)
def test_a_list_may_be_given_in_pieces(line: str, name: str, expected: tuple[str, ...]) -> None:
    assert getattr(_parse(line.split()), name) == expected


def test_tables_of_folders_that_share_agents(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = result_rows(envs=("TextQA-v0",))
    own = [{**row, "agent": {**row["agent"], "name": "Good", "kind": "custom"}} for row in rows if row["agent"]["name"] == "sft"]
    write_records(here / "a" / "results.jsonl", rows)
    write_records(here / "b" / "results.jsonl", [*rows[:3], *own])
    assert main(["table", "a", "b", "--format", "csv"]) == 0
    names = [line.split(",")[1] for line in capsys.readouterr().out.split("\n") if line.startswith("TextQA-v0")]
    assert names == ["random", "zero-shot", "sft", "sft+ppo", "sft-clean", "oracle", "Good"]
    rows[0]["eval"]["reward"][0] = 0.5
    write_records(here / "a" / "results.jsonl", rows)
    assert main(["table", "a", "b"]) == 1
    assert "two records for environment TextQA-v0, agent random, seed 1000" in capsys.readouterr().err


def test_a_file_where_a_folder_should_be_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "taken").write_text("mine")
    assert main("bench --agents random --envs TextQA-v0 --seeds 1 --examples 2 --workers 1 --out taken".split()) == 1
    assert "taken is no folder, so run.json cannot be written into it" in capsys.readouterr().err
    write_records(here / "a" / "results.jsonl", result_rows())
    assert main(["table", "a", "--out", "taken"]) == 1
    assert "taken is no folder, so table.md cannot be written into it" in capsys.readouterr().err
    assert (here / "taken").read_text() == "mine"
