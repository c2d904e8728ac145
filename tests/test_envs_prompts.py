"""envs/prompts.py: prompts and labels as token ids, cut where the task says."""

from __future__ import annotations

import pytest

from tests.letters import BOS, EOS, LETTERS, WORDS, Say, tokens
from tokengym.envs import Example, Parts
from tokengym.envs.prompts import PromptBook


class Cut(Say):
    keep = "start"

    def parts(self, example: Example) -> Parts:
        return Parts("<", str(example.prompt), ">", keep=self.keep)


class CutOlder(Cut):
    keep = "end"


def book(task: Say, examples: list[Example], limit: int = 16, chat: bool = False) -> PromptBook:
    return PromptBook(task, examples, LETTERS, chat, limit)


def test_a_plain_prompt() -> None:
    prompt = book(Say(), WORDS)[0]
    assert prompt.ids.tolist() == [BOS, *tokens(">say ab:")]
    assert (prompt.text, prompt.cut, prompt.glued) == (">say ab:", 0, False)


def test_a_chat_prompt_has_the_instruction_and_no_bos_of_its_own() -> None:
    prompt = book(Say(Say.Options(loud=True)), WORDS, 64, chat=True)[0]
    assert prompt.ids.tolist() == [BOS, *tokens("user:LOUD\n\n>say ab:\nassistant:")]
    assert prompt.glued


def test_the_body_is_cut_at_its_end_or_start() -> None:
    long = [Example("x", "abcdef")]
    start, end = book(Cut(), long, 6)[0], book(CutOlder(), long, 6)[0]
    assert start.ids.tolist() == [BOS, *tokens("<abc>")] and start.cut == 3
    assert end.ids.tolist() == [BOS, *tokens("<def>")] and end.cut == 3
    assert start.text == "<abcdef>"  # rewards see all of it


def test_a_cut_never_splits_a_character() -> None:
    prompt = book(Cut(), [Example("x", "你好吗")], 10)[0]  # three bytes each; 7 fit beside <bos>, < and >
    assert LETTERS.decode(prompt.ids.tolist()) == "<你好>"
    assert prompt.cut == 3


def test_a_prompt_whose_frame_is_too_long_is_an_error() -> None:
    assert book(Cut(), [Example("x", "abc")], 3)[0].ids.tolist() == [BOS, *tokens("<>")]
    with pytest.raises(ValueError, match="example 'x': the part of the prompt that is never cut has 3 tokens.*raise max_prompt_tokens"):
        book(Cut(), [Example("x", "abc")], 2)[0]


def test_labels_start_with_a_space_unless_the_prompt_ends_in_one() -> None:
    prompts = book(Say(), WORDS)
    assert prompts.label(prompts[0], "ab", 9) == [*tokens(" ab"), EOS]
    assert prompts.label(prompts[0], "ab", 3) == tokens(" ab")  # cut, so without its end
    chat = book(Say(), WORDS, 64, chat=True)
    assert chat.label(chat[0], "ab", 9) == [*tokens("ab"), EOS]


def test_examples_are_found_by_index_and_id() -> None:
    prompts = book(Say(), WORDS)
    assert prompts[1] is prompts[1]  # encoded once
    assert prompts.index_of("w2") == 2
    with pytest.raises(ValueError, match="sample_id='w9' is not in the data set of 3 examples"):
        prompts.index_of("w9")
    with pytest.raises(IndexError, match="index=3 lies outside"):
        prompts[3]
