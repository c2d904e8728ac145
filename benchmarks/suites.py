"""What a suite is: environments x seeds x agents, with every option that decides its figures in one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tokengym._registry import unknown

__all__ = ["Arena", "Entrant", "Suite", "spaced_seeds"]

_SPACING = 1000  # between the seeds of two runs; more than any num_envs, because sub-environment i of a run may be seeded with seed + i


def spaced_seeds(count: int, used: int = 0) -> tuple[int, ...]:
    """``count`` seeds so far apart that no environment of one run gets the seed of another run's; ``used`` seeds are passed over."""
    if count < 1:
        raise ValueError(f"seeds={count}; expected at least 1 (3 for a look, 5 or more for a paper)")
    return tuple(_SPACING * (i + 1) for i in range(used, used + count))


@dataclass(frozen=True, kw_only=True)
class Arena:
    """One environment of a suite."""

    env: str  # Gymnasium id
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # keywords of training, validation and evaluation alike (dataset, reward, ...)
    train_kwargs: Mapping[str, Any] = field(default_factory=dict)  # more keywords for training only (size, label_noise, ...)
    eval_kwargs: Mapping[str, Any] = field(default_factory=dict)  # more keywords for evaluation only
    split: str = "test"  # what the figures are measured on
    examples: int = 200  # how many held-out examples, the same for every agent and seed
    first: int = 0  # held-out examples that are passed over, because settings were chosen on them


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One agent of a suite: a row in its tables."""

    name: str  # unique in the suite
    # "random", "heuristic", "oracle", "zero-shot", a name of tokengym.agents.AGENTS, or "custom": "module:attribute" in ``source``
    kind: str
    start: str | None = None  # name of the entrant of the same cell whose trained policy this one starts from; None: the suite's model
    config: Mapping[str, Any] = field(default_factory=dict)  # fields of the learner's options (SFTConfig, ReinforceConfig, PPOConfig)
    budget: int = 0  # training tokens: label tokens in SFT, environment steps in REINFORCE and PPO
    train_kwargs: Mapping[str, Any] = field(default_factory=dict)  # environment keywords that only this agent trains with
    per_env: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # environment id -> {"config": ..., "budget": ...} overrides
    source: str = ""  # "module:attribute" of a custom agent
    note: str = ""  # what the reader of a table should know ("verifier reward", "clean labels"); printed as a footnote

    def options(self, env: str) -> tuple[dict[str, Any], int]:
        """The learner's options and the training budget on environment ``env``."""
        override = self.per_env.get(env, {})
        return {**self.config, **override.get("config", {})}, int(override.get("budget", self.budget))

    def work(self, env: str) -> int:
        """How much its training is beside others', to put the longest first: episodes, or tokens where a budget ends it; 0: none."""
        options, budget = self.options(env)
        passes = int(options.get("updates", 0)) * int(options.get("episodes_per_update", options.get("batch_size", 1)))
        return passes * int(options.get("epochs", 1)) or budget


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Environments x seeds x agents. A cell is one (environment, seed); it runs all its agents in their order."""

    name: str
    title: str  # one line above the tables
    model: str  # what zero-shot plays and training starts from, a name for CausalLMPolicy.from_pretrained
    arenas: tuple[Arena, ...]
    seeds: tuple[int, ...]
    entrants: tuple[Entrant, ...]
    baseline: str = "sft"  # the agent that others are compared with
    compared: tuple[str, ...] = ()  # agents whose difference to the baseline the table states (Holm is over agents x environments)
    outside_budget: int = 20_000  # training tokens of an agent from outside (--agent), where --agent-budget does not say otherwise
    eval_envs: int = 64  # rows that play at once in evaluation
    min_minutes: int = 0  # how long the suite takes, for the reader of --help, on two cores

    def __post_init__(self) -> None:
        names: list[str] = []
        for entrant in self.entrants:
            if entrant.name in names:
                raise ValueError(f"suite {self.name!r} has two agents called {entrant.name!r}; give one of them another name")
            if entrant.start is not None and entrant.start not in names:
                raise ValueError(
                    f"agent {entrant.name!r} starts from {entrant.start!r}, which is not an agent before it; known before it: {names}"
                )
            names.append(entrant.name)
        envs = [arena.env for arena in self.arenas]
        for env in envs:
            if envs.count(env) > 1:
                raise ValueError(f"suite {self.name!r} has {env} twice; a table has one row for each environment and agent")
        if len(set(self.seeds)) < len(self.seeds) or not self.seeds:
            raise ValueError(f"seeds={self.seeds}; expected at least one, all different")

    def entrant(self, name: str) -> Entrant:
        """The agent called ``name``; a ValueError with "did you mean" otherwise."""
        for entrant in self.entrants:
            if entrant.name == name:
                return entrant
        raise unknown(f"agent of suite {self.name!r}", name, (e.name for e in self.entrants))

    def arena(self, env: str) -> Arena:
        """The environment ``env``; a ValueError with "did you mean" otherwise."""
        for arena in self.arenas:
            if arena.env == env:
                return arena
        raise unknown(f"environment of suite {self.name!r}", env, (a.env for a in self.arenas))

    def narrowed(
        self,
        *,
        envs: Sequence[str] = (),
        agents: Sequence[str] = (),
        seeds: int | None = None,
        examples: int | None = None,
        model: str | None = None,
        label_noise: float | None = None,
        extra: Iterable[Entrant] = (),
    ) -> Suite:
        """A copy with only some environments and agents (with those they start from), fewer or more seeds, fewer examples, or more agents.

        ``label_noise`` is the share of flawed training labels, in place of each task's own. The agents of ``extra`` are compared with the
        baseline, too, where a table has it.

        Raises:
            ValueError: a name that the suite does not have, or a count below 1.
        """
        arenas = tuple(self.arena(env) for env in envs) or self.arenas
        if examples is not None:
            if examples < 1:
                raise ValueError(f"examples={examples}; expected at least 1")
            arenas = tuple(replace(arena, examples=examples) for arena in arenas)
        if label_noise is not None:
            arenas = tuple(replace(arena, train_kwargs={**arena.train_kwargs, "label_noise": label_noise}) for arena in arenas)
        entrants = self.entrants
        if agents:
            wanted: set[str] = set()
            for name in agents:
                link: str | None = name
                while link is not None:
                    wanted.add(link)
                    link = self.entrant(link).start
            entrants = tuple(entrant for entrant in self.entrants if entrant.name in wanted)
        own = tuple(extra)
        entrants += own
        return replace(
            self,
            arenas=arenas,
            entrants=entrants,
            seeds=self.seeds if seeds is None else self._more_seeds(seeds),
            model=model or self.model,
            compared=(*(name for name in self.compared if any(e.name == name for e in entrants)), *(e.name for e in own)),
        )

    def _more_seeds(self, count: int) -> tuple[int, ...]:
        """The first ``count`` seeds: the suite's own, then those after its last; never those on which its settings were chosen."""
        return (*self.seeds, *spaced_seeds(count, used=-(-max(self.seeds) // _SPACING)))[:count]

    def as_dict(self) -> dict[str, Any]:
        """The suite as JSON-able values; two runs with equal dicts may be continued as one."""
        return {**asdict(self), "arenas": [asdict(a) for a in self.arenas], "entrants": [asdict(e) for e in self.entrants]}
