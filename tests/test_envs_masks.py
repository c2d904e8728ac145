"""envs/masks.py: constrained answers, from pieces to masks, worked out by hand; what MaskablePPO finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pytest

from tests.letters import EOS, LETTERS, Say, tokens
from tokengym.envs import Example, Parts, TextGenEnv, TextGenVectorEnv

COLOURS = ("red", "re", "blue")  # "re" begins "red"
SKY = [Example("sky", "sky", ("blue",)), Example("blood", "blood", ("red",)), Example("reply", "reply", ("re",))]


class Colour(Say):
    """Name the colour: one label."""

    name = "Colour-v0"
    max_new_tokens = 8

    @dataclass(frozen=True, kw_only=True)
    class Options:
        constrained: bool = True

    def parts(self, example: Example) -> Parts:
        return Parts("", str(example.prompt), ":")

    def heuristic(self, example: Example) -> str:
        return "red" if example.id == "blood" else "blue"

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        if not self.options.constrained:
            return None
        return () if said else COLOURS


class Rank(Colour):
    """Put three numbers in order."""

    name = "Rank-v0"

    def heuristic(self, example: Example) -> str:
        return example.references[0] if example.id == "a" else "1 10 2"

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        return [number for number in ("1", "2", "10") if number not in said] if self.options.constrained else None


class Broken(Colour):
    """Contradicts itself."""

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        return {"sky": ("blue",), "blood": (), "reply": None}[example.id]


class Empty(Colour):
    """Has a piece without letters."""

    def pieces(self, example: Example, said: tuple[str, ...]) -> Sequence[str] | None:
        return (" ",)


RANKED = [Example("a", "a", ("2 10 1",)), Example("b", "b", ("1 2 10",))]


def colour(**keywords: Any) -> TextGenEnv:
    return TextGenEnv(Colour, **{"dataset": SKY, "tokenizer": LETTERS, "order": "sequential", **keywords})


def rank(**keywords: Any) -> TextGenEnv:
    return TextGenEnv(Rank, **{"dataset": RANKED, "tokenizer": LETTERS, "order": "sequential", **keywords})


def allowed(env: Any) -> list[str]:
    """What may come next, as letters; "$" for the end of sequence."""
    mask = env.get_wrapper_attr("action_masks")()
    assert mask.dtype == np.bool_
    return sorted("$" if token == EOS else LETTERS.decode([token]) for token in np.flatnonzero(mask).tolist())


def play(env: Any, text: str) -> tuple[list[list[str]], float, dict[str, Any]]:
    """What was allowed before each letter ("$" is the end of sequence), the last reward, the last info."""
    choices = []
    for letter in text:
        choices.append(allowed(env))
        _, reward, terminated, truncated, info = env.step(EOS if letter == "$" else tokens(letter)[0])
    assert terminated and not truncated
    return choices, float(reward), info


def test_a_label_letter_by_letter() -> None:
    env = colour()
    env.reset(options={"index": 0})
    choices, reward, info = play(env, " blue")
    assert choices == [[" "], ["b", "r"], ["l"], ["u"], ["e"]]
    assert (reward, info["stop_reason"], info["response"], info["completion_tokens"]) == (1.0, "complete", "blue", 5)


def test_a_label_that_begins_another_one_may_end_or_go_on() -> None:
    env = colour()
    env.reset(options={"index": 2})
    choices, reward, info = play(env, " re$")
    assert choices[-1] == ["$", "d"] and (reward, info["stop_reason"], info["response"]) == (1.0, "eos", "re")
    env.reset(options={"index": 1})
    _, reward, info = play(env, " red")
    assert (reward, info["stop_reason"]) == (1.0, "complete")


def test_a_ranking_names_each_number_once() -> None:
    env = rank()
    env.reset(options={"index": 0})
    choices, reward, info = play(env, " 2 10 1")
    assert choices == [[" "], ["1", "2"], [" "], ["1"], [" ", "0"], [" "], ["1"]]  # after "1": 10, or the next number
    assert (reward, info["stop_reason"]) == (1.0, "complete")
    env.reset(options={"index": 1})
    choices, reward, _ = play(env, " 1 2 10")
    assert choices[2] == [" ", "0"] and choices[4] == [" "] and choices[-2:] == [["1"], ["0"]] and reward == 1.0


def test_the_mask_is_in_every_info_and_fresh() -> None:
    env = gymnasium.wrappers.TimeLimit(colour(), 100)
    _, info = env.reset(seed=0)
    masks = [info["action_mask"]]
    for letter in " blue":
        assert (masks[-1] == env.get_wrapper_attr("action_masks")()).all()
        *_, info = env.step(tokens(letter)[0])
        masks.append(info["action_mask"])
    assert all(mask.dtype == np.int8 and mask.shape == (259,) for mask in masks)
    assert masks[-1].all() and env.get_wrapper_attr("action_masks")().all()  # the answer is complete: nothing is forbidden any more
    masks[0][:] = 7
    assert env.reset(seed=0)[1]["action_mask"].max() == 1


def test_a_token_outside_the_mask_is_named_and_changes_nothing() -> None:
    env = colour()
    env.reset(seed=0)
    env.step(tokens(" ")[0])
    with pytest.raises(
        ValueError, match=rf"action={tokens('x')[0]} \('x'\) is not allowed here: Colour-v0 .*allowed: {tokens('b')[0]} 'b'"
    ):
        env.step(tokens("x")[0])
    assert play(env, "blue")[1] == 1.0
    venv = TextGenVectorEnv(2, Rank, dataset=RANKED, tokenizer=LETTERS)
    obs, _ = venv.reset(seed=0)
    with pytest.raises(ValueError, match=rf"row 1: action={EOS} .* is not allowed here"):
        venv.step(np.array([tokens(" ")[0], EOS]))
    assert venv.step(np.array(tokens("  ")))[0]["completion_mask"].sum() == 2


def test_free_answers_have_no_masks() -> None:
    for env in (colour(constrained=False), TextGenEnv(Say, dataset=SKY, tokenizer=LETTERS)):
        assert env.engine.constraint is None and not hasattr(env, "action_masks")
        assert not gymnasium.wrappers.TimeLimit(env, 9).has_wrapper_attr("action_masks")
        assert "action_mask" not in env.reset(seed=0)[1] and "action_mask" not in env.step(EOS)[4]
        with pytest.raises(AttributeError, match="with these options does not constrain its answers"):
            _ = env.action_masks
    venv = TextGenVectorEnv(2, Say, dataset=SKY, tokenizer=LETTERS)
    assert not hasattr(venv, "action_masks") and "action_mask" not in venv.reset(seed=0)[1]


def test_out_of_tokens_inside_a_piece() -> None:
    env = colour(max_new_tokens=3)
    env.reset(options={"index": 0})
    _, reward, info = play(env, " bl")
    assert (reward, info["stop_reason"]) == (0.0, "max_tokens")
    env = colour(max_new_tokens=5)
    env.reset(options={"index": 0})
    assert play(env, " blue")[2]["stop_reason"] == "complete"  # on the very last token


def test_labels_are_written_in_pieces() -> None:
    env = rank()
    engine = env.engine
    label = engine.label(0)
    assert label.completion.tolist() == tokens(" 2 10 1") and label.reason == "complete"
    env.reset(options={"index": 0})
    assert env.encode_answer("1 10 2") == tokens(" 1 10 2")
    for wrong in ("1 2", "1 1 2", "blue", "", "1 2 10 1"):
        with pytest.raises(ValueError, match="is no complete answer that Rank-v0 allows for 'a'.*the first one of '1', '2', '10'"):
            env.encode_answer(wrong)
    labels = colour().engine
    assert labels.label(2).completion.tolist() == [*tokens(" re"), EOS] and labels.label(2).reason == "eos"
    chat = colour(prompt_format="chat", max_prompt_tokens=32)
    assert chat.engine.label(0).completion.tolist() == tokens("blue")  # the chat prompt ends in a line of its own
    chat.reset(options={"index": 0})
    assert allowed(chat) == ["b", "r"]


def test_a_task_that_contradicts_itself() -> None:
    for kind, index, message in (
        (Broken, 1, "is empty at the start of 'blood'"),
        (Broken, 2, "is None for 'reply' after"),
        (Empty, 0, "a piece is a text that is not empty"),
    ):
        env = TextGenEnv(kind, dataset=SKY, tokenizer=LETTERS)
        with pytest.raises(ValueError, match=message):
            env.reset(options={"index": index})


def test_state_goes_on_in_the_middle_of_an_answer() -> None:
    env, other = rank(), rank()
    env.reset(options={"index": 0})
    for token in tokens(" 2 1"):
        env.step(token)
    other.set_state(env.get_state())
    assert allowed(other) == [" ", "0"]
    assert play(other, "0 1")[1] == 1.0


def test_idle_and_waiting_rows_forbid_nothing() -> None:
    venv = TextGenVectorEnv(3, Colour, dataset=SKY, tokenizer=LETTERS, deal="shared", order="sequential", autoreset_mode="NextStep")
    _, infos = venv.reset(seed=0, options={"episodes": 2})
    assert infos["_action_mask"].tolist() == [True, True, False] and infos["action_mask"].sum(1).tolist() == [1, 1, 0]
    assert infos["action_mask"].dtype == np.int8 and venv.action_masks().sum(1).tolist() == [1, 1, 259]
    for first, second in zip(" blue", " red ", strict=True):
        *_, infos = venv.step(np.array([tokens(first)[0], tokens(second)[0], 0]))
    assert infos["_action_mask"].tolist() == [True, False, False]  # row 0 is complete; no episode was left for row 1
    assert venv.action_masks().all() and infos["action_mask"][0].all()


def test_maskable_ppo_learns_it_and_takes_free_answers_for_what_they_are() -> None:
    from sb3_contrib import MaskablePPO
    from sb3_contrib.common.maskable.utils import is_masking_supported
    from stable_baselines3.common.vec_env import DummyVecEnv

    env = colour()
    assert is_masking_supported(env) and not is_masking_supported(colour(constrained=False))
    assert is_masking_supported(DummyVecEnv([colour])) and not is_masking_supported(DummyVecEnv([lambda: colour(constrained=False)]))
    agent = MaskablePPO("MultiInputPolicy", env, n_steps=64, batch_size=32, n_epochs=2, seed=0, device="cpu").learn(256)
    obs, info = env.reset(seed=1)
    for _ in range(8):
        action, _ = agent.predict(obs, action_masks=env.action_masks())
        assert info["action_mask"][action]
        obs, _, terminated, _, info = env.step(action)
        if terminated:
            break
    assert info["stop_reason"] in ("complete", "eos") and info["response"] in COLOURS
