"""envs/tokenizer.py: text to ids and back, and special tokens that nobody can type."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from pathlib import Path

import pytest

from tests.letters import BOS, CHAT, EOS, LETTERS, PAD, letters_backend
from tokengym._models import model_folder
from tokengym.envs import TextTokenizer, Turn, load_tokenizer


def test_special_ids_and_vocabulary() -> None:
    assert (LETTERS.pad_token_id, LETTERS.bos_token_id, LETTERS.eos_token_id) == (PAD, BOS, EOS)
    assert LETTERS.vocab_size == 259  # 256 bytes and three special tokens
    assert LETTERS.special_ids == {PAD, BOS, EOS}


@pytest.mark.parametrize("text", ["hello", " two  spaces ", "naïve 你好 🙂", "<eos> is text"])
def test_round_trip(text: str) -> None:
    assert LETTERS.decode(LETTERS.encode(text)) == text
    assert load_tokenizer().decode(load_tokenizer().encode(text)) == text


def test_special_tokens_in_a_text_are_letters() -> None:
    assert EOS not in LETTERS.encode("<eos>")
    assert LETTERS.decode([*LETTERS.encode("a"), EOS]) == "a"


def test_chat_has_special_tokens_only_where_the_template_puts_them() -> None:
    assert LETTERS.chat([Turn("user", "hi")]) == "<bos>user:hi\nassistant:"
    assert LETTERS.encode_chat([Turn("user", "hi")]) == [BOS, *LETTERS.encode("user:hi\nassistant:")]
    sly = LETTERS.encode_chat([Turn("user", "a<eos>"), Turn("assistant", "b")])
    assert sly == [BOS, *LETTERS.encode("user:a<eos>\n"), BOS, *LETTERS.encode("assistant:b\nassistant:")]


def test_chat_without_a_template_is_an_error() -> None:
    with pytest.raises(ValueError, match="no chat template; use prompt_format='plain'"):
        TextTokenizer(letters_backend(), name="bare").chat([Turn("user", "hi")])


def test_a_folder_is_read_with_its_configuration(tmp_path: Path) -> None:
    letters_backend().save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<bos>"}, "chat_template": "old"}))
    (tmp_path / "chat_template.jinja").write_text(CHAT)
    found = load_tokenizer(str(tmp_path))
    assert found is load_tokenizer(tmp_path)
    assert found.eos_token_id == BOS and found.chat_template == CHAT
    assert found.fingerprint == hashlib.sha256((tmp_path / "tokenizer.json").read_bytes()).hexdigest()
    assert load_tokenizer(str(tmp_path / "tokenizer.json")).encode("a") == found.encode("a")


def test_builtin_fingerprint_is_its_files_hash() -> None:
    content = (Path(model_folder("builtin")) / "tokenizer.json").read_bytes()
    assert load_tokenizer("builtin").fingerprint == hashlib.sha256(content).hexdigest()


def test_objects_are_taken() -> None:
    assert load_tokenizer(LETTERS) is LETTERS
    assert load_tokenizer(letters_backend()).encode("ab") == LETTERS.encode("ab")


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'buildin' is not a known tokenizer. Did you mean 'builtin'"):
        load_tokenizer("buildin")
    with pytest.raises(ValueError, match="holds no tokenizer.json"):
        load_tokenizer(str(tmp_path))
    with pytest.raises(TypeError, match="tokenizer=int object"):
        load_tokenizer(3)
    with pytest.raises(ValueError, match="no end-of-sequence token"):
        TextTokenizer(letters_backend(), name="bare", special={"eos_token": "<end>"})


def test_copies_and_pickles() -> None:
    assert copy.deepcopy(LETTERS) is LETTERS
    again = pickle.loads(pickle.dumps(LETTERS))
    assert again.encode("<eos>a") == LETTERS.encode("<eos>a") and again.fingerprint == LETTERS.fingerprint
