"""What all learners share: the training loop, validation and early stopping, checkpoints, prediction. An algorithm adds ``update``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from tokengym.agents.alarms import alarms
from tokengym.agents.best import Best
from tokengym.agents.checkpoint import check_base, claim, find_folder, load_policy, read_state, write_folder, write_state
from tokengym.agents.config import AgentConfig
from tokengym.agents.figures import validation_figures
from tokengym.agents.freeze import make_ready, set_trained
from tokengym.agents.given import check_given
from tokengym.agents.greedy import GreedyPlayer
from tokengym.agents.interrupts import Interrupts
from tokengym.agents.journal import Journal
from tokengym.agents.optim import make_optimizer, rate, step
from tokengym.agents.parallel import Ranks, Shard, join
from tokengym.agents.run import new_run, run_share
from tokengym.agents.samples import samples_of
from tokengym.agents.state import check_saved, read_config, restore, snapshot
from tokengym.agents.tempered import tempered
from tokengym.agents.venv import check_fits, check_tokenizer, data_key, describe, differs, make_venv, recall_both, to_go_on, validation_venv
from tokengym.agents.zero import owned, spread

__all__ = ["Agent"]


class Agent:
    """A language-model policy that learns on a text environment. Subclasses set ``name`` and ``Config`` and write ``update``.

    Args:
        policy: a :class:`~tokengym.agents.CausalLMPolicy`, or anything with its methods.
        env: an id ("TextSumm-v0"), a ``gymnasium.envs.registration.EnvSpec`` (an id with keywords), or a vector env made by
            ``gymnasium.make_vec(id, num_envs=..., deal="shared", group_size=config.group_size)``. None: the agent can predict and save
            but not learn.
        config: options; the defaults where None.
        seed: of everything that is random here: the order of examples, sampling, minibatches.
        validation_env: likewise an id, a spec or a vector env; None: the validation split of ``env``.
    Attributes:
        history: one dict per update, and one per validation before a run: ``update``, ``timesteps``, ``seconds`` (of training so far), and
            what the algorithm reports (``reward``, ``entropy`` in nats per token, ``kl`` in nats per sequence, ...); ``validation`` where
            one was made.
        timesteps: environment steps trained on so far, that is completion tokens (SFT: label tokens).
        used: ``labels`` (distinct labelled examples seen) and ``reward_calls`` (texts scored, unfinished ones of delta rewards too) so far.
        alarms: what the run's figures warned of so far, name to sentence.
        samples: a few answers of the last validation, as dicts.
        ranks: the processes that train together.
    Raises:
        ValueError: the environment's tokenizer is not the policy's, or the environment deals otherwise than the agent needs.
    """

    name: ClassVar[str] = "agent"
    Config: ClassVar[type[AgentConfig]] = AgentConfig
    parallel: ClassVar[bool] = False  # whether ``update`` splits its work among the processes of ``self.ranks``
    temperature: float = 1.0

    def __init__(self, policy: Any, env: Any = None, config: Any = None, seed: int = 0, validation_env: Any = None) -> None:
        self.policy = policy
        self.config: Any = self.Config() if config is None else config
        check_given(self, policy, self.config, seed)
        c = self.config
        rate(1.0, c.schedule, c.warmup)  # refuses what is no course before anything is played
        self.seed = seed
        self.ranks = Ranks.here()
        if self.ranks.count > 1 and not self.parallel:
            raise ValueError(
                f"{type(self).__name__} trains in one process, and {self.ranks.count} were launched; start it without launcher"
            )
        make_ready(policy, c)
        self.venv: Any = None
        self._validation_source, self._validator = validation_env, GreedyPlayer()
        self._validation: Any = None
        self.generator = torch.Generator().manual_seed(seed)
        self._optimized = self._parameters()  # those that learn later than this do so in vain
        stepped, betas = owned(self._optimized, self.ranks).items(), (c.adam_beta1, c.adam_beta2)
        self.optimizer = make_optimizer(stepped, c.optimizer, c.learning_rate, c.weight_decay, c.adam_eps, betas, c.momentum)
        self.history: list[dict[str, float]] = []
        self.alarms: dict[str, str] = {}
        self.samples: list[dict[str, Any]] = []
        self.timesteps = self.updates = 0
        self.seconds = 0.0
        self.resume_command = ""  # what goes on with an interrupted run, with {folder} in it; "": load_agent does
        self._labels: set[int] = set()  # indices of the labelled examples seen in the data set at hand
        self._labels_seen = {"": self._labels}  # the same of each data set, by what tells it from another
        self.own_folders: set[Path] = set()  # that it was loaded from or saved in, and may replace
        self._reward_calls = 0
        self._run: dict[str, int] | None = None  # the run that learn() is in, or was in when it was interrupted
        self._scored_in: Mapping[str, Any] = {}  # the environment that the best score and the like are of
        self._forget()
        if env is not None:
            self.set_env(env)

    # -- for subclasses ------------------------------------------------------------------------------------------------------------

    def update(self) -> dict[str, float]:
        """One update of the policy.

        Returns:
            figures for people and logs; "tokens" (environment steps, or label tokens, that it used) is required.
        """
        raise NotImplementedError

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What an algorithm must remember beyond weights and optimizer: JSON-able values, and tensors."""
        return {}, {}

    def _restore_extra(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Puts back what ``_extra_state`` gave."""

    def _forget(self) -> None:
        """Drops what was found out in one environment and does not hold in another one, such as scores."""
        self.best = Best()

    def _planned_updates(self) -> int:
        """Updates of a run, 0 where only tokens bound it."""
        return int(self.config.updates)

    # -- the public face -----------------------------------------------------------------------------------------------------------

    @property
    def used(self) -> dict[str, int]:
        return {"labels": sum(len(seen) for seen in self._labels_seen.values()), "reward_calls": self._reward_calls}

    def set_env(self, env: Any) -> None:
        """Learns on ``env`` from now on (an id, a spec or a vector env).

        What was found out in another one, such as the best weights so far, counts no more, but in a run that was interrupted.
        """
        group_size = getattr(self.config, "group_size", 1)
        self.venv = self._shared(make_venv(env, self.config.num_envs, group_size), group_size)
        check_fits(self.policy, self.venv)
        self.policy.match(int(self.venv.single_action_space.n))
        self._labels = self._labels_seen.setdefault(data_key(self.venv), self._labels_seen.pop("", set()))
        self._validation = None
        if self._run is None:
            self._forget()

    def predict(
        self, obs: Mapping[str, np.ndarray], state: Any = None, episode_start: Any = None, deterministic: bool = False, **options: Any
    ) -> tuple[np.ndarray, Any]:
        """Next tokens (N,) int64 for a batch of observations, and the state to hand back with the next ones (Stable-Baselines3's way).

        Samples are drawn at the agent's temperature. ``options`` go to the policy's own ``predict``: ``action_masks`` (N, V) bool, which
        tokens may come, and ``sampling``, which tokens a sample is drawn from, at temperature 1.
        """
        options = options if deterministic else tempered(options, self.temperature)
        actions, state = self.policy.predict(obs, state=state, episode_start=episode_start, deterministic=deterministic, **options)
        return np.asarray(actions), state

    def learn(
        self, total_timesteps: int | None = None, callback: Callable[[Agent], bool | None] | None = None, progress: bool = True
    ) -> Self:
        """Trains.

        Ctrl-C finishes the update at hand, keeps a checkpoint, and raises KeyboardInterrupt that says how to go on; a second stops at once.

        Args:
            total_timesteps: so many more environment steps (completion tokens; SFT: label tokens), rounded up to whole updates. None: an
                interrupted run goes on to its end, another one is as long as ``config.updates`` says.
            callback: called after each update; a return value of False ends the run.
            progress: show a progress bar, or plain lines where there is no terminal.
        Raises:
            ValueError: there is no environment, or nothing says how long to train.
            FileExistsError: ``config.folder`` holds another agent; one that was loaded from there goes on in it.
            KeyboardInterrupt: after Ctrl-C.
            FloatingPointError: a loss or gradient was not finite; the weights from before that step are saved, and the message says where.
        """
        if self.venv is None:
            raise ValueError(f"this {type(self).__name__} has no environment; give one to its constructor, to load(), or to set_env()")
        usual = os.path.join("runs", f"{self.name}-{describe(self.venv)['id']}-{self.seed}")
        self._home = claim(self.config.folder or usual, self.own_folders, numbered=not self.config.folder)
        self._begin(total_timesteps)
        c, title = self.config, f"{self.name.upper()} {describe(self.venv)['id']}"
        with (
            Journal(title, c, asdict(c), progress, self.ranks.main, self.updates, self.timesteps) as journal,
            Interrupts(journal.say) as interrupts,
        ):
            if c.validate_every and not self.best.weights and self._share() == 0:
                start = {"update": self.updates, "timesteps": self.timesteps, "seconds": self.seconds, **self._judge()}
                self.history.append(start)
                journal.update(0.0, self.timesteps, start)
                journal.samples(self.updates, self.timesteps, self.samples)
            while self._run is not None:
                stats = self._guarded_update()
                for name, text in self._alarmed(stats).items():
                    journal.alarm(name, text, self.updates, self.timesteps)
                share = self._share()
                told, asked = self.ranks.any(callback is not None and callback(self) is False, interrupts.asked)
                stopping = told or share >= 1 or (0 < c.patience <= self.best.worse)
                if told and c.validate_every and "validation" not in stats:
                    stats |= self._judge()
                if "validation" in stats:
                    journal.samples(self.updates, self.timesteps, self.samples)
                journal.update(1.0 if stopping else share, self.timesteps, stats)
                if stopping:
                    self._finish()
                elif asked or (c.checkpoint_every and self.updates % c.checkpoint_every == 0):
                    folder = self.save(self._home)
                    if asked:
                        journal.say(stopped := f"Stopped; everything is kept in {folder}. {self._to_go_on(folder)}")
                        raise KeyboardInterrupt(stopped)
        return self

    def validate(self, episodes: int | None = None) -> dict[str, float]:
        """Reward and metrics over the first ``episodes`` held-out examples (``config.validation_episodes``), decoded greedily.

        Means; a metric with counts (macro_f1, entity_f1) is that of all answers together.
        """
        c = self.config
        if self._validation is None:
            metrics = c.validation_metric != "reward"
            self._validation = self._shared(validation_venv(self._validation_source, self.venv, c.num_envs, metrics))
            check_tokenizer(self.policy, self._validation)
        rollout = join(self._validator.play(self.policy, self._validation, episodes or c.validation_episodes, self.temperature), self.ranks)
        self.samples = samples_of(rollout, self._validation, self.config.samples)
        return validation_figures(rollout, self._validation)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes a folder that transformers can load and that :meth:`load` resumes from: weights, optimizer, progress, random states.

        Where several processes train together, all of them must call it; the first one writes.
        """
        check_base(self.policy, folder)
        state, tensors = snapshot(self)

        def fill(path: Path) -> None:
            self.policy.save(path)
            write_state(path, state, tensors)

        if self.ranks.main:
            write_folder(folder, fill)
        self.ranks.wait()
        self.own_folders.add(Path(folder).resolve())
        return Path(folder).absolute()

    @classmethod
    def load(cls, folder: str | os.PathLike[str], env: Any = None, policy: Any = None, validation_env: Any = None) -> Self:
        """A saved agent, ready to predict, or to ``learn()`` on from where it stopped.

        Args:
            folder: what :meth:`save` or training wrote.
            env: as in the constructor; None: the one it was saved with, where that is known by id and keywords and has no wrapper.
            policy: None: the one in the folder (under LoRA, its adapters on the base model that they were trained on); another one gets the
                saved weights.
            validation_env: as in the constructor; None: the one it was saved with, likewise.
        Raises:
            FileNotFoundError, ValueError: the folder holds no agent, or another kind of agent.
        """
        path = find_folder(folder)
        state, tensors = read_state(path)
        check_saved(path, state, cls)
        if policy is None:
            policy = load_policy(path, state["policy"])
        if "trains" in state:
            set_trained(policy, state["trains"])
        config = cls.Config(**read_config(state["config"]))
        env, validation_env = recall_both(state, config, env, validation_env)
        agent = cls(policy, env, config, state["seed"], validation_env)
        restore(agent, state, tensors)
        agent.own_folders.add(path)
        return agent

    def _parameters(self) -> dict[str, Tensor]:
        return {name: x for name, x in self.policy.named_parameters() if x.requires_grad}

    def _shared(self, venv: Any, group_size: int = 1) -> Any:
        """``venv``, or this process's share of it."""
        return venv if self.ranks.count == 1 else Shard(venv, self.ranks, group_size)

    def _begin(self, total_timesteps: int | None) -> None:
        if differs(self.venv, self._scored_in):
            self._forget()
        self._scored_in = describe(self.venv)
        if total_timesteps is not None or self._run is None:
            self._run = new_run(self.timesteps, self.updates, total_timesteps, self._planned_updates())
            self.best.worse, self.alarms = 0, {}

    def _share(self) -> float:
        """How much of the run is done, in [0, 1]; the nearer of its two ends counts."""
        return 1.0 if self._run is None else run_share(self._run, self.timesteps, self.updates)

    def _update(self) -> dict[str, float]:
        began = time.perf_counter()
        stats = self.update()
        took = time.perf_counter() - began
        self.updates += 1
        self.timesteps += int(stats["tokens"])
        self.seconds += took
        stats |= {"update": self.updates, "timesteps": self.timesteps, "tokens_per_second": stats["tokens"] / max(took, 1e-9)}
        c = self.config
        if c.validate_every and (self.updates % c.validate_every == 0 or self._share() >= 1):  # what the last updates taught counts too
            stats |= self._judge()
        stats["seconds"] = self.seconds
        self.history.append(stats)
        return stats

    def _guarded_update(self) -> dict[str, float]:
        """An update; where its numbers are not finite, the state from before the step that would have spoilt the weights is saved."""
        try:
            return self._update()
        except FloatingPointError as error:
            folder = self.save(self._home)
            kept = f"The run is kept in {folder}. {self._to_go_on(folder)}"
            raise FloatingPointError(f"update {self.updates + 1}: {error}. {kept}") from error

    def _to_go_on(self, folder: Path) -> str:
        return f"To go on:\n  {to_go_on(self.resume_command, folder, self.venv)}"

    def _alarmed(self, stats: dict[str, float]) -> dict[str, str]:
        """The alarms that the last update raises, which are marked in its figures too."""
        found = alarms(self.history, self.config.validation_metric, self.alarms) if self.config.alarms else {}
        stats |= {f"alarm_{name}": 1.0 for name in found}
        self.alarms |= found
        return found

    def _step(self) -> float:
        """One optimizer step at the schedule's learning rate, with the gradients of all processes; the gradient's norm."""
        c, trained = self.config, self._parameters()
        self.ranks.add_gradients(trained.values())
        factor = rate(max(self._share(), 1e-3 * c.warmup), c.schedule, c.warmup)  # of a warm-up, a first step at rate 0 would be lost
        norm = step(self.optimizer, c.learning_rate * factor, c.max_grad_norm, trained)
        spread(self._optimized, self.ranks)
        return norm

    def _judge(self) -> dict[str, float]:
        """Validates, and keeps the weights if they are the best so far."""
        return self.best.judge(self.validate(), self.config.validation_metric, self._parameters())

    def _finish(self) -> None:
        if self.best.weights:
            self._assign(self.best.weights)
        self._run = None
        if self.config.folder:
            self.save(self.config.folder)

    @torch.no_grad()
    def _assign(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters().items():
            parameter.copy_(weights[name])
