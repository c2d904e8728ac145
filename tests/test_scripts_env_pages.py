"""docs/envs: every environment has a page with its headings, and what its docstring and options say is what stands there."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from tokengym.benchmarks.data_show import Lengths
from tokengym.envs import TASKS, TextGenVectorEnv
from tokengym.envs.keywords import Keywords

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "envs"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("env_pages", ROOT / "scripts" / "env_pages.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


SCRIPT = _script()


def _words(text: str) -> str:
    """Letters and numbers only, links without their targets: what markup leaves as it is."""
    return " ".join(re.findall(r"\w+", re.sub(r"\]\([^)]*\)", "]", text.lower())))


@pytest.mark.parametrize("name", list(TASKS))
def test_every_environment_has_its_page(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    told = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)  # without code
    assert re.findall(r"^## (.+)$", told, re.MULTILINE) == list(SCRIPT.HEADINGS), "run: make docs"
    for policy in ("oracle", "heuristic", "random"):
        assert re.search(rf"^\| {policy} \|.*\| -?\d\.\d{{3}}\s±\s\d\.\d{{3}} \|$", text, re.MULTILINE)


@pytest.mark.parametrize("name", list(TASKS))
def test_the_docstring_is_the_current_one(name: str) -> None:
    text, kind = (PAGES / f"{name}.md").read_text("utf-8"), TASKS.find(name)
    for heading, body in SCRIPT.sections(kind).items():
        assert _words(body) in _words(text), f"{heading} of {name} has changed; run: make docs"
    for row in SCRIPT.options(kind.Options):
        assert " | ".join(row) in text.replace("\\|", "|"), f"the options of {name} have changed; run: make docs"
    assert f'reward="{kind.reward}"' in text and all(f"`{metric}`" in text for metric in kind.metrics)


def test_examples_of_docstrings_stand_in_blocks() -> None:
    for body, told in (("    A row::\n", "A row"), ("a\n    row::\n", "A\nrow")):  # below the heading, behind it
        text = SCRIPT._markdown(SCRIPT._level(f"{body}\n        prompt  a\n          b\n"))
        assert text == f"{told}:\n\n```text\nprompt  a\n  b\n```\n"
    for name in TASKS:
        assert not re.search(r"```text\n\s*```", "".join(SCRIPT.sections(TASKS.find(name)).values()))


def test_specifications_are_no_emphasis() -> None:
    told = dict((row[0], row[2]) for row in SCRIPT.options(Keywords))
    assert r"0.7\*rouge_l + 0.3\*semantic" in told["`reward`"]


def test_histograms_fit_a_telephone() -> None:
    lengths = Lengths(what="Prompts", tokens=(*[100] * 7, *[125] * 2, 90), budget=160)
    assert SCRIPT._bars(lengths).split("\n") == [
        "  90-99   10.0%  " + "█" * 3,
        "100-109   70.0%  " + "█" * 20,
        "110-119    0.0%",
        "120-129   20.0%  " + "█" * 6,
    ]


def test_nothing_of_a_docstring_is_lost() -> None:
    for name in TASKS:
        kind = TASKS.find(name)
        parts = SCRIPT.sections(kind)
        written = _words(" ".join(f"{heading} {body}" for heading, body in parts.items()).replace("```text", ""))
        assert written == _words(_headed(inspect.getdoc(kind) or ""))


def _headed(text: str) -> str:
    """The first line and everything from the first heading on, markers of code blocks apart."""
    return text.partition("\n")[0] + " " + text[text.index("Description:") :]


def test_a_docstring_as_markdown() -> None:
    class Small:
        """Say a word.

        Description:
            One ``word``. A row::

                prompt      say ``x``
                            again

            More of :class:`it`.

        Action Space: ``Discrete(V)``,
            the next token.
        Observation Space: the word.
        Rewards: 1.
        Starting State: a word.
        Episode End: its end.
        Information: none.
        Arguments: none.
        Version History: v0.
        """

    told = SCRIPT.sections(Small)
    assert told[""] == "Say a word."
    row = "```text\nprompt      say ``x``\n            again\n```"
    assert told["Description"] == f"One `word`. A row:\n\n{row}\n\nMore of `it`.\n"
    assert told["Action Space"] == "`Discrete(V)`,\nthe next token.\n" and told["Observation Space"] == "The word.\n"
    Small.__doc__ = "Say a word."
    with pytest.raises(ValueError, match="has no Description, Action Space"):
        SCRIPT.sections(Small)


def test_the_index_lists_all() -> None:
    text = (PAGES / "index.md").read_text("utf-8")
    assert re.findall(r"^\| \[(\S+?)\]\((\S+?)\)", text, re.MULTILINE) == [(name, f"{name}.md") for name in TASKS]
    assert "| `reward_timing` | `'terminal'` |" in text and "### Episode End" in text


def test_the_index_tells_what_vector_environments_and_own_columns_take() -> None:
    told = {name: (default, text) for name, default, text in SCRIPT.arguments(TextGenVectorEnv)}
    assert list(told) == ["`deal`", "`autoreset_mode`", "`render_mode`"] and told["`autoreset_mode`"][0] == "`'SameStep'`"
    assert told["`deal`"][1].startswith('"independent": row i') and told["`deal`"][1].endswith("in the infos tells the order.")
    text = SCRIPT.index({})
    assert all(" | ".join((name, *row)) in text for name, row in told.items())
    assert 'dataset={"path": "d.csv", "columns": {"prompt": "article", "references": "gist"}}' in text


def test_there_is_no_page_of_something_else() -> None:
    assert {file.stem for file in PAGES.glob("*.md")} == {*TASKS, "index"}
