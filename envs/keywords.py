"""The keywords that every text environment takes, each explained once, checked, and told apart from a task's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

from tokengym._registry import unknown
from tokengym.envs.base import Task, check_task
from tokengym.envs.spec import unwrap
from tokengym.envs.tasks import TASKS

__all__ = ["Keywords", "read_keywords"]

_CHOICES = {
    "prompt_format": ("plain", "chat"),
    "order": ("shuffled", "sequential"),
    "length_limit": ("terminate", "truncate"),
    "reward_timing": ("terminal", "delta"),
}
_OF_DATASET = (
    "It belongs into the mapping of a data set: dataset={'path': 'd.csv', 'columns': {'prompt': 'article', 'references': 'gist'}}."
)


@dataclass(frozen=True, kw_only=True)
class Keywords:
    """Keywords of every text environment; strings and numbers keep ``env.spec`` JSON-able, objects are taken as well.

    Rows of a file whose columns have names of their own are played with a mapping of the fields of an Example to them::

        gymnasium.make("TextSumm-v0", dataset={"path": "d.csv", "columns": {"prompt": "article", "references": "gist"}})

    The rows of a file without splits are shared out: a tenth each is validation and test. Examples in a list are played as they are,
    all of them in every split, so each split is given its own list. Where no row has what the task's reward needs, known facts for
    instance, ``rouge_l`` takes its place, with a warning; ``reward=`` names another.
    """

    split: str = "train"  # "train", "validation" or "test"
    dataset: Any = "builtin"  # "builtin", a named set, a path, a hub id, a mapping such as {"path": ..., "columns": ...}, or Examples
    size: int | None = None  # number of examples; None: 20,000 / 1,000 / 1,000 of the builtin world, all of any other set
    tokenizer: Any = "builtin"  # a name, folder, hub id, or tokenizer object
    prompt_format: str = "plain"  # "plain" text, or the tokenizer's "chat" template
    reward: Any = None  # a specification such as "0.7*rouge_l + 0.3*semantic", or a reward; None: the task's
    metrics: Any = True  # True: the task's; False: none; a specification, or a sequence of them
    max_prompt_tokens: int | None = None  # longest prompt, in tokens; None: the task's
    max_new_tokens: int | None = None  # longest answer, in tokens, its end-of-sequence token included; None: the task's
    stop: str | Sequence[str] = ()  # an answer also ends where one of these texts appears; it is cut off
    order: str = "shuffled"  # or "sequential"
    group_size: int = 1  # episodes dealt per example, one after the other
    length_limit: str = "terminate"  # an answer that runs out of tokens is "terminate"d, or "truncate"d
    reward_timing: str = "terminal"  # the score is paid at the end, or token by token as its "delta"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise unknown(name, getattr(self, name), choices)
        for name in ("size", "max_prompt_tokens", "max_new_tokens", "group_size"):
            value = getattr(self, name)
            if value is None and name != "group_size":
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value!r}; expected a whole number, 1 or more")
            object.__setattr__(self, name, int(value))  # numpy's become Python's, which JSON can hold
        if isinstance(self.metrics, str) or callable(self.metrics):
            object.__setattr__(self, "metrics", (self.metrics,))
        elif not (self.metrics is None or isinstance(self.metrics, bool | Iterable)):
            raise ValueError(f"metrics={self.metrics!r}; expected True, False, a specification such as 'rouge_l', or several in a list")
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop) if isinstance(self.stop, Iterable) else (self.stop,)
        if not all(isinstance(text, str) and text for text in stop):
            raise ValueError(f"stop={self.stop!r}; expected a text that is not empty, or several in a list")
        object.__setattr__(self, "stop", stop)


def read_keywords(
    task: str | type[Task] | Task, keywords: Mapping[str, Any], elsewhere: Mapping[str, str] | None = None
) -> tuple[Task, Keywords]:
    """The task with its own options, and the common keywords.

    Args:
        task: an id, a Task class, or a task.
        keywords: what the user gave, common and of the task, handles included.
        elsewhere: keywords that exist but not here, each with a sentence on where they belong.
    Raises:
        TypeError: a keyword that neither side knows.
        ValueError: an unknown task, or a value outside its choices.
    """
    given = {key: unwrap(value) for key, value in keywords.items()}
    task = unwrap(task)
    kind = TASKS.find(task) if isinstance(task, str) else task
    check_task(kind)
    common = {field.name for field in fields(Keywords)}
    own = {field.name for field in fields(kind.Options)}
    for key in given:
        if elsewhere and key in elsewhere:
            raise TypeError(f"{key}={given[key]!r}: {elsewhere[key]}")
        if key not in common | own:
            hint = _OF_DATASET if key in ("columns", "path", "revision", "config", "augment") else ""
            raise TypeError(str(unknown(f"keyword of {kind.name}", key, [*common, *own, "render_mode"], hint)))
    options = {key: value for key, value in given.items() if key in own}
    if isinstance(kind, type):
        made = kind(kind.Options(**options))
    elif options:
        raise TypeError(f"{sorted(options)} are options of {kind.name}, which was passed ready-made; pass its class or id instead")
    else:
        made = kind
    return made, Keywords(**{key: value for key, value in given.items() if key in common})
