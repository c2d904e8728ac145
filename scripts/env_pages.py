"""Writes a page for each environment into docs/envs, from its docstring, options, data and scores. python scripts/env_pages.py [ID ...]"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from tokengym.benchmarks.data_show import Lengths, bars
from tokengym.benchmarks.printed import markdown_rows
from tokengym.benchmarks.probe import Findings, findings, verdict
from tokengym.benchmarks.stats import Estimate
from tokengym.envs import DATASETS, TASKS, Task, TextGenEnv, TextGenVectorEnv
from tokengym.envs.data import SPLITS, read_dataset, sets_of, usual
from tokengym.envs.engine import Engine
from tokengym.envs.keywords import Keywords
from tokengym.envs.named import NamedSet

__all__ = ["HEADINGS", "arguments", "example", "index", "options", "page", "sections", "write"]

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "envs"
TOLD = (
    "Description", "Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Information", "Arguments",
    "Version History",
)  # fmt: skip
"""What a task's docstring tells, under these headings."""
HEADINGS = (*TOLD[:-1], "Data", "An example", "Lengths", "Scores", TOLD[-1])
"""Of every page, in this order."""
_SECTION = re.compile(r"^(" + "|".join(TOLD) + r"):[ \n]", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)  # of a docstring's Args
_OPTION = re.compile(r"^\s+(\w+): .*?(?:  # (.*))?$")
_MEASURED = 1_000  # examples whose lengths are counted: all of the builtin validation split
_COMMON = "As in every environment of the suite"  # how a docstring's Information begins
_VECTOR = """The environments of `gymnasium.make_vec(id, num_envs=8, deal="shared", autoreset_mode="NextStep")` take these as well; agents
need `deal="shared"`. Gymnasium's `vector_kwargs={"autoreset_mode": ...}` is for `vectorization_mode="sync"` and `"async"` only, which are
made of single environments: their default is NextStep, and they know no `deal`."""
_MADE = "This page is written by `make docs` from the code and the data; edit those."


def _fenced(text: str) -> str:
    """``text`` as it stands, between fences longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}\n"


def _markdown(text: str) -> str:
    """A docstring's section, brought to the left margin, as Markdown: what stands indented after a ``::`` becomes a fenced block."""
    out: list[str] = []
    block: list[str] | None = None
    for line in text.split("\n"):
        if block is not None and (line.startswith(" ") or not line):
            block.append(line)
            continue
        if block is not None:
            out += [_fenced(inspect.cleandoc("\n".join(block))), ""]
            block = None
        if line.endswith("::"):
            out += [line[:-1].replace("``", "`"), ""]
            block = []
        else:
            out.append(line.replace("``", "`"))
    if block is not None:
        out.append(_fenced(inspect.cleandoc("\n".join(block))))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip() + "\n"


def _plain(text: str) -> str:
    """Roles such as :class:`name` as plain code."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)


def sections(thing: Any) -> dict[str, str]:
    """Heading to Markdown, of a task class's docstring; its first line is under "".

    Raises:
        ValueError: a heading is missing.
    """
    text = inspect.getdoc(thing) or ""
    parts = _SECTION.split(text)
    found = {"": parts[0].strip().partition("\n")[0]}
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        found[heading] = _markdown(_plain(_level(body)))
    missing = [heading for heading in TOLD if heading not in found]
    if missing:
        raise ValueError(f"the docstring of {thing.__name__} has no {', '.join(missing)}")
    return found


def _level(body: str) -> str:
    """A section whose text begins on the heading's line or below it, all of it brought to one left margin."""
    lines = body.strip("\n").split("\n")
    below = lines if lines[0][:1].isspace() else lines[1:]
    margin = min((len(line) - len(line.lstrip()) for line in below if line.strip()), default=0)
    first = lines[0].strip()
    word = re.match(r"[A-Za-z]*", first)[0]  # type: ignore[index]
    if word.islower() and not first[len(word) :][:1].isdigit():  # "v0" and "nDCG" stay as they are
        first = first[0].upper() + first[1:]
    return "\n".join([first, *(line[margin:] for line in lines[1:])])


def options(kind: Any) -> list[tuple[str, str, str]]:
    """Name, default and comment of each field of an options dataclass."""
    comments: dict[str, str] = {}
    for line in inspect.getsource(kind).splitlines():
        found = _OPTION.match(line)
        if found is not None:
            comments.setdefault(found[1], found[2] or "")
    told = {name: comment.replace("*", r"\*") for name, comment in comments.items()}  # a product of a specification is no emphasis
    return [(f"`{field.name}`", f"`{field.default!r}`", told.get(field.name, "")) for field in dataclasses.fields(kind)]


def arguments(kind: Any) -> list[tuple[str, str, str]]:
    """Name, default and explanation of what a class takes by keyword, from its signature and its docstring's Args."""
    told = (inspect.getdoc(kind) or "").partition("Args:\n")[2].partition("\n\n")[0]
    known = {name: re.sub(r"\s+", " ", text).replace("``", "`") for name, text in _ARGUMENT.findall(told)}
    found = inspect.signature(kind).parameters.values()
    return [(f"`{each.name}`", f"`{each.default!r}`", known[each.name]) for each in found if each.kind is each.KEYWORD_ONLY]


def _engine(name: str, **keywords: Any) -> Engine:
    return Engine(name, {"split": "validation", "metrics": False, **keywords})


def example(engine: Engine, index: int = 0) -> str:
    """One example in full: the prompt as the agent sees it, its references, and what else is known of it."""
    prompt = engine.book[index]
    shown = engine.tokenizer.decode(prompt.ids.tolist())
    cut = f", {prompt.cut} more cut" if prompt.cut else ""
    meta = json.dumps(dict(prompt.example.meta), ensure_ascii=False, indent=1, default=str)
    answers = "\n\n".join(prompt.example.references) if prompt.example.references else "(none)"
    return (
        f"`{prompt.example.id}`, prompt of {len(prompt.ids)} tokens{cut}:\n\n{_fenced(shown)}\n"
        f"References:\n\n{_fenced(answers)}\nMeta, which rewards and heuristics may read:\n\n{_fenced(meta)}"
    )


def _examples(name: str, engine: Engine) -> str:
    text = f"The first validation example of the builtin data.\n\n{example(engine)}"
    fields = {field.name for field in dataclasses.fields(TASKS.find(name).Options)}
    if "language" in fields:
        text += f'\nWith `language="zh"`:\n\n{example(_engine(name, language="zh"))}'
    return text


def _sizes(task: Task) -> Iterator[tuple[str, ...]]:
    """One row for each data set: what it is, its licence, its examples by split."""
    for name in ("builtin", *sets_of(task)):
        about = DATASETS[name] if name in DATASETS else None
        counts = []
        for split in SPLITS:
            try:
                counts.append(f"{len(read_dataset(name, task, split)):,}")
            except ValueError:
                counts.append("-")
            except ImportError:
                counts.append("?")
        if isinstance(about, NamedSet):
            yield f"`{name}`", about.source, f"{about.package} ({about.licence})", *counts
        else:
            yield f"`{name}`", "written by the builtin world, as many as `size=` asks for", "this one", *counts


def _bars(lengths: Lengths) -> str:
    """The histogram of ``tokengym data show``, as narrow as a telephone."""
    return re.sub("█+", lambda bar: "█" * math.ceil(len(bar[0]) / 2), dedent("\n".join(bars(lengths))))


def _lengths(engine: Engine) -> str:
    count = min(_MEASURED, len(engine.examples))
    prompts = [engine.book[index] for index in range(count)]
    answers = [len(engine.encode(prompt, prompt.example.references[0])) for prompt in prompts if prompt.example.references]
    told = [f"{count:,} validation examples of the builtin data, in tokens of the builtin tokenizer.\n"]
    for what, tokens, keyword, budget in (
        ("Prompts", [len(prompt.ids) + prompt.cut for prompt in prompts], "max_prompt_tokens", engine.max_prompt_tokens),
        ("Answers (first reference and end-of-sequence token)", answers, "max_new_tokens", engine.max_new_tokens),
    ):
        lengths = Lengths(what=what, tokens=tuple(tokens), budget=budget)
        told.append(f"{what}: {lengths.fits:.1%} fit into `{keyword}={budget}`.\n\n{_fenced(_bars(lengths))}")
    return "\n".join(told)


def _score(found: Estimate) -> str:
    """A mean and its interval, which no table tears apart: the spaces are such as break no line."""
    return f"{found.mean:.3f}\u00a0±\u00a0{found.half:.3f}"


def _scores(found: Findings) -> str:
    rows = [(row.policy, row.about, _score(row.reward)) for row in found.rows if not row.cheats]
    head = f"Reward `{found.reward}`, {found.examples} {found.split} examples, means with 95% intervals.\n\n"
    cheats = sorted((row for row in found.rows if row.cheats), key=lambda row: -row.reward.mean)
    best = f" The best one, {cheats[0].policy} ({cheats[0].about}), earns {cheats[0].reward.mean:.3f}." if cheats else ""
    probed = " ".join(line if line.endswith(".") else f"{line}." for line in verdict(found))
    return head + markdown_rows(("policy", "what it does", "reward"), rows) + f"\n`tokengym probe {found.env}`: {probed}{best}\n"


def page(name: str, found: Findings) -> str:
    """The page of the environment ``name``, whose probe found ``found``."""
    kind = TASKS.find(name)
    task, told, engine = kind(), sections(kind), _engine(name)
    tokens = engine.tokenizer.vocab_size
    told["Action Space"] += f"\nWith the builtin tokenizer: `Discrete({tokens})`.\n"
    told["Observation Space"] += (
        f"\nA `Dict` of `input_ids` (int32), `attention_mask` and `completion_mask` (int8), each of {engine.width} places "
        f"(`max_prompt_tokens={engine.max_prompt_tokens}`, `max_new_tokens={engine.max_new_tokens}`), padded on the right.\n"
    )
    told["Information"] = told["Information"].replace(_COMMON, f"[{_COMMON}](index.md#information)")
    default = usual("builtin", task)
    told["Rewards"] += f'\nDefault: `reward="{default.reward}"`. Metrics: {", ".join(f"`{metric}`" for metric in task.metrics)}.\n'
    told["Arguments"] += "\n" + markdown_rows(("argument", "default", "what it is"), options(kind.Options))
    told["Arguments"] += "\nand [those of every environment](index.md#arguments-of-every-environment).\n"
    columns = ("data set", "what it is", "package (licence)", *SPLITS)
    told["Data"] = markdown_rows(columns, _sizes(task)) + f"\n`tokengym data show builtin:{name}` prints examples.\n"
    told["An example"] = _examples(name, engine)
    told["Lengths"] = _lengths(engine)
    told["Scores"] = _scores(found)
    start = f'```python\nimport gymnasium\nimport tokengym\n\nenv = gymnasium.make("{name}", split="train")\n```\n'
    play = f"In the terminal: `tokengym play {name}`, or `tokengym play {name} --agent oracle --delta`.\n"
    body = "\n".join(f"## {heading}\n\n{told[heading]}" for heading in HEADINGS)
    return f"# {name}\n\n{told['']}\n\n{start}\n{play}\n{body}\n*{_MADE}*\n"


def _shared() -> str:
    """What holds for every environment, from the docstring of TextGenEnv."""
    text = inspect.getdoc(TextGenEnv) or ""
    return _plain(re.sub(r"^## ", "### ", text, flags=re.MULTILINE).replace("``", "`"))


def index(found: dict[str, Findings]) -> str:
    """The page that lists the environments, with what holds for all of them."""
    rows = []
    for name, each in found.items():
        scores = {row.policy: _score(row.reward) for row in each.rows}
        kind = TASKS.find(name)
        data = ", ".join(f"`{data}`" for data in ("builtin", *sets_of(kind)))
        told = (f"[{name}]({name}.md)", sections(kind)[""], f"`{each.reward}`", data)
        rows.append((*told, *(scores.get(policy, "") for policy in ("random", "heuristic", "oracle"))))
    columns = ("id", "task", "default reward", "data sets", "random", "heuristic", "oracle")
    return (
        f"# Environments\n\n{markdown_rows(columns, rows)}\n"
        "Scores are means over 200 validation examples of the builtin data with 95% intervals; `tokengym envs --anchors` prints them.\n\n"
        "A task of your own is one file, in a package of your own, and one call: "
        '`tokengym.register_task("Shout-v0", "shout:Shout")`. It is then made by `gymnasium.make`, `gymnasium.make_vec` and '
        "the commands, `tokengym envs` lists it, and `check_text_env` checks it. CONTRIBUTING.md has a whole one.\n\n"
        "## Arguments of every environment\n\n"
        f"{markdown_rows(('argument', 'default', 'what it is'), options(Keywords))}\n"
        f"{_markdown((inspect.getdoc(Keywords) or '').partition(chr(10) * 2)[2])}\n"
        f"## Arguments of vector environments\n\n{_VECTOR}\n\n"
        f"{markdown_rows(('argument', 'default', 'what it is'), arguments(TextGenVectorEnv))}\n"
        f"## What every environment has in common\n\n{_shared()}\n\n*{_MADE}*\n"
    )


def write(names: list[str]) -> None:
    """Writes the pages of ``names``; of all environments, and the index, where none is named."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in names or TASKS:
        print(f"docs/envs/{name}.md", flush=True)
        found[name] = findings(name)
        (FOLDER / f"{name}.md").write_text(page(name, found[name]), "utf-8")
    if not names:
        (FOLDER / "index.md").write_text(index(found), "utf-8")


if __name__ == "__main__":
    write(sys.argv[1:])
