"""TextGenVectorEnv: many episodes of a language task side by side in numpy arrays, without a Python loop over rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from tokengym._registry import unknown
from tokengym.envs.base import Example, Task
from tokengym.envs.dealer import DEALS, Dealer
from tokengym.envs.engine import Ended, Engine
from tokengym.envs.infos import batch_infos
from tokengym.envs.render import ansi
from tokengym.envs.rows import Rows
from tokengym.envs.spec import keep_objects, rebuild, unwrap
from tokengym.envs.tokenizer import TextTokenizer
from tokengym.rewards import BaseReward

__all__ = ["TextGenVectorEnv"]

Obs = dict[str, npt.NDArray[Any]]
Bools = npt.NDArray[np.bool_]


class TextGenVectorEnv(VectorEnv[Obs, npt.NDArray[np.int64], npt.NDArray[Any]]):
    """N episodes of a task side by side; spaces, rewards, infos and endings as in :class:`tokengym.envs.TextGenEnv`.

    All episodes that end in a step are scored together. The rows of ended episodes start anew in the same step, with the old
    observation and info under ``final_obs`` and ``final_info`` (Gymnasium's autoreset mode "SameStep").

    Args:
        num_envs: N, rows.
        task: an id, a Task class, or a task.
        deal: "independent": row i behaves exactly as the single environment with seed + i. "shared": one order feeds all rows, so
            each example comes exactly ``group_size`` times per epoch whatever N is; ``deal_index`` in the infos tells the order.
        autoreset_mode: "SameStep".
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
        _check_autoreset(unwrap(autoreset_mode))
        self._spec: EnvSpec | None = None
        options = {"deal": deal, "autoreset_mode": autoreset_mode, "render_mode": render_mode}
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
        shuffled = engine.keywords.order == "shuffled"
        self._dealer = Dealer(len(engine.examples), num_envs, engine.keywords.group_size, shuffled, deal == "shared")
        self._rows = Rows(num_envs, engine)
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
    def examples(self) -> Sequence[Example]:
        """The data set; asked for one row at a time."""
        return self.engine.examples

    @property
    def active(self) -> Bools:
        """(N,) bool: rows that play an episode; the others are idle."""
        return self._rows.active.copy()

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
        rows = self._masked(options.pop("reset_mask", None))
        episodes, first = options.pop("episodes", None), options.pop("first", None)
        picks = self.engine.picks(options, self.num_envs)
        if episodes is not None or first is not None:
            self._check_episodes(episodes, first, rows, picks)
        self._dealer.seed(self._seeds(seed), rows)
        if len(rows) == self.num_envs:
            self._dealer.limit(episodes, first)
        self._was_reset = True
        return self._begin(rows, picks)

    def step(self, actions: npt.ArrayLike) -> tuple[Obs, npt.NDArray[np.float64], Bools, Bools, dict[str, Any]]:
        """Appends one token to each active row.

        Args:
            actions: (N,) token ids; those of idle rows are ignored.
        Raises:
            ResetNeeded: before the first reset.
            ValueError: another shape or dtype, or an id outside the action space.
        """
        candidates = self._rows.append(self._checked(np.asarray(actions)))
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        infos: dict[str, Any] = {}
        ended: dict[int, Ended] = {}
        for row in candidates:
            reason = self.engine.stop_reason(self._rows.answer(row))
            if reason:
                ended[row] = self._rows.ended(row, reason)
        if self.engine.delta:
            self._pay_deltas(rewards, ended)
        if ended:
            rows = list(ended)
            scored = self.engine.score(list(ended.values()))
            for row, score, episode in zip(rows, scored.scores, ended.values(), strict=True):
                rewards[row] = score - self._rows.paid[row]
                terminated[row], truncated[row] = self.engine.flags(episode.reason)
            last = [
                {"final_obs": self._rows.row_observation(row), "final_info": info} for row, info in zip(rows, scored.infos, strict=True)
            ]
            infos = batch_infos(self.num_envs, rows, last)
            obs, begun = self._begin(rows)
            return obs, rewards, terminated, truncated, infos | begun
        return self._rows.observation(), rewards, terminated, truncated, infos

    def render(self) -> tuple[str, ...] | None:
        """In mode "ansi" each row's episode as text; "" for an idle row."""
        return None if self.render_mode is None else tuple(self._text(row) for row in range(self.num_envs))

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
        ids = np.full((len(indices), self.engine.width), self.tokenizer.pad_token_id, dtype=np.int32)
        attention, completion = np.zeros(ids.shape, dtype=np.int8), np.zeros(ids.shape, dtype=np.int8)
        for row, index in enumerate(indices):
            label = self.engine.label(int(index), clean)
            start = len(label.prompt.ids)
            end = start + len(label.completion)
            ids[row, :start] = label.prompt.ids
            ids[row, start:end] = label.completion
            attention[row, :end] = 1
            completion[row, start:end] = 1
        return {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}

    def label_rewards(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(B,) float32: what the environment would pay for the labels. Raises as :meth:`labelled`."""
        if not len(indices):
            return np.zeros(0, dtype=np.float32)
        return np.array(self.engine.score([self.engine.label(int(index)) for index in indices]).scores, dtype=np.float32)

    def get_state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, JSON-able; :meth:`set_state` continues bit for bit."""
        episodes: list[list[Any] | None] = []
        for row in range(self.num_envs):
            prompt, paid = self._rows.prompt(row), float(self._rows.paid[row])
            going = None if prompt is None else [prompt.index, self._rows.deal(row), self._rows.answer(row).tolist(), paid]
            episodes.append(going)
        return {"about": self.engine.about(), "dealer": self._dealer.get_state(), "episodes": episodes, "reset": self._was_reset}

    def set_state(self, state: dict[str, Any]) -> Obs:
        """Restores what :meth:`get_state` gave, and returns the current observations.

        Raises:
            ValueError: the state belongs to another environment, number of rows or deal.
        """
        self.engine.check_state(state)
        if len(state["episodes"]) != self.num_envs:
            raise ValueError(f"this state was saved with num_envs={len(state['episodes'])}, here it is {self.num_envs}")
        self._dealer.set_state(state["dealer"])
        for row, episode in enumerate(state["episodes"]):
            self._rows.clear(row)
            if episode is not None:
                index, deal, answer, paid = episode
                self._rows.place(row, self.engine.book[index], deal)
                self._rows.write(row, answer, paid)
        self._rows.all_active = bool(self._rows.active.all())
        self._was_reset = state["reset"]
        return self._rows.observation()

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (type(self), *self._made_with, self._spec, self.get_state() if self._was_reset else None)

    def _begin(self, rows: Sequence[int], picks: Sequence[int | None] | None = None) -> tuple[Obs, dict[str, Any]]:
        """New episodes in ``rows``; observations of all rows, infos of those that got one."""
        started: list[int] = []
        infos: list[dict[str, Any]] = []
        for row in rows:
            picked = None if picks is None else picks[row]
            dealt = self._dealer.deal(row) if picked is None else (picked, -1)
            if dealt is None:
                self._rows.clear(row)
                continue
            prompt = self.engine.book[dealt[0]]
            self._rows.place(row, prompt, dealt[1])
            started.append(row)
            infos.append(self.engine.reset_info(prompt, dealt[1]))
        self._rows.all_active = bool(self._rows.active.all())
        return self._rows.observation(), batch_infos(self.num_envs, started, infos)

    def _pay_deltas(self, rewards: npt.NDArray[np.float64], ended: Mapping[int, Ended]) -> None:
        """Writes into ``rewards`` by how much this step's tokens raised the scores of the texts that go on."""
        going = [row for row in np.flatnonzero(self._rows.active).tolist() if row not in ended]
        if not going:
            return
        for row, potential in zip(going, self.engine.potentials([self._rows.ended(row, "") for row in going]), strict=True):
            if potential == potential:  # not NaN
                rewards[row] = potential - self._rows.paid[row]
                self._rows.paid[row] += rewards[row]

    def _checked(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if not self._was_reset:
            raise ResetNeeded("venv.step() before venv.reset()")
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise ValueError(f"actions have shape {actions.shape} and dtype {actions.dtype}; expected ({self.num_envs},) whole numbers")
        if not self._rows.all_active:
            actions = np.where(self._rows.active, actions, 0)
        if np.maximum.reduce(actions.astype(np.uint64)) >= self.tokenizer.vocab_size:  # a negative id is a huge unsigned one
            wrong = int(np.flatnonzero((actions < 0) | (actions >= self.tokenizer.vocab_size))[0])
            known = f"expected 0 to {self.tokenizer.vocab_size - 1}"
            raise ValueError(f"action={actions[wrong]} in row {wrong} is no token of {self.tokenizer.name!r}; {known}")
        return actions

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        """One seed per order of examples."""
        count = 1 if self.deal == "shared" else self.num_envs
        if seed is None:
            return [None] * count
        if isinstance(seed, int | np.integer):
            return [int(seed) + i for i in range(count)]
        if len(seed) != count:
            raise ValueError(f"{len(seed)} seeds for {count} order(s) of examples; with deal={self.deal!r} pass one int, or {count} seeds")
        return list(seed)

    def _masked(self, mask: Any) -> list[int]:
        """The rows to be reset."""
        if mask is None:
            return list(range(self.num_envs))
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(f"reset_mask has shape {mask.shape} and dtype {mask.dtype}; expected ({self.num_envs},) bool, not all False")
        if not self._was_reset and not mask.all():
            raise ResetNeeded("the first reset must be of all rows, without a reset_mask")
        rows: list[int] = np.flatnonzero(mask).tolist()
        return rows

    def _check_episodes(self, episodes: Any, first: Any, rows: Sequence[int], picks: Sequence[int | None]) -> None:
        if self.deal != "shared":
            raise ValueError(f"reset option episodes={episodes!r} wants one order for all rows: make_vec(..., deal='shared')")
        if isinstance(episodes, bool) or not isinstance(episodes, int | np.integer) or episodes < 1:
            raise ValueError(f"reset option episodes={episodes!r}; expected a whole number, 1 or more")
        if first is not None and (isinstance(first, bool) or not isinstance(first, int | np.integer) or first < 0):
            raise ValueError(f"reset option first={first!r}; expected a whole number, 0 or more")
        if len(rows) < self.num_envs or any(pick is not None for pick in picks):
            raise ValueError("reset option episodes goes with neither reset_mask nor index nor sample_id")

    def _text(self, row: int) -> str:
        prompt = self._rows.prompt(row)
        if prompt is None:
            return ""
        answer = self._rows.answer(row)
        text, paid = self.engine.response(answer), float(self._rows.paid[row])
        return ansi(prompt, text, len(answer), self.engine.max_new_tokens, None, paid)


def _check_autoreset(mode: str | AutoresetMode) -> None:
    known = [each.value for each in AutoresetMode]
    name = mode.value if isinstance(mode, AutoresetMode) else mode
    if name not in known:
        raise unknown("autoreset_mode", name, known)
    if name != AutoresetMode.SAME_STEP.value:
        raise ValueError(f"autoreset_mode={name!r} is not supported yet; supported: {AutoresetMode.SAME_STEP.value!r}")
