"""What a task author writes: examples, how they become prompts, and the answers that anchor the scores. No tokens here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, NamedTuple

from tokengym.envs.options import check_options

__all__ = ["ROLES", "Example", "Parts", "Task", "Turn", "check_task", "plain_json", "told_options"]

ROLES = ("system", "user", "assistant")
"""Who can say a turn of a conversation."""


class Turn(NamedTuple):
    """One message of a conversation. ``role`` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a data set.

    Attributes:
        id: unique within its data set.
        prompt: the input text, or a tuple of chat turns; what the agent is asked about, without any formatting.
        references: accepted answers, the training label first; empty where none is known.
        meta: JSON-able facts about the row (question, facts, labels, ...), which rewards and heuristics may read.
    """

    id: str
    prompt: str | tuple[Turn, ...]
    references: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.references, str):  # which would be learned letter by letter
            told = f"references={self.references!r} is a text; expected a tuple of texts: ({self.references!r},)"
            raise TypeError(f"example {self.id!r}: {told}")

    @property
    def text(self) -> str:
        """The prompt as one text: itself, or what the one user turn says; of a system turn before it, its text stands in front.

        Raises:
            ValueError: the prompt is any other conversation.
        """
        if isinstance(self.prompt, str):
            return self.prompt
        if [turn.role for turn in self.prompt] not in (["user"], ["system", "user"]):
            told = ", ".join(turn.role for turn in self.prompt)
            raise ValueError(
                f"the prompt of example {self.id!r} is a conversation ({told}); expected a text, or one user turn with or without a "
                "system turn before it: other conversations are for TextDialogue-v0"
            )
        return "\n\n".join(turn.content for turn in self.prompt)


class Parts(NamedTuple):
    """A prompt in the plain format: ``head + body + tail``; only ``body`` is cut when the whole is too long.

    ``keep`` says which side of ``body`` survives a cut: "start" (a document) or "end" (the latest turns of a conversation).
    ``instruction`` is what a chat model is told instead of the plain layout's labels; "" where the plain text explains itself.
    """

    head: str
    body: str
    tail: str
    keep: str = "start"
    instruction: str = ""


class Task:
    """A language task. Subclass it, set the class attributes, write four methods, add one row to ``envs/__init__.py``.

    Attributes:
        name: the Gymnasium id.
        reward: default reward, as a specification for :func:`tokengym.rewards.make_reward`.
        metrics: default metrics, specifications likewise, reported beside the reward; none where a task names none.
        max_prompt_tokens, max_new_tokens: default budgets, in tokens of the builtin tokenizer; of several turns, each has its own.
        turns: how many turns the agent has; with more than one, :meth:`reply` says what it hears after each.
        max_reply_tokens: the longest of those replies, in tokens; longer ones are cut.
        revision: of the builtin texts; rises when they change. Above 1 it enters the data fingerprint.
        datasets: names of the real data sets that have this task's shape.
        Options: a frozen dataclass of the keywords that only this task takes; values are held against the types of its fields, and
            against what :func:`tokengym.envs.options.option` says of them.
    """

    name: ClassVar[str]
    reward: str
    metrics: tuple[str, ...] = ()
    max_prompt_tokens: int
    max_new_tokens: int
    turns: int = 1
    max_reply_tokens: int = 0
    revision: int = 1
    datasets: ClassVar[tuple[str, ...]] = ()

    @dataclass(frozen=True, kw_only=True)
    class Options:
        """Keywords of the task; each field is explained beside it."""

    def __init__(self, options: Any = None) -> None:
        self.options: Any = self.Options() if options is None else options  # each task's own dataclass
        check_options(self.options)

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        """``size`` examples of the builtin world for ``split`` ("train", "validation", "test"); same call, same examples."""
        raise NotImplementedError

    def arranged(self, examples: Sequence[Example]) -> Sequence[Example]:
        """What the task plays of examples that come from elsewhere than its builtin world: these, unless it makes others of them."""
        return examples

    def prepared(self, examples: Sequence[Example], train: Callable[[], Sequence[Example]]) -> Sequence[Example]:
        """As :meth:`arranged`, for a task whose rows depend on the training split as well (on its labels); override only one of the two.

        Args:
            examples: of the split that is played.
            train: reads the rows of the training split, which are ``examples`` themselves where that is played; raises ValueError or
                OSError where the data set has none.
        """
        return self.arranged(examples)

    def prompt_budget(self, usual: int) -> int:
        """The default of ``max_prompt_tokens``, given the data set's own; an option that lengthens the prompt raises it."""
        return usual

    def parts(self, example: Example) -> Parts:
        """The example as a plain prompt; the answer is expected to follow ``tail`` directly."""
        raise NotImplementedError

    def oracle(self, example: Example) -> str:
        """The best known answer, ``meta["answer"]`` or else the first reference; anchors the normalized score at 1.

        Raises:
            ValueError: the example has neither.
        """
        given = (example.meta.get("answer"), *example.references[:1])
        known = [text for text in given if text is not None and not isinstance(text, Mapping | list | tuple)]  # those hold no one answer
        if not known:
            raise ValueError(
                f"example {example.id!r} has neither references nor meta['answer'] as one text, so no best answer is known; name a column "
                "that holds them: dataset={'path': ..., 'columns': {'references': NAME}}"
            )
        return str(known[0])

    def heuristic(self, example: Example) -> str:
        """What a sensible rule without learning answers."""
        raise NotImplementedError

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        """What may be said next where the answer is constrained: None: free text, anything.

        Otherwise the answer is a row of pieces, and this gives the texts of which the next one is taken; ``said`` are the pieces
        so far. An empty sequence says that the answer is complete. A choice of one label is ``labels`` at first and ``()`` then;
        a ranking gives the numbers that were not named yet. A task that constrains only on demand has an Option for it, which
        every call of an episode must answer alike: None always, or never.
        """
        return None

    def meet(self, example: Example, seed: int) -> Example:
        """The example as it is played with the other side that ``seed`` draws, where the task has several turns.

        It may change the ``meta`` that :meth:`reply` and :meth:`outcome` read (how someone talks, how patient they are), and must
        leave alone what the prompt, the references and the rewards are made of. Labels are played with the example as the data set
        has it, so the other two must know what to do with that one too.

        Args:
            example: from the data set.
            seed: 64 bits; another one for each order seed and each example, the same for all members of a group.
        """
        return example

    def reply(self, example: Example, said: tuple[str, ...]) -> str | None:
        """What the other side answers, where the task has several turns; None: the conversation is over.

        It must depend on nothing but the example and what the agent said, so that the same words always meet the same answer: in
        every copy of the environment, for every member of a group, and when a saved episode goes on. What chance decides about the
        other side is in the example: :meth:`meet` draws it.

        Args:
            example: what is being played, as :meth:`meet` gave it; a simulated person is a part of it.
            said: the agent's turns so far, the last one included; each a text in one line, without spaces around it.
        """
        raise NotImplementedError(f"{self.name} has {self.turns} turns; its reply() must say what the agent hears between them")

    def heard(self, example: Example, reply: str) -> Parts:
        """A reply as the plain format shows it behind the agent's turn, up to where the next one follows; ``body`` is cut if need be."""
        return Parts("\n", reply, "\n")

    def outcome(self, example: Example, said: tuple[str, ...]) -> Mapping[str, Any]:
        """What several turns came to; rewards see it in ``meta``, on top of the example's (``said`` as in :meth:`reply`)."""
        return {"turns": len(said)}


def check_task(task: type[Task] | Task) -> None:
    """Raises ValueError where a task lacks one of the attributes that every task must set."""
    missing = [name for name in ("name", "reward", "max_prompt_tokens", "max_new_tokens") if not hasattr(task, name)]
    if missing:
        name = (task if isinstance(task, type) else type(task)).__name__
        raise ValueError(
            f"the task {name} has no {', '.join(missing)}; set each in the class, as in: reward = 'rouge_l', max_new_tokens = 32"
        )


def told_options(task: Task) -> dict[str, Any]:
    """A task's options as fingerprints and states hold them, the same in every process (:func:`plain_json`).

    Those that came later (``field(metadata={"later": True})``) are told only if they were set.
    """
    options = task.options
    if not is_dataclass(options) or isinstance(options, type):
        return {}
    silent = {each.name for each in fields(options) if each.metadata.get("later") and getattr(options, each.name) == each.default}
    return {name: plain_json(value) for name, value in asdict(options).items() if name not in silent}


def plain_json(value: Any) -> Any:
    """``value`` as JSON takes it, the same in every process; of what JSON does not know, its text without the address."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(json.dumps(plain_json(each), sort_keys=True) for each in value)
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return plain_json(value.tolist())
    return value if value is None or isinstance(value, str | int | float) else re.sub(" at 0x[0-9a-fA-F]+", "", str(value))
