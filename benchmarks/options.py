"""The options of every command of the command line, one dataclass each, explained field by field: these texts are ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from tokengym.benchmarks.arguments import Columns, Count, MaybeCount, Number, Pairs, Text, Words

__all__ = [
    "COMMANDS", "Bench", "DataShow", "Envs", "Eval", "ModelsList", "ModelsPull", "Play", "Probe", "Rewards", "Score", "Table", "Train",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Train and evaluate every agent of a suite, and write tables and learning curves.

    Writes results.jsonl (one record per environment, agent and seed: the truth), table.md, table.tex, table.csv and curves.png into the
    results folder, and prints the tables. A run that was stopped goes on with --resume.

    The ten-minute run: tokengym bench --suite quick

    With your own agent beside two anchors: tokengym bench --agents random oracle --agent my_module:MyAgent --out results/mine
    """

    suite: str = "quick"
    """Name of the suite; an unknown one lists those there are."""
    out: Text = ""
    """Results folder. Default: results/ and the suite's name."""
    envs: Words = ()
    """Run only these environments of the suite."""
    agents: Words = ()
    """Run only these agents of the suite (those they start from come along)."""
    agent: Words = ()
    """Add agents of your own, as module:attribute: a class, a function or an object. It needs predict(obs, state=None,
    episode_start=None, deterministic=False) -> (actions, state), and learn(total_timesteps) to be trained. A class or function gets
    what its arguments ask for by name: env (the training vector environment), env_id, env_kwargs, validation_env (None where the data
    has none), model, seed, and eval_env (the held-out examples; choose nothing by them). Its attributes used and timesteps, where it
    has them, tell its cost."""
    agent_budget: MaybeCount = None
    """Training tokens of agents of your own. Default: what the suite says."""
    seeds: MaybeCount = None
    """How many seeds (they are spaced by themselves). Default: the suite's."""
    examples: MaybeCount = None
    """How many held-out examples per environment. Default: the suite's."""
    model: Text = ""
    """Model that is played zero-shot and that training starts from. Default: the suite's."""
    label_noise: Text = ""
    """Share of flawed training labels, 0 to 1, for agents that do not set their own. Default: each task's mixture."""
    workers: Count = 2
    """Processes of one thread each; 1 runs everything in this process."""
    resume: bool = False
    """Go on with the run that the results folder holds."""
    overwrite: bool = False
    """Replace the run that the results folder holds."""
    quiet: bool = False
    """Print nothing while it runs, and no tables."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train one agent on one environment, print its held-out reward before and after, and save it.

    Warm start by imitation, then reinforce: tokengym train TextQA-v0 --agent reinforce --sft-budget 20000

    A real model on real papers: tokengym train TextSumm-v0 --dataset aclsum --model smollm2-135m --agent reinforce
    """

    env: Positional[str]
    """Environment id; `tokengym envs` lists them."""
    agent: str = "reinforce"
    """sft, reinforce, ppo, grpo, soft_q, expert_iteration, dpo, or an agent of your own as my_module:MyAgent."""
    model: str = "builtin:tiny"
    """builtin:tiny, smollm2-135m, a local folder (one that this command saved, too) or a hub id."""
    dataset: str = "builtin"
    """builtin, a named data set, a path to a .jsonl, .csv or .parquet file, or a hub id."""
    columns: Columns = ()
    """Which columns of a file are what, as in --columns prompt=article references=summary label=topic."""
    reward: Text = ""
    """Reward specification such as "0.7*rouge_l + 0.3*semantic"; `tokengym rewards` lists them. Default: the task's."""
    budget: MaybeCount = None
    """Training tokens: environment steps, or label tokens for sft. Default: 60,000 for the builtin model, 20,000 for others."""
    sft_budget: Number = 0
    """Label tokens of supervised fine-tuning before another agent begins."""
    size: Count = 384
    """Training examples, where the data set is builtin."""
    seed: Number = 0
    """Of the order of examples, sampling and minibatches."""
    examples: MaybeCount = None
    """Held-out examples that are played before and after. Default: 100 for the builtin model, 50 for others."""
    lora: str = "auto"
    """Train low-rank adapters (float32, on a bfloat16 base) instead of all weights: yes, no, or auto: all models but the builtin one."""
    chat: str = "auto"
    """Write prompts in the model's chat format: yes, no, or auto: all models with a chat template but the builtin one."""
    max_prompt_tokens: MaybeCount = None
    """Longest prompt, in tokens; longer ones are cut. Default: the task's."""
    max_new_tokens: MaybeCount = None
    """Longest answer, in tokens. Default: the task's."""
    env_kwargs: Pairs = ()
    """More keywords of the environment, in training and evaluation, as in --env-kwargs turns=4 user_language=zh."""
    device: str = "auto"
    """auto, cpu, cuda, ..."""
    set: Annotated[tuple[str, ...], arg(metavar="OPTION=VALUE ...", help_behavior_hint="")] = ()
    """Options of the agent, as in --set learning_rate=1e-4 group_size=8; an unknown one lists those there are."""
    out: Text = ""
    """Folder of the saved agent. Default: runs/ENV-AGENT-SEED."""
    resume: bool = False
    """Go on with a run that was stopped with Ctrl-C, or killed, with the same options; or train a finished one up to a larger --budget."""
    overwrite: bool = False
    """Replace what the folder holds."""
    quiet: bool = False
    """Print the figures only."""


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
