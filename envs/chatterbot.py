"""The real data sets ``chatterbot`` and ``chatterbot-zh``: what people say to a chat bot, and what it may answer, in English and Chinese.

Source: the training corpus of ChatterBot, through the package chatterbot-corpus (BSD-3-Clause). English: 2,026 conversations on 21
subjects, half of them about technical support; Chinese: 467 on 17. Mostly a question and its answer; where the same was said before
several answers, these are the references of one example. All that begins with the same words is in one split, by their hash.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokengym.envs.base import Example, Turn
from tokengym.envs.named import NamedSet, package_folder, split_of

__all__ = ["LANGUAGES", "SET", "SET_ZH", "load"]

LANGUAGES = {"en": "english", "zh": "chinese"}


def load(split: str, language: str = "en") -> list[Example]:
    """The examples of ``split``: 825 / 105 / 99 in English, 367 / 36 / 50 in Chinese. Rows::

        id          en:tech_support:ae9f46d1a72d
        prompt      user  My laptop screen is black.
        references  Try adjusting brightness or connecting an external monitor.

        id          zh:ai:1219997dab86
        prompt      user  你的工作是什么
        references  陪聊。

    Raises:
        ImportError: the package chatterbot-corpus, or PyYAML, is not installed.
    """
    folder = package_folder("chatterbot_corpus", "chatterbot", "chatterbot-corpus") / "data" / LANGUAGES[language]
    answers: dict[tuple[str, ...], dict[str, str]] = {}  # what was said before: answer -> its subject
    for subject, messages in _conversations(folder):
        if split_of(_plain(messages[0])) == split:
            for place in range(1, len(messages)):
                answers.setdefault(messages[:place], {}).setdefault(messages[place], subject)
    return [_example(language, history, said) for history, said in answers.items()]


def load_zh(split: str) -> list[Example]:
    """The examples of ``split`` in Chinese."""
    return load(split, "zh")


@lru_cache(maxsize=2)
def _conversations(folder: Path) -> list[tuple[str, tuple[str, ...]]]:
    """(subject, messages) of every file, in the order of their names."""
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError("dataset='chatterbot' is read with PyYAML: pip install pyyaml") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was compiled
    found: list[tuple[str, tuple[str, ...]]] = []
    for file in sorted(folder.glob("*.yml")):
        rows: list[list[Any]] = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)["conversations"]
        for row in rows:
            messages = tuple(" ".join(str(message).split()) for message in row)
            if all(messages):
                found.append((file.stem, messages))
    return found


def _plain(text: str) -> str:
    """The text without what does not make it another one: case, spaces and marks."""
    return "".join(letter for letter in text.lower() if letter.isalnum()) or text


def _example(language: str, history: tuple[str, ...], said: dict[str, str]) -> Example:
    turns = tuple(Turn("assistant" if (len(history) - i) % 2 == 0 else "user", text) for i, text in enumerate(history))
    subject = next(iter(said.values()))
    key = hashlib.sha256("\n".join(history).encode()).hexdigest()[:12]
    return Example(f"{language}:{subject}:{key}", turns, tuple(said), {"subject": subject, "language": language})


_ABOUT: dict[str, Any] = {
    "tasks": ("TextDialogue-v0",),
    "package": "chatterbot-corpus",
    "licence": "BSD-3-Clause",
    "source": "the training corpus of ChatterBot",
    "reward": "rouge_l",
    "max_new_tokens": 112,
}
SET = NamedSet(load=load, **_ABOUT)
SET_ZH = NamedSet(load=load_zh, max_prompt_tokens=256, **_ABOUT)
