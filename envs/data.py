"""Where examples come from: the builtin world, named real data sets, files, the Hugging Face hub, or a sequence of Examples."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tokengym._registry import Registry, unknown
from tokengym.envs.augment import augment
from tokengym.envs.base import Example, Task, plain_json, told_options
from tokengym.envs.files import SUFFIXES, read_hub, read_path
from tokengym.envs.named import NamedSet
from tokengym.envs.options import not_builtin
from tokengym.envs.tasks import TASKS
from tokengym.envs.world import WORLD_VERSION
from tokengym.rewards import make_reward

__all__ = [
    "DATASETS",
    "SIZES",
    "SPLITS",
    "Usual",
    "data_fingerprint",
    "data_name",
    "default_reward",
    "load_examples",
    "named_set",
    "read_dataset",
    "sets_of",
    "usual",
]

SPLITS = ("train", "validation", "test")
SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}  # builtin examples where ``size`` is None
# Rows are NamedSets, which say what tasks they are for; a plain function from a split to examples needs a task that lists its name.
DATASETS: Registry[NamedSet | Callable[..., Sequence[Example]]] = Registry(
    "dataset",
    {
        "aclsum": "tokengym.envs.aclsum:SET",
        "aclsum-aspects": "tokengym.envs.aclsum_aspects:SET",
        "aclsum-titles": "tokengym.envs.aclsum_titles:SET",
        "chatterbot": "tokengym.envs.chatterbot:SET",
        "chatterbot-zh": "tokengym.envs.chatterbot:SET_ZH",
        "chitchat": "tokengym.envs.chitchat:SET",
        "countryinfo": "tokengym.envs.countryinfo:SET",
        "human-eval": "tokengym.envs.human_eval:SET",
        "django-po": "tokengym.envs.catalogs:DJANGO_PO",
        "jupyterlab-zh-CN": "tokengym.envs.catalogs:JUPYTERLAB",
        "nlpaug-spelling": "tokengym.envs.misspellings:NLPAUG_SPELLING",
        "presidio": "tokengym.envs.presidio:SET",
        "reasoning-gym": "tokengym.envs.reasoning_gym:SET",
    },
)
_HINT = "A path to a .jsonl, .csv or .parquet file or a hub id (owner/name) works too."
_KEYS = ("path", "revision", "config", "columns", "split")
_AUGMENT = ("augment", "seed", "copies")
_READS = re.compile(r"meta\['(\w+)'\]|references")  # what a reward says that it needs
_SCANNED = 1_000  # rows in which that is looked for
_FINGERPRINTED = 256  # texts of the builtin world that enter its fingerprint; the rest follow from the same generator


class Usual(NamedTuple):
    """What an environment does where nobody says otherwise: its reward, and its budgets in tokens."""

    reward: str
    max_prompt_tokens: int
    max_new_tokens: int


def load_examples(
    dataset: Any, split: str | None = "train", size: int | None = None, columns: Mapping[str, str | None] | None = None
) -> Sequence[Example]:
    """The examples of a data set.

    Args:
        dataset: a named set ("aclsum"), a part of one ("reasoning-gym:gcd"), "builtin:TextSumm-v0" (the builtin world, as that task
            asks about it), a path, a hub id with an optional revision ("owner/name@revision"), a mapping {"path", "revision",
            "config", "columns", "split"} with, for training, {"augment", "seed", "copies"} as in
            :func:`tokengym.envs.augment.augment`, or Examples, which are taken as they are, whatever the split.
        split: "train", "validation" or "test"; None takes all rows of a file or hub data set.
        size: number of builtin examples.
        columns: for files and the hub: {"id", "prompt", "references"} to the column names there; None for "references": no column
            holds any.
    Raises:
        ValueError: an unknown data set, split or column, or no examples at all.
        ImportError: the library that reads it is missing; the message names it.
    """
    dataset, change = _plain(dataset, split)
    if change is not None:
        return augment(load_examples(dataset, split, size, columns), **change)
    if isinstance(dataset, str) and dataset.startswith("builtin:"):
        return read_dataset("builtin", TASKS.find(dataset.removeprefix("builtin:"))(), _split(split), size)
    if isinstance(dataset, str) and dataset == "builtin":
        raise ValueError(f"dataset='builtin' alone names no task; use one of: {', '.join('builtin:' + name for name in TASKS)}")
    if columns and isinstance(dataset, str | Path):
        dataset = {"path": str(dataset), "columns": dict(columns)}
    return _read(dataset, split, tuple(DATASETS), "dataset", [*(f"builtin:{name}" for name in TASKS), *DATASETS], size=size)


def read_dataset(dataset: Any, task: Task, split: str, size: int | None = None) -> Sequence[Example]:
    """The examples that an environment of ``task`` deals; arguments as in :func:`load_examples`."""
    split = _split(split)
    dataset, change = _plain(dataset, split)
    if change is not None:
        return augment(read_dataset(dataset, task, split, size), **change)
    if size is not None and (not isinstance(size, int) or size < 1):
        raise ValueError(f"size={size!r}; expected a number of examples, 1 or more")
    if isinstance(dataset, str) and dataset == "builtin":
        made = task.builtin(split, SIZES[split] if size is None else size)
        if not hasattr(made, "__getitem__"):
            raise TypeError(f"{task.name}.builtin() gives a {type(made).__name__}; expected a sequence of Examples")
        if isinstance(made, list | tuple):
            _check_rows(made, f"{task.name}.builtin()")
        return made
    named = sets_of(task)
    _check_heeded(dataset, task)

    def read(split: str) -> Sequence[Example]:
        return _read(dataset, split, named, f"dataset of {task.name}", ["builtin", *named], task.options, size)

    examples = read(split)
    examples = task.prepared(examples, lambda: examples if split == "train" else read("train"))
    return examples if size is None or len(examples) <= size else examples[:size]


def sets_of(task: type[Task] | Task) -> tuple[str, ...]:
    """Names of the real data sets that have the shape of ``task``."""
    named = (name for name, found in DATASETS.items() if isinstance(found, NamedSet) and task.name in found.tasks)
    return tuple(dict.fromkeys((*task.datasets, *named)))


def named_set(dataset: Any, task: type[Task] | Task | None = None) -> NamedSet | None:
    """What a data set says of itself: its licence, and what an environment of ``task`` takes by default; None for all but named ones.

    Raises:
        ValueError: a part that its family of sets does not have.
    """
    found = _row(dataset, tuple(DATASETS) if task is None else sets_of(task))
    return found if isinstance(found, NamedSet) else None


def usual(dataset: Any, task: type[Task] | Task) -> Usual:
    """The task's reward and budgets, or those of the named set where it has its own."""
    found = named_set(_plain(dataset, "train")[0], task)
    own = (found.reward, found.max_prompt_tokens, found.max_new_tokens) if found else (None, None, None)
    room = own[1] or task.max_prompt_tokens
    return Usual(own[0] or task.reward, task.prompt_budget(room) if isinstance(task, Task) else room, own[2] or task.max_new_tokens)


def default_reward(dataset: Any, task: Task, examples: Sequence[Example]) -> tuple[str, str]:
    """The reward of an environment for which nobody names one, and a sentence on what is wrong with the task's; "" where it is that one.

    It is that of :func:`usual`. Rows of one's own (a file, the hub, Examples) may lack what it needs, such as known facts: where none of
    the first 1,000 has it, ROUGE-L with the references takes its place; without references nothing does, and no episode can be scored.

    Args:
        dataset: as the environment gets it.
        task: with its options; one of several turns tells the reward more than the rows do, and keeps its own.
        examples: what it plays, as :func:`read_dataset` gives them.
    """
    reward, plain = usual(dataset, task).reward, _plain(dataset, "train")[0]
    if (isinstance(plain, str) and plain == "builtin") or _row(plain, sets_of(task)) is not None or task.turns > 1:
        return reward, ""
    rows = [examples[index] for index in range(min(len(examples), _SCANNED))]
    needs = [(found[0], found[1]) for found in _READS.finditer(make_reward(reward).needs)]
    lacking = [text for text, key in needs if not any(row.meta.get(key) is not None if key else row.references for row in rows)]
    if not lacking:
        return reward, ""
    told = f"{reward!r} of {task.name} needs {', '.join(lacking)}, and no row of dataset={data_name(dataset)!r} has that"
    if not any(row.references for row in rows):
        remedy = "name a column with dataset={'path': ..., 'columns': {'references': NAME}}, or pass another reward="
        return reward, f"the reward {told}, nor references for another: every episode earns 0.0; {remedy}"
    return "rouge_l", f"the reward is 'rouge_l': {told}; pass reward= for another"


def data_name(dataset: Any) -> str:
    """What results call the data set."""
    if isinstance(dataset, Mapping):
        return f"{dataset.get('path')} with {dataset['augment']}" if "augment" in dataset else str(dataset.get("path"))
    return str(dataset) if isinstance(dataset, str | Path) else "examples"


def data_fingerprint(dataset: Any, examples: Sequence[Example], task: Task, split: str) -> str:
    """sha256 over ids, texts and meta in order; of what is made on demand over its first 256 texts and the call that makes the others."""
    digest = hashlib.sha256()
    builtin = isinstance(dataset, str) and dataset == "builtin"
    about = named_set(dataset, task)
    made = builtin or (about is not None and about.endless)
    if made:
        call = [task.name, split, len(examples), WORLD_VERSION if builtin else data_name(dataset), told_options(task)]
        if builtin and task.revision > 1:
            call.append(task.revision)
        digest.update(json.dumps(call, sort_keys=True, default=str).encode())
    for i in range(min(len(examples), _FINGERPRINTED) if made else len(examples)):
        example = examples[i]
        row = [example.id, example.prompt, example.references]
        if example.meta and not made:  # questions, tests, relevance: what the prompts and scores are made of
            row.append(plain_json(example.meta))
        digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _plain(dataset: Any, split: str | None) -> tuple[Any, dict[str, Any] | None]:
    """A mapping that only names a set, as that name; and what is asked of :func:`augment`, None where it is not asked for."""
    if not isinstance(dataset, Mapping):
        return dataset, None
    inner: Any = {key: value for key, value in dataset.items() if key not in _AUGMENT}
    change = {"steps" if key == "augment" else key: value for key, value in dataset.items() if key in _AUGMENT}
    if change and "steps" not in change:
        raise ValueError(f"dataset={dict(dataset)} has {', '.join(change)} and no 'augment', such as 'typo(0.05) + swap(0.1)'")
    if change and split != "train":
        raise ValueError(
            f"dataset={dict(dataset)} is augmented, which is for split='train' only, not for split={split!r}: leave it out there"
        )
    path = inner.get("path")
    if tuple(inner) == ("path",) and isinstance(path, str) and (path.partition(":")[0] == "builtin" or path.partition(":")[0] in DATASETS):
        inner = path
    return inner, change or None


def _row(dataset: Any, names: Sequence[str]) -> NamedSet | Callable[..., Sequence[Example]] | None:
    """The row of one of ``names``, or of a part of it ("reasoning-gym:gcd"); None for what is neither."""
    family, _, part = dataset.partition(":") if isinstance(dataset, str) else ("", "", "")
    if family not in names:
        return None
    found = DATASETS.find(family)
    if not part:
        return found if dataset == family else None
    return found.part(part) if isinstance(found, NamedSet) and found.part is not None else None


def _load(found: NamedSet | Callable[..., Sequence[Example]], split: str, options: Any, size: int | None) -> Sequence[Example]:
    """The examples of a named set; its loader gets the size and those of the task's options that it has a parameter for."""
    load = found.load if isinstance(found, NamedSet) else found
    given = {**(asdict(options) if is_dataclass(options) and not isinstance(options, type) else {}), "size": size}
    wanted = _wanted(found)
    return load(split, **{name: value for name, value in given.items() if name in wanted})


def _wanted(found: NamedSet | Callable[..., Sequence[Example]]) -> tuple[str, ...]:
    return tuple(inspect.signature(found.load if isinstance(found, NamedSet) else found).parameters)


def _check_heeded(dataset: Any, task: Task) -> None:
    """Raises ValueError where an option was set that data from elsewhere than the builtin world does not heed."""
    found = _row(dataset, sets_of(task))
    ignored = not_builtin(task.options, () if found is None else _wanted(found))
    if ignored:
        told = ", ".join(f"{name}={value!r}" for name, value in ignored.items())
        raise ValueError(f"{told} would do nothing: it is for the builtin data only, not for dataset={data_name(dataset)!r}; leave it out")


def _read(
    dataset: Any, split: str | None, named: Sequence[str], kind: str, known: Sequence[str], options: Any = None, size: int | None = None
) -> Sequence[Example]:
    if isinstance(dataset, Path):
        dataset = str(dataset)
    if isinstance(dataset, str):
        found = _row(dataset, named)
        if found is not None:
            return _load(found, _split(split), options, size)
        dataset = {"path": dataset}
    if isinstance(dataset, Mapping):
        examples: Sequence[Example] = _read_mapping(dataset, split, kind, known)
    elif isinstance(dataset, Sequence):
        examples = dataset
        _check_rows(examples, "dataset")
    else:
        raise TypeError(f"dataset={type(dataset).__name__} object; expected a name, a path, a mapping or a sequence of Examples")
    if not len(examples):
        raise ValueError(f"dataset={data_name(dataset)!r} holds no examples for split={split!r}")
    return examples


def _read_mapping(dataset: Mapping[str, Any], split: str | None, kind: str, known: Sequence[str]) -> list[Example]:
    for key in dataset:
        if key not in _KEYS:
            raise unknown("key of dataset={...}", key, (*_KEYS, *_AUGMENT))
    path = str(dataset.get("path", ""))
    if dataset.get("split") == "all":
        split = None
    elif dataset.get("split") is not None:
        split = str(dataset["split"])
    columns = dataset.get("columns")
    if path.endswith(SUFFIXES) or Path(path).exists() and path:
        if "{split}" not in path and not Path(path).exists():
            raise FileNotFoundError(f"dataset={path!r}: no such file")
        return read_path(Path(path), split, columns)
    name, _, revision = path.partition("@")
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise unknown(kind, path, known, _HINT)
    try:
        return read_hub(name, split, dataset.get("revision") or revision or None, dataset.get("config"), columns)
    except OSError as error:  # no connection, or nothing there
        raise FileNotFoundError(
            f"dataset={path!r}: there is no such file or folder here, and as a hub id it cannot be read: {error}"
        ) from error


def _check_rows(examples: Sequence[Any], what: str) -> None:
    """Raises TypeError where the first row is no Example."""
    if len(examples) and not isinstance(examples[0], Example):
        raise TypeError(f"{what} holds {type(examples[0]).__name__} objects; expected tokengym.envs.Example")


def _split(split: str | None) -> str:
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    return str(split)
