"""envs/presidio.py: sentences of a package with names of the builtin world."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tokengym.envs import Example, bio_tags, load_examples, presidio
from tokengym.envs.presidio import TYPES, load

installed = pytest.mark.skipif(importlib.util.find_spec("presidio_evaluator") is None, reason="presidio-evaluator is not installed")
LINES = (
    "My name is {{name}} but everyone calls me {{first_name}}",
    "My card {{credit_card_number}} is lost. Can you send a new one to {{address}}?",
    "Once Metallica played in {{city}}",  # names somebody outside of a slot
    "I was born in 1950 in {{city}}",  # a number outside of a slot
    "He is {{nationality}}",  # a slot that we do not know
    "What are my options?",
    "",
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that has our lines in the place of the real ones."""
    folder = tmp_path / "data_generator" / "raw_data"
    folder.mkdir(parents=True)
    (folder / "templates.txt").write_text("\n".join(LINES), encoding="utf-8")
    monkeypatch.setattr(presidio, "package_folder", lambda *names: tmp_path)


def everything() -> list[Example]:
    return [example for split in ("train", "validation", "test") for example in load(split)]


def test_templates_with_unknown_names_are_left_out_and_the_others_filled(package: None) -> None:
    examples = sorted(everything(), key=lambda example: example.id)
    assert [example.id for example in examples] == [*(f"{number}:{fill}" for number in (0, 1) for fill in range(5)), "5:0"]
    first = examples[0]
    found = re.fullmatch(r"My name is (\w+ \w+) but everyone calls me (\w+)", str(first.prompt))
    assert found
    assert first.meta["entities"] == ((found[1], "PERSON"), (found[2], "PERSON"))
    assert first.references == (f"{found[1]} (PERSON); {found[2]} (PERSON)",)
    assert [kind for _, kind in examples[5].meta["entities"]] == ["ACCOUNT", "PLACE"]
    assert examples[10].references == ("none",)


def test_tags_say_what_the_entities_say(package: None) -> None:
    for example in everything():
        assert tuple(bio_tags(example.meta["words"], example.references[0])) == example.meta["tags"]


@installed
def test_the_real_templates() -> None:
    sizes = {split: len(load_examples("presidio", split=split)) for split in ("train", "validation", "test")}
    assert sizes == {"train": 362, "validation": 82, "test": 63}
    seen = {kind for example in everything() for _, kind in example.meta["entities"]}
    assert seen == set(TYPES)
    for example in everything():
        assert tuple(bio_tags(example.meta["words"], example.references[0])) == example.meta["tags"]
        assert not re.search(r"[{}]", str(example.prompt))
    templates = [{e.id.split(":")[0] for e in load(split)} for split in sizes]
    assert [len(found) for found in templates] == [76, 18, 15]
    assert len(set().union(*templates)) == 109


@pytest.mark.skipif(importlib.util.find_spec("presidio_evaluator") is not None, reason="presidio-evaluator is installed")
def test_without_the_package_the_error_names_it() -> None:
    with pytest.raises(ImportError, match="presidio-evaluator"):
        load("train")
