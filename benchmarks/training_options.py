"""The options of the two commands that train, ``tokengym bench`` and ``tokengym train``; those of the others are in options.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from tokengym.benchmarks.arguments import Columns, Count, MaybeCount, Number, Pairs, Text, Words

__all__ = ["Bench", "Train"]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Train and evaluate every agent of a suite, and write tables and learning curves.

    Writes results.jsonl (one record per environment, agent and seed: the truth), table.md, table.tex, table.csv and curves.png into the
    results folder, and prints the tables. A run that was stopped goes on with --resume. "peak MB" in the tables is the most memory that the
    whole process held while the agent trained and played, libraries included (and on an accelerator, what torch held there).

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
    has none), model, seed, and eval_env (the held-out examples; choose nothing by them). Of an object, each environment and seed gets
    a copy. Its attributes used and timesteps, where it has them, tell its cost. It is compared with the suite's baseline, where that
    plays."""
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
    """Go on with the run that the results folder holds; with more --seeds than it was begun with, those are added."""
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
    """Options of the agent, as in --set learning_rate=1e-4 group_size=8; `tokengym train --agent NAME --help` explains them all."""
    out: Text = ""
    """Folder of the saved agent. Default: runs/ENV-AGENT-SEED."""
    resume: bool = False
    """Go on with a run that was stopped with Ctrl-C, or killed, with the same options; or train a finished one up to a larger --budget."""
    overwrite: bool = False
    """Replace what the folder holds."""
    quiet: bool = False
    """Print the figures only."""
