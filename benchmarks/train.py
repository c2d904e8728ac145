"""The command ``tokengym train``: held-out reward before, a warm start where asked for, training, held-out reward after, a folder."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from tokengym._registry import unknown
from tokengym.agents import AGENTS
from tokengym.benchmarks.arguments import data_set, env_keywords
from tokengym.benchmarks.evaluate import Evaluation, default_examples, eval_env, evaluate
from tokengym.benchmarks.players import (
    build_config,
    check_model,
    is_import_path,
    learner,
    outside_agent,
    tokenizer_kwargs,
    validation_env,
)
from tokengym.benchmarks.saved import Stopped, check_same_run, spent, stopped_run
from tokengym.benchmarks.train_defaults import DEFAULTS
from tokengym.benchmarks.training_options import Train
from tokengym.envs import TASKS, load_tokenizer

__all__ = ["Plan", "make_plan", "train"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The options of ``tokengym train``, with everything that "default" stood for filled in."""

    env: str  # id
    agent: str  # learner, or module:attribute
    kwargs: dict[str, Any]  # of the environment, for training and evaluation alike
    train_kwargs: dict[str, Any]  # of the training environment only
    budget: int  # training tokens in all
    examples: int  # held-out examples before and after
    lora: bool
    config: dict[str, Any]  # options of the learner
    sft_config: dict[str, Any]  # options of the warm start
    sft_budget: int  # its label tokens; 0: there is none
    folder: Path
    stopped: Stopped | None = None  # the run that the folder holds, to go on with
    sft_stopped: Stopped | None = None  # likewise of the warm start


def _choice(name: str, value: str, automatic: bool) -> bool:
    known = {"yes": True, "no": False, "auto": automatic}
    if value not in known:
        raise unknown(f"value of --{name}", value, known)
    return known[value]


def _settings(pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise ValueError(f"--set {pair!r}; expected OPTION=VALUE, as in --set learning_rate=1e-4")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def make_plan(options: Train) -> Plan:
    """Fills in what the options leave open.

    Raises:
        ValueError: an unknown environment, agent, model, option or value, or another run than the one to resume.
        FileExistsError: the folder is taken, and neither --resume nor --overwrite is given.
    """
    task = TASKS.find(options.env)
    custom = is_import_path(options.agent)
    if not custom and options.agent not in AGENTS:
        raise unknown("agent", options.agent, AGENTS, "A class of your own works too: --agent my_module:MyAgent.")
    check_model(options.model, "--model")
    tiny = not (tokens := tokenizer_kwargs(options.model))  # models that speak the builtin tokenizer's tokens are small
    size = "tiny" if tiny else "large"
    tokenizer = load_tokenizer(tokens.get("tokenizer", "builtin"))
    kwargs: dict[str, Any] = {**tokens}
    if options.dataset != "builtin":
        kwargs["dataset"] = data_set(options.dataset, options.columns)
    if options.reward:
        kwargs["reward"] = options.reward
    if _choice("chat", options.chat, not tiny and tokenizer.chat_template is not None):
        kwargs["prompt_format"] = "chat"
    for name, given, long in (("max_prompt_tokens", options.max_prompt_tokens, 384), ("max_new_tokens", options.max_new_tokens, 64)):
        if given or not tiny:
            kwargs[name] = given or max(long, getattr(task, name))
    kwargs |= env_keywords(options.env_kwargs, options)
    if "split" in kwargs:
        raise ValueError("--env-kwargs split: this command trains on the train split and is measured on the test split; leave split out")
    from tokengym.agents.checkpoint import is_saved  # with torch, once the names are known to be right

    folder = Path(options.out or f"runs/{options.env}-{options.agent.replace(':', '.')}-{options.seed}")
    warm = [Path(f"{folder}-sft")] if options.sft_budget and options.agent != "sft" else []
    taken = [path for path in (folder, *warm) if is_saved(path)]
    if taken and not options.resume and not options.overwrite:
        raise FileExistsError(
            f"{taken[0]} holds a trained agent. Pass --resume to go on with it, --overwrite to replace it, or --out for another folder"
        )
    if custom and not options.overwrite and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} is there already, and {options.agent} would save over it. Pass --overwrite to let it, or --out for another folder"
        )
    # A killed run loses little, and keeping the whole model costs a few percent of the time: 0.1 s for the builtin one.
    kept = {"checkpoint_every": 10 if not tiny else 20 if options.agent == "sft" else 1}
    config = {} if custom else {**DEFAULTS[size].get(options.agent, {}), **kept, "folder": str(folder)}
    config |= _settings(options.set)
    sft_config = {**DEFAULTS[size]["sft"], "checkpoint_every": 20 if tiny else 10, "folder": f"{folder}-sft"}
    budget = options.budget or (20_000 if not tiny or options.agent == "sft" else 60_000)
    stopped = sft_stopped = None
    if not custom:
        read = build_config(learner(options.agent), config)
        if options.resume:
            chosen = {name: getattr(read, name) for name in _settings(options.set)}
            stopped = stopped_run(folder, options.agent, options.budget, chosen, "--budget")
            if options.agent != "sft":
                sft_stopped = stopped_run(Path(sft_config["folder"]), "sft", options.sft_budget or None, {}, "--sft-budget")
    elif options.resume:
        raise ValueError(f"--resume: {options.agent} is from outside, and this command knows no checkpoints of it; leave --resume out")
    train_kwargs = {"size": options.size} if options.dataset == "builtin" else {}
    if stopped is not None:
        check_same_run(folder, options.env, {**kwargs, **train_kwargs, "split": "train"}, options.seed)
    elif sft_stopped is not None:
        check_same_run(Path(sft_config["folder"]), options.env, {**kwargs, **train_kwargs, "split": "train"}, options.seed)
    sft_budget = 0 if options.agent == "sft" or stopped is not None else options.sft_budget
    if sft_stopped is not None and not options.sft_budget and stopped is None:
        sft_budget = sft_stopped.goal or sft_stopped.tokens
    if stopped is not None:
        budget = stopped.goal or options.budget or stopped.tokens
    return Plan(
        env=options.env,
        agent=options.agent,
        kwargs=kwargs,
        train_kwargs=train_kwargs,
        budget=budget,
        examples=options.examples or (100 if tiny else 50),
        lora=_choice("lora", options.lora, not tiny),
        config=config,
        sft_config=sft_config,
        sft_budget=sft_budget,
        folder=folder,
        stopped=stopped,
        sft_stopped=sft_stopped,
    )


class _Stage(NamedTuple):
    """A learner that is to be: its class, options and training environment, the tokens in all, and the run that it takes up."""

    kind: Any
    config: Any
    venv: Any
    budget: int
    stopped: Stopped | None


class _Session:
    """One run of the command: its plan, its held-out environment, and what it prints."""

    def __init__(self, plan: Plan, options: Train, line: str) -> None:
        self.plan, self.options, self.line = plan, options, line
        self.test = eval_env(plan.env, min(32, plan.examples), split="test", **plan.kwargs)
        self.count = default_examples(self.test, plan.examples)

    def venv(self, num_envs: int, group_size: int) -> Any:
        """A training environment."""
        kwargs = {**self.plan.kwargs, **self.plan.train_kwargs, "split": "train"}
        return gymnasium.make_vec(self.plan.env, num_envs=num_envs, deal="shared", group_size=group_size, **kwargs)

    def judge(self, player: Any, when: str) -> Evaluation:
        """Plays the held-out examples and prints what they gave.

        Raises:
            ValueError: before training, where no answer could be scored: there would be nothing to learn from or to compare.
        """
        found = evaluate(player, self.test, self.count, seed=self.options.seed)
        if when == "before" and found.invalid == self.count:
            reward = self.test.reward
            needs = f", which needs {reward.needs}" if getattr(reward, "needs", "") else ""
            raise ValueError(
                f"none of the {self.count} held-out answers could be scored by {reward.spec}{needs}; choose another --reward, or say "
                f"with --columns where it stands (`tokengym data show {self.options.dataset} --task {self.plan.env}` shows what there is)"
            )
        unscored = f"; {found.unscored}" if found.unscored else ""
        print(f"{when}: {found.summary()}, {self.count} held-out examples, greedy, {found.seconds:.0f} s{unscored}", flush=True)
        return found

    def stage(self, name: str, settings: dict[str, Any], budget: int, stopped: Stopped | None, policy: Any) -> _Stage:
        """Makes ready what can be before its turn comes, so that what is wrong with it is found before a minute is spent.

        Raises:
            ValueError: options that the learner refuses, or no training examples.
        """
        kind = learner(name)
        config = build_config(kind, settings)
        if stopped is None:
            _try(kind, config, policy)
        return _Stage(kind, config, self.venv(config.num_envs, getattr(config, "group_size", 1)), budget, stopped)

    def learn(self, stage: _Stage, policy: Any) -> Any:
        """Makes a learner, or takes up the one that an interrupted or finished run left, and trains it."""
        total: int | None = stage.budget
        if stage.stopped is None:
            agent = stage.kind(policy, stage.venv, config=stage.config, seed=self.options.seed)
            if self.options.overwrite:
                agent.own_folders.add(Path(stage.config.folder).resolve())
        else:
            agent = stage.kind.load(stage.config.folder, env=stage.venv, policy=policy)
            total = None if stage.stopped.goal is not None else stage.budget - agent.timesteps
        if total is not None and total <= 0:
            print(f"{agent.name}: nothing left to train, {agent.timesteps:,} tokens are done; a larger budget goes on", flush=True)
            return agent
        again = self.line.replace(" --overwrite", "").replace(" --resume", "") + " --resume"
        agent.resume_command = again.replace("{", "{{").replace("}", "}}")  # the agent formats it
        agent.learn(total_timesteps=total, progress=not self.options.quiet)
        return agent


def _try(kind: Any, config: Any, policy: Any) -> None:
    """Raises what the learner says to its options: a small model stands in for ``policy``, of which only the parts that learn are named."""
    from tokengym.agents.freeze import set_trained, train_only
    from tokengym.agents.policy import CausalLMPolicy

    kind(CausalLMPolicy.from_pretrained("builtin:tiny", device="cpu"), config=dataclasses.replace(config, train_only=""))
    if config.train_only:
        learn = [name for name, x in policy.named_parameters() if x.requires_grad]
        train_only(policy, config.train_only)
        set_trained(policy, learn)


def _say(plan: Plan, session: _Session, options: Train) -> None:
    reward = session.test.reward.spec
    how = "LoRA adapters" if plan.lora else "all weights"
    print(
        f"{plan.env} on {options.dataset}, reward {reward}; {plan.agent} with {options.model} ({how}), {plan.budget:,} training tokens",
        flush=True,
    )
    if options.resume and plan.stopped is None and plan.sft_stopped is None:
        print(f"nothing to resume in {plan.folder}; beginning anew", flush=True)


def train(options: Train, line: str) -> None:
    """Trains one agent and prints its held-out reward before and after; of several processes, the first one prints.

    Args:
        options: of the command.
        line: the command as it was typed, for the message that says how to go on after Ctrl-C.
    Raises:
        KeyboardInterrupt: Ctrl-C, after the checkpoint was kept and the way to go on was printed.
    """
    plan = make_plan(options)
    from tokengym.agents.parallel import Ranks

    with contextlib.nullcontext() if Ranks.here().main else contextlib.redirect_stdout(io.StringIO()):
        _train(plan, options, line)


def _train(plan: Plan, options: Train, line: str) -> None:
    session = _Session(plan, options, line)
    _say(plan, session, options)
    if is_import_path(options.agent):
        _train_outside(plan, session)
        return
    from tokengym.agents.lora import LoRA
    from tokengym.agents.policy import CausalLMPolicy

    policy = CausalLMPolicy.from_pretrained(options.model, device=options.device, lora=LoRA() if plan.lora else None)
    warm = session.stage("sft", plan.sft_config, plan.sft_budget, plan.sft_stopped, policy) if plan.sft_budget else None
    main = session.stage(plan.agent, plan.config, plan.budget, plan.stopped, policy)
    before = session.judge(policy, "before")
    if warm is not None:
        session.learn(warm, policy)
        session.judge(policy, "after sft")
    agent = session.learn(main, policy)
    after = session.judge(agent, "after")
    agent.save(plan.folder)
    begun = [Path(plan.sft_config["folder"])] if warm is not None or plan.sft_stopped is not None else []
    cost = spent([plan.folder, *begun])
    print(
        f"held-out reward {before.mean:.3f} -> {after.mean:.3f} ({after.mean - before.mean:+.3f}); "
        f"{cost.updates} updates, {cost.tokens:,} tokens, {cost.labels:,} labels, {cost.reward_calls:,} reward calls, {cost.seconds:.0f} s"
        + (", those of the warm start included" if begun else "")
    )
    print(f"Saved in {plan.folder}; transformers loads it: AutoModelForCausalLM.from_pretrained({str(plan.folder)!r})")


def _train_outside(plan: Plan, session: _Session) -> None:
    """Trains an agent of the user's own; it is saved where it has ``save``."""
    venv = session.venv(16, 1)
    offered = {
        "env": venv,
        "env_id": plan.env,
        "env_kwargs": {**plan.kwargs, **plan.train_kwargs},
        "validation_env": validation_env(plan.env, min(32, plan.examples), **plan.kwargs),
        "eval_env": eval_env(plan.env, min(32, plan.examples), split="test", **plan.kwargs),
        "model": session.options.model,
        "seed": session.options.seed,
    }
    agent = outside_agent(plan.agent, **offered)
    before = session.judge(agent, "before")
    if not callable(getattr(agent, "learn", None)):
        raise TypeError(f"{plan.agent} has no learn(total_timesteps); `tokengym eval {plan.env} --agent {plan.agent}` plays it as it is")
    agent.learn(total_timesteps=plan.budget)
    after = session.judge(agent, "after")
    print(f"held-out reward {before.mean:.3f} -> {after.mean:.3f} ({after.mean - before.mean:+.3f})")
    if callable(getattr(agent, "save", None)):
        plan.folder.parent.mkdir(parents=True, exist_ok=True)
        agent.save(str(plan.folder))
        print(f"Saved in {plan.folder}")
    else:
        print(f"Not saved: {plan.agent} has no save(folder)")
