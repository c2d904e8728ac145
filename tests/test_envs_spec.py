"""envs/spec.py: specs with objects travel by handle, and JSON says what is in the way."""

from __future__ import annotations

import copy

import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from tokengym.envs.spec import Handle, keep_objects, unwrap


def spec(**kwargs: object) -> EnvSpec:
    kept = keep_objects(EnvSpec("Say-v0", entry_point="a:b", kwargs=dict(kwargs)))
    assert kept is not None
    return kept


def test_plain_keywords_stay_an_ordinary_spec() -> None:
    plain = spec(split="test", stop=("a", "b"), autoreset_mode=AutoresetMode.SAME_STEP)
    assert type(plain) is EnvSpec
    assert plain.kwargs == {"split": "test", "stop": ["a", "b"], "autoreset_mode": "SameStep"}
    assert EnvSpec.from_json(plain.to_json()) == plain


def test_objects_become_handles_that_are_never_copied() -> None:
    thing = object()
    held = spec(reward=thing, split="test")
    again = copy.deepcopy(held)
    assert unwrap(again.kwargs["reward"]) is thing
    assert again == held
    with pytest.raises(ValueError, match="the spec of Say-v0 cannot be written as JSON: reward=<object object>; pass a name"):
        again.to_json()


def test_handles_compare_by_their_object() -> None:
    thing = object()
    assert Handle(thing) == Handle(thing) != Handle(object())
    assert len({Handle(thing), Handle(thing)}) == 1
    assert keep_objects(None) is None
