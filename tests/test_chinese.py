"""Chinese from end to end, on the builtin world and on chatterbot-zh: prompts, tokens, metrics by character, masks, rendering."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import gymnasium
import numpy as np
import pytest

from tests.test_registry import BUILTIN, NAMED, Case, case
from tokengym.envs import TextAction, TextGenEnv
from tokengym.rewards.tokens import has_cjk

__all__ = ["case"]  # the fixture

_LATIN = re.compile("[A-Za-z]")
CHINESE = [param for param in (*BUILTIN, *NAMED) if {"zh", "zh-en", "chatterbot-zh"} & set(map(str, param.values[0].keywords.values()))]
CHATTERBOT = [param for param in NAMED if param.values[0].keywords["dataset"] == "chatterbot-zh"]
chinese = pytest.mark.parametrize("case", CHINESE, indirect=True)
needs_chatterbot = pytest.mark.skipif(
    importlib.util.find_spec("chatterbot_corpus") is None, reason="the package chatterbot-corpus is not installed"
)


def made(case: Case, **more: Any) -> TextGenEnv:
    env = case.make(**more).unwrapped
    assert isinstance(env, TextGenEnv)
    return env


def talk(**more: Any) -> TextGenEnv:
    """The example of chatterbot-zh whose question is 你的工作是什么 and whose answer is 陪聊。"""
    env = made(Case("TextDialogue-v0", {"dataset": "chatterbot-zh", "split": "test"}), **more)
    env.reset(options={"sample_id": "zh:ai:1219997dab86"})
    return env


def test_every_task_with_a_language_is_here() -> None:
    assert {param.values[0].id for param in CHINESE} >= {
        "TextSumm-v0", "TextDialogue-v0", "TextQA-v0", "TextClassify-v0", "TextNER-v0", "TextTranslate-v0", "TextEdit-v0",
        "TextComplete-v0", "TextRank-v0",
    }  # fmt: skip


@chinese
def test_prompts_are_chinese(case: Case) -> None:
    env = made(case)
    for index in range(20):
        parts = env.task.parts(env.engine.examples[index])
        assert has_cjk(parts.body)
        if "zh" in (case.keywords.get("language"), case.keywords.get("user_language")) or "dataset" in case.keywords:
            # what the task writes around it, too
            assert not _LATIN.search(parts.head + parts.tail) and (has_cjk(parts.tail) or not parts.tail)
            assert has_cjk(parts.instruction)


def test_a_chinese_customer_and_clerk_are_called_so_between_turns() -> None:
    env = made(Case("TextDialogue-v0", {"turns": 8, "user_language": "zh"}), render_mode="ansi")
    env.reset(seed=0)
    for token in env.encode_answer(env.task.heuristic(env.example)):
        env.step(token)
    frame = env.render()
    assert frame is not None and frame.count("\n顾客: ") >= 2 and frame.count("\n店员:") >= 2
    assert "Customer" not in frame and "Clerk" not in frame
    assert all(env.engine.book[index].cut == 0 for index in range(300))


@chinese
def test_texts_come_back_from_their_tokens(case: Case) -> None:
    env = made(case)
    for index in range(40 if len(env.engine.examples) >= 40 else len(env.engine.examples)):
        example = env.engine.examples[index]
        for text in ("".join(env.task.parts(example)[:3]), *example.references):
            ids = env.tokenizer.encode(text)
            assert env.tokenizer.decode(ids) == text
            assert len(ids) <= 3 * len(text)  # a rare character is three tokens, its bytes; none is more
            spans = env.tokenizer.offsets(text)
            assert len(spans) == len(ids) and spans == sorted(spans)
            assert {place for begin, end in spans for place in range(begin, end)} == set(range(len(text)))  # some share a character


@chinese
def test_prompts_are_cut_between_characters(case: Case) -> None:
    whole = made(case)
    for index in range(10):
        parts = whole.task.parts(whole.engine.examples[index])
        around = len(whole.tokenizer.encode(parts.head + parts.tail)) + 2
        for room in (7, 8, 9):  # wherever the bytes of a character fall
            cut = made(case, max_prompt_tokens=around + room).engine.book[index]
            shown = whole.tokenizer.decode(cut.ids.tolist())
            assert cut.cut > 0 and "\ufffd" not in shown and shown.endswith(parts.tail) and shown.startswith(parts.head)
            body = shown[len(parts.head) : len(shown) - len(parts.tail)]
            assert parts.body.endswith(body) if parts.keep == "end" else parts.body.startswith(body)


@chinese
def test_what_is_answered_is_what_is_scored(case: Case) -> None:
    env = made(case, max_new_tokens=200)
    for index in range(3):
        env.reset(options={"index": index})
        answer = env.task.oracle(env.example)
        for token in env.encode_answer(answer):
            _, reward, over, _, info = env.step(token)
        assert over and info["response"] == answer and reward > 0.9
        assert "\ufffd" not in info["response"]


@needs_chatterbot
def test_metrics_by_hand_on_a_row_of_chatterbot() -> None:
    metrics = ("rouge_1", "rouge_2", "rouge_l", "token_f1", "edit", "gleu", "exact")
    env = talk(reward="rouge_l", metrics=metrics)
    for token in env.encode_answer("陪"):
        _, reward, over, _, info = env.step(token)
    # One character of two; the full stop counts where marks do: 3 characters to edit, 6 n-grams of 1 to 3 for GLEU.
    by_hand = {"rouge_1": 2 / 3, "rouge_2": 0.0, "rouge_l": 2 / 3, "token_f1": 2 / 3, "edit": 1 / 3, "gleu": 1 / 6, "exact": 0.0}
    assert over and info["response"] == "陪"
    assert info["metrics"] == pytest.approx(by_hand) and reward == pytest.approx(2 / 3)
    env.reset(options={"sample_id": env.example.id})
    for token in env.encode_answer("陪聊"):  # without its full stop
        _, reward, _, _, info = env.step(token)
    assert reward == 1.0 and info["metrics"]["exact"] == 1.0 and info["metrics"]["edit"] == pytest.approx(2 / 3)


@needs_chatterbot
def test_a_chinese_stop_string_ends_the_answer() -> None:
    env = talk(stop="。")
    *_, over, _, info = [env.step(token) for token in env.tokenizer.encode("陪聊。")][-1]
    assert over and (info["response"], info["stop_reason"]) == ("陪聊", "stop")


@needs_chatterbot
def test_an_answer_that_ends_within_a_character_is_shown_as_one() -> None:
    first = talk().tokenizer.encode("陪")[:-1]
    env = talk(max_new_tokens=len(first), render_mode="ansi")
    for token in first:
        *_, over, _, info = env.step(token)
    assert over and info["stop_reason"] == "max_tokens" and set(info["response"]) == {"\ufffd"}  # never a character that was not said
    assert info["reward_components"] == {"rouge_l": 0.0}


@needs_chatterbot
def test_a_chinese_episode_as_a_person_sees_it() -> None:
    env = talk(render_mode="ansi", metrics=False)
    for token in env.encode_answer("陪聊。"):
        env.step(token)
    frame = env.render()
    assert frame is not None and "\ufffd" not in frame
    for text in ("甲: 你的工作是什么\n乙:", "\n陪聊。\n", "Reward 1.0000"):
        assert text in frame


@needs_chatterbot
def test_a_text_is_one_step_of_a_chinese_conversation() -> None:
    env = TextAction(talk())
    env.reset(options={"sample_id": "zh:ai:1219997dab86"})
    _, reward, over, _, info = env.step("陪聊。")
    assert (reward, over, info["response"]) == (1.0, True, "陪聊。")


def test_labels_and_numbers_are_all_that_may_be_said_where_answers_are_constrained() -> None:
    env = gymnasium.make("TextClassify-v0", language="zh", constrained=True, split="test").unwrapped
    assert isinstance(env, TextGenEnv)
    dice, said = np.random.default_rng(0), set[str]()
    for _ in range(60):
        env.reset(seed=None)
        over = False
        while not over:
            *_, over, _, info = env.step(int(dice.choice(np.flatnonzero(env.action_masks()))))
        assert info["stop_reason"] == "complete" and info["response"] in env.example.meta["labels"]
        said.add(info["response"])
    assert len(said) == len(env.example.meta["labels"]) > 3  # all of them come
