"""The real data sets ``django-po`` and ``jupyterlab-zh-CN``: messages of programs and their translations by people.

Sources: Django's message catalogs through the package django (BSD-3-Clause; written on Transifex by the translators that each file names),
about 800 messages per language; JupyterLab's Chinese catalogs through the package jupyterlab-language-pack-zh-CN (BSD-3-Clause), about
3,000. A message belongs to train (80%), validation or test (10% each) by a hash of its English text, whatever the language, so that no
message is trained on in one direction and tested in the other.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tokengym.envs.base import Example
from tokengym.envs.named import NamedSet, package_folder, split_of

__all__ = ["DJANGO", "DJANGO_PO", "JUPYTERLAB", "load_django", "load_jupyterlab", "messages", "placeholders"]

DJANGO = {"zh": "zh_Hans", "de": "de", "fr": "fr", "es": "es", "ja": "ja"}
"""Code of a language to its folder in Django."""
_PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|%[sdif]|%\d|\{\w*\}|</?\w[^>]*>|&\w+;")
_STRING = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*(".*")')


def load_django(split: str, pair: str = "en-zh") -> list[Example]:
    """Messages of Django from one language of ``pair`` to the other, one of them English.

    A row of "en-de"::

        prompt      Enter a valid email address.
        references  Bitte gültige E-Mail-Adresse eingeben.

    Raises:
        ImportError: the package django is not installed.
        ValueError: a pair that is not there.
    """
    language = _other(pair, DJANGO, "django-po")
    folder = package_folder("django", "django-po", "django")
    files = sorted(folder.glob(f"**/locale/{DJANGO[language]}/LC_MESSAGES/*.po"))
    return _examples("django", split, pair, (row for path in files for row in messages(path.read_text(encoding="utf-8"))))


def load_jupyterlab(split: str, pair: str = "en-zh") -> list[Example]:
    """Messages of JupyterLab and its extensions between English and Chinese.

    A row::

        prompt      Always save without validating checksums
        references  总是直接保存而不验证校验和

    Raises:
        ImportError: the package jupyterlab-language-pack-zh-CN is not installed.
        ValueError: a pair that is not there.
    """
    _other(pair, ("zh",), "jupyterlab-zh-CN")
    folder = package_folder("jupyterlab_language_pack_zh_CN", "jupyterlab-zh-CN", "jupyterlab-language-pack-zh-CN")
    rows: list[tuple[str, str]] = []
    for path in sorted(folder.glob("locale/zh_CN/LC_MESSAGES/*.json")):
        for message, said in json.loads(path.read_text(encoding="utf-8")).items():
            if message and isinstance(said, list):
                rows.append((message.rpartition("\x04")[2], said[0]))  # what stands before \x04 is the message's context
    return _examples("jupyterlab", split, pair, rows)


def placeholders(text: str) -> list[str]:
    """What a program fills in or reads as markup: "%(name)s", "{count}", "%1", "<b>", "&mdash;"; sorted."""
    return sorted(_PLACEHOLDER.findall(text))


def messages(catalog: str) -> Iterator[tuple[str, str]]:
    """The pairs of message and translation in a gettext catalog (.po); of a plural message the singular. Doubtful ones are left out."""
    for block in re.split(r"\n\s*\n", catalog):
        lines = [line for line in block.splitlines() if not line.startswith("#~")]
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        fields: dict[str, str] = {}
        field = ""
        for line in lines:
            match = None if line.startswith("#") else _STRING.fullmatch(line.strip())
            if match:
                field = match[1] or field
                fields[field] = fields.get(field, "") + ast.literal_eval(match[2])
        yield fields.get("msgid", ""), fields.get("msgstr", fields.get("msgstr[0]", ""))


def _other(pair: str, languages: Iterable[str], dataset: str) -> str:
    """The language of ``pair`` beside English."""
    pairs = {f"{one}-{two}": code for code in languages for one, two in (("en", code), (code, "en"))}
    if pair not in pairs:
        raise ValueError(f"pair={pair!r}: dataset={dataset!r} has the pairs {', '.join(pairs)}")
    return pairs[pair]


def _examples(name: str, split: str, pair: str, rows: Iterable[tuple[str, str]]) -> list[Example]:
    """Messages with the same text become one example with all their translations, the most frequent first."""
    found: dict[str, Counter[str]] = {}
    message: dict[str, str] = {}  # source to the English text that decides its split
    for english, said in rows:
        english, said = " ".join(english.split()), " ".join(said.split())
        if not _worth(english, said):
            continue
        source, target = (english, said) if pair.startswith("en-") else (said, english)
        found.setdefault(source, Counter())[target] += 1
        message[source] = min(message.get(source, english), english)
    return [
        Example(
            id=f"{name}:{pair}:{hashlib.sha256(source.encode()).hexdigest()[:12]}",
            prompt=source,
            references=tuple(target for target, _ in targets.most_common()),
            meta={"pair": pair, "placeholders": placeholders(source)},
        )
        for source, targets in found.items()
        if split_of(message[source].lower()) == split  # texts that differ in case only go together
    ]


def _worth(english: str, said: str) -> bool:
    """Whether there is something to translate, and the translation keeps all that a program fills in."""
    bare = _PLACEHOLDER.sub("", english)
    return bool(re.search("[A-Za-z]{2}", bare)) and said not in ("", english) and placeholders(english) == placeholders(said)


DJANGO_PO = NamedSet(
    tasks=("TextTranslate-v0",),
    load=load_django,
    package="django",
    licence="BSD-3-Clause",
    source="the message catalogs of Django (djangoproject.com), translated by volunteers on Transifex, whom each file names",
    max_prompt_tokens=160,
    max_new_tokens=224,
)
JUPYTERLAB = NamedSet(
    tasks=("TextTranslate-v0",),
    load=load_jupyterlab,
    package="jupyterlab-language-pack-zh-CN",
    licence="BSD-3-Clause",
    source="the Chinese message catalogs of JupyterLab and its extensions (jupyter.org), translated by volunteers on Crowdin",
    max_prompt_tokens=160,
    max_new_tokens=224,
)
