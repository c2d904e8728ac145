"""envs/stops.py: stop strings across tokens, characters and special tokens."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from tests.letters import EOS, LETTERS, PAD, letters_backend, tokens
from tokengym.envs import TextTokenizer, load_tokenizer
from tokengym.envs.stops import StopStrings


def first_hit(stops: StopStrings, ids: list[int]) -> int | None:
    """Tokens until a stop string is reached, asked as the environment asks."""
    for n in range(1, len(ids) + 1):
        if stops.completing[ids[n - 1]] and stops.reached(np.array(ids[:n], dtype=np.int32)):
            return n
    return None


def test_only_the_last_letter_can_complete_a_stop_string() -> None:
    stops = StopStrings(["ab", "c"], LETTERS)
    assert {i for i, can in enumerate(stops.completing) if can} == {tokens("b")[0], tokens("c")[0]}
    assert first_hit(stops, tokens("xxaab")) == 5
    assert first_hit(stops, tokens("bbba")) is None
    assert first_hit(stops, tokens("aac")) == 3


def test_special_tokens_between_letters_do_not_hide_one() -> None:
    stops = StopStrings(["ab"], LETTERS)
    assert first_hit(stops, [*tokens("a"), *[PAD] * 50, *tokens("b")]) == 52
    assert not stops.completing[EOS]


def test_characters_of_several_bytes() -> None:
    stops = StopStrings(["。"], LETTERS)
    assert first_hit(stops, tokens("你好。再")) == 9  # three bytes a character


@pytest.mark.parametrize("stop", ["\n", ". ", "the", "的", " Monday"])
def test_merged_tokens_stop_where_the_text_first_holds_it(stop: str) -> None:
    builtin = load_tokenizer()
    ids = builtin.encode("On Monday the minister spoke. The fire\nwas out. 他的猫")
    texts = [builtin.decode(ids[:n]) for n in range(len(ids) + 1)]
    expected = next((n for n, text in enumerate(texts) if stop in text), None)
    assert expected is not None
    assert first_hit(StopStrings([stop], builtin), ids) == expected


def test_cut_at_the_first() -> None:
    stops = StopStrings(["b", "cd"], LETTERS)
    assert stops.cut("aacdb") == "aa"
    assert stops.cut("aa") == "aa"


def test_none_at_all() -> None:
    assert not StopStrings([], LETTERS).completing.any()


def test_a_space_and_the_first_bytes_of_a_character_complete_what_ends_in_a_space() -> None:
    letters = letters_backend()
    vocabulary = letters.get_vocab()
    space, lead = (str(letters.id_to_token(LETTERS.encode(text)[0])) for text in (" ", "谁"))  # lead: its first byte
    merged = Tokenizer(models.BPE(vocab={**vocabulary, space + lead: len(vocabulary)}, merges=[(space, lead)]))
    merged.pre_tokenizer, merged.decoder = letters.pre_tokenizer, letters.decoder
    merged.add_special_tokens(["<pad>", "<bos>", "<eos>"])
    tokenizer = TextTokenizer(merged, name="merged")
    ids = tokenizer.encode("b: 谁")
    assert len(ids) == 5 and tokenizer.decode(ids[2:3]) == " \ufffd"
    assert first_hit(StopStrings([": "], tokenizer), ids) == 3
    assert first_hit(StopStrings([":"], tokenizer), ids) == 2
    assert first_hit(StopStrings(["谁"], tokenizer), ids) == 5
