"""TextGenVectorEnv: many episodes of a language task side by side in numpy arrays, without a Python loop over rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from tokengym._registry import unknown
from tokengym.envs.base import Example, Task
from tokengym.envs.calls import check_episodes, read_actions, read_autoreset, read_reset_mask, read_seeds
from tokengym.envs.dealer import DEALS
from tokengym.envs.engine import Ended, Engine
from tokengym.envs.infos import Columns, batch_infos, mask_infos
from tokengym.envs.labels import answered, labelled
from tokengym.envs.masks import unmasked
from tokengym.envs.render import Seen, asked, paid_turns, played
from tokengym.envs.spec import keep_objects, rebuild, unwrap
from tokengym.envs.table import Table
from tokengym.envs.tokenizer import TextTokenizer
from tokengym.rewards import BaseReward, Sample

__all__ = ["TextGenVectorEnv"]

Obs = dict[str, npt.NDArray[Any]]
Bools = npt.NDArray[np.bool_]


class TextGenVectorEnv(VectorEnv[Obs, npt.NDArray[np.int64], npt.NDArray[Any]]):
    """N episodes of a task side by side; spaces, rewards, infos and endings as in :class:`tokengym.envs.TextGenEnv`.

    All episodes that end in a step are scored together. What then happens to their rows is Gymnasium's autoreset mode.

    Args:
        num_envs: N, rows.
        task: an id, a Task class, or a task.
        deal: "independent": row i behaves exactly as the single environment with seed + i. "shared": one order feeds all rows, so
            each example comes exactly ``group_size`` times per epoch whatever N is; ``deal_index`` in the infos tells the order.
        autoreset_mode: "SameStep": rows start anew in the step in which they end, with the last observation and info under
            ``final_obs`` and ``final_info``. "NextStep": in the step after, which ignores their action and pays 0. "Disabled": when
            the caller resets them with ``reset_mask``, which must be before the next step.
        render_mode: None or "ansi".
        keywords: as for TextGenEnv.

    ``reset`` takes the options ``index`` or ``sample_id`` (one, or N of them), ``reset_mask`` ((N,) bool: which rows), and, with
    deal="shared", ``episodes``: exactly that many are dealt; a row that gets none is idle: all padding, reward 0, its action ignored.
    With it may go ``first``: the place in the order at which dealing begins (without it, dealing goes on where it stopped).
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["ansi"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int,
        task: str | type[Task] | Task,
        *,
        deal: str = "independent",
        autoreset_mode: str | AutoresetMode = "SameStep",
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise ValueError(f"num_envs={num_envs!r}; expected a whole number, 1 or more")
        deal = unwrap(deal)
        if deal not in DEALS:
            raise unknown("deal", deal, DEALS)
        if render_mode not in (None, "ansi"):
            raise unknown("render_mode of a vector environment", render_mode, ["ansi"])
        self._mode = read_autoreset(unwrap(autoreset_mode))
        self.metadata = {**self.metadata, "autoreset_mode": self._mode}  # type: ignore[misc]
        self._spec: EnvSpec | None = None
        options = {"deal": deal, "autoreset_mode": self._mode.value, "render_mode": render_mode}
        self._made_with = ((num_envs, task), {**options, **keywords})
        self.deal = deal
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.engine = engine = Engine(task, keywords)
        if engine.keywords.order == "sequential" and deal == "independent" and num_envs > 1:
            warnings.warn(
                f"order='sequential' with deal='independent': all {num_envs} rows play the same examples; pass deal='shared'", stacklevel=2
            )
        self.single_observation_space = engine.observation_space()
        self.single_action_space = engine.action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._table = Table(num_envs, engine, deal == "shared")
        self._rows, self._masks = self._table.rows, self._table.masks
        self._busy = engine.delta or self._masks is not None  # there is something to do in each step
        self._seen = None if render_mode is None else Seen(num_envs, engine.budget)
        self._was_reset = False

    @property
    def spec(self) -> EnvSpec | None:
        """The specification; objects among its keywords are held by handles."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = keep_objects(value)

    @property
    def task(self) -> Task:
        """The task with its options."""
        return self.engine.task

    @property
    def tokenizer(self) -> TextTokenizer:
        """Text to token ids and back."""
        return self.engine.tokenizer

    @property
    def reward(self) -> BaseReward:
        """What scores the episodes."""
        return self.engine.reward

    @property
    def reward_calls(self) -> int:
        """Texts that the reward has scored so far: whole answers, labels and, for delta rewards, unfinished answers."""
        return self.engine.reward_calls

    @property
    def length_limit(self) -> str:
        """What running out of tokens or turns is: "terminate" or "truncate"."""
        return self.engine.keywords.length_limit

    @property
    def examples(self) -> Sequence[Example]:
        """The data set; asked for one row at a time."""
        return self.engine.examples

    @property
    def active(self) -> Bools:
        """(N,) bool: rows that play an episode, or ended one and wait for the next; the others are idle."""
        active = self._rows.active.copy()
        active[self._table.waiting] = True
        return active

    @property
    def action_masks(self) -> Callable[[], Bools]:
        """A method without arguments that gives (N, V) bool: which tokens may come next, all True in rows whose action is ignored.

        Absent where the task constrains nothing.
        """
        if self._masks is None:
            raise AttributeError(unmasked(self))
        return self._action_masks

    def fingerprint(self) -> dict[str, str]:
        """sha256 of "env", "data", "tokenizer" and "reward"; results with different ones cannot be compared."""
        return self.engine.fingerprint()

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Obs, dict[str, Any]]:
        """Starts episodes in all rows, or in those of ``options["reset_mask"]``.

        Args:
            seed: an int (row i gets seed + i; one order gets the seed itself), or one per row with deal="independent".
            options: see the class.
        Raises:
            ValueError: an unknown option, or one that does not fit the deal or N.
        """
        options = dict(options or {})
        mask = options.pop("reset_mask", None)
        rows = read_reset_mask(mask, self.num_envs, self._was_reset)
        episodes, first = options.pop("episodes", None), options.pop("first", None)
        picks = self.engine.picks(options, self.num_envs, rows)
        if episodes is not None or first is not None:
            check_episodes(episodes, first, self.deal, mask is None and all(pick is None for pick in picks))
        self._table.dealer.seed(read_seeds(seed, 1 if self.deal == "shared" else self.num_envs, self.deal), rows)
        if mask is None:
            self._table.dealer.limit(episodes, first)
        self._was_reset = True
        begun, columns = self._table.begin(rows, picks)
        infos = batch_infos(self.num_envs, begun, columns)
        if self._masks is not None:
            infos |= mask_infos(self._masks.mask, begun)
        return self._rows.observation(), infos

    def step(self, actions: npt.ArrayLike) -> tuple[Obs, npt.NDArray[np.float64], Bools, Bools, dict[str, Any]]:
        """Appends one token to each active row.

        Args:
            actions: (N,) token ids; those of idle rows, and of rows that begin in this step, are ignored.
        Raises:
            ResetNeeded: before the first reset, or while rows wait for theirs (autoreset mode "Disabled").
            ValueError: another shape or dtype, an id outside the action space, or a token that the task does not allow there.
        """
        if not self._was_reset:
            raise ResetNeeded("venv.step() before venv.reset()")
        waited = self._table.waiting
        if waited and self._mode is AutoresetMode.DISABLED:
            raise ResetNeeded(f"the episodes of rows {waited} are over: venv.reset(options={{'reset_mask': terminated | truncated}}) first")
        tokens = read_actions(np.asarray(actions), self._rows, self.tokenizer)
        ended = self._table.play(tokens)
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        infos = self._settle(ended, waited, rewards, terminated, truncated) if ended or waited or self._busy else {}
        if self._seen is not None:
            self._seen.add(rewards)
        return self._rows.observation(), rewards, terminated, truncated, infos

    def render(self) -> tuple[str, ...] | None:
        """In mode "ansi" each row's episode as text; "" for an idle row."""
        return None if self._seen is None else tuple(self._text(row, self._seen) for row in range(self.num_envs))

    def labelled(self, indices: Sequence[int] | npt.NDArray[np.int64], clean: bool = False) -> Obs:
        """Prompts followed by their labels, as an agent that writes the label would leave them: what imitation learns from.

        Args:
            indices: (B,) example indices.
            clean: the task's best known answers in place of the labels.
        Returns:
            input_ids (B, L) int32, attention_mask and completion_mask (B, L) int8; completion_mask is 1 on label and
            end-of-sequence token, cut to max_new_tokens.
        Raises:
            ValueError: an example without a reference.
            IndexError: an index outside the data set.
        """
        return labelled(self.engine, indices, clean)

    def answered(self, prompts: Sequence[int | str], answers: Sequence[str]) -> Obs:
        """Prompts followed by given answers, as an agent that writes them would leave them: what preferences are learned from.

        Args:
            prompts: (B,) each the index of an example, or the text that an example of this task has as its prompt.
            answers: (B,) texts.
        Returns:
            as :meth:`labelled`.
        Raises:
            ValueError: the task constrains its answers, and this is none of them.
            IndexError: an index outside the data set.
        """
        return answered(self.engine, prompts, answers)

    def sample(self, index: int, response: str, stop_reason: str) -> Sample:
        """What rewards saw of an episode with deal="shared", from its example index and what the infos of its end say."""
        return self.engine.sample(self.engine.prompt(index, self._table.dealer.order_seed(0)), response, stop_reason)

    def label_rewards(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(B,) float32: what the environment would pay for the labels, NaN for one that cannot be scored. Raises as :meth:`labelled`."""
        if not len(indices):
            return np.zeros(0, dtype=np.float32)
        scored = self.engine.score([self.engine.label(int(index)) for index in indices])
        return np.where(scored.columns["reward_valid"], scored.scores, np.nan).astype(np.float32)

    def get_state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, JSON-able; :meth:`set_state` continues bit for bit."""
        return {**self._table.get_state(), "reset": self._was_reset}

    def set_state(self, state: dict[str, Any]) -> Obs:
        """Restores what :meth:`get_state` gave, and returns the current observations.

        Raises:
            ValueError: the state belongs to another environment, number of rows, deal or autoreset mode.
        """
        if state.get("waiting") and self._mode is AutoresetMode.SAME_STEP:
            raise ValueError("this state was saved in another autoreset_mode than 'SameStep': rows wait in it for their next episode")
        self._table.set_state({"waiting": (), **state})
        self._seen = self._seen and Seen(self.num_envs, self.engine.budget)
        self._was_reset = state["reset"]
        return self._rows.observation()

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (type(self), *self._made_with, self._spec, self.get_state() if self._was_reset else None)

    def _settle(
        self, ended: Mapping[int, Ended], waited: Sequence[int], rewards: npt.NDArray[np.float64], terminated: Bools, truncated: Bools
    ) -> dict[str, Any]:
        """Writes what a step pays into the three arrays (N,), and begins what is to begin; the step's infos."""
        infos: dict[str, Any] = {}
        if self.engine.delta:
            self._pay_deltas(rewards, ended)
        over = list(ended)
        last: Columns = {}
        if ended:
            scored = self.engine.score(list(ended.values()))
            last = scored.columns
            if self._seen is not None:
                self._seen.final = dict(zip(over, scored.infos, strict=True))
            for (row, episode), score in zip(ended.items(), scored.scores, strict=True):
                rewards[row] = score - self._rows.paid[row]
                terminated[row], truncated[row] = self.engine.flags(episode.reason)
        if self._mode is AutoresetMode.SAME_STEP:
            if ended:
                infos = self._final_infos(over, last)
                batch_infos(self.num_envs, *self._table.begin(over), infos)
        elif ended or waited:
            begun = self._table.begin(waited)
            self._table.rest(over)
            for rows, columns in sorted(((over, last), begun), key=lambda told: told[0][:1]):  # keys stand as the first row has them
                batch_infos(self.num_envs, rows, columns, infos)
        if self._masks is not None:
            infos |= mask_infos(self._masks.mask, np.flatnonzero(self.active).tolist())
        return infos

    def _final_infos(self, rows: list[int], last: Columns) -> dict[str, Any]:
        """``final_obs`` and ``final_info`` of the rows that have just ended."""
        infos = batch_infos(self.num_envs, rows, {"final_obs": self._rows.observations(rows), "final_info": last})
        if self._masks is not None:
            infos["final_info"] |= mask_infos(self._masks.mask, rows)
        return infos

    def _action_masks(self) -> Bools:
        return np.ones((self.num_envs, 0), dtype=np.bool_) if self._masks is None else self._masks.mask.astype(np.bool_)

    def _pay_deltas(self, rewards: npt.NDArray[np.float64], ended: Mapping[int, Ended]) -> None:
        """Writes into ``rewards`` by how much this step's tokens raised the scores of the texts that go on."""
        going = [row for row in np.flatnonzero(self._rows.active).tolist() if row not in ended]
        if not going:
            return
        for row, potential in zip(going, self.engine.potentials([self._rows.ended(row, "") for row in going]), strict=True):
            if potential == potential:  # not NaN
                rewards[row] = potential - self._rows.paid[row]
                self._rows.paid[row] += rewards[row]

    def _text(self, row: int, seen: Seen) -> str:
        prompt, rows = self._rows.prompt(row), self._rows
        if prompt is None:
            return ""
        behind, agent = rows.behind(row), rows.spoken(row)
        rewards = seen.rewards(row, int(agent.sum()))
        final = seen.final.get(row) if row in self._table.waiting else None
        paid = float(rows.paid[row]) if final is None else sum(rewards)
        turns = paid_turns(self.tokenizer, behind, agent, rewards)
        return asked(prompt) + played(prompt, self.engine.shown(behind), turns, self.engine.budget, final, paid)
