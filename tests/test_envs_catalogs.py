"""envs/catalogs.py: gettext catalogs by hand, and the real ones where their packages are installed."""

from __future__ import annotations

import importlib.util

import pytest

from tokengym.envs import load_examples
from tokengym.envs.catalogs import DJANGO, load_django, load_jupyterlab, messages, placeholders
from tokengym.envs.data import read_dataset
from tokengym.envs.translate import TextTranslate

needs_django = pytest.mark.skipif(importlib.util.find_spec("django") is None, reason="the package django is not installed")
needs_jupyterlab = pytest.mark.skipif(
    importlib.util.find_spec("jupyterlab_language_pack_zh_CN") is None, reason="jupyterlab-language-pack-zh-CN is not installed"
)
SPLITS = ("train", "validation", "test")

CATALOG = """\
msgid ""
msgstr "Language: de\\n"

msgctxt "verb"
msgid "Open"
msgstr "Öffnen"

#, python-format
msgid "%(n)s file"
msgid_plural "%(n)s files"
msgstr[0] "%(n)s Datei"
msgstr[1] "%(n)s Dateien"

msgid ""
"Two "
"lines"
msgstr "Zwei "
"\\"Zeilen\\""

#, fuzzy
msgid "Doubtful"
msgstr "Zweifelhaft"

#~ msgid "Old"
#~ msgstr "Alt"
"""


def test_a_catalog_by_hand() -> None:
    pairs = [pair for pair in messages(CATALOG) if pair[0]]
    assert pairs == [("Open", "Öffnen"), ("%(n)s file", "%(n)s Datei"), ("Two lines", 'Zwei "Zeilen"')]


def test_placeholders_by_hand() -> None:
    assert placeholders("<b>%(name)s</b> has {count} of %1, %s &mdash; 5% off") == [
        "%(name)s",
        "%1",
        "%s",
        "&mdash;",
        "</b>",
        "<b>",
        "{count}",
    ]


@needs_django
@pytest.mark.parametrize("pair", [f"en-{code}" for code in DJANGO] + ["zh-en", "de-en"])
def test_django(pair: str) -> None:
    rows = {split: load_django(split, pair) for split in SPLITS}
    examples = [example for split in SPLITS for example in rows[split]]
    assert 600 < len(examples) < 1200 and len(rows["train"]) > 6 * len(rows["test"]) > 200
    assert len({example.prompt for example in examples}) == len({example.id for example in examples}) == len(examples)
    for example in examples:
        assert example.references and all(example.references) and example.meta["pair"] == pair
        assert all(placeholders(reference) == example.meta["placeholders"] for reference in example.references)


@needs_django
def test_django_rows() -> None:
    german = {example.prompt: example.references for split in SPLITS for example in load_django(split, "en-de")}
    assert german["German"] == ("Deutsch",)
    assert german["Enter a valid email address."] == ("Bitte gültige E-Mail-Adresse eingeben.",)
    assert load_django("test") == load_django("test", "en-zh") == load_examples("django-po", split="test")


@needs_django
def test_the_pair_of_the_task_chooses_the_language() -> None:
    task = TextTranslate(TextTranslate.Options(pair="en-fr"))
    example = read_dataset("django-po", task, "validation")[0]
    assert example.meta["pair"] == "en-fr"
    assert task.parts(example)[:3] == ("English: ", example.prompt, "\nFrench:")


@needs_django
def test_no_message_is_in_one_split_forwards_and_in_another_backwards() -> None:
    seen = {example.prompt.lower(): split for split in SPLITS for example in load_django(split, "en-de")}  # type: ignore[union-attr]
    for split in SPLITS:
        for example in load_django(split, "de-en"):
            assert seen[min(example.references).lower()] == split


@needs_jupyterlab
def test_jupyterlab() -> None:
    rows = {split: load_jupyterlab(split) for split in SPLITS}
    examples = [example for split in SPLITS for example in rows[split]]
    assert len(examples) > 2500 and len({example.prompt for example in examples}) == len(examples)
    chinese = {example.prompt: example.references for example in examples}
    assert "添加另一个快捷键" in chinese["Add another shortcut"]
    assert load_examples("jupyterlab-zh-CN", split="test") == rows["test"]


def test_pairs_and_packages_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'de-fr'.*en-zh, zh-en, en-de"):
        load_django("test", "de-fr")
    with pytest.raises(ValueError, match="'en-de'.*en-zh, zh-en"):
        load_jupyterlab("test", "en-de")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"package django.*tokengym\[data\]"):
        load_django("test")
