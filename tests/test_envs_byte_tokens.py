"""envs/byte_tokens.py: joined bytes are the text, letter for letter what the library decodes."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models

from tests.letters import BOS, EOS, LETTERS, letters_backend, tokens
from tokengym.envs import TextTokenizer, load_tokenizer
from tokengym.envs.byte_tokens import token_bytes

SPECIAL = ("<pad>", "<bos>", "<eos>")
BUILTIN = load_tokenizer()
by_byte = st.lists(st.integers(0, LETTERS.vocab_size - 1), max_size=12)
heads_and_tails = st.sampled_from([0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC3, 0xE0, 0xE4, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF])


def library(tokenizer: TextTokenizer, ids: list[int]) -> str:
    text: str = tokenizer._plain.decode(ids, skip_special_tokens=True)
    return text


def test_by_hand() -> None:
    table = token_bytes(letters_backend(), SPECIAL)
    assert table is not None and len(table) == 259
    assert b"".join(table[number] for number in tokens("é 你\n")) == "é 你\n".encode()
    assert table[EOS] == table[BOS] == b""
    assert LETTERS.decode([*tokens("a你")[:-1], EOS, *tokens("b")]) == "a\ufffdb"  # two bytes of three are one mark


@given(by_byte)
def test_equal_to_the_library(ids: list[int]) -> None:
    assert LETTERS.decode(ids) == library(LETTERS, ids)


@given(st.lists(heads_and_tails, max_size=8))
def test_equal_to_the_library_where_bytes_are_no_text(found: list[int]) -> None:
    by_bytes = {each: number for number, each in (token_bytes(letters_backend(), SPECIAL) or {}).items()}
    ids = [by_bytes[bytes([byte])] for byte in found]
    assert LETTERS.decode(ids) == library(LETTERS, ids) == bytes(found).decode("utf-8", "replace")


@given(st.lists(st.integers(0, BUILTIN.vocab_size - 1), max_size=40))
def test_equal_to_the_library_with_the_builtin_tokenizer(ids: list[int]) -> None:
    assert BUILTIN._bytes is not None
    assert BUILTIN.decode(ids) == library(BUILTIN, ids)


@given(st.text(max_size=20))
def test_any_text_comes_back(text: str) -> None:
    assert LETTERS.decode(LETTERS.encode(text)) == text
    assert BUILTIN.decode(BUILTIN.encode(text)) == text


def test_tokens_that_were_added_stand_for_their_letters() -> None:
    backend = letters_backend()
    backend.add_tokens([AddedToken("two words", normalized=False), AddedToken("Ġabc", normalized=False)])
    tokenizer = TextTokenizer(backend, name="more")
    first, second = (backend.get_vocab()[token] for token in ("two words", "Ġabc"))
    ids = [*tokens("a"), first, EOS, second, first]
    assert tokenizer._bytes is not None
    assert tokenizer.decode(ids) == library(tokenizer, ids) == "atwo words abctwo words"


def test_other_decoders_are_left_to_the_library() -> None:
    words = Tokenizer(models.WordLevel({"<eos>": 0, "a": 1, "b": 2}, unk_token="<eos>"))
    assert token_bytes(words, ("<eos>",)) is None
    words.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    assert token_bytes(words, ("<eos>",)) is None
    assert TextTokenizer(words, name="words").decode([1, 2]) == library(TextTokenizer(words, name="words"), [1, 2])


def test_a_table_that_is_wrong_is_not_used() -> None:
    assert token_bytes(letters_backend(), ("<pad>", "<bos>", "<eos>", "a")) is None  # the library writes the letter


def test_ids_that_are_no_tokens_are_the_librarys_affair() -> None:
    assert LETTERS.decode([*tokens("a"), 10_000]) == library(LETTERS, [*tokens("a"), 10_000]) == "a"
    with pytest.raises(OverflowError):
        LETTERS.decode([-1])


def test_a_pickle_leaves_the_table_out() -> None:
    assert LETTERS.decode(tokens("ab")) == "ab"
    again = pickle.loads(pickle.dumps(LETTERS))
    assert "_bytes" not in vars(again)
    assert again.decode(tokens("ab")) == "ab"
    assert again._bytes is not None and LETTERS._bytes is not None and again._bytes.tolist() == LETTERS._bytes.tolist()


def test_equal_with_a_big_vocabulary() -> None:
    try:
        tokenizer = load_tokenizer("smollm2-135m")
    except FileNotFoundError:
        pytest.skip("smollm2-135m was not pulled on this machine")
    assert tokenizer._bytes is not None
    ids = list(range(0, tokenizer.vocab_size, 7))
    assert tokenizer.decode(ids) == library(tokenizer, ids)
