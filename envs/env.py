"""TextGenEnv: any language task as a Gymnasium environment in which an action is a token."""

from __future__ import annotations

from collections.abc import Callable
from operator import index as as_index
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded

from tokengym._registry import unknown
from tokengym.envs.base import Example, Task
from tokengym.envs.engine import Ended, Engine
from tokengym.envs.masks import Choice, unmasked
from tokengym.envs.order import Order
from tokengym.envs.prompts import Prompt
from tokengym.envs.render import asked, colours, columns, paid_turns, played
from tokengym.envs.spec import keep_objects, rebuild
from tokengym.envs.tokenizer import TextTokenizer

__all__ = ["TextGenEnv"]

Obs = dict[str, npt.NDArray[Any]]
_VECTOR_ONLY = {
    "deal": "how examples are dealt to several rows is a keyword of gymnasium.make_vec(id, deal=...)",
    "autoreset_mode": "a single environment does not reset itself; this is a keyword of gymnasium.make_vec(id, autoreset_mode=...)",
    "num_envs": "this is one environment; gymnasium.make_vec(id, num_envs=...) makes several",
}
_RENDER_MODES = ("ansi", "human")


class TextGenEnv(gymnasium.Env[Any, Any]):
    """## Description
    A prompt is given; each action appends one token to the answer; the answer's text is scored when it is over.

    ## Action Space
    ``Discrete(V)``: a token id; V is the tokenizer's highest id + 1. Where the task constrains its answers (to labels, to a ranking),
    ``action_masks()`` (bool (V,)) and ``info["action_mask"]`` (int8 (V,)) say which may come next, and others are errors; elsewhere
    the environment has neither.

    ## Observation Space
    A ``Dict`` of three rows of L = max_prompt_tokens + max_new_tokens, padded on the right and only ever appended to:
    ``input_ids`` (int32), ``attention_mask`` (int8, 1 on tokens that are there), ``completion_mask`` (int8, 1 on the agent's tokens).

    ## Rewards
    0.0 until the last step, which pays the score of the whole answer; with ``reward_timing="delta"`` each step pays by how much its
    token raised the score of the text so far, and the sum is the same number, exactly. Scores are rounded to 2**-44. An answer that
    cannot be scored earns 0.0 and has ``reward_valid`` False.

    ## Starting State
    The prompt of the next example: in shuffled order, each one ``group_size`` times per epoch. A seeded ``reset`` starts the order
    again; ``reset(options={"index": i})`` or ``{"sample_id": s}`` picks an example and leaves the order where it is.

    ## Episode End
    ``terminated`` at the end-of-sequence token, at a stop string, when a constrained answer is complete, and when ``max_new_tokens``
    are spent; the last is ``truncated`` instead with ``length_limit="truncate"``. Where a task has several turns, each of these ends
    the turn: the other side's reply follows as tokens (completion_mask 0), and only the task ends the episode ("complete"), or the
    number of turns does ("max_turns"; truncated as above). L then has room for them: max_prompt_tokens + turns * max_new_tokens +
    (turns - 1) * (the task's max_reply_tokens + 1).

    ## Information
    At reset: ``sample_id``, ``index``, ``deal_index`` (-1 if picked), ``prompt_tokens``, ``prompt_cut`` (tokens left out of a prompt
    that was too long). On the last step: ``sample_id``, ``index``, ``deal_index``, ``response``, ``reward_components`` (they add up
    to the score), ``reward_valid``, ``metrics`` (without those that cannot be computed), ``stop_reason`` ("eos", "stop", "complete",
    "max_tokens"), ``completion_tokens`` (end-of-sequence token included). Of several turns ``response`` has each on a line of its own,
    rewards see the task's ``outcome`` in the meta, and ``turns`` counts them. Where the task constrains its answers, at reset and on
    each step ``action_mask``; on the last step it is all ones.

    ## Arguments
    Those of :class:`tokengym.envs.keywords.Keywords`, ``render_mode`` (None, "ansi", "human"), and the fields of the task's ``Options``.

    ## Version History
    * v0: first release
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": list(_RENDER_MODES), "render_fps": 4}  # type: ignore[misc]

    def __init__(self, task: str | type[Task] | Task, *, render_mode: str | None = None, **keywords: Any) -> None:
        if render_mode is not None and render_mode not in _RENDER_MODES:
            raise TypeError(str(unknown("render_mode", render_mode, _RENDER_MODES)))  # Stable-Baselines3 then makes it without one
        self._spec: EnvSpec | None = None
        self._made_with = ((task,), {"render_mode": render_mode, **keywords})
        self.render_mode = render_mode
        self.engine = engine = Engine(task, keywords, elsewhere=_VECTOR_ONLY)
        self.observation_space = engine.observation_space()
        self.action_space = engine.action_space()
        self._order = Order(len(engine.examples), engine.keywords.group_size, engine.keywords.order == "shuffled")
        self._ends: list[bool] = engine.ends.tolist()
        self._seeded = False  # an order was drawn
        self._playing = False
        self._prompt: Prompt | None = None
        self._choice: Choice | None = None  # what may come next, where the task constrains its answers
        self._final: dict[str, Any] | None = None
        self._ids = np.full(engine.width, engine.tokenizer.pad_token_id, dtype=np.int32)  # (L,)
        self._attention = np.zeros(engine.width, dtype=np.int8)
        self._completion = np.zeros(engine.width, dtype=np.int8)
        self._length = self._start = self._limit = 0
        self._turn = 0  # where the turn begins that is being said; the answer's start where there is only one
        self._said: tuple[str, ...] = ()  # turns that are over
        self._deal = -1
        self._paid = 0.0  # rewards of this episode so far
        self._rewards: list[float] | None = None if render_mode is None else []  # of each of its tokens, for those who watch

    @property
    def spec(self) -> EnvSpec | None:
        """The specification; objects among its keywords are held by handles."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = keep_objects(value)

    @property
    def arguments(self) -> tuple[Any, dict[str, Any]]:
        """The task and the keywords that it was made with: ``TextGenEnv(task, **keywords)`` is another one like it."""
        (task,), keywords = self._made_with
        return task, dict(keywords)

    @property
    def task(self) -> Task:
        """The task with its options."""
        return self.engine.task

    @property
    def tokenizer(self) -> TextTokenizer:
        """Text to token ids and back."""
        return self.engine.tokenizer

    @property
    def example(self) -> Example:
        """The example that is being played. Raises ResetNeeded before the first reset."""
        if self._prompt is None:
            raise ResetNeeded("there is no current example before the first env.reset()")
        return self._prompt.example

    @property
    def said(self) -> tuple[str, ...]:
        """The turns of this episode that are over, where the task has several."""
        return self._said

    @property
    def action_masks(self) -> Callable[[], npt.NDArray[np.bool_]]:
        """A method without arguments that gives (V,) bool: which tokens may come next. Absent where the task constrains nothing."""
        if self.engine.constraint is None:
            raise AttributeError(unmasked(self))
        return self._action_masks

    def encode_answer(self, text: str) -> list[int]:
        """The tokens that answer ``text`` to the current prompt, end-of-sequence token included; of several turns, each line is one.

        Raises:
            ValueError: the task constrains its answers, and this is none of them.
            ResetNeeded: before the first reset.
        """
        if self._prompt is None:
            raise ResetNeeded("there is no prompt to answer before the first env.reset()")
        return self.engine.encode(self._prompt, text, len(self._said))

    def fingerprint(self) -> dict[str, str]:
        """sha256 of "env", "data", "tokenizer" and "reward"; results with different ones cannot be compared."""
        return self.engine.fingerprint()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Obs, dict[str, Any]]:
        """Starts an episode with the next example, or with the one that ``options`` name ({"index": i} or {"sample_id": s})."""
        super().reset(seed=seed)
        picked = self.engine.pick(options or {})
        if seed is not None or not self._seeded:
            self._order.start(int(self.np_random.integers(2**63)))
            self._seeded = True
        index, self._deal = next(self._order) if picked is None else (picked, -1)
        self._begin(prompt := self.engine.prompt(index, self._order.seed))
        self._show()
        return self._observation(), self._masked(self.engine.reset_info(prompt, self._deal))

    def step(self, action: Any) -> tuple[Obs, float, bool, bool, dict[str, Any]]:
        """Appends a token. Raises ValueError or TypeError for an action outside the space, ResetNeeded outside an episode."""
        try:
            token = as_index(action)
        except TypeError:
            raise TypeError(f"action={action!r}; expected a whole number, a token id") from None
        if not self._playing:
            raise ResetNeeded("env.step() outside an episode: call env.reset() first, and again after an episode has ended")
        if not 0 <= token < len(self._ends):
            raise ValueError(f"action={token} is no token of {self.tokenizer.name!r}; expected 0 to {len(self._ends) - 1}")
        choice = self._choice
        if choice is not None:
            self._choice = choice = choice.after(token)
        end = self._length
        self._ids[end] = token
        self._attention[end] = self._completion[end] = 1
        self._length = end = end + 1
        complete = choice is not None and choice.complete
        reason = ""
        if self._ends[token] or end == self._limit or complete:
            reason = self.engine.stop_reason(self._ids[self._turn : end], complete)
            if reason and self.engine.talk is not None:
                reason = self._hear(self._prompt)
        reward, flags, info = 0.0, (False, False), {}
        if reason:
            scored = self.engine.score([self._ended(reason)])
            reward, info, flags = scored.scores[0] - self._paid, scored.infos[0], self.engine.flags(reason)
            self._final = info
            self._playing = False
        elif self.engine.delta:
            potential = self.engine.potentials([self._ended("")])[0]
            reward = potential - self._paid if potential == potential else 0.0
        self._paid += reward
        if self._rewards is not None:
            self._rewards.append(reward)
            self._show()
        return self._observation(), reward, *flags, info if choice is None else self._masked(info)

    def render(self) -> str | None:
        """The episode so far as text ("ansi"); in mode "human" it is printed by ``reset`` and at the episode's end."""
        if self._prompt is None:
            raise ResetNeeded("env.render() before env.reset()")
        return asked(self._prompt) + self._behind(self._prompt) if self.render_mode == "ansi" else None

    def get_state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, JSON-able; :meth:`set_state` continues bit for bit."""
        prompt = self._prompt
        return {
            "about": self.engine.about(),
            "rng": self.np_random.bit_generator.state,
            "rng_seed": self.np_random_seed,
            "seeded": self._seeded,
            "order": [self._order.seed, self._order.position],
            "episode": None if prompt is None else [prompt.index, self._deal, self._answer().tolist(), self._paid, prompt.other],
            "playing": self._playing,
            **({} if self._rewards is None else {"rewards": list(self._rewards)}),
        }

    def set_state(self, state: dict[str, Any]) -> Obs:
        """Restores what :meth:`get_state` gave, and returns the current observation.

        Raises:
            ValueError: the state belongs to an environment with another task, data set, split, task options or tokenizer.
        """
        self.engine.check_state(state)
        self.np_random.bit_generator.state = state["rng"]
        self._np_random_seed = state["rng_seed"]
        self._seeded, self._playing = state["seeded"], state["playing"]
        self._order.start(*state["order"])
        self._prompt = self._choice = self._final = None
        if state["episode"] is None:  # saved before the first reset
            self._ids[:] = self.tokenizer.pad_token_id
            self._attention[:] = self._completion[:] = 0
            self._said = ()
        else:
            index, self._deal, completion, paid, other = state["episode"]
            self._begin(prompt := self.engine.prompt(index, other))
            played = self.engine.transcript(prompt, completion)
            self._length = end = self._start + len(played.ids)
            self._ids[self._start : end] = played.ids
            self._attention[self._start : end] = 1
            self._completion[self._start : end] = played.agent
            self._turn, self._said = self._start + played.turn, played.said
            self._limit = self._turn + self.engine.max_new_tokens
            self._paid, self._playing = paid, state["playing"]
            if self._rewards is not None:  # not known where nobody was watching
                self._rewards = list(state.get("rewards", [0.0] * len(completion)))
            for token in completion:
                self._choice = self._choice and self._choice.after(token)
        return self._observation()

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (type(self), *self._made_with, self._spec, self.get_state() if self._seeded else None)

    def _begin(self, prompt: Prompt) -> None:
        size = len(prompt.ids)
        self._prompt, self._final, self._paid, self._playing = prompt, None, 0.0, True
        self._start = self._turn = self._length = size
        self._said = ()
        self._rewards = None if self.render_mode is None else []
        self._limit = size + self.engine.max_new_tokens
        self._ids[:size] = prompt.ids
        self._ids[size:] = self.tokenizer.pad_token_id
        self._attention[:size] = 1
        self._attention[size:] = 0
        self._completion[:] = 0
        if self.engine.constraint is not None:
            self._choice = self.engine.constraint.start(prompt)

    def _action_masks(self) -> npt.NDArray[np.bool_]:
        mask = np.ones(len(self._ends), dtype=np.bool_)
        if self._playing and self._choice is not None:
            mask = self._choice.mask(len(mask)).view(np.bool_)
        return mask

    def _masked(self, info: dict[str, Any]) -> dict[str, Any]:
        """``info``, with the mask of what may come next where the task constrains its answers."""
        return info if self._choice is None else {**info, "action_mask": self._action_masks().view(np.int8)}

    def _ended(self, reason: str) -> Ended:
        if self._prompt is None:
            raise ResetNeeded("call env.reset() first")
        if self.engine.talk is None:
            return Ended(self._prompt, self._deal, self._answer(), reason)
        said = self.engine.so_far(self._said, self._ids[self._turn : self._length])
        return Ended(self._prompt, self._deal, self._answer(), reason, said)

    def _answer(self) -> npt.NDArray[np.int32]:
        """(T,) the agent's tokens so far."""
        behind = self._ids[self._start : self._length]
        return behind if self.engine.talk is None else behind[self._completion[self._start : self._length] == 1]

    def _hear(self, prompt: Prompt | None) -> str:
        """The other side answers the turn that is just over; why the episode ends with it, "" where it goes on."""
        if prompt is None:
            raise ResetNeeded("call env.reset() first")
        heard = self.engine.hear(prompt, self._said, self._ids[self._turn : self._length])
        end = self._length + len(heard.ids)
        self._ids[self._length : end] = heard.ids
        self._attention[self._length : end] = 1
        self._said, self._turn, self._length, self._limit = heard.said, end, end, end + self.engine.max_new_tokens
        return heard.reason

    def _observation(self) -> Obs:
        return {
            "input_ids": self._ids.copy(),
            "attention_mask": self._attention.copy(),
            "completion_mask": self._completion.copy(),
        }

    def _show(self) -> None:
        """In mode "human": the prompt at an episode's beginning, all else at its end."""
        if self.render_mode != "human" or self._prompt is None:
            return
        if self._length == self._start:
            print(asked(self._prompt, colours()), end="", flush=True)
        elif self._final is not None:
            print(self._behind(self._prompt, colours(), columns()), flush=True)

    def _behind(self, prompt: Prompt, *looks: Any) -> str:
        """What follows the prompt, as text; ``looks`` as in :func:`played`."""
        engine, spoken = self.engine, slice(self._start, self._length)
        turns = paid_turns(self.tokenizer, self._ids[spoken], self._completion[spoken], self._rewards or ())
        return played(prompt, engine.shown(self._ids[spoken]), turns, engine.budget, self._final, self._paid, *looks)
