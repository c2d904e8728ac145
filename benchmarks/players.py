"""From a name to something that can play: baselines, models, saved agents, agents from outside, and learners with their options."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokengym._models import MODELS, model_folder
from tokengym._registry import unknown
from tokengym.agents import AGENTS
from tokengym.benchmarks.baselines import BASELINES, make_baseline
from tokengym.benchmarks.evaluate import eval_env
from tokengym.envs import load_tokenizer

__all__ = [
    "build_config",
    "check_model",
    "check_name",
    "check_outside",
    "is_import_path",
    "learner",
    "load_player",
    "outside_agent",
    "resolve",
    "tokenizer_kwargs",
    "validation_env",
]


def is_import_path(name: str) -> bool:
    """Whether ``name`` reads as "module:attribute" (and is no model such as "builtin:tiny", and no path)."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and module != "builtin" and all(part.isidentifier() for part in module.split(".")) and attribute.isidentifier()


def resolve(path: str) -> Any:
    """The object that "module:attribute" names; modules of the current folder are found too.

    Raises:
        ValueError: not of this form, no such module, or no such attribute in it.
    """
    if not is_import_path(path):
        raise ValueError(f"{path!r} does not name an agent; expected module:attribute, as in my_module:MyAgent")
    name, _, attribute = path.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0] and error.name != name:
            raise
        raise ValueError(
            f"{path!r}: there is no module {name!r}; run from the folder that holds {name}.py, or install its package"
        ) from None
    if not hasattr(module, attribute):
        raise unknown(f"attribute of {name}", attribute, (n for n in dir(module) if not n.startswith("_")))
    return getattr(module, attribute)


def _is_object(found: Any) -> bool:
    """Whether ``found`` is an agent as it stands, and nothing that makes one."""
    return not inspect.isclass(found) and hasattr(found, "predict")


def _copy(path: str, found: Any) -> Any:
    """A copy of the object that ``path`` names. Raises TypeError where there can be none."""
    try:
        return copy.deepcopy(found)
    except Exception as error:
        raise TypeError(
            f"{path!r} is an object that cannot be copied ({type(error).__name__}: {error}), and each environment and seed of a benchmark "
            "needs an agent of its own; name a class, or a function that makes the agent"
        ) from error


def check_outside(path: str) -> None:
    """Looks whether "module:attribute" names something that a benchmark can play again and again.

    Raises:
        ValueError: there is no such module or attribute.
        TypeError: it is an object that cannot be copied.
    """
    found = resolve(path)
    if _is_object(found):
        _copy(path, found)


def outside_agent(path: str, *, copied: bool = False, **offered: Any) -> Any:
    """The agent that "module:attribute" names: the object itself, or what the class or function makes.

    Args:
        path: "module:attribute".
        copied: of an object, take a copy, so that what one environment and seed teaches it is not there in the next.
        offered: values that the class or function gets by name, those that its signature asks for.
    Raises:
        TypeError: the signature asks for something that is not offered, the result has no ``predict``, or it cannot be copied.
    """
    found = resolve(path)
    if _is_object(found):
        found = _copy(path, found) if copied else found
    else:
        if not callable(found):
            raise TypeError(f"{path!r} is a {type(found).__name__}; expected an object with predict, or a class or function that makes one")
        parameters = inspect.signature(found).parameters
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        missing = [
            n for n, p in parameters.items()
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and n not in offered
        ]  # fmt: skip
        if missing:
            raise TypeError(f"{path!r} wants {', '.join(missing)}; what it can ask for by name is {', '.join(sorted(offered))}")
        found = found(**{name: value for name, value in offered.items() if anything or name in parameters})
    if not callable(getattr(found, "predict", None)):
        raise TypeError(
            f"{path!r} gives a {type(found).__name__} without predict(obs, state=None, episode_start=None, deterministic=False)"
        )
    return found


def validation_env(env: str, num_envs: int, **kwargs: Any) -> Any:
    """The validation examples, for an agent from outside to choose by; None where the data has no such split."""
    try:
        return eval_env(env, num_envs, split="validation", **kwargs)
    except ValueError:
        return None


def learner(name: str) -> Any:
    """The learner class called ``name``; a ValueError with "did you mean" otherwise."""
    return AGENTS.find(name)


def _convert(name: str, value: Any, default: Any, optional: bool) -> Any:
    """A value from the command line, turned into the type of the option's default."""
    if not isinstance(value, str) or isinstance(default, str) or default is dataclasses.MISSING:
        return value
    if optional and value.lower() == "none":
        return None
    if isinstance(default, bool):
        if value.lower() in ("true", "1", "yes", "on"):
            return True
        if value.lower() in ("false", "0", "no", "off"):
            return False
        raise ValueError(f"{name}={value!r}; expected true or false")
    for kind in (int, float):
        if isinstance(default, kind):
            try:
                return kind(float(value)) if kind is int and float(value).is_integer() else kind(value)
            except ValueError:
                raise ValueError(f"{name}={value!r}; expected {'a whole number' if kind is int else 'a number'}") from None
    return value


def build_config(agent: Any, options: Mapping[str, Any]) -> Any:
    """The options dataclass of learner class ``agent`` with ``options`` set; text values are converted to the fields' types.

    Raises:
        ValueError: the dataclass has no such field ("did you mean"), or a value is not of its type.
    """
    fields = {field.name: field for field in dataclasses.fields(agent.Config)}
    for name in options:
        if name not in fields:
            raise unknown(f"option of {agent.Config.__name__}", name, fields)
    return agent.Config(
        **{name: _convert(name, value, fields[name].default, "None" in str(fields[name].type)) for name, value in options.items()}
    )


def tokenizer_kwargs(model: str) -> dict[str, Any]:
    """Environment keywords that make it speak the tokens of ``model``; none where those are the builtin tokenizer's, the default."""
    if model in ("builtin", "builtin:tiny"):
        return {}
    try:
        same = load_tokenizer(model).fingerprint == load_tokenizer("builtin").fingerprint
    except ValueError as error:
        raise ValueError(f"the model {model!r} cannot be played without its tokenizer: {error}") from error
    return {} if same else {"tokenizer": model}


def check_model(name: str, option: str) -> None:
    """Looks whether there can be a model called ``name``, which asks no hub, before its tokenizer is looked for.

    Args:
        name: a model's name, a folder, or a hub id.
        option: where it was given, for the error.
    Raises:
        ValueError: nobody knows the name, or the folder holds no model.
        FileNotFoundError: the model was not pulled yet.
    """
    try:
        folder = Path(model_folder(name))
    except ValueError as error:
        raise ValueError(f"{option} {error}") from None
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ValueError(f"{option} {name!r}: this folder holds no model (no config.json); give one that training or transformers wrote")


def check_name(name: str) -> None:
    """Likewise for an agent that is to play: also a baseline, or module:attribute."""
    if name in BASELINES or is_import_path(name):
        return
    known = {*BASELINES, *MODELS}
    if "/" not in name and name not in {*known, "builtin"} and not Path(name).is_dir():
        raise unknown("agent or model", name, known, "A saved folder, a hub id (owner/name) or my_module:MyAgent works too.")
    check_model(name, "--agent")


def load_player(name: str, venv: Any, seed: int = 0, **policy_options: Any) -> Any:
    """A player for the vector environment ``venv``.

    Args:
        name: "random", "heuristic", "oracle"; a model name, hub id or saved folder; or "module:attribute".
        venv: what it will play.
        seed: for those that draw.
        policy_options: for ``CausalLMPolicy.from_pretrained``.
    """
    if name in BASELINES:
        return make_baseline(name, venv, seed)
    if is_import_path(name):
        return outside_agent(name, env=venv, env_id=venv.spec.id if venv.spec else "", seed=seed)
    check_name(name)
    from tokengym.agents.policy import CausalLMPolicy

    policy = CausalLMPolicy.from_pretrained(name, **policy_options)
    policy.generator.manual_seed(seed)
    return policy
