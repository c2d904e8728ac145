"""From what a user gives as an environment to the vector env that an agent plays, with the checks that save a wasted run."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorWrapper
from gymnasium.wrappers.vector import DictInfoToList
from torch.nn import Embedding

from tokengym.agents.parallel import Shard

__all__ = [
    "check_context",
    "check_fits",
    "check_groups",
    "check_infos",
    "check_tokenizer",
    "check_width",
    "data_key",
    "describe",
    "differs",
    "make_venv",
    "recall",
    "recall_both",
    "recall_validation",
    "to_go_on",
    "validation_venv",
]

_MADE_BY_US = ("num_envs", "vectorization_mode", "deal", "group_size", "autoreset_mode")  # keywords that make_vec gets from the agent
_TRAINING_ONLY = ("size", "label_noise")  # keywords that do not carry over to the validation split

_WRONG_GROUPS = (
    "the vector env deals {dealt} and the config says group_size={group_size}; "
    "make it with gymnasium.make_vec(id, num_envs=..., deal='shared', group_size={group_size})"
)


def make_venv(env: Any, num_envs: int, group_size: int = 1, **changes: Any) -> Any:
    """A vector env with deal="shared", from an id, an ``EnvSpec`` or such a vector env itself.

    Args:
        env: what the user gave.
        num_envs, group_size: for a vector env that is made here.
        changes: further keywords for it.
    Raises:
        TypeError: ``env`` is none of the three.
        ValueError: a vector env that deals independently, or in groups of another size, or whose infos are a list.
    """
    if isinstance(env, (str, EnvSpec)):
        spec = gymnasium.spec(env) if isinstance(env, str) else env
        kwargs = {name: value for name, value in spec.kwargs.items() if name not in _MADE_BY_US}
        kwargs.setdefault("metrics", False)  # training reads the reward alone
        given = replace(spec, kwargs={**kwargs, **changes})
        return gymnasium.make_vec(given, num_envs=num_envs, deal="shared", group_size=group_size)
    if not hasattr(env, "num_envs"):
        raise TypeError(
            f"env is a {type(env).__name__}; expected an id such as 'TextSumm-v0', an EnvSpec, "
            "or a vector env: gymnasium.make_vec(id, num_envs=64, deal='shared')"
        )
    check_infos(env)
    inner = getattr(env, "unwrapped", env)
    if getattr(inner, "deal", "shared") != "shared":
        raise ValueError(f"the vector env deals {inner.deal!r}; agents need gymnasium.make_vec(id, num_envs=..., deal='shared')")
    made = getattr(inner, "spec", None)
    dealt = group_size if made is None else made.kwargs.get("group_size", 1)
    if group_size > 1 and dealt != group_size:
        raise ValueError(_WRONG_GROUPS.format(dealt=f"groups of {dealt}", group_size=group_size))
    return env


def check_infos(env: Any) -> None:
    """Raises ValueError where a wrapper turns the infos, a dict of arrays, into something else."""
    wrapper = env
    while isinstance(wrapper, VectorWrapper):
        if isinstance(wrapper, DictInfoToList):
            raise ValueError("the vector env is wrapped in DictInfoToList, and agents read infos as a dict of arrays; leave it out")
        wrapper = wrapper.env


def validation_venv(given: Any, venv: Any, num_envs: int, metrics: bool) -> Any:
    """The vector env of validation: ``given``, or the validation split of the training environment, always in the same order.

    It warns where the rows of training are in it: those of an id or spec are of the split "train", and Examples in a list have no splits.
    A vector env that was not made by ``gymnasium.make_vec`` may have them without a word.

    Args:
        given: an id, a spec, a vector env or None.
        venv: of training.
        num_envs: rows, where one is made here.
        metrics: whether one that is made here measures the task's metrics, which may cost more than the reward.
    Raises:
        ValueError: nothing was given, and the training environment does not know its own id and keywords; or that itself was given.
    """
    if given is None:
        spec = getattr(getattr(venv, "unwrapped", venv), "spec", None)
        if spec is None:
            raise ValueError("the environment was not made by gymnasium.make_vec: its validation split is unknown; give validation_env=...")
        kwargs = {name: value for name, value in spec.kwargs.items() if name not in _TRAINING_ONLY}
        given = replace(spec, kwargs={**kwargs, "split": "validation"})
        why, instead = "this dataset has the same examples in every split", "dataset=..."
    else:
        why, instead = "validation_env has the same examples as env", "split='validation'"
    changes: dict[str, Any] = {} if hasattr(given, "num_envs") else {"order": "sequential", "metrics": metrics}
    made = make_venv(given, num_envs, **changes)
    if getattr(made, "unwrapped", made) is getattr(venv, "unwrapped", venv):
        raise ValueError(
            "validation_env is the training environment itself: each validation would begin its order of examples again, and training "
            "would repeat the first ones; leave it out, or make another one: "
            f"gymnasium.make_vec({describe(venv)['id']!r}, num_envs={num_envs}, deal='shared', split='validation')"
        )
    if getattr(getattr(made, "unwrapped", made), "spec", None) is not None and _share_rows(venv, made):
        warnings.warn(
            f"validation plays the rows of training: {why}; make an environment of other rows, "
            f"gymnasium.make_vec({describe(made)['id']!r}, num_envs={num_envs}, deal='shared', {instead}), and pass it as validation_env=",
            stacklevel=3,
        )
    return made


def _share_rows(venv: Any, made: Any) -> bool:
    """Whether the data sets of two vector envs begin with the same example."""
    rows, held = (getattr(getattr(each, "unwrapped", each), "examples", []) for each in (venv, made))
    return bool(len(rows) and len(held)) and (rows[0].id, rows[0].prompt) == (held[0].id, held[0].prompt)


def describe(env: Any) -> dict[str, Any]:
    """An environment (id, spec or vector env) as JSON-able values, from which :func:`recall` makes it again.

    Returns:
        ``id``; ``num_envs``, None for an id or a spec; ``kwargs``, None where they are not known or hold objects, or where the vector
        env is wrapped, of which they know nothing; ``group_size`` of a vector env whose ``kwargs`` are known.
    """
    env = env.env if isinstance(env, Shard) else env
    spec = (
        gymnasium.spec(env)
        if isinstance(env, str)
        else env
        if isinstance(env, EnvSpec)
        else getattr(getattr(env, "unwrapped", env), "spec", None)
    )
    num_envs = getattr(env, "num_envs", None)
    if spec is None:
        return {"id": type(env).__name__, "num_envs": num_envs, "kwargs": None}
    kwargs = {name: value for name, value in spec.kwargs.items() if name not in _MADE_BY_US}
    dealt = {} if num_envs is None else {"group_size": spec.kwargs.get("group_size", 1)}
    try:
        json.dumps(kwargs)
    except TypeError:
        return {"id": spec.id, "num_envs": num_envs, "kwargs": None}
    if num_envs is not None and getattr(env, "unwrapped", env) is not env:
        return {"id": spec.id, "num_envs": num_envs, "kwargs": None}
    return {"id": spec.id, "num_envs": num_envs, "kwargs": kwargs, **dealt}


def differs(venv: Any, told: Mapping[str, Any]) -> bool:
    """Whether a vector env is known to be another one than :func:`describe` told of; rows, groups and metrics aside."""
    now = describe(venv)
    if not told or now["id"] != told["id"] or None in (now["kwargs"], told["kwargs"]):
        return bool(told) and now["id"] != told["id"]
    engine = getattr(getattr(venv, "unwrapped", venv), "engine", None)
    known = (getattr(engine, "keywords", None), getattr(getattr(engine, "task", None), "options", None))
    usual = {x.name: x.default for each in known if is_dataclass(each) for x in fields(each) if x.default is not MISSING}
    ours, theirs = ({**usual, **kwargs, "metrics": None} for kwargs in (now["kwargs"], told["kwargs"]))
    return json.dumps(ours, sort_keys=True, default=repr) != json.dumps(theirs, sort_keys=True, default=repr)


def data_key(venv: Any) -> str:
    """What tells the data set of a vector env from another: its size, its first and its last example; "" where it shows none."""
    examples: Any = getattr(getattr(venv, "unwrapped", venv), "examples", ())
    if not len(examples) or not hasattr(examples[0], "references"):
        return ""
    ends = [(each.id, each.prompt, each.references) for each in (examples[0], examples[len(examples) - 1])]
    return hashlib.sha256(repr([len(examples), ends]).encode()).hexdigest()


def to_go_on(command: str, folder: Path, venv: Any) -> str:
    """How people go on with an interrupted run: ``command``, with {folder} in it, or where it is "", what Python's users write."""
    if command:
        return command.format(folder=str(folder))
    if describe(venv)["kwargs"] is None:
        return f"load_agent({str(folder)!r}, env=...).learn() with the environment, which holds objects, has wrappers or is not registered"
    return f'python -c "from tokengym.agents import load_agent; load_agent({str(folder)!r}).learn()"'


def recall(told: Mapping[str, Any], group_size: int = 1) -> Any:
    """What :func:`describe` told of, a spec or a vector env; None where too little is known of it.

    Args:
        told: by a version that did not tell the group size, it is ``group_size``.
    """
    if told.get("kwargs") is None:
        return None
    spec = gymnasium.spec(told["id"])
    spec = replace(spec, kwargs={**spec.kwargs, **told["kwargs"]})
    return spec if told["num_envs"] is None else make_venv(spec, told["num_envs"], told.get("group_size", group_size))


def recall_both(state: Mapping[str, Any], config: Any, env: Any, validation_env: Any) -> tuple[Any, Any]:
    """The environment and the validation environment of a saved agent's ``state``, for those that are None."""
    env = recall(state["env"], getattr(config, "group_size", 1)) if env is None else env
    if validation_env is None:
        validation_env = recall_validation(state.get("validation_env", {}), needed=env is not None and config.validate_every > 0)
    return env, validation_env


def recall_validation(told: Mapping[str, Any], needed: bool) -> Any:
    """The same for an environment of validation; where it is needed, with a warning if there was one and too little is known of it."""
    found = recall(told)
    if needed and told and found is None:
        warnings.warn(
            f"the validation environment {told['id']} that was saved cannot be made again (it holds objects, is wrapped, or is not "
            "registered); give it to load(..., validation_env=...), or validation is done on the environment's own validation split",
            stacklevel=3,
        )
    return found


def check_groups(infos: Sequence[Mapping[str, Any]], group_size: int) -> None:
    """Raises ValueError where episodes that should be of one prompt are not; infos without ``index`` pass."""
    indices = [info.get("index") for info in infos]
    for start in range(0, len(indices), group_size):
        if len(set(indices[start : start + group_size])) > 1:
            raise ValueError(_WRONG_GROUPS.format(dealt="each prompt fewer times", group_size=group_size))


def check_context(policy: Any, venv: Any) -> None:
    """Raises ValueError where an episode is longer than the table of positions that the policy's model has."""
    check_width(policy, venv.single_observation_space["input_ids"].shape[0], f"an episode of {describe(venv)['id']}")


def check_fits(policy: Any, venv: Any) -> None:
    """Raises ValueError where the environment has another tokenizer than the policy, or longer episodes than its model can read."""
    check_tokenizer(policy, venv)
    check_context(policy, venv)


def check_width(policy: Any, width: int, what: str) -> None:
    """Raises ValueError where ``width`` tokens, which ``what`` may have, are more than the policy's model has positions."""
    model: Any = getattr(policy, "model", None)
    if not hasattr(getattr(model, "config", None), "get_text_config"):
        return
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    words = model.get_input_embeddings()
    tables = [x for x in model.modules() if isinstance(x, Embedding) and x is not words]
    learned = any(x.num_embeddings - getattr(x, "offset", 0) == longest for x in tables)  # OPT's and BART's have two rows more
    if learned and longest is not None and width > longest:
        raise ValueError(
            f"{what} has up to {width} tokens, and the model {policy.name!r} knows {longest} positions; "
            "lower max_prompt_tokens or max_new_tokens"
        )


def check_tokenizer(policy: Any, venv: Any) -> None:
    """Raises ValueError where the environment's token ids are not the policy's."""
    inner = getattr(venv, "unwrapped", venv)
    tokenizer = getattr(inner, "tokenizer", None)
    theirs, ours = getattr(tokenizer, "fingerprint", None), getattr(policy, "tokenizer_fingerprint", None)
    if theirs is None or ours is None or theirs == ours:
        return
    name = describe(venv)["id"]
    raise ValueError(
        f"the environment {name} speaks the tokens of tokenizer {getattr(tokenizer, 'name', '?')!r}, and the policy {policy.name!r} "
        "was trained on others. Make the environment with the policy's own tokenizer: "
        f"gymnasium.make_vec({name!r}, num_envs=64, deal='shared', tokenizer={policy.name!r})"
    )
