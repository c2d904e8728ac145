"""envs/keywords.py: every keyword is checked, and typos are met with a guess."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.letters import Say
from tokengym.envs.keywords import read_keywords
from tokengym.envs.spec import Handle


def test_common_and_own_keywords_are_told_apart() -> None:
    task, keywords = read_keywords(Say, {"loud": True, "group_size": 4, "stop": "x"})
    assert task.options == Say.Options(loud=True)
    assert (keywords.group_size, keywords.stop, keywords.split) == (4, ("x",), "train")


def test_handles_are_opened() -> None:
    reward = object()
    assert read_keywords(Say, {"reward": Handle(reward)})[1].reward is reward


def test_a_ready_made_task_keeps_its_options() -> None:
    task = Say(Say.Options(loud=True))
    assert read_keywords(task, {})[0] is task
    with pytest.raises(TypeError, match=r"\['loud'\] are options of Say-v0"):
        read_keywords(task, {"loud": False})


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"spilt": "test"}, TypeError, "'spilt' is not a known keyword of Say-v0. Did you mean 'split'"),
        ({"lowd": True}, TypeError, "Did you mean 'loud'"),
        (
            {"columns": {}},
            TypeError,
            "'columns' is not a known keyword of Say-v0.*dataset={'path': 'd.csv', 'columns': {'prompt': 'article'",
        ),
        ({"order": "suffled"}, ValueError, "'suffled' is not a known order. Did you mean 'shuffled'"),
        ({"length_limit": "end"}, ValueError, "Known: terminate, truncate"),
        ({"reward_timing": "deltas"}, ValueError, "Did you mean 'delta'"),
        ({"prompt_format": "chatty"}, ValueError, "Did you mean 'chat'"),
        ({"group_size": 0}, ValueError, "group_size=0; expected a whole number, 1 or more"),
        ({"max_new_tokens": 2.5}, ValueError, "max_new_tokens=2.5"),
        ({"stop": ["a", ""]}, ValueError, "expected a text that is not empty, or several in a list"),
        ({"stop": 3}, ValueError, "stop=3; expected a text"),
        ({"metrics": 3}, ValueError, "metrics=3; expected True, False, a specification"),
        ({"loud": "no"}, ValueError, "loud='no'; expected True or False"),
        ({"loud": 1}, ValueError, "loud=1; expected True or False"),
        ({"deal": "shared"}, TypeError, "deal='shared': elsewhere"),
    ],
)
def test_bad_keywords(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_keywords(Say, keywords, elsewhere={"deal": "elsewhere"})


def test_numpys_whole_numbers_are_whole_numbers() -> None:
    keywords = read_keywords(Say, {"size": np.int64(5), "group_size": np.int32(2)})[1]
    assert (keywords.size, keywords.group_size) == (5, 2) and type(keywords.size) is type(keywords.group_size) is int
    for wrong in (np.float64(5), np.bool_(True), np.int64(0), True, "5", np.array([1, 2])):
        with pytest.raises(ValueError, match=r"size=.*; expected a whole number, 1 or more"):
            read_keywords(Say, {"size": wrong})


def test_an_unknown_task() -> None:
    with pytest.raises(ValueError, match="'TextSum-v0' is not a known task. Did you mean 'TextSumm-v0'"):
        read_keywords("TextSum-v0", {})
