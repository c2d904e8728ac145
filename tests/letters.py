"""A task and a tokenizer so small that every token and score can be worked out by hand: a token is a byte, an answer is a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tokengym.envs import Example, Parts, Task, TextGenEnv, TextTokenizer
from tokengym.rewards import Sample

PAD, BOS, EOS = 0, 1, 2
CHAT = "{% for m in messages %}<bos>{{ m['role'] }}:{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"


def letters_backend() -> Tokenizer:
    """The bytes as a ``tokenizers`` object, with <pad>, <bos> and <eos>."""
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<bos>", "<eos>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>", "<bos>", "<eos>"])
    return tokenizer


LETTERS = TextTokenizer(letters_backend(), name="letters", chat_template=CHAT)
WORDS = [Example(id=f"w{i}", prompt=f"say {word}", references=(word,), meta={"word": word}) for i, word in enumerate(("ab", "cde", "f"))]


def tokens(text: str) -> list[int]:
    """One token per byte."""
    return LETTERS.encode(text)


def share(batch: Sequence[Sample]) -> list[float]:
    """Share of the reference's letters that the response has in the right place; NaN where there is no reference."""
    return [
        sum(a == b for a, b in zip(s.response, s.references[0], strict=False)) / len(s.references[0]) if s.references else float("nan")
        for s in batch
    ]


class Say(Task):
    """Say the word."""

    name = "Say-v0"
    reward = "exact"
    metrics = ("exact", "token_f1")
    max_prompt_tokens = 16
    max_new_tokens = 4
    datasets = ("aclsum",)

    @dataclass(frozen=True, kw_only=True)
    class Options:
        loud: bool = False  # the task says so

    def builtin(self, split: str, size: int) -> Sequence[Example]:
        return [Example(f"{split}-{i}", f"say {chr(97 + i % 26)}", (chr(97 + i % 26),)) for i in range(size)]

    def parts(self, example: Example) -> Parts:
        return Parts(">", str(example.prompt), ":", instruction="LOUD" if getattr(self.options, "loud", False) else "")

    def oracle(self, example: Example) -> str:
        return example.references[0]

    def heuristic(self, example: Example) -> str:
        return str(example.prompt).split()[-1]


def say(**keywords: Any) -> TextGenEnv:
    """An environment over the three words, in the order of the list."""
    return TextGenEnv(Say, **{"dataset": WORDS, "tokenizer": LETTERS, "order": "sequential", **keywords})
