"""The rules of a text environment, for one episode or many: prompts, when an episode ends, what it scores, what info says."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from operator import index as as_index
from pathlib import PurePath
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from tokengym._registry import unknown
from tokengym.envs.base import Task, told_options
from tokengym.envs.data import data_fingerprint, data_name, default_reward, named_set, read_dataset, sets_of, usual
from tokengym.envs.infos import row_infos
from tokengym.envs.keywords import read_keywords
from tokengym.envs.masks import Constraint
from tokengym.envs.prompts import Prompt, PromptBook
from tokengym.envs.scoring import FINISHED, Ended, Scored, begun_columns, potentials, score_episodes, told_apart
from tokengym.envs.stops import StopStrings
from tokengym.envs.tokenizer import load_tokenizer
from tokengym.envs.turns import Heard, Talk, Transcript
from tokengym.rewards import Sample, make_reward
from tokengym.rewards.origin import outside_code

__all__ = ["Ended", "Engine", "Scored"]

_PICKING = ("index", "sample_id")  # options of a reset that pick an example
_OF_ROWS = ("episodes", "first", "reset_mask")  # what a vector environment knows beside them
_ABOUT = ("task", "number of examples", "tokenizer", "width", "split", "dataset", "options")  # what a state says of its environment
_ABOUT_BEFORE = 4  # of these, in states that were saved before the others were added
_BOOKS: WeakValueDictionary[str, PromptBook] = WeakValueDictionary()  # shared by the sub-environments of a vector env


class Engine:
    """One set of keywords, understood: task, data, tokenizer, reward, budgets. Holds no episode.

    Args:
        task: an id of ``TASKS``, a Task class, or a task.
        keywords: as in :class:`tokengym.envs.keywords.Keywords`, and the task's own.
        elsewhere: keywords that are refused with a word on where they belong.
    """

    def __init__(self, task: str | type[Task] | Task, keywords: Mapping[str, Any], elsewhere: Mapping[str, str] | None = None) -> None:
        self.task, self.keywords = read_keywords(task, keywords, elsewhere)
        given = self.keywords
        self.tokenizer = load_tokenizer(given.tokenizer)
        default = usual(given.dataset, self.task)
        self.reward = make_reward(default.reward if given.reward is None else given.reward)
        if not self.reward.higher_is_better:
            spec = self.reward.spec
            raise ValueError(
                f"reward={spec!r} is better when it is lower, and agents raise rewards; write '-{spec}' (as a metric it is fine)"
            )
        metrics = self.task.metrics if given.metrics is True else (given.metrics or ())
        measured = [make_reward(metric) for metric in metrics]
        self.max_prompt_tokens = given.max_prompt_tokens or default.max_prompt_tokens
        self.max_new_tokens = given.max_new_tokens or default.max_new_tokens
        if given.length_limit == "truncate" and self.max_new_tokens == 1:
            raise ValueError("max_new_tokens=1 with length_limit='truncate' truncates at the first step; use length_limit='terminate'")
        self.talk = None if self.task.turns == 1 else Talk(self.task, self.tokenizer, given.prompt_format == "chat")
        self.width = self.max_prompt_tokens + (self.max_new_tokens if self.talk is None else self.talk.room(self.max_new_tokens))
        self.budget = self.task.turns * self.max_new_tokens  # tokens of the agent in one episode
        self.delta = given.reward_timing == "delta"
        self.reward_calls = 0  # texts that the reward has scored so far
        self.truncates = given.length_limit == "truncate"
        self.stops = StopStrings(given.stop, self.tokenizer)
        self.ends = self.stops.completing.copy()  # (V,) bool; tokens after which stop_reason must be asked
        self.ends[self.tokenizer.eos_token_id] = True
        self.book = self._book()
        self.examples = self.book.examples
        if given.reward is None:
            fitting, why = default_reward(given.dataset, self.task, self.examples)
            if why:
                warnings.warn(why, stacklevel=3)
                self.reward = make_reward(fitting)
        self.metrics = [self.reward if metric.spec == self.reward.spec else metric for metric in measured]  # scored only once
        self._names = told_apart(self.reward, self.metrics)
        self.constraint = Constraint.of(self.task, self.examples, self.tokenizer)  # None: any token may come next
        if self.constraint is not None and self.talk is not None:
            raise ValueError(f"{self.task.name} constrains its answers and has {self.task.turns} turns; only one of the two is possible")

    def observation_space(self) -> spaces.Dict:
        """input_ids (L,) int32, attention_mask (L,) and completion_mask (L,) int8."""
        return spaces.Dict(
            {
                "input_ids": spaces.Box(0, self.tokenizer.vocab_size - 1, (self.width,), np.int32),
                "attention_mask": spaces.MultiBinary(self.width),
                "completion_mask": spaces.MultiBinary(self.width),
            }
        )

    def action_space(self) -> spaces.Discrete[Any]:
        """One token id."""
        return spaces.Discrete(self.tokenizer.vocab_size)

    def stop_reason(self, completion: npt.NDArray[np.int32], complete: bool = False) -> str:
        """Why an answer (T,), whose last token has just been added, is over: "eos", "complete", "stop", "max_tokens"; "" while it goes on.

        ``complete`` says that a constrained answer has all its pieces.
        """
        if completion[-1] == self.tokenizer.eos_token_id:
            return "eos"
        if complete:
            return "complete"
        if self.stops.completing[completion[-1]] and self.stops.reached(completion):
            return "stop"
        return "max_tokens" if len(completion) >= self.max_new_tokens else ""

    def flags(self, reason: str) -> tuple[bool, bool]:
        """(terminated, truncated) of a step that ended for ``reason``."""
        truncated = self.truncates and reason in ("max_tokens", "max_turns")
        return not truncated, truncated

    def response(self, completion: npt.NDArray[np.int32]) -> str:
        """The text of an answer: no special tokens, cut at a stop string, stripped."""
        return self.stops.cut(self.tokenizer.decode(completion)).strip()

    def prompt(self, index: int, order_seed: int) -> Prompt:
        """What an episode with example ``index`` is played with; of several turns, with the other side that the order seed draws."""
        return self.book[index] if self.talk is None else self.talk.meet(self.book[index], order_seed)

    def hear(self, prompt: Prompt, said: tuple[str, ...], turn: npt.NDArray[np.int32]) -> Heard:
        """What follows when the tokens ``turn`` (T,), behind the turns ``said``, are a whole turn. For tasks with several turns."""
        return self._talk().after(prompt.example, self.so_far(said, turn), bool(turn[-1] == self.tokenizer.eos_token_id))

    def so_far(self, said: tuple[str, ...], turn: npt.NDArray[np.int32]) -> tuple[str, ...]:
        """The turns ``said``, and the one that is being said with ``turn`` (T,) where that has begun; each in one line."""
        return (*said, " ".join(self.response(turn).split())) if len(turn) else said

    def transcript(self, prompt: Prompt, tokens: Sequence[int]) -> Transcript:
        """The episode in which an agent emits ``tokens``, with what it hears between its turns; those behind the end are left out."""
        if self.talk is None:
            return Transcript(list(tokens), [1] * len(tokens), (), 0, "")
        ids, agent, said, begin = list[int](), list[int](), tuple[str, ...](), 0
        for token in tokens:
            ids.append(token)
            agent.append(1)
            turn = np.array(ids[begin:], dtype=np.int32)
            if (self.ends[token] or len(turn) == self.max_new_tokens) and self.stop_reason(turn):
                heard = self.hear(prompt, said, turn)
                ids += heard.ids
                agent += [0] * len(heard.ids)
                said, begin = heard.said, len(ids)
                if heard.reason:
                    return Transcript(ids, agent, said, begin, heard.reason)
        return Transcript(ids, agent, said, begin, "")

    def acted(self, prompt: Prompt, tokens: Sequence[int]) -> Ended:
        """The same episode of several turns, to be scored."""
        ids, agent, said, begin, reason = self.transcript(prompt, tokens)
        spoken = np.array(ids, dtype=np.int32)
        return Ended(prompt, -1, spoken[np.array(agent) == 1], reason, self.so_far(said, spoken[begin:]))

    def shown(self, behind: npt.NDArray[np.int32]) -> str:
        """The text of the tokens behind the prompt: the response; of several turns, with the replies."""
        return self.response(behind) if self.talk is None else self.tokenizer.decode(behind).strip()

    def potentials(self, episodes: Sequence[Ended]) -> list[float]:
        """Scores of unfinished texts, for delta rewards; NaN where a text cannot be scored."""
        self.reward_calls += len(episodes)
        return potentials([self._sample(episode) for episode in episodes], self.reward)

    def score(self, episodes: Sequence[Ended]) -> Scored:
        """Scores and infos of finished episodes, in one call of the reward and of each metric."""
        self.reward_calls += len(episodes)
        samples = [self._sample(episode) for episode in episodes]
        return score_episodes(episodes, samples, self.reward, self.metrics, self._names, self.talk is not None)

    def reset_info(self, prompt: Prompt, deal: int) -> dict[str, Any]:
        """The info of an episode's first observation; ``deal`` is -1 where the example was picked, not dealt."""
        return row_infos(begun_columns([prompt], [deal]), 1)[0]

    def pick(self, options: Mapping[str, Any]) -> int | None:
        """The example index that the options of ``reset`` name, None where they name none.

        Raises:
            ValueError: an unknown option, both options at once, or an example that is not there.
        """
        _check_known(options)
        number, name = options.get("index"), options.get("sample_id")
        if number is not None and name is not None:
            raise ValueError(f"reset options name both index={number!r} and sample_id={name!r}; give one")
        if name is not None:
            return self.book.index_of(str(name))
        if number is None:
            return None
        try:
            index = as_index(number)
        except TypeError:
            raise ValueError(f"reset option index={number!r}; expected a whole number; an example's name is its sample_id") from None
        if not 0 <= index < len(self.examples):
            raise ValueError(f"index={number} lies outside the data set of {len(self.examples)} examples")
        return index

    def picks(self, options: Mapping[str, Any], count: int, rows: Sequence[int] | None = None) -> list[int | None]:
        """:meth:`pick` for ``count`` rows; an option is one value for all of them, or a sequence of ``count``.

        Rows that are not among ``rows``, where those are given, pick nothing: None, whatever the sequence says there.
        """
        _check_known(options, _OF_ROWS)
        many = {key: value for key, value in options.items() if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)}
        for key, value in many.items():
            if np.shape(value) != (count,):
                raise ValueError(f"reset option {key!r} has shape {np.shape(value)}; expected one value, or ({count},)")
        if not many:
            return [self.pick(options)] * count
        picked: list[int | None] = [None] * count
        for row in range(count) if rows is None else rows:
            picked[row] = self.pick({**options, **{key: value[row] for key, value in many.items()}})
        return picked

    def about(self) -> list[Any]:
        """What must be the same where a saved state is to go on, JSON-able; of a data set's path the last part, as files may move."""
        given = self.keywords
        rules = [self.task.name, len(self.examples), self.tokenizer.fingerprint, self.width]
        data = [given.split, PurePath(data_name(given.dataset)).name, told_options(self.task)]
        about: list[Any] = json.loads(json.dumps([*rules, *data], default=str))
        return about

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError where a saved state comes from another environment than this one."""
        saved, here = list(state.get("about", ())), self.about()
        if saved not in (here, here[:_ABOUT_BEFORE]):
            told = [f"{name} {a!r}, here {b!r}" for name, a, b in zip(_ABOUT, saved, here, strict=False) if a != b]
            raise ValueError(f"this state is another environment's ({'; '.join(told) or saved}); make one with the keywords of that one")

    def label(self, index: int, clean: bool = False) -> Ended:
        """The label of an example as if an agent had written it; ``clean`` takes the task's best known answer instead.

        Raises:
            ValueError: the example has no reference.
        """
        prompt = self.book[index]
        if not prompt.example.references:
            raise ValueError(f"example {prompt.example.id!r} has no reference to learn from")
        text = self.task.oracle(prompt.example) if clean else prompt.example.references[0]
        return self.answered(prompt, text)

    def answered(self, prompt: Prompt, text: str) -> Ended:
        """The episode in which an agent answers ``text``, as far as the budget goes. Raises as :meth:`encode`."""
        ids = self.encode(prompt, text)
        if self.talk is not None:  # who has nothing more to say is silent
            return self.acted(prompt, [*ids, *[self.tokenizer.eos_token_id] * self.task.turns])
        whole = len(ids) <= self.max_new_tokens
        reason = "eos" if whole and ids[-1] == self.tokenizer.eos_token_id else "complete" if whole else "max_tokens"
        return Ended(prompt, -1, np.array(ids[: self.max_new_tokens], dtype=np.int32), reason)

    def encode(self, prompt: Prompt, text: str, turn: int = 0) -> list[int]:
        """The tokens that an agent emits to answer ``text``, end-of-sequence token included; may be more than the budget allows.

        Of several turns each line of ``text`` is one, cut to its budget; the first is turn number ``turn``.

        Raises:
            ValueError: the task constrains its answers, and this is none of them.
        """
        if self.talk is not None:
            return self.talk.encode(prompt.example, text, prompt.glued, turn, self.max_new_tokens)
        return self.book.label(prompt, text) if self.constraint is None else self.constraint.encode(prompt, text)

    def fingerprint(self) -> dict[str, str]:
        """sha256 of what decides a result: "env" (rules and task options), "data", "tokenizer", "reward"."""
        given, code = self.keywords, outside_code(self.reward)
        rules = {
            "task": self.task.name,
            "options": told_options(self.task),
            "prompt_format": given.prompt_format,
            "max_prompt_tokens": self.max_prompt_tokens,
            "max_new_tokens": self.max_new_tokens,
            "stop": given.stop,
            "length_limit": given.length_limit,
            "reward_timing": given.reward_timing,
        }
        return {
            "env": _sha256(rules),
            "data": data_fingerprint(given.dataset, self.examples, self.task, given.split),
            "tokenizer": self.tokenizer.fingerprint,
            "reward": _sha256([self.reward.spec, *code]) if code else _sha256(self.reward.spec),
        }

    @property
    def metric_names(self) -> tuple[str, ...]:
        """What the infos call the metrics."""
        return self._names.metrics

    def sample(self, prompt: Prompt, response: str, reason: str) -> Sample:
        """What rewards see of an episode that was played with ``prompt``, gave ``response`` and ended for ``reason``."""
        return self._sample_of(prompt, response, reason, tuple(response.split("\n")))

    def _sample(self, episode: Ended) -> Sample:
        prompt, _, completion, reason, said = episode
        return self._sample_of(prompt, self.response(completion) if self.talk is None else "\n".join(said), reason, said)

    def _sample_of(self, prompt: Prompt, response: str, reason: str, said: tuple[str, ...]) -> Sample:
        example = prompt.example
        meta = example.meta if self.talk is None else {**example.meta, **self.task.outcome(example, said)}
        return Sample(prompt.text, response, example.references, meta, reason in FINISHED)

    def _talk(self) -> Talk:
        if self.talk is None:
            raise RuntimeError(f"{self.task.name} has one turn; nothing is heard in it")
        return self.talk

    def _book(self) -> PromptBook:
        """The prompts; one book for all environments of this process that ask for the same ones by name."""
        given = self.keywords
        key = None
        known = given.dataset in ("builtin", *sets_of(self.task)) if isinstance(given.dataset, str) else False
        if known or named_set(given.dataset, self.task) is not None:
            asked = [asdict(self.task.options), given.dataset, given.split, given.size, given.prompt_format, self.max_prompt_tokens]
            key = json.dumps([repr(type(self.task)), id(type(self.task)), self.tokenizer.fingerprint, *asked], default=repr)
        book = None if key is None else _BOOKS.get(key)
        if book is None:
            examples = read_dataset(given.dataset, self.task, given.split, given.size)
            book = PromptBook(self.task, examples, self.tokenizer, given.prompt_format == "chat", self.max_prompt_tokens)
            if key is not None:
                _BOOKS[key] = book
        return book


def _check_known(options: Mapping[str, Any], more: Sequence[str] = ()) -> None:
    for key in options:
        if key not in _PICKING:
            raise unknown("reset option", key, (*_PICKING, *more))


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()
