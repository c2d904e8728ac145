"""Text to token ids and back, on the ``tokenizers`` library alone: no torch and no transformers for local files."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tokengym._models import MODELS, model_folder
from tokengym._registry import unknown
from tokengym.envs.base import Turn
from tokengym.envs.byte_tokens import token_bytes

__all__ = ["TextTokenizer", "load_tokenizer"]

_EOS = ("<eos>", "<|im_end|>", "<|endoftext|>", "</s>", "<|eot_id|>", "<end_of_turn>", "[SEP]")  # tried where no file tells
_BOS = ("<bos>", "<s>", "<|begin_of_text|>", "[CLS]")
_PAD = ("<pad>", "[PAD]", "<|pad|>")
_PRIVATE = 0xE000  # first of Unicode's private characters
_LOADED: dict[str, TextTokenizer] = {}
_LOCK = threading.Lock()


class TextTokenizer:
    """A tokenizer with the few things that an environment asks of it.

    Args:
        tokenizer: the ``tokenizers`` object.
        name: what results and errors call it.
        special: texts of the special tokens, under "eos_token", "bos_token" and "pad_token"; guessed where absent.
        chat_template: a Jinja template over ``messages``, as Hugging Face tokenizers carry it.
        fingerprint: sha256 of the tokenizer.json it was read from; of its serialized form when None.

    Attributes:
        vocab_size: highest token id + 1.
        eos_token_id: the token that ends an answer.
        bos_token_id: the token that starts a text, None where there is none.
        pad_token_id: what fills rows; the end-of-sequence token where there is no padding token.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        name: str,
        special: Mapping[str, str | None] | None = None,
        chat_template: str | None = None,
        fingerprint: str | None = None,
    ) -> None:
        serialized = tokenizer.to_str()
        self.name = name
        self.fingerprint = hashlib.sha256(serialized.encode()).hexdigest() if fingerprint is None else fingerprint
        self.chat_template = chat_template
        self._markup = tokenizer  # reads special tokens written in the text: for chat templates only
        self._plain = Tokenizer.from_str(serialized)
        for each in (self._markup, self._plain):
            each.no_truncation()
            each.no_padding()
        self._plain.encode_special_tokens = True  # "<eos>" in somebody's text is five letters, not the end
        vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
        self.vocab_size = max(vocabulary.values()) + 1
        added = {i: token.content for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self.special_ids = frozenset(added)
        self._special_texts = tuple(added.values())
        special = special or {}
        eos = _find(vocabulary, special.get("eos_token"), _EOS)
        if eos is None:
            raise ValueError(f"tokenizer {name!r} has no end-of-sequence token; name one as 'eos_token' in its tokenizer_config.json")
        bos = _find(vocabulary, special.get("bos_token"), _BOS)
        pad = _find(vocabulary, special.get("pad_token"), _PAD)
        self.eos_token_id: int = eos
        self.bos_token_id: int | None = bos
        self.pad_token_id: int = eos if pad is None else pad

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``, without special tokens; special tokens written in the text are plain characters."""
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return ids

    def encode_chat(self, turns: Sequence[Turn]) -> list[int]:
        """Token ids of :meth:`chat`; its markup becomes special tokens, the same letters in somebody's message do not.

        Raises:
            ValueError: the tokenizer carries no chat template.
        """
        if not any(token in turn.content for turn in turns for token in self._special_texts):
            ids: list[int] = self._markup.encode(self.chat(turns), add_special_tokens=False).ids
            return ids
        places = {chr(_PRIVATE + i): turn.content for i, turn in enumerate(turns)}  # the template is filled with placeholders
        marked = self.chat([Turn(turn.role, place) for turn, place in zip(turns, places, strict=True)])
        return [
            i
            for piece in re.split("([" + "".join(places) + "])", marked)
            for i in (self.encode(places[piece]) if piece in places else self._markup.encode(piece, add_special_tokens=False).ids)
        ]

    def encode_reply(self, content: str) -> list[int]:
        """What the chat template writes behind an answer's end-of-sequence token when the user says ``content``, the next answer opened.

        Raises:
            ValueError: the tokenizer carries no chat template, or one that leaves out what was said before.
        """
        asked, said, content_ = (chr(_PRIVATE + i) for i in range(3))
        written = self.chat([Turn("user", asked), Turn("assistant", said), Turn("user", content_)])
        behind = written.partition(said)[2]
        before, found, after = behind.partition(content_)
        if not found:
            raise ValueError(f"the chat template of tokenizer {self.name!r} does not write out earlier turns; use prompt_format='plain'")
        before = before.partition(str(self._plain.id_to_token(self.eos_token_id)))[2] or before
        ids: list[list[int]] = [self._markup.encode(text, add_special_tokens=False).ids for text in (before, after)]
        return [*ids[0], *self.encode(content), *ids[1]]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """(start, end) in characters of each token of ``encode(text)``."""
        spans: list[tuple[int, int]] = self._plain.encode(text, add_special_tokens=False).offsets
        return spans

    def decode(self, ids: Iterable[int] | npt.NDArray[Any]) -> str:
        """The text of ``ids``, special tokens left out; bytes that are no UTF-8 become U+FFFD."""
        if not isinstance(ids, np.ndarray):
            ids = list(ids)
        if self._bytes is not None:
            try:  # as unsigned numbers, since an index below 0 would count from the end
                return b"".join(self._bytes.take(np.asarray(ids, dtype=np.int32).view(np.uint32)).tolist()).decode("utf-8", "replace")
            except (IndexError, OverflowError, TypeError):
                pass  # the library knows what to do about an id that is no token
        text: str = self._plain.decode(list(map(int, ids)), skip_special_tokens=True)
        return text

    def chat(self, turns: Sequence[Turn]) -> str:
        """The conversation in the model's own markup, with the assistant's turn opened.

        Raises:
            ValueError: the tokenizer carries no chat template.
        """
        if self.chat_template is None:
            raise ValueError(f"tokenizer {self.name!r} carries no chat template; use prompt_format='plain'")
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _raise
        return environment.from_string(self.chat_template).render(
            messages=[{"role": turn.role, "content": turn.content} for turn in turns],
            add_generation_prompt=True,
            bos_token="" if self.bos_token_id is None else self._plain.id_to_token(self.bos_token_id),
            eos_token=self._plain.id_to_token(self.eos_token_id),
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> TextTokenizer:
        return self  # immutable in use; wrappers deep-copy specs

    @cached_property
    def _bytes(self) -> npt.NDArray[np.object_] | None:
        """(V,) the bytes of each token id, read at the first use; None where a text is not just those."""
        known = token_bytes(self._plain, self._special_texts)
        if known is None:
            return None
        table = np.full(self.vocab_size, None, dtype=object)
        for number, each in known.items():
            table[number] = each
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_bytes"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._plain.encode_special_tokens = True  # which the library forgets in a pickle

    def __repr__(self) -> str:
        return f"TextTokenizer({self.name!r}, vocab_size={self.vocab_size})"


def load_tokenizer(tokenizer: Any = "builtin") -> TextTokenizer:
    """A tokenizer by name, folder, hub id, or from an object; names and folders are read once per process.

    Args:
        tokenizer: "builtin", a name that ``tokengym models list`` shows, a folder or file with tokenizer.json, a hub id
            (read through transformers), a :class:`TextTokenizer`, a ``tokenizers.Tokenizer`` or a fast transformers tokenizer.
    Raises:
        ValueError: an unknown name, or a folder without tokenizer.json.
        TypeError: an object of another kind.
    """
    if isinstance(tokenizer, TextTokenizer):
        return tokenizer
    if isinstance(tokenizer, Tokenizer):
        return TextTokenizer(Tokenizer.from_str(tokenizer.to_str()), name="custom")
    if isinstance(tokenizer, str | Path):
        name = str(tokenizer)
        with _LOCK:
            if name not in _LOADED:
                _LOADED[name] = _from_name(name)
            return _LOADED[name]
    if hasattr(tokenizer, "backend_tokenizer"):
        return _from_transformers(tokenizer, str(getattr(tokenizer, "name_or_path", "") or "custom"))
    raise TypeError(f"tokenizer={type(tokenizer).__name__} object; expected a name, a folder, a hub id or a fast tokenizer object")


def _from_name(name: str) -> TextTokenizer:
    try:
        folder = Path(model_folder(name))
    except ValueError as error:
        folder = Path(name)
        if not folder.is_file():
            raise unknown("tokenizer", name, ["builtin", *MODELS], "A folder with tokenizer.json or a hub id works too.") from error
    if folder.is_file():
        folder = folder.parent
    if folder.is_dir():
        return _from_folder(folder, name)
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError(f"tokenizer={name!r} is a hub id; reading it takes transformers: pip install transformers") from error
    try:
        return _from_transformers(AutoTokenizer.from_pretrained(name), name)
    except OSError as error:
        raise ValueError(f"tokenizer={name!r} was found neither as a folder nor on the hub: {error}") from error


def _from_folder(folder: Path, name: str) -> TextTokenizer:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise ValueError(f"tokenizer={name!r}: {folder} holds no tokenizer.json; save the model's fast tokenizer there")
    content = file.read_bytes()
    settings: dict[str, Any] = {}
    for side in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / side).is_file():
            settings.update(json.loads((folder / side).read_text(encoding="utf-8")))
    template = settings.get("chat_template")
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    special = {key: _text(settings.get(key)) for key in ("eos_token", "bos_token", "pad_token")}
    return TextTokenizer(
        Tokenizer.from_str(content.decode("utf-8")),
        name=name,
        special=special,
        chat_template=template if isinstance(template, str) else None,
        fingerprint=hashlib.sha256(content).hexdigest(),
    )


def _from_transformers(tokenizer: Any, name: str) -> TextTokenizer:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ValueError(f"tokenizer={name!r} is not a fast tokenizer (no tokenizer.json); use one that is")
    file = Path(name) / "tokenizer.json"
    template = getattr(tokenizer, "chat_template", None)
    return TextTokenizer(
        Tokenizer.from_str(backend.to_str()),
        name=name,
        special={key: getattr(tokenizer, key, None) for key in ("eos_token", "bos_token", "pad_token")},
        chat_template=template if isinstance(template, str) else None,
        fingerprint=hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None,
    )


def _find(vocabulary: Mapping[str, int], named: str | None, usual: Sequence[str]) -> int | None:
    for token in usual if named is None else (named,):
        if token in vocabulary:
            return vocabulary[token]
    return None


def _text(token: Any) -> str | None:
    """A special token of a configuration file: its text, or a mapping with "content"."""
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _raise(message: str) -> None:
    raise ValueError(f"the chat template refuses this conversation: {message}")
