"""The options of every command of the command line, one dataclass each, explained field by field: these texts are ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from tokengym.benchmarks.arguments import Columns, Count, Number, Pairs, Text
from tokengym.benchmarks.training_options import Bench, Train

__all__ = [
    "COMMANDS", "Bench", "DataShow", "Envs", "Eval", "ModelsList", "ModelsPull", "Play", "Probe", "Rewards", "Score", "Table", "Train",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Eval:
    """Play held-out examples with one agent and print its mean reward and metrics.

    How good is the rule without learning: tokengym eval TextSumm-v0 --agent heuristic

    What did training give: tokengym eval TextSumm-v0 --agent runs/TextSumm-v0-reinforce-0
    """

    env: Positional[str]
    """Environment id; `tokengym envs` lists them."""
    agent: str = "builtin:tiny"
    """random, heuristic, oracle, a model name, a saved folder, a hub id, or my_module:MyAgent."""
    dataset: str = "builtin"
    """builtin, a named data set, a path, or a hub id."""
    columns: Columns = ()
    """Which columns of a file are what, as for `tokengym train`."""
    reward: Text = ""
    """Reward specification. Default: the task's."""
    split: str = "test"
    """train, validation or test."""
    examples: Count = 200
    """How many examples (all of the split where it has fewer)."""
    seed: Number = 0
    """For agents that draw."""
    env_kwargs: Pairs = ()
    """Keywords of the environment, as in --env-kwargs turns=8, or constrained=true."""
    tokenizer: Text = ""
    """Tokenizer of the environment. Default: the one of the agent's model."""
    sample: bool = False
    """Draw tokens from the policy instead of taking the likeliest."""
    show: Number = 0
    """Print so many answers with their scores."""
    quiet: bool = False
    """Print the figures only."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Score a file of answers, line by line, with one reward or several: mean, 95% interval, components.

    Each line is a JSON object: "response" (a text), and what the rewards need of "prompt" (a text), "references" (a list of texts), "meta"
    (an object: facts, labels, ...) and "finished" (false where the answer was cut off).

    Two metrics of one file: tokengym score --reward rouge_l --reward "bleu(tokenize='zh')" answers.jsonl

    A reward of your own, a class or a function over a batch: tokengym score --reward my_module:MyReward answers.jsonl
    """

    file: Positional[str]
    """A .jsonl file, or - for standard input."""
    reward: Annotated[tuple[str, ...], arg(metavar="SPEC", help_behavior_hint="may be repeated"), UseAppendAction]
    """Reward specification; `tokengym rewards` lists them."""
    out: Text = ""
    """Write the scores of each line into this .jsonl file."""
    batch: Count = 256
    """Lines that are scored at a time."""
    quiet: bool = False
    """Print the figures only, one line per reward."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Play policies that cheat, print what each earns beside the oracle and the heuristic, and warn where a cheat beats the heuristic.

    A reward that pays for an empty answer, a copied prompt or a list of keywords will be found out by a learner; so find out first.

    The task's own reward: tokengym probe TextSumm-v0

    One that is easily fooled: tokengym probe TextDialogue-v0 --reward faithfulness
    """

    env: Positional[str]
    """Environment id; `tokengym envs` lists them."""
    reward: Text = ""
    """Reward specification. Default: the task's."""
    split: str = "validation"
    """train, validation or test."""
    dataset: str = "builtin"
    """builtin, a named data set, a path, or a hub id."""
    columns: Columns = ()
    """Which columns of a file are what, as for `tokengym train`."""
    env_kwargs: Pairs = ()
    """Keywords of the environment, as in --env-kwargs language=zh max_new_tokens=64."""
    examples: Count = 200
    """How many examples (all of the split where it has fewer)."""
    seed: Number = 0
    """Of random tokens and random orders."""
    json: Text = ""
    """Write the same figures into this file."""
    quiet: bool = False
    """Print the warnings only."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Print the tables of a results folder, and write them again beside its records."""

    results: Positional[tuple[str, ...]] = ()
    """A results folder or results.jsonl; several are put into one table if their fingerprints agree. An agent that is in two of them
    with the same rewards and answers counts once."""
    format: str = "terminal"
    """What to print: terminal, markdown, latex or csv."""
    out: Text = ""
    """Folder for table.md, table.tex, table.csv and curves.png. Default: the results folder, where there is one."""
    quiet: bool = False
    """Write, but print nothing."""


@dataclass(frozen=True, kw_only=True)
class DataShow:
    """Show a data set: sizes, columns, examples in full, lengths in tokens, and how much of it fits a task's budgets and reward.

    A named set: tokengym data show chitchat

    A file of your own, as a task would play it: tokengym data show rows.jsonl --task TextSumm-v0 --columns prompt=body references=gold
    """

    data: Positional[str]
    """A named set, builtin:TASK, a path to a .jsonl, .csv or .parquet file or a folder of them, or a hub id."""
    task: Text = ""
    """Environment that is to play it. Default: the one a named set is made for; none for others."""
    split: Text = ""
    """train, validation or test. Default: the first that there is."""
    examples: Number = 3
    """How many are printed in full."""
    columns: Columns = ()
    """Which columns are what, as in --columns prompt=article references=summary label=topic; a dot leads into a column (answers.text)."""
    quiet: bool = False
    """Print no examples."""


@dataclass(frozen=True, kw_only=True)
class Play:
    """Play episodes in the terminal, or watch somebody play them: prompt, tokens with their reward, reference, score, why it ended.

    Write the answers yourself: tokengym play TextQA-v0

    Talk to a simulated customer: tokengym play TextDialogue-v0 --env-kwargs turns=8

    See which token of the best answer earns what: tokengym play TextSumm-v0 --agent oracle --delta
    """

    env: Positional[str]
    """Environment id; `tokengym envs` lists them."""
    agent: str = "person"
    """person (who types), random, heuristic, oracle, a model name, a saved folder, a hub id, or my_module:MyAgent."""
    episodes: Count = 1
    """How many."""
    split: str = "validation"
    """train, validation or test."""
    dataset: str = "builtin"
    """builtin, a named data set, a path, or a hub id."""
    seed: Number = 0
    """Of the order of examples, of whom you talk to, and of random tokens."""
    env_kwargs: Pairs = ()
    """Keywords of the environment, as in --env-kwargs turns=8 user_language=zh, or constrained=true."""
    delta: bool = False
    """Pay each token by how much it raised the score, instead of everything at the end."""
    reward: Text = ""
    """Reward specification. Default: the task's."""
    quiet: bool = False
    """Print the episodes only."""


@dataclass(frozen=True, kw_only=True)
class Envs:
    """List the environments: default reward, metrics, token budgets, data sets, and the keywords that only they take.

    What there is to win: tokengym envs --anchors

    Of one, with all its data sets: tokengym envs TextDialogue-v0 --anchors --datasets
    """

    names: Positional[tuple[str, ...]] = ()
    """List these only. Default: all."""
    anchors: bool = False
    """Play random tokens, the heuristic and the oracle on validation examples; print means with 95% intervals, and a warning where
    oracle >= heuristic > random does not hold."""
    datasets: bool = False
    """With --anchors: play the named real data sets of each environment, too."""
    examples: Count = 200
    """With --anchors: how many examples."""
    quiet: bool = False
    """Print the ids only; with --anchors, the warnings only."""


@dataclass(frozen=True, kw_only=True)
class Rewards:
    """List the rewards that --reward understands: what each measures, its range and direction, what it needs and costs, its arguments.

    One of them in full: tokengym rewards rouge_l

    Rewards add up and multiply: --reward "0.7*rouge_l + 0.3*semantic - 0.01*length(goal=20)"
    """

    name: Positional[Text] = ""
    """Explain this one in full. Default: list them all."""
    speed: bool = False
    """Time them: texts per second on this machine, 64 answers of 50 words at a time (a minute)."""
    quiet: bool = False
    """Print the names only."""


@dataclass(frozen=True, kw_only=True)
class ModelsList:
    """List the models that need no hub, and whether their files are here."""

    quiet: bool = False
    """Print the names only."""


@dataclass(frozen=True, kw_only=True)
class ModelsPull:
    """Fetch a model's files into the cache (TOKENGYM_CACHE, or ~/.cache/tokengym)."""

    name: Positional[str]
    """Name of the model, as in smollm2-135m."""
    quiet: bool = False
    """Print nothing."""


# What is typed -> its options, and a line for the list of commands.
COMMANDS: dict[str, tuple[type, str]] = {
    "bench": (Bench, "train and evaluate every agent of a suite; write tables and learning curves"),
    "train": (Train, "train one agent on one environment and save it"),
    "eval": (Eval, "play held-out examples with one agent"),
    "score": (Score, "score a file of answers with rewards"),
    "probe": (Probe, "see what policies that cheat earn"),
    "play": (Play, "play episodes in the terminal, or watch"),
    "table": (Table, "print the tables of a results folder"),
    "envs": (Envs, "list the environments"),
    "data show": (DataShow, "look into a data set"),
    "rewards": (Rewards, "list the rewards"),
    "models list": (ModelsList, "list the models that need no hub"),
    "models pull": (ModelsPull, "fetch a model into the cache"),
}
